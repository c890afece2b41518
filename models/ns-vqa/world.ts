/** A synthetic world in the manner of CLEVR, small enough to learn on one machine: its scenes, pictures and questions. */
export { families } from "./world/families.ts";
export { type Box, drawPicture, objectInput, objectInputs, type Picture, pngOf } from "./world/pictures.ts";
export {
  drawWorld,
  longestProgram,
  longestQuestion,
  programPlaces,
  type Question,
  questionPlaces,
  type WorldData,
  type WorldRequest,
  worldQuestionWords,
} from "./world/questions.ts";
export { drawScene, type Split } from "./world/scenes.ts";
export { imageHeight, imageWidth, type PictureSize, type WorldObject, worldSize } from "./world/shapes.ts";
