/** The same elements in the same order under another shape, said with groups of indices. */
import { constantSize, divideExactly, multiplySizes, printSize, type Size, sizesEqual } from "../../frontend/index.ts";
import { at, binary, type Expression, type FlatPart, type Index, sizeOf } from "../expression.ts";
import type { Call } from "../operator.ts";
import { Refusal } from "../problem.ts";
import type { Target } from "../scope.ts";
import { type Draft, isOne, numberOf, sameShape, type Value, variableValue } from "../value.ts";
import { viewOf } from "./pointwise.ts";

/** Axes of the operand and of the result that hold the same elements. */
interface Group {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export const productOf = (sizes: readonly Size[]): Size => sizes.reduce(multiplySizes, constantSize(1));

/** Which axes belong together; axes of one element belong to none. @throws Refusal where sizes cannot be told equal */
function groupsOf(from: readonly Size[], to: readonly Size[]): Group[] {
  const axes = (sizes: readonly Size[]) => sizes.flatMap((size, axis) => (isOne(size) ? [] : [axis]));
  const [left, right] = [axes(from), axes(to)];
  const groups: Group[] = [];
  while (left.length > 0 || right.length > 0) {
    const group: { from: number[]; to: number[] } = { from: left.splice(0, 1), to: right.splice(0, 1) };
    for (;;) {
      const a = productOf(group.from.map((axis) => from[axis] as Size));
      const b = productOf(group.to.map((axis) => to[axis] as Size));
      if (sizesEqual(a, b)) break;
      const [m, n] = [numberOf(a), numberOf(b)];
      const takeRight =
        m !== undefined && n !== undefined ? n < m : divideExactly(a, b) !== undefined || left.length === 0;
      const [source, target] = takeRight ? [right, group.to] : [left, group.from];
      const next = source.shift();
      if (next === undefined) {
        const shown = (sizes: readonly Size[]) => `[${sizes.map(printSize).join(", ")}]`;
        throw new Refusal(
          `cannot tell how ${shown(from)} becomes ${shown(to)}; give symbolic sizes numbers with --set`,
        );
      }
      target.push(next);
    }
    groups.push(group);
  }
  return groups;
}

/** The subscripts of several axes from that of one which holds them all. */
function split(place: Expression, sizes: readonly Size[]): Expression[] {
  if (sizes.length === 1) return [place];
  if (place.kind === "flat" && place.parts.length === sizes.length) {
    if (place.parts.every(({ size }, k) => sizesEqual(size, sizes[k] as Size)))
      return place.parts.map((part) => part.at);
  }
  return sizes.map((size, k) => {
    const stride = productOf(sizes.slice(k + 1));
    const quotient = isOne(stride) ? place : binary("//", place, sizeOf(stride));
    return k === 0 ? quotient : binary("%", quotient, sizeOf(size));
  });
}

/** A value under another shape of as many elements. */
export function reshaped(call: Call, value: Value, shape: readonly Size[]): Draft {
  if (sameShape(value.shape, shape)) return viewOf(call, value);
  const groups = groupsOf(value.shape, shape);
  const merges = groups.some(({ from }) => from.length > 1);
  if (!merges || value.constant !== undefined) return readInGroups(call, value, shape, groups);
  // First axes that belong together become one, then that is read as several.
  const { scope } = call;
  const sources: Expression[] = value.shape.map(() => sizeOf(constantSize(0)));
  const targets: Target[] = [];
  const merged: Size[] = [];
  const indexOf = (size: Size): Index => ({ size });
  const ordered = groups.map(({ from, to }) => ({ from, to: from.length > 1 && to.length > 1 ? undefined : to }));
  const isDirect = ordered.every(({ to }) => to !== undefined);
  const add = (size: Size, target: Target) => {
    merged.push(size);
    targets.push(target);
  };
  let group = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis] as Size;
    if (isOne(size)) {
      if (isDirect) add(size, { kind: "index", index: indexOf(size) });
      continue;
    }
    const { from, to } = groups[group++] as Group;
    if (from.length === 1 && to.length === 1) {
      const index = indexOf(size);
      sources[from[0] as number] = at(index);
      add(size, { kind: "index", index });
    } else if (from.length === 1) {
      const indices = to.map((k) => indexOf(shape[k] as Size));
      const parts = indices.map((index): FlatPart => ({ at: at(index), size: index.size }));
      sources[from[0] as number] = { kind: "flat", parts };
      let part = 0;
      for (let k = axis; k <= (to.at(-1) as number); k++) {
        const own = shape[k] as Size;
        if (!isOne(own)) {
          add(own, { kind: "index", index: indices[part++] as Index });
        } else if (isDirect) add(own, { kind: "index", index: indexOf(own) });
      }
    } else {
      const indices = from.map((k) => indexOf(value.shape[k] as Size));
      for (const [k, source] of from.entries()) sources[source] = at(indices[k] as Index);
      add(productOf(indices.map((index) => index.size)), { kind: "group", indices });
    }
    axis = to.at(-1) as number;
  }
  const read = scope.elements(value);
  const variable = scope.variable(call.nameOf(0), { ...value, shape: merged });
  scope.emit({ kind: "equation", variable, targets, body: read(sources) });
  const result = variableValue(variable.name, variable);
  return isDirect ? viewOf(call, result) : readInGroups(call, result, shape, groupsOf(merged, shape));
}

function readInGroups({ scope }: Call, value: Value, shape: readonly Size[], groups: readonly Group[]): Draft {
  const read = scope.elements(value);
  const { element, below } = value;
  const elements: Draft["elements"] = (subscripts) => {
    const sources: Expression[] = value.shape.map(() => sizeOf(constantSize(0)));
    for (const { from, to } of groups) {
      const [only] = to as readonly [number];
      const place: Expression =
        to.length === 1
          ? (subscripts[only] as Expression)
          : {
              kind: "flat",
              parts: to.map((axis) => ({ at: subscripts[axis] as Expression, size: shape[axis] as Size })),
            };
      const places = split(
        place,
        from.map((axis) => value.shape[axis] as Size),
      );
      for (const [k, axis] of from.entries()) sources[axis] = places[k] as Expression;
    }
    return read(sources);
  };
  return { element, shape, kind: "view", elements, ...(below === undefined ? {} : { below }) };
}
