/** The 18 outputs of the attribute network: where each value stands, what it is taught, and how a row of the scene table is read from it. */
import { attributeValues, type Scene, type SceneObject, type ValueOf } from "./scene.ts";

/** Numbers that the attribute network gives for an object. */
export const attributeOutputs = 18;

/** Values in the order of the network's scores (kexinyi/ns-vqa, scene_parse/attr_net), with the place of the first. */
const groups = {
  shape: { start: 0, values: ["sphere", "cube", "cylinder"] },
  size: { start: 3, values: ["large", "small"] },
  material: { start: 5, values: ["metal", "rubber"] },
  color: { start: 7, values: ["blue", "brown", "cyan", "gray", "green", "purple", "red", "yellow"] },
} as const;

/** Place of the first of the three coordinates: right, front, height. */
export const positionStart = 15;

/** What the network is taught for an object, f32[18]: 1 for each of its values, 0 for the others, and its coordinates. */
export function attributeTargets(object: Omit<SceneObject, "id">): Float32Array {
  const targets = new Float32Array(attributeOutputs);
  for (const attribute of ["shape", "size", "material", "color"] as const) {
    const { start, values } = groups[attribute];
    targets[start + (values as readonly string[]).indexOf(object[attribute])] = 1;
  }
  targets.set(object.position, positionStart);
  return targets;
}

/** What the detector's class says of an object: colour, material and shape, or the shape alone. */
export interface DetectedLooks {
  readonly color?: ValueOf<"color">;
  readonly material?: ValueOf<"material">;
  readonly shape: ValueOf<"shape">;
}

const { color: colors, material: materials, shape: shapes } = attributeValues;

/** Classes of the detector with the background: shapes alone, and with colours and materials. */
export const shapeClasses = 1 + shapes.length;
export const fullClasses = 1 + colors.length * materials.length * shapes.length;

/**
 * What a class says: 1 + 6 colour + 3 material + shape of 49 classes, or 1 + shape of 4.
 *
 * @throws RangeError for the background, a class above the last, and another number of classes
 */
export function looksOfClass(label: number, classes: number): DetectedLooks {
  if (classes !== shapeClasses && classes !== fullClasses) {
    throw new RangeError(`a detector of this system has ${shapeClasses} or ${fullClasses} classes, not ${classes}`);
  }
  if (!(label >= 1 && label < classes)) throw new RangeError(`there is no class ${label} from 1 to ${classes - 1}`);
  const place = label - 1;
  const shape = shapes[place % shapes.length] as ValueOf<"shape">;
  if (classes === shapeClasses) return { shape };
  const material = materials[Math.floor(place / shapes.length) % materials.length] as ValueOf<"material">;
  const color = colors[Math.floor(place / (shapes.length * materials.length))] as ValueOf<"color">;
  return { color, material, shape };
}

/**
 * The scene table of an image: for each object the values with the greatest scores and its coordinates.
 *
 * @param scores f32[objects, 18]
 * @param image  number of the image, for the ids
 * @param looks  what the detector says of each object: it replaces colour, material and shape, as the published system does at test time
 * @throws RangeError when the scores are not 18 an object, or the looks are of another number of objects
 */
export function sceneOf(scores: ArrayLike<number>, image = 0, looks?: readonly DetectedLooks[]): Scene {
  const count = scores.length / attributeOutputs;
  if (!Number.isInteger(count)) throw new RangeError(`${scores.length} scores are not ${attributeOutputs} an object`);
  if (looks !== undefined && looks.length !== count) {
    throw new RangeError(`the detector saw ${looks.length} objects, and there are scores of ${count}`);
  }
  return Array.from({ length: count }, (_, k) => {
    const at = (place: number) => scores[attributeOutputs * k + place] as number;
    const best = <T>({ start, values }: { readonly start: number; readonly values: readonly T[] }): T =>
      values.reduce(
        (winner, value, place) => (at(start + place) > winner.score ? { value, score: at(start + place) } : winner),
        { value: values[0] as T, score: at(start) },
      ).value;
    return {
      id: `${image}-${k}`,
      position: [at(positionStart), at(positionStart + 1), at(positionStart + 2)] as const,
      color: best(groups.color),
      material: best(groups.material),
      shape: best(groups.shape),
      size: best(groups.size),
      ...looks?.[k],
    };
  });
}
