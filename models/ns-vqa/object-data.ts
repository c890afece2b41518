/**
 * Training batches for `AttributeNetwork` with `--entry loss`: the objects of 3,000 scenes of seed 1 with their true masks, each once in
 * a round, objects of many pictures in a batch. Pictures are drawn when they are first wanted.
 */
import { type Batch, type BatchRequest, shuffledExamples } from "../../src/train/index.ts";
import { attributeOutputs, attributeTargets } from "./attributes.ts";
import {
  drawPicture,
  drawScene,
  imageHeight,
  imageWidth,
  objectInput,
  type Picture,
  type WorldObject,
} from "./world.ts";

/** The seed of the training world, and how many scenes are drawn. */
export const objectTraining = { seed: 1, split: "train", scenes: 3_000 } as const;

/** An object of the training scenes. */
export interface TrainingObject {
  readonly object: WorldObject;
  /** Its number in its scene. */
  readonly place: number;
  /** The picture of its scene. */
  readonly picture: () => Picture;
}

/** The objects of so many training scenes; each picture is drawn once. */
export function trainingObjects(scenes: number): readonly TrainingObject[] {
  const { seed, split } = objectTraining;
  return Array.from({ length: scenes }, (_, number) => {
    const scene = drawScene(seed, split, number);
    let drawn: Picture | undefined;
    const picture = () => {
      drawn ??= drawPicture(scene, seed, `${split}${number}`);
      return drawn;
    };
    return scene.map((object, place) => ({ object, place, picture }));
  }).flat();
}

/** Batches of the objects of so many scenes; each follows from the seed and its number alone. */
export function objectBatches(scenes: number): (request: BatchRequest) => Generator<Batch> {
  return function* ({ seed, batch, from }) {
    const objects = trainingObjects(scenes);
    const examplesOf = shuffledExamples(objects.length, seed);
    const size = 6 * imageHeight * imageWidth;
    for (let step = from; ; step++) {
      const inputs = new Float32Array(batch * size);
      const targets = new Float32Array(batch * attributeOutputs);
      examplesOf(step, batch).forEach((example, row) => {
        const { object, place, picture } = objects[example] as TrainingObject;
        inputs.set(objectInput(picture(), place), row * size);
        targets.set(attributeTargets(object), row * attributeOutputs);
      });
      yield {
        objects: { shape: [batch, 6, imageHeight, imageWidth], data: inputs },
        targets: { shape: [batch, attributeOutputs], data: targets },
      };
    }
  };
}

export default objectBatches(objectTraining.scenes);
