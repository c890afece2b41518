/**
 * Training batches for `AttributeNetwork` with `--entry loss`: the objects of 1,500 scenes of seed 1 with their true masks, each once in
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
export const objectTraining = { seed: 1, split: "train", scenes: 1_500 } as const;

/** The scenes, drawn once. */
let drawnScenes: readonly (readonly WorldObject[])[] | undefined;

function trainingScenes(): readonly (readonly WorldObject[])[] {
  drawnScenes ??= Array.from({ length: objectTraining.scenes }, (_, number) =>
    drawScene(objectTraining.seed, objectTraining.split, number),
  );
  return drawnScenes;
}

/** Batch `from` and those after it; each follows from the seed and its number alone. */
export default function* batches({ seed, batch, from }: BatchRequest): Generator<Batch> {
  const scenes = trainingScenes();
  const objects = scenes.flatMap((scene, number) => scene.map((object, place) => ({ object, number, place })));
  const pictures = new Map<number, Picture>();
  const pictureOf = (number: number): Picture => {
    const known = pictures.get(number);
    if (known !== undefined) return known;
    const drawn = drawPicture(scenes[number] as readonly WorldObject[], objectTraining.seed, `train${number}`);
    pictures.set(number, drawn);
    return drawn;
  };
  const examplesOf = shuffledExamples(objects.length, seed);
  const size = 6 * imageHeight * imageWidth;
  for (let step = from; ; step++) {
    const inputs = new Float32Array(batch * size);
    const targets = new Float32Array(batch * attributeOutputs);
    examplesOf(step, batch).forEach((example, row) => {
      const { object, number, place } = objects[example] as (typeof objects)[number];
      inputs.set(objectInput(pictureOf(number), place), row * size);
      targets.set(attributeTargets(object), row * attributeOutputs);
    });
    yield {
      objects: { shape: [batch, 6, imageHeight, imageWidth], data: inputs },
      targets: { shape: [batch, attributeOutputs], data: targets },
    };
  }
}
