/** The weights that scripts/compare-onestage-grounding.py draws: from a hash of a tensor's number and an element's, so that no file is needed. */
import type { ElaboratedProgram } from "../../src/compile.ts";
import { elementCount, type Shape } from "../../src/ir/index.ts";
import type { Values } from "./compile-model.ts";

/** `count` numbers in -1..1 (C. Wellons, "lowbias32"). */
export function drawn(tensor: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, k) => {
    let h = (Math.imul(k + 1, 0x9e3779b1) + Math.imul(tensor, 0x85ebca6b)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
    h = (h ^ (h >>> 16)) >>> 0;
    return h / 2 ** 31 - 1;
  });
}

/** All parameters and buffers of a model, numbered by name in alphabetical order. */
export function drawnWeights({ parameters }: ElaboratedProgram): ReadonlyMap<string, Values> {
  const shapes = new Map(parameters.map(({ path, type }) => [path, type.shape]));
  const names = [...shapes.keys()].sort();
  return new Map(
    names.map((name, tensor) => {
      const shape = shapes.get(name) as Shape;
      const data = Float32Array.from(drawn(tensor, elementCount(shape)), (u) => scaled(name, shape, u));
      return [name, { shape, data }];
    }),
  );
}

function scaled(name: string, shape: Shape, u: number): number {
  if (name.endsWith("running_var")) return 1 + 0.5 * Math.abs(u);
  if (shape.length > 1 && !name.includes("embeddings")) return u * Math.sqrt(4 / elementCount(shape.slice(1)));
  if (shape.length === 1 && name.endsWith("weight")) return 1 + 0.2 * u;
  return 0.2 * u;
}

/** Pictures of 64 × 64, normalised, with values in -2..2. */
export function drawnImages(seed: number, count: number): Values {
  const shape = [count, 3, 64, 64];
  return { shape, data: Float32Array.from(drawn(seed, elementCount(shape)), (u) => 2 * u) };
}
