/** What an operator's entry is given: its node's inputs and attributes, read with care. */
import { constantSize, printSize, type Size, sizesEqual, subtractSizes } from "../frontend/index.ts";
import { isSize, plainNumber } from "./fold.ts";
import type { Attribute, OnnxGraph, OnnxNode } from "./onnx-model.ts";
import type { StoredTensor } from "./onnx-tensor.ts";
import { Refusal } from "./problem.ts";
import type { Scope } from "./scope.ts";
import { broadcastShape, type Draft, numberOf, type Value } from "./value.ts";

export interface Call {
  readonly node: OnnxNode;
  readonly scope: Scope;
  /** Value `k`. @throws Refusal when the node leaves it out */
  readonly input: (k: number) => Value;
  readonly optional: (k: number) => Value | undefined;
  readonly inputs: () => readonly Value[];
  /** A value of the graph by name, for bodies that read what is around them. */
  readonly valueOf: (name: string) => Value | undefined;
  /** A name for the text, from that of an output. */
  readonly nameOf: (output: number) => string;
  /** True when the graph uses an output. */
  readonly isUsed: (output: number) => boolean;
}

/** Says one node in Weft: a draft for each output that is used. */
export type Operator = (call: Call) => readonly (Draft | undefined)[];

export type OperatorTable = Readonly<Record<string, Operator>>;

/** An operator with one output. */
export const single =
  (make: (call: Call) => Draft): Operator =>
  (call) => [make(call)];

function attribute<K extends Attribute["kind"]>({ node }: Call, name: string, kind: K) {
  const found = node.attributes.get(name);
  if (found === undefined) return undefined;
  if (found.kind !== kind) throw new Refusal(`its attribute ${name} is of kind ${found.kind}, not ${kind}`);
  return (found as Extract<Attribute, { kind: K; value: unknown }>).value;
}

export const integer = (call: Call, name: string): number | undefined =>
  attribute(call, name, "integer") as number | undefined;
export const float = (call: Call, name: string): number | undefined =>
  attribute(call, name, "float") as number | undefined;
export const text = (call: Call, name: string): string | undefined =>
  attribute(call, name, "string") as string | undefined;
export const integers = (call: Call, name: string): readonly number[] | undefined =>
  attribute(call, name, "integers") as readonly number[] | undefined;
export const floats = (call: Call, name: string): readonly number[] | undefined =>
  attribute(call, name, "floats") as readonly number[] | undefined;
export const texts = (call: Call, name: string): readonly string[] | undefined =>
  attribute(call, name, "strings") as readonly string[] | undefined;
export const tensor = (call: Call, name: string): StoredTensor | undefined =>
  attribute(call, name, "tensor") as StoredTensor | undefined;
export const body = (call: Call, name: string): OnnxGraph | undefined =>
  attribute(call, name, "graph") as OnnxGraph | undefined;

/** The sizes that a whole-number input holds, symbolic ones among them; undefined when the input is left out. */
export function sizesFrom(call: Call, k: number, what: string): readonly Size[] | undefined {
  const value = call.optional(k);
  if (value === undefined) return undefined;
  const { constant } = value;
  if (constant === undefined) throw new Refusal(`its ${what} (\`${value.name}\`) depends on the data`);
  const count = constant.shape.reduce((product, size) => product * size, 1);
  return Array.from({ length: count }, (_, position) => {
    const known = constant.at(position);
    return isSize(known) ? known : constantSize(BigInt(known));
  });
}

/** The same, where only plain numbers will do. */
export function integersFrom(call: Call, k: number, what: string): readonly number[] | undefined {
  return sizesFrom(call, k, what)?.map((size) => {
    const value = numberOf(size);
    if (value === undefined) {
      throw new Refusal(`its ${what} depends on the size ${printSize(size)}; give it a number with --set`);
    }
    return value;
  });
}

/** One float of an input, or undefined when it is left out. @throws Refusal when it depends on the data */
export function floatFrom(call: Call, k: number, what: string): number | undefined {
  const value = call.optional(k);
  if (value === undefined) return undefined;
  const known = value.constant === undefined ? undefined : plainNumber(value.constant.at(0));
  if (known === undefined) throw new Refusal(`its ${what} (\`${value.name}\`) depends on the data`);
  return known;
}

/** An axis that may count from the end. */
export function axisOf(axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (found < 0 || found >= Math.max(rank, 1))
    throw new Refusal(`its axis ${axis} does not exist: the rank is ${rank}`);
  return found;
}

/** The tensor behind a parameter of the file, or undefined. */
export const tensorOf = (value: Value | undefined): StoredTensor | undefined => value?.constant?.tensor;

export const broadcast = (shapes: readonly (readonly Size[])[]): Size[] => broadcastShape(shapes, printSize);

/** @throws Refusal unless a value has so many axes, or at least so many */
export function requireRank({ name, shape }: Value, rank: number, how: "exactly" | "at least" = "exactly"): void {
  if (how === "exactly" ? shape.length === rank : shape.length >= rank) return;
  throw new Refusal(`\`${name}\` has ${shape.length} axes, where the operator takes ${how} ${rank}`);
}

/** @throws Refusal unless a list has one item for each of so many */
export function requireCount(items: readonly unknown[], count: number, what: string): void {
  if (items.length !== count) throw new Refusal(`it gives ${items.length} ${what}, and takes ${count}`);
}

/** @throws Refusal unless the sizes are equal */
export function requireEqual(a: Size, b: Size, what: string): void {
  if (!sizesEqual(a, b)) throw new Refusal(`${what}: ${printSize(a)} and ${printSize(b)}`);
}

/** `a - b` */
export const difference = (a: Size, b: number): Size => subtractSizes(a, constantSize(b));
