/** Laying indexed values out: transposes and broadcasts until the node's axes stand where they are wanted. */
import type { Node } from "../ir/index.ts";
import type { Axis, Dimension, IndexedValue } from "./indexed-value.ts";
import { leadingDimsAsAxes } from "./indexed-value.ts";
import type { Emitter } from "./node-emitter.ts";

/** Reorders a node's axes; nothing is made when they already stand in order. */
export function permuted(emit: Emitter, node: Node, permutation: readonly number[]): Node {
  return permutation.every((axis, k) => axis === k)
    ? node
    : emit.node("transpose", [node], { permutation: [...permutation] });
}

/** Repeats a node along new axes; `positions[k]` is the result axis of the node's axis k, rising. */
export function spread(emit: Emitter, node: Node, shape: readonly number[], positions: readonly number[]): Node {
  return positions.length === shape.length
    ? node
    : emit.node("broadcast", [node], { shape: [...shape], axes: [...positions] });
}

/**
 * The node with exactly the given axes in the given order, then the given dims. Missing axes are repeated along; the value
 * has no axes besides these, and as many dims as given or none.
 */
export function layOut(emit: Emitter, value: IndexedValue, axes: readonly Axis[], dims: readonly Dimension[]): Node {
  const own: readonly (Axis | number)[] = [...value.axes, ...value.dims.map((_, k) => k)];
  const wanted: readonly (Axis | number)[] = [...axes, ...dims.map((_, k) => k)];
  const order: number[] = [];
  const positions: number[] = [];
  wanted.forEach((key, position) => {
    const at = own.indexOf(key);
    if (at < 0) return;
    order.push(at);
    positions.push(position);
  });
  if (order.length !== own.length) {
    const lost = value.axes.filter((axis) => !axes.includes(axis)).map((axis) => axis.name);
    throw new Error(
      `a value laid out along ${axes.map((axis) => axis.name).join(", ")} also varies along ${lost.join(", ")}`,
    );
  }
  const shape = [...axes.map((axis) => axis.size), ...dims.map((dim) => dim.size)];
  return spread(emit, permuted(emit, value.node, order), shape, positions);
}

/** The value with these axes, in this order; see `layOut`. */
export function withAxes(emit: Emitter, value: IndexedValue, axes: readonly Axis[]): IndexedValue {
  return { ...value, node: layOut(emit, value, axes, value.dims), axes };
}

/**
 * Reads axis variables as the last dims, in order, and repeats the value along those it does not have. Restrictions
 * of these axes go along.
 */
export function axesAsLastDims(emit: Emitter, value: IndexedValue, axes: readonly Axis[]): IndexedValue {
  const kept = value.axes.filter((axis) => !axes.includes(axis));
  const rank = value.dims.length;
  const laid = layOut(emit, value, [...kept, ...axes], value.dims);
  const permutation = [
    ...kept.map((_, k) => k),
    ...value.dims.map((_, k) => kept.length + axes.length + k),
    ...axes.map((_, k) => kept.length + k),
  ];
  return {
    ...value,
    node: rank === 0 ? laid : permuted(emit, laid, permutation),
    axes: kept,
    dims: [...value.dims, ...axes.map((axis) => asDimension(value, axis))],
    restrictions: value.restrictions.filter((restriction) => !axes.includes(restriction.subject)),
  };
}

/** Reads axis variables as the first dims, in order: what puts the dims of a mapping back. */
export function axesAsFirstDims(emit: Emitter, value: IndexedValue, axes: readonly Axis[]): IndexedValue {
  if (axes.length === 0) return value;
  const kept = value.axes.filter((axis) => !axes.includes(axis));
  return {
    ...value,
    node: layOut(emit, value, [...kept, ...axes], value.dims),
    axes: kept,
    dims: [...axes.map((axis) => asDimension(value, axis)), ...value.dims],
    restrictions: value.restrictions.filter((restriction) => !axes.includes(restriction.subject)),
  };
}

/** Reads the last dims as axis variables, in order. */
export function lastDimsAsAxes(emit: Emitter, value: IndexedValue, axes: readonly Axis[]): IndexedValue {
  const rank = value.dims.length;
  const first = rank - axes.length;
  const rotated = [...axes.map((_, k) => first + k), ...Array.from({ length: first }, (_, k) => k)];
  const offset = value.axes.length;
  const node = permuted(emit, value.node, [...value.axes.map((_, k) => k), ...rotated.map((k) => offset + k)]);
  const dims = rotated.map((k) => value.dims[k] as Dimension);
  return leadingDimsAsAxes({ ...value, node, dims }, axes);
}

function asDimension(value: IndexedValue, axis: Axis): Dimension {
  const restriction = value.restrictions.find((one) => one.subject === axis);
  return restriction === undefined ? { size: axis.size } : { size: axis.size, restriction };
}
