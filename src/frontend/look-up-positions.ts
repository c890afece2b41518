/** Reading along positions that are data: gathers through index tensors. */
import { permuted } from "./align-values.ts";
import { constantValue, convert, elementwise, provenBelow } from "./elementwise-value.ts";
import type { Axis, Dimension, IndexedValue } from "./indexed-value.ts";
import { type Emitter, greatestElementCount } from "./node-emitter.ts";
import { makeSpecNames } from "./spec-names.ts";

/** A computed i32 position without dims; `low` and `high` bound its values where that is known. */
export interface ComputedPosition {
  readonly position: IndexedValue;
  readonly low?: number;
  readonly high?: number;
}

/** What a node's axis currently means: an axis variable, or one of the dims being read. */
export type Slot = Axis | Dimension;

export const isAxis = (slot: Slot): slot is Axis => "serial" in slot;

/** A node with the meaning of each of its axes. */
export interface SlottedNode {
  readonly node: IndexedValue["node"];
  readonly slots: readonly Slot[];
}

/** A dim that is read at computed positions, all of them inside. */
export interface Lookup {
  readonly slot: Dimension;
  readonly position: IndexedValue;
}

/** The position moved inside the dim for certain, and where it was inside by itself if that needs a test and one is wanted. */
export function insidePosition(
  emit: Emitter,
  computed: ComputedPosition,
  size: number,
  guarded: boolean,
): { readonly position: IndexedValue; readonly mask?: IndexedValue } {
  const position = convert(emit, computed.position, "i32");
  const below = position.node.type.below;
  const aboveZero = below !== undefined || (computed.low ?? -1) >= 0;
  const belowSize = (below !== undefined && below <= size) || (computed.high ?? size) < size;
  const zero = constantValue(emit, 0, "i32");
  const last = constantValue(emit, size - 1, "i32");
  let clamped = aboveZero ? position : elementwise(emit, "max", [position, zero]);
  if (!belowSize) clamped = elementwise(emit, "min", [clamped, last]);
  const proven = provenBelow(emit, clamped, size);
  if (!guarded) return { position: proven };
  const tests = [
    ...(aboveZero ? [] : [elementwise(emit, "ge", [position, zero])]),
    ...(belowSize ? [] : [elementwise(emit, "le", [position, last])]),
  ];
  const [first, second] = tests;
  const mask = first === undefined || second === undefined ? first : elementwise(emit, "and", [first, second]);
  return mask === undefined ? { position: proven } : { position: proven, mask };
}

/**
 * Gathers along every looked-up dim. Positions that share an index (`X[I[p], J[p]]`) are first joined into one position over
 * the joined dims, so that nothing larger than the result is read.
 */
export function lookUpAll(emit: Emitter, start: SlottedNode, lookups: readonly Lookup[]): SlottedNode {
  let state = start;
  let pending = [...lookups];
  while (pending.length > 0) {
    const first = pending[0] as Lookup;
    const shared = pending.filter(
      (other) => other === first || other.position.axes.some((axis) => first.position.axes.includes(axis)),
    );
    const total = shared.reduce((size, { slot }) => size * slot.size, 1);
    if (shared.length > 1 && total <= greatestElementCount) {
      state = joinedLookUp(emit, state, shared, total);
      pending = pending.filter((lookup) => !shared.includes(lookup));
    } else {
      state = lookUp(emit, state, first);
      pending = pending.slice(1);
    }
  }
  return state;
}

function joinedLookUp(
  emit: Emitter,
  { node, slots }: SlottedNode,
  lookups: readonly Lookup[],
  total: number,
): SlottedNode {
  const joined = lookups.map(({ slot }) => slot as Slot);
  const others = slots.filter((slot) => !joined.includes(slot));
  const at = slots.slice(0, slots.indexOf(joined[0] as Slot)).filter((slot) => others.includes(slot)).length;
  const order = [...others.slice(0, at), ...joined, ...others.slice(at)];
  const adjacent = permuted(
    emit,
    node,
    order.map((slot) => slots.indexOf(slot)),
  );
  const merged: Dimension = { size: total };
  const next: Slot[] = [...others.slice(0, at), merged, ...others.slice(at)];
  const reshaped = emit.node("reshape", [adjacent], { shape: next.map((slot) => slot.size) });
  let position: IndexedValue | undefined;
  for (const lookup of lookups) {
    const scaled =
      position === undefined
        ? undefined
        : elementwise(emit, "mul", [position, constantValue(emit, lookup.slot.size, "i32")]);
    position = scaled === undefined ? lookup.position : elementwise(emit, "add", [scaled, lookup.position]);
  }
  return lookUp(
    emit,
    { node: reshaped, slots: next },
    { slot: merged, position: provenBelow(emit, position as IndexedValue, total) },
  );
}

function lookUp(emit: Emitter, { node, slots }: SlottedNode, { slot, position }: Lookup): SlottedNode {
  const names = makeSpecNames();
  const nameOf = (one: Slot) => names.nameOf(one, isAxis(one) ? one.name : one === slot ? "at" : "p");
  const fresh = position.axes.filter((axis) => !slots.includes(axis));
  const next = slots.flatMap((one) => (one === slot ? fresh : [one]));
  for (const axis of next) nameOf(axis);
  const spec = [slots, position.axes].map((list) => list.map(nameOf).join(" ")).join(", ");
  const result = next.map(nameOf).join(" ");
  const gathered = emit.node("gather", [node, position.node], { spec: `${spec} -> ${result}`, at: nameOf(slot) });
  return { node: gathered, slots: next };
}
