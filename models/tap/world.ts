/** The synthetic text-VQA world: scenes with written words, their pictures, questions and answers, and batches to learn from. */
export { type AskedScenes, answerBatch, askedScenes, pretrainingBatch } from "./world/batches.ts";
export { firstOrdinaryWord, objectNames, worldAnswers, worldVocabulary, writtenWords } from "./world/lexicon.ts";
export { drawScenePicture, worldPictureSize } from "./world/pictures.ts";
export { drawQuestion, type Question } from "./world/questions.ts";
export { drawScene, type Scene } from "./world/scenes.ts";
