/** Reading through tables of places, and writing through them. */
import { addSizes, constantSize, type Size, sizesEqual } from "../../frontend/index.ts";
import { binary, choose, type Expression, plus, sizeOf, wholeValue } from "../expression.ts";
import { isSize, plainNumber } from "../fold.ts";
import {
  axisOf,
  type Call,
  integer,
  integersFrom,
  type Operator,
  type OperatorTable,
  requireRank,
  single,
  text,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { type Draft, freshIndices, literal, numberOf, subscriptsOf, type Value, variableValue } from "../value.ts";
import { within } from "./padding.ts";

type Read = (subscripts: readonly Expression[]) => Expression;

/**
 * Places on an axis of this size, from a tensor of whole numbers which may count from the end. Where nothing is known about them, bounds
 * are spelled out for the checker; what ONNX allows always lies within.
 */
function placesOf({ scope }: Call, value: Value, size: Size): Read {
  const { constant, below } = value;
  if (constant !== undefined) {
    const count = constant.shape.reduce((product, axis) => product * axis, 1);
    const known = Array.from({ length: count }, (_, k) => plainNumber(constant.at(k)));
    const length = numberOf(size);
    const wrong = known.find(
      (place) => place !== undefined && length !== undefined && (place < -length || place >= length),
    );
    if (wrong !== undefined) throw new Refusal(`it reads place ${wrong} of an axis of ${length}`);
    const read: Read = (subscripts) => ({ kind: "element", constant, subscripts });
    if (known.every((place) => place === undefined || place >= 0)) {
      const evenly = count === 1 || known.every((place, k) => place === k + (known[0] as number));
      return evenly ? read : (subscripts) => within(read(subscripts), size);
    }
    const at = (position: number) => {
      const place = constant.at(position);
      const number = plainNumber(place);
      if (!isSize(place) || number === undefined || number >= 0) return place;
      return length === undefined ? place : constantSize(number + length);
    };
    if (length === undefined)
      throw new Refusal("it counts from the end of an axis whose size is not known; give it with --set");
    const positive = { name: constant.name, element: constant.element, shape: constant.shape, at };
    return (subscripts) => {
      const place: Expression = { kind: "element", constant: positive, subscripts };
      return count === 1 ? place : within(place, size);
    };
  }
  const [bound, length] = [below === undefined ? undefined : numberOf(below), numberOf(size)];
  const isProven =
    below !== undefined &&
    (sizesEqual(below, size) || (bound !== undefined && length !== undefined && bound <= length));
  if (isProven) return scope.elements(value);
  const last = value.variable === undefined ? lastPosition(value) : undefined;
  if (last !== undefined) {
    // Positions count up from the start: they end on the axis, or the model has been given too much.
    const known = numberOf(last);
    if (known === undefined || length === undefined) scope.emit({ kind: "require", least: last, most: size });
    else if (known > length) throw new Refusal(`it reads place ${known - 1} of an axis of ${length}`);
    return value.elements as Read;
  }
  const variable = scope.named(value);
  return (subscripts) => {
    const place: Expression = { kind: "read", variable, subscripts };
    const fromStart = choose(binary("<", place, sizeOf(constantSize(0))), plus(place, size), place);
    return within(fromStart, size);
  };
}

/** One more than the last place of values that count up from the start, `Range` and what is made of it; undefined for others. */
function lastPosition({ elements, shape }: Value): Size | undefined {
  const expression = elements?.(subscriptsOf(freshIndices(shape)));
  if (expression?.kind === "index") return expression.index.size;
  if (expression?.kind !== "binary" || expression.operator !== "+" || expression.left.kind !== "index")
    return undefined;
  const start = wholeValue(expression.right);
  return start !== undefined && start >= 0 ? addSizes(expression.left.index.size, constantSize(start)) : undefined;
}

const gather: Operator = single((call) => {
  const [data, indices] = [call.input(0), call.input(1)];
  const axis = axisOf(integer(call, "axis") ?? 0, data.shape.length);
  const place = placesOf(call, indices, data.shape[axis] as Size);
  const read = call.scope.elements(data);
  const rank = indices.shape.length;
  return {
    element: data.element,
    shape: [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)],
    kind: rank === 0 && indices.constant !== undefined ? "view" : "computed",
    elements: (subscripts) =>
      read([
        ...subscripts.slice(0, axis),
        place(subscripts.slice(axis, axis + rank)),
        ...subscripts.slice(axis + rank),
      ]),
    ...(data.below === undefined ? {} : { below: data.below }),
  };
});

const gatherElements: Operator = single((call) => {
  const [data, indices] = [call.input(0), call.input(1)];
  requireRank(indices, data.shape.length);
  const axis = axisOf(integer(call, "axis") ?? 0, data.shape.length);
  const place = placesOf(call, indices, data.shape[axis] as Size);
  const read = call.scope.elements(data);
  return {
    element: data.element,
    shape: indices.shape,
    kind: "computed",
    elements: (subscripts) => read(subscripts.with(axis, place(subscripts))),
  };
});

/** The parts of a place that the last axis of a table holds, one for each axis of the data from `first` on. */
function placeParts(call: Call, indices: Value, data: Value, first: number): readonly Read[] {
  requireRank(indices, 1, "at least");
  const depth = numberOf(indices.shape.at(-1) as Size);
  if (depth === undefined) throw new Refusal("how many axes its places have is not known");
  if (depth + first > data.shape.length) throw new Refusal("its places have more axes than the data");
  const outer = indices.shape.slice(0, -1);
  const read = call.scope.elements(indices);
  return Array.from({ length: depth }, (_, part) => {
    const elements: Read = (subscripts) => read([...subscripts, sizeOf(constantSize(part))]);
    const own: Value = { name: `${indices.name}_${part}`, element: "i32", shape: outer, kind: "computed", elements };
    const value = indices.constant === undefined ? own : { ...own, ...partConstant(indices, part, depth) };
    return placesOf(call, value, data.shape[first + part] as Size);
  });
}

function partConstant({ constant, name }: Value, part: number, depth: number): Pick<Value, "constant"> {
  if (constant === undefined) return {};
  const at = (position: number) => constant.at(position * depth + part);
  return { constant: { name: `${name}_${part}`, element: "i32", shape: constant.shape.slice(0, -1), at } };
}

const gatherNd: Operator = single((call) => {
  const [data, indices] = [call.input(0), call.input(1)];
  const batch = integer(call, "batch_dims") ?? 0;
  const parts = placeParts(call, indices, data, batch);
  const read = call.scope.elements(data);
  const outer = indices.shape.length - 1;
  return {
    element: data.element,
    shape: [...indices.shape.slice(0, -1), ...data.shape.slice(batch + parts.length)],
    kind: "computed",
    elements: (subscripts) => {
      const own = subscripts.slice(0, outer);
      return read([...subscripts.slice(0, batch), ...parts.map((part) => part(own)), ...subscripts.slice(outer)]);
    },
  };
});

/**
 * Writes updates at places. What is added is added up; what replaces is told apart by counting, because ONNX lets no place be
 * written twice then.
 */
function scattered(
  call: Call,
  data: Value,
  updates: Value,
  places: (subscripts: readonly Expression[]) => Expression[],
): Draft {
  const { scope } = call;
  const reduction = text(call, "reduction") ?? "none";
  if (reduction !== "none" && reduction !== "add") throw new Refusal(`it combines by ${reduction}, and Weft adds only`);
  if (data.element === "bool") throw new Refusal("it writes truth values");
  const { element, shape } = data;
  const name = call.nameOf(0);
  const indices = freshIndices(updates.shape);
  const subscripts = subscriptsOf(indices);
  const read = scope.elements(updates);
  if (reduction === "add") {
    const variable = scope.variable(name, { element, shape });
    const outer = freshIndices(shape);
    const targets = outer.map((index) => ({ kind: "index", index }) as const);
    scope.emit({ kind: "equation", variable, targets, body: scope.elements(data)(subscriptsOf(outer)) });
    scope.emit({ kind: "accumulate", variable, starts: false, places: places(subscripts), body: read(subscripts) });
    return { ...variableValue(name, variable) };
  }
  const counts = scope.variable(`${name}_written`, { element, shape });
  const sums = scope.variable(`${name}_updates`, { element, shape });
  const nothing = freshIndices(shape).map((index) => ({ kind: "index", index }) as const);
  for (const variable of [counts, sums]) {
    scope.emit({ kind: "equation", variable, targets: nothing, body: literal(element, 0) });
  }
  scope.emit({
    kind: "accumulate",
    variable: counts,
    starts: false,
    places: places(subscripts),
    body: literal(element, 1),
  });
  scope.emit({ kind: "accumulate", variable: sums, starts: false, places: places(subscripts), body: read(subscripts) });
  const original = scope.elements(data);
  return {
    element,
    shape,
    kind: "named",
    elements: (own) => {
      const isWritten = binary(">", { kind: "read", variable: counts, subscripts: own }, literal(element, 0));
      return choose(isWritten, { kind: "read", variable: sums, subscripts: own }, original(own));
    },
  };
}

const scatterElements: Operator = single((call) => {
  const [data, indices, updates] = [call.input(0), call.input(1), call.input(2)];
  for (const value of [indices, updates]) requireRank(value, data.shape.length);
  const axis = axisOf(integer(call, "axis") ?? 0, data.shape.length);
  const place = placesOf(call, indices, data.shape[axis] as Size);
  return scattered(call, data, updates, (subscripts) => subscripts.with(axis, place(subscripts)));
});

const scatterNd: Operator = single((call) => {
  const [data, indices, updates] = [call.input(0), call.input(1), call.input(2)];
  const parts = placeParts(call, indices, data, 0);
  const outer = indices.shape.length - 1;
  return scattered(call, data, updates, (subscripts) => [
    ...parts.map((part) => part(subscripts.slice(0, outer))),
    ...subscripts.slice(outer),
  ]);
});

const oneHot: Operator = single((call) => {
  const { scope } = call;
  const [indices, values] = [call.input(0), call.input(2)];
  const depth = integersFrom(call, 1, "depth")?.[0];
  if (depth === undefined) throw new Refusal("it does not say how many classes there are");
  const rank = indices.shape.length + 1;
  const axis = axisOf(integer(call, "axis") ?? -1, rank);
  const [choice, value] = [scope.elements(indices), scope.elements(values)];
  const [off, on] = [0, 1].map((k) => value([sizeOf(constantSize(k))])) as [Expression, Expression];
  return {
    element: values.element,
    shape: indices.shape.toSpliced(axis, 0, constantSize(depth)),
    kind: "computed",
    elements: (subscripts) => {
      const own = choice(subscripts.toSpliced(axis, 1));
      const wanted = subscripts[axis] as Expression;
      // Classes may be counted from the end.
      const same = binary("==", own, wanted);
      const fromEnd = binary("==", plus(own, constantSize(depth)), wanted);
      return choose(indices.below === undefined ? binary("or", same, fromEnd) : same, on, off);
    },
  };
});

export const indexedOperators: OperatorTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  OneHot: oneHot,
};
