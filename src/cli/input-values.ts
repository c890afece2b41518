/** Values for the arguments of an entry, from files and from the seed, all problems reported at once. */
import { elementCount, type Node, printType, randomStream, sameShape, type TensorType } from "../ir/index.ts";
import { suggestName } from "../frontend/index.ts";
import { checkedData, type HostArray, type HostTensor } from "../runtime/index.ts";
import { InputProblems } from "./exit-status.ts";
import type { InputSources } from "./input-files.ts";

/** Random whole numbers of types without a bound lie below this. */
const randomIntegersBelow = 100;

/**
 * Values of all inputs of a graph, checked against their types.
 *
 * @throws InputProblems listing every argument that is missing, unknown, of another shape or type, or out of range
 */
export async function readInputs(
  inputs: readonly Node[],
  sources: InputSources,
  seed: number,
): Promise<Record<string, HostTensor>> {
  const types = new Map(inputs.map((node) => [node.attributes.name as string, node.type]));
  const problems = unknownInputs(types, sources);
  const missing: string[] = [];
  const values: Record<string, HostTensor> = {};
  for (const [name, type] of types) {
    const source = sources.byName.get(name) ?? (sources.restRandom ? { kind: "random" as const } : undefined);
    if (source === undefined) {
      missing.push(`${name}: ${printType(type)}`);
    } else if (source.kind === "random") {
      values[name] = { shape: type.shape, data: randomData(type, seed, `input.${name}`) };
    } else if (!sameShape(source.shape, type.shape)) {
      problems.push(`input \`${name}\` is ${printType(type)}, but ${source.path} has shape [${source.shape.join(", ")}]`);
    } else {
      try {
        const value = await source.read(type);
        checkedData("input", name, type, value);
        values[name] = value;
      } catch (error) {
        // Damaged files, values that do not convert, indices out of range: all speak about the user's data.
        problems.push((error as Error).message);
      }
    }
  }
  if (missing.length > 0) {
    problems.push(
      `no value for ${missing.join(" and ")}; give --input NAME=FILE, or --input NAME=random, or --input all=random`,
    );
  }
  if (problems.length > 0) throw new InputProblems(problems);
  return values;
}

function unknownInputs(types: ReadonlyMap<string, TensorType>, sources: InputSources): string[] {
  const known = [...types.keys()];
  return [...sources.byName.keys()]
    .filter((name) => !types.has(name))
    .map((name) => {
      const close = suggestName(name, known);
      const help = close === undefined ? `the arguments are ${known.join(", ") || "none"}` : `did you mean \`${close}\`?`;
      return `there is no argument \`${name}\`; ${help}`;
    });
}

/**
 * Random values of a type: floats standard normal, indices uniform below their bound, other whole numbers uniform below 100,
 * booleans fair. The same seed and path give the same values everywhere.
 */
export function randomData(type: TensorType, seed: number, path: string): HostArray {
  const stream = randomStream(seed, path);
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
