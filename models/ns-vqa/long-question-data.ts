/** Training batches as those of question-data.ts, the longest questions with them. */
import { questionBatches } from "./question-data.ts";
import { questionPlaces } from "./world.ts";

export default questionBatches(questionPlaces);
