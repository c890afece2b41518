/**
 * Training batches that teach `AttributeNetwork` what objects look like before it learns where they stand: squares cut out of the pictures of
 * object-data.ts around each object. Nothing in a square tells where it was, so the coordinates to learn are 0. With an eighth of the
 * pixels, and without the coordinates, whose errors drown those of shapes at first, shapes are learnt with a tenth of the arithmetic.
 */
import { type Batch, type BatchRequest, shuffledExamples } from "../../src/train/index.ts";
import { diceOf } from "../shared/dice.ts";
import { attributeOutputs, attributeTargets, positionStart } from "./attributes.ts";
import { objectTraining, type TrainingObject, trainingObjects } from "./object-data.ts";
import { imageHeight, imageWidth, objectInput, type Picture } from "./world.ts";

/** Side of a square in pixels: the largest object, a near cube on edge, is 35 wide. */
export const cutoutSide = 40;

/** Pixels by which the object may stand beside the middle, each way. */
const greatestShift = 3;

/** Batches of the objects of so many scenes; each follows from the seed and its number alone. */
export function cutoutBatches(scenes: number): (request: BatchRequest) => Generator<Batch> {
  return function* ({ seed, batch, from }) {
    const objects = trainingObjects(scenes);
    const examplesOf = shuffledExamples(objects.length, seed);
    const size = 6 * cutoutSide ** 2;
    for (let step = from; ; step++) {
      const dice = diceOf(seed, `ns-vqa.cutout.${step}`);
      const shift = () => dice.below(2 * greatestShift + 1) - greatestShift;
      const inputs = new Float32Array(batch * size);
      const targets = new Float32Array(batch * attributeOutputs);
      examplesOf(step, batch).forEach((example, row) => {
        const { object, place, picture } = objects[example] as TrainingObject;
        inputs.set(cutout(picture(), place, shift(), shift()), row * size);
        targets.set(attributeTargets(object).fill(0, positionStart), row * attributeOutputs);
      });
      yield {
        objects: { shape: [batch, 6, cutoutSide, cutoutSide], data: inputs },
        targets: { shape: [batch, attributeOutputs], data: targets },
      };
    }
  };
}

export default cutoutBatches(objectTraining.scenes);

/** The square of `objectInput` around an object, moved by a shift and as far as it must be to lie in the picture: f32[6, side, side]. */
function cutout(picture: Picture, place: number, right: number, down: number): Float32Array {
  const input = objectInput(picture, place);
  const box = picture.boxes[place] as Picture["boxes"][number];
  const left = startOf((box.left + box.right) / 2 + right, imageWidth);
  const top = startOf((box.top + box.bottom) / 2 + down, imageHeight);
  const square = new Float32Array(6 * cutoutSide ** 2);
  for (let row = 0; row < 6 * cutoutSide; row++) {
    const line = Math.floor(row / cutoutSide) * imageHeight + top + (row % cutoutSide);
    const start = line * imageWidth + left;
    square.set(input.subarray(start, start + cutoutSide), row * cutoutSide);
  }
  return square;
}

const startOf = (middle: number, length: number) =>
  Math.min(Math.max(Math.floor(middle) - cutoutSide / 2, 0), length - cutoutSide);
