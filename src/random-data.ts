/** Values for inputs that nobody gives: drawn from a seed, the same everywhere. */
import { elementCount, randomStream, type TensorType } from "./ir/index.ts";
import type { HostArray } from "./runtime/index.ts";

/** Random whole numbers of types without a bound lie below this. */
const randomIntegersBelow = 100;

/**
 * Random values for the input `name` of an entry: floats standard normal, indices uniform below their bound, other whole
 * numbers uniform below 100, booleans fair. The same seed and name give the same values everywhere.
 */
export function randomInput(type: TensorType, seed: number, name: string): HostArray {
  const stream = randomStream(seed, `input.${name}`);
  const count = elementCount(type.shape);
  const below = (bound: number) => stream.uniform(count).map((u) => Math.min(bound - 1, Math.floor(u * bound)));
  switch (type.dtype) {
    case "f32":
    case "f16":
    case "bf16":
      return Float32Array.from(stream.normal(count));
    case "i32":
      return Int32Array.from(below(type.below ?? randomIntegersBelow));
    case "u32":
      return Uint32Array.from(below(randomIntegersBelow));
    case "bool":
      return Uint8Array.from(below(2));
    default:
      return type.dtype satisfies never;
  }
}
