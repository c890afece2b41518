/** Sizes that a model leaves open, and the numbers that are given for them. */
import { constantSize, nameSize, printSize, type Size } from "../frontend/index.ts";
import { identifier, makeNames } from "./names.ts";
import type { OnnxGraph } from "./onnx-model.ts";
import { ImportError } from "./problem.ts";

/** Sizes of the inputs' axes: numbers, those that were given, and names for the rest. */
export interface OpenSizes {
  readonly sizeOf: (axis: number | string | undefined, input: string, position: number) => Size;
  readonly open: readonly string[];
}

/**
 * Reads the axes of all inputs.
 *
 * @param given     numbers by the names of axes, as the model or the text calls them
 * @param reserved  names that sizes cannot have
 * @throws ImportError for a number that no axis asks for
 */
export function openSizes(
  graph: OnnxGraph,
  given: Readonly<Record<string, number>>,
  reserved: Iterable<string>,
): OpenSizes {
  const names = makeNames(reserved);
  const byAxis = new Map<string, Size>();
  const open: string[] = [];
  const known = new Set<string>();
  const sizeOf: OpenSizes["sizeOf"] = (axis, input, position) => {
    if (typeof axis === "number") return constantSize(axis);
    const key = axis ?? `${input}_${position}`;
    known.add(key);
    const found = byAxis.get(key);
    if (found !== undefined) return found;
    const number = given[key] ?? given[identifier(key)];
    const made = number === undefined ? nameSize(names.make(identifier(key))) : constantSize(number);
    if (number === undefined) open.push(printSize(made));
    byAxis.set(key, made);
    return made;
  };
  for (const { name, shape } of graph.inputs) shape?.forEach((axis, k) => void sizeOf(axis, name, k));
  const written = new Set([...known].map(identifier));
  for (const key of Object.keys(given)) {
    if (known.has(key) || written.has(key)) continue;
    const list =
      known.size === 0 ? "all sizes are numbers" : `the open sizes are ${[...known].map(identifier).join(", ")}`;
    throw new ImportError(`--set ${key}: the model's inputs have no such size; ${list}`);
  }
  return { sizeOf, open };
}
