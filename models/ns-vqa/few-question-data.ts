/** Training batches of the first 50 questions of each family of question-data.ts, which has families take turns: stage 1 before reinforcement. */
import { questionBatches, questionTraining, shortPlaces } from "./question-data.ts";
import { families } from "./world.ts";

const programsOfFamily = 50;

export default questionBatches(shortPlaces, { ...questionTraining, questions: programsOfFamily * families.length });
