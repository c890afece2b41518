/** The scene table of NS-VQA: all that is kept of an image once the scene parser has read it (Yi et al. 2018, section 3). */

/** The values of each attribute, in the order of the attribute network's scores for colours and of the detector's classes. */
export const attributeValues = {
  color: ["blue", "brown", "cyan", "gray", "green", "purple", "red", "yellow"],
  material: ["rubber", "metal"],
  shape: ["cube", "cylinder", "sphere"],
  size: ["large", "small"],
} as const;

/** A property that objects can be filtered by, asked for and compared in. */
export type Attribute = keyof typeof attributeValues;

/** The attributes in the order in which the functions of the program language are listed. */
export const attributes = ["color", "material", "shape", "size"] as const satisfies readonly Attribute[];

/** A value of an attribute. */
export type ValueOf<A extends Attribute> = (typeof attributeValues)[A][number];

/** One row of the scene table. */
export interface SceneObject {
  /** Different for all objects of a scene. */
  readonly id: string;
  /** Coordinates along "right" and "front" (towards the camera) on the ground, then the height of the centre; in units of the scene. */
  readonly position: readonly [right: number, front: number, height: number];
  readonly color: ValueOf<"color">;
  readonly material: ValueOf<"material">;
  readonly shape: ValueOf<"shape">;
  readonly size: ValueOf<"size">;
}

/** All objects of an image, in any order. */
export type Scene = readonly SceneObject[];

/** Directions on the ground, as seen by the camera. */
export const relations = ["behind", "front", "left", "right"] as const;

/** A direction in which one object can lie from another. */
export type Relation = (typeof relations)[number];

/** Whether `other` lies in that direction from `from`: strictly, along one axis, whatever the distance. */
export function isRelated(relation: Relation, other: SceneObject, from: SceneObject): boolean {
  switch (relation) {
    case "left":
      return other.position[0] < from.position[0];
    case "right":
      return other.position[0] > from.position[0];
    case "behind":
      return other.position[1] < from.position[1];
    case "front":
      return other.position[1] > from.position[1];
  }
}

/**
 * Bytes of a packed scene table: a byte for each attribute and three f32 coordinates an object. Attention over feature maps keeps
 * 14 × 14 × 1024 f32 an image instead, which is the comparison behind the paper's "99 % less memory".
 */
export function sceneBytes(objects: number): number {
  return objects * (attributes.length + 3 * Float32Array.BYTES_PER_ELEMENT);
}
