/** Values for the arguments of an entry, from files and from the seed, all problems reported at once. */

import { suggestName } from "../frontend/index.ts";
import { type Node, printType, sameShape, type TensorType } from "../ir/index.ts";
import { randomInput } from "../random-data.ts";
import { checkedData, type HostTensor, InputError, WeightsError } from "../runtime/index.ts";
import { InputProblems } from "./exit-status.ts";
import type { InputSource, InputSources } from "./input-files.ts";

/**
 * Makes sure that every input of a graph has a source that fits, before anything large is read.
 *
 * @throws InputProblems listing every argument that is missing, unknown, or of another shape
 */
export function checkInputs(inputs: readonly Node[], sources: InputSources): void {
  const types = inputTypes(inputs);
  const problems = unknownInputs(types, sources);
  const missing: string[] = [];
  for (const [name, type] of types) {
    const source = sourceOf(name, sources);
    if (source === undefined) {
      missing.push(`${name}: ${printType(type)}`);
    } else if (source.kind === "file" && !sameShape(source.shape, type.shape)) {
      problems.push(
        `input \`${name}\` is ${printType(type)}, but ${source.path} has shape [${source.shape.join(", ")}]`,
      );
    }
  }
  if (missing.length > 0) {
    problems.push(
      `no value for ${missing.join(" and ")}; give --input NAME=FILE, or --input NAME=random, or --input all=random`,
    );
  }
  if (problems.length > 0) throw new InputProblems(problems);
}

/**
 * Values of all inputs of a graph, as `checkInputs` let them pass.
 *
 * @throws InputProblems listing every argument whose data does not convert or is out of range
 */
export async function readInputs(
  inputs: readonly Node[],
  sources: InputSources,
  seed: number,
): Promise<Record<string, HostTensor>> {
  const problems: string[] = [];
  const values: Record<string, HostTensor> = {};
  for (const [name, type] of inputTypes(inputs)) {
    const source = sourceOf(name, sources);
    if (source === undefined || source.kind === "random") {
      values[name] = { shape: type.shape, data: randomInput(type, seed, name) };
      continue;
    }
    try {
      const value = await source.read(type);
      checkedData("input", name, type, value);
      values[name] = value;
    } catch (error) {
      if (!(error instanceof InputProblems || error instanceof InputError || error instanceof WeightsError))
        throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new InputProblems(problems);
  return values;
}

const inputTypes = (inputs: readonly Node[]) =>
  new Map(inputs.map((node) => [node.attributes.name as string, node.type]));

function sourceOf(name: string, { byName, restRandom }: InputSources): InputSource | undefined {
  return byName.get(name) ?? (restRandom ? { kind: "random" } : undefined);
}

function unknownInputs(types: ReadonlyMap<string, TensorType>, sources: InputSources): string[] {
  const known = [...types.keys()];
  return [...sources.byName.keys()]
    .filter((name) => !types.has(name))
    .map((name) => {
      const close = suggestName(name, known);
      const help =
        close === undefined ? `the arguments are ${known.join(", ") || "none"}` : `did you mean \`${close}\`?`;
      return `there is no argument \`${name}\`; ${help}`;
    });
}
