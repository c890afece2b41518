/** Operators that move elements without computing: shapes, axes, parts, joins and padding. */
import {
  addSizes,
  constantSize,
  floorDivideSizes,
  multiplySizes,
  type Size,
  sizesEqual,
  subtractSizes,
} from "../../frontend/index.ts";
import { along, at, binary, choose, type Expression, type Index, plus, sizeOf, times } from "../expression.ts";
import {
  axisOf,
  broadcast,
  type Call,
  integer,
  integers,
  integersFrom,
  type Operator,
  type OperatorTable,
  requireCount,
  requireRank,
  single,
  sizesFrom,
} from "../operator.ts";
import { rangedIndices } from "../print-expression.ts";
import { Refusal } from "../problem.ts";
import { broadcastSubscripts, type Draft, isOne, numberOf, type Value } from "../value.ts";
import { viewOf } from "./pointwise.ts";
import { productOf, reshaped } from "./reshape.ts";

const one = constantSize(1);
const zero = constantSize(0);

/** A value read at other subscripts. */
function readAt(
  { scope }: Call,
  value: Value,
  shape: readonly Size[],
  places: (subscripts: readonly Expression[]) => readonly Expression[],
): Draft {
  const read = scope.elements(value);
  const { element, below } = value;
  return {
    element,
    shape,
    kind: "view",
    elements: (subscripts) => read(places(subscripts)),
    ...(below === undefined ? {} : { below }),
  };
}

const reshape: Operator = single((call) => {
  const value = call.input(0);
  const wanted = sizesFrom(call, 1, "shape") ?? [];
  const allowZero = integer(call, "allowzero") === 1;
  const kept = wanted.map((size, axis) => {
    if (numberOf(size) !== 0 || allowZero) return size;
    const own = value.shape[axis];
    if (own === undefined) throw new Refusal(`its shape keeps axis ${axis}, which the operand does not have`);
    return own;
  });
  const open = kept.findIndex((size) => numberOf(size) === -1);
  if (open === -1) return reshaped(call, value, kept);
  const rest = productOf(kept.filter((_, axis) => axis !== open));
  if (numberOf(rest) === 0) throw new Refusal("its shape leaves one size open beside an empty axis");
  return reshaped(call, value, kept.with(open, floorDivideSizes(productOf(value.shape), rest)));
});

/** Axes given as an attribute up to operator set 12, as an input after it. */
const axesOf = (call: Call): readonly number[] | undefined => integers(call, "axes") ?? integersFrom(call, 1, "axes");

const squeeze: Operator = single((call) => {
  const value = call.input(0);
  const rank = value.shape.length;
  const given = axesOf(call)?.map((axis) => axisOf(axis, rank));
  const dropped = new Set(given ?? value.shape.flatMap((size, axis) => (isOne(size) ? [axis] : [])));
  const shape = value.shape.filter((_, axis) => !dropped.has(axis));
  return readAt(call, value, shape, (subscripts) => {
    let next = 0;
    return value.shape.map((_, axis) => (dropped.has(axis) ? sizeOf(zero) : (subscripts[next++] as Expression)));
  });
});

const unsqueeze: Operator = single((call) => {
  const value = call.input(0);
  const given = axesOf(call) ?? [];
  const rank = value.shape.length + given.length;
  const added = new Set(given.map((axis) => axisOf(axis, rank)));
  let next = 0;
  const shape = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? one : (value.shape[next++] as Size)));
  return readAt(call, value, shape, (subscripts) => subscripts.filter((_, axis) => !added.has(axis)));
});

const flatten: Operator = single((call) => {
  const value = call.input(0);
  const axis = integer(call, "axis") ?? 1;
  const cut = axis < 0 ? axis + value.shape.length : axis;
  return reshaped(call, value, [productOf(value.shape.slice(0, cut)), productOf(value.shape.slice(cut))]);
});

const transpose: Operator = single((call) => {
  const value = call.input(0);
  const order = integers(call, "perm") ?? value.shape.map((_, axis) => value.shape.length - 1 - axis);
  if (order.length !== value.shape.length)
    throw new Refusal(`its perm has ${order.length} axes, and the operand ${value.shape.length}`);
  if (value.shape.some((_, axis) => !order.includes(axis)))
    throw new Refusal(`its perm [${order.join(", ")}] leaves axes out`);
  const shape = order.map((axis) => value.shape[axis] as Size);
  const draft = readAt(call, value, shape, (subscripts) =>
    value.shape.map((_, axis) => subscripts[order.indexOf(axis)] as Expression),
  );
  const stored = value.constant?.tensor;
  return stored !== undefined && shape.length === 2 && order[0] === 1 ? { ...draft, transposeOf: stored } : draft;
});

const expand: Operator = single((call) => {
  const value = call.input(0);
  const shape = broadcast([value.shape, sizesFrom(call, 1, "shape") ?? []]);
  return readAt(call, value, shape, (subscripts) => broadcastSubscripts(value.shape, subscripts));
});

/** Ends beyond this mean the end of the axis. */
const farthest = 2 ** 31 - 1;

/** First place, length and step of one axis of a slice. */
function range(call: Call, axis: Size, start: Size, end: Size, step: number): { start: Size; length: Size } {
  const [size, from, to] = [numberOf(axis), numberOf(start), numberOf(end)];
  const fromEnd = (place: Size, known: number | undefined) =>
    known !== undefined && known < 0 ? addSizes(place, axis) : place;
  if (size !== undefined && from !== undefined && to !== undefined) {
    const clamp = (place: number, low: number, high: number) =>
      Math.min(Math.max(place < 0 ? place + size : place, low), high);
    const first = step > 0 ? clamp(from, 0, size) : clamp(from, 0, size - 1);
    const last = step > 0 ? clamp(to, 0, size) : to < -size ? -1 : clamp(to, -1, size - 1);
    const length = Math.max(0, Math.ceil((last - first) / step));
    return { start: constantSize(first), length: constantSize(length) };
  }
  if (step < 0) {
    if (
      step !== -1 ||
      (from !== -1 && !(from !== undefined && from >= farthest)) ||
      to === undefined ||
      to > -farthest
    ) {
      throw new Refusal("it walks backwards over an axis whose size is not known; give it a number with --set");
    }
    return { start: subtractSizes(axis, one), length: axis };
  }
  const first = fromEnd(start, from);
  const last = to !== undefined && to >= farthest ? axis : fromEnd(end, to);
  // ONNX would shorten a slice that reaches beyond its axis; sizes that are not known must not.
  if (!sizesEqual(last, axis)) call.scope.emit({ kind: "require", least: last, most: axis });
  const span = subtractSizes(last, first);
  return {
    start: first,
    length: step === 1 ? span : floorDivideSizes(addSizes(span, constantSize(step - 1)), constantSize(step)),
  };
}

const slice: Operator = single((call) => {
  const value = call.input(0);
  const starts = sizesFrom(call, 1, "starts") ?? [];
  const ends = sizesFrom(call, 2, "ends") ?? [];
  const axes = integersFrom(call, 3, "axes") ?? starts.map((_, k) => k);
  const steps = integersFrom(call, 4, "steps") ?? starts.map(() => 1);
  for (const [what, items] of Object.entries({ ends, axes, steps })) requireCount(items, starts.length, what);
  const places = new Map<number, { start: Size; length: Size; step: number }>();
  for (const [k, given] of axes.entries()) {
    const axis = axisOf(given, value.shape.length);
    const step = steps[k] as number;
    if (step === 0) throw new Refusal("its step is 0");
    places.set(axis, { ...range(call, value.shape[axis] as Size, starts[k] as Size, ends[k] as Size, step), step });
  }
  const shape = value.shape.map((size, axis) => places.get(axis)?.length ?? size);
  if (shape.some((size) => numberOf(size) === 0) && value.constant === undefined)
    throw new Refusal("its result is empty");
  return readAt(call, value, shape, (subscripts) =>
    subscripts.map((subscript, axis) => {
      const found = places.get(axis);
      if (found === undefined) return subscript;
      if (found.step < 0) return binary("-", sizeOf(found.start), times(constantSize(-found.step), subscript));
      return plus(times(constantSize(found.step), subscript), found.start);
    }),
  );
});

const splitParts: Operator = (call) => {
  const value = call.input(0);
  const axis = axisOf(integer(call, "axis") ?? 0, value.shape.length);
  const size = value.shape[axis] as Size;
  const count = call.node.outputs.length;
  const given = (integers(call, "split")?.map((length) => constantSize(length)) ?? sizesFrom(call, 1, "split")) as
    | readonly Size[]
    | undefined;
  const known = numberOf(size);
  const share =
    known === undefined ? floorDivideSizes(size, constantSize(count)) : constantSize(Math.ceil(known / count));
  const lengths =
    given ??
    Array.from({ length: count }, (_, k) =>
      k < count - 1 ? share : subtractSizes(size, multiplySizes(share, constantSize(count - 1))),
    );
  requireCount(lengths, count, "lengths of parts");
  let start = zero;
  return lengths.map((length) => {
    const from = start;
    start = addSizes(start, length);
    return readAt(call, value, value.shape.with(axis, length), (subscripts) =>
      subscripts.with(axis, plus(subscripts[axis] as Expression, from)),
    );
  });
};

const concat: Operator = single((call) => {
  const values = call.inputs().filter(({ shape }) => !shape.some((size) => numberOf(size) === 0));
  const [first] = values;
  if (first === undefined) return viewOf(call, call.input(0));
  if (values.length === 1) return viewOf(call, first);
  const axis = axisOf(integer(call, "axis") ?? 0, first.shape.length);
  for (const value of values) requireRank(value, first.shape.length);
  const total = values.map(({ shape }) => shape[axis] as Size).reduce(addSizes);
  const shape = first.shape.with(axis, total);
  const { scope } = call;
  if (values.every(({ constant }) => constant !== undefined)) {
    const read = values.map((value) => scope.elements(value));
    const elements: Draft["elements"] = (subscripts) => {
      let end = total;
      return values.reduceRight<Expression | undefined>((rest, value, k) => {
        end = subtractSizes(end, value.shape[axis] as Size);
        const place = binary("-", subscripts[axis] as Expression, sizeOf(end));
        const own = (read[k] as (typeof read)[0])(subscripts.with(axis, place));
        if (rest === undefined) return own;
        const next = sizeOf(addSizes(end, value.shape[axis] as Size));
        return choose({ kind: "binary", operator: "<", left: subscripts[axis] as Expression, right: next }, own, rest);
      }, undefined) as Expression;
    };
    return { element: first.element, shape, kind: "view", elements };
  }
  const elements: Draft["elements"] = (subscripts) => {
    const place = subscripts[axis] as Expression;
    if (place.kind !== "index") throw new TypeError("joined values are written by equations");
    const parts = values.map((value) => {
      const index: Index = { size: value.shape[axis] as Size, like: place.index };
      const written = scope.elements(value)(subscripts.with(axis, at(index)));
      if (rangedIndices(written).has(index)) return written;
      return { kind: "read", variable: scope.named(value), subscripts: subscripts.with(axis, at(index)) } as const;
    });
    return along("concat", place.index, ...parts);
  };
  return { element: first.element, shape, kind: "named", elements };
});

const tile: Operator = single((call) => {
  const value = call.input(0);
  const repeats = sizesFrom(call, 1, "repeats") ?? [];
  requireCount(repeats, value.shape.length, "repeats");
  const shape = value.shape.map((size, axis) => multiplySizes(size, repeats[axis] as Size));
  return readAt(call, value, shape, (subscripts) =>
    value.shape.map((size, axis) => {
      const subscript = subscripts[axis] as Expression;
      if (isOne(size)) return sizeOf(zero);
      return isOne(repeats[axis] as Size) ? subscript : binary("%", subscript, sizeOf(size));
    }),
  );
});

export const movementOperators: OperatorTable = {
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Transpose: transpose,
  Expand: expand,
  Slice: slice,
  Split: splitParts,
  Concat: concat,
  Tile: tile,
};
