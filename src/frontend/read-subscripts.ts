/**
 * Reading a tensor at subscripts. Positions that are affine in one index are views (slice, pad, reverse, reshape); all others
 * look positions up through an index tensor.
 */
import { axesAsLastDims, layOut, permuted } from "./align-values.ts";
import { type AffineIndex, addAffine, affineAxis, affineBounds, affineValue, scaleAffine } from "./affine-index.ts";
import { constantValue, convert, elementwise, provenBelow } from "./elementwise-value.ts";
import { greatestElementCount, type Emitter } from "./node-emitter.ts";
import { makeSpecNames } from "./spec-names.ts";
import {
  type Axis,
  constantOf,
  type Dimension,
  type IndexedValue,
  type Restriction,
  substituteAxis,
  unionOfAxes,
} from "./indexed-value.ts";

/** A subscript with its indices resolved to axes. */
export type ResolvedSubscript =
  | { readonly kind: "all" }
  | { readonly kind: "affine"; readonly form: AffineIndex }
  | { readonly kind: "group"; readonly axes: readonly Axis[] }
  /** A computed i32 position without dims; `low` and `high` bound its values where that is known. */
  | { readonly kind: "computed"; readonly position: IndexedValue; readonly low?: number; readonly high?: number };

/** What a node's axis currently means: an axis variable, or one of the dims being read. */
type Slot = Axis | Dimension;

/** How one dim is cut before it is read by an index: positions `start, start + step, …`, `size` of them, padded around. */
interface Cut {
  readonly reverse: boolean;
  readonly start: number;
  readonly size: number;
  readonly step: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The value at the subscripts, which stand for its first dims; further dims stay.
 *
 * `otherwise`, a value without dims of the same element type, stands where a subscript leaves its dim. Without it, positions
 * have been proven in range wherever the result counts (`sum[k: k <= i] x[i - k]`); elsewhere it may be anything.
 */
export function readSubscripts(
  emit: Emitter,
  value: IndexedValue,
  subscripts: readonly ResolvedSubscript[],
  otherwise?: IndexedValue,
): IndexedValue {
  const fill = otherwise === undefined ? 0 : constantOf(otherwise);
  const restrictions = readRestrictions(emit, value, subscripts);
  const rest = value.dims.slice(subscripts.length);
  const dims = [...value.dims.filter((_, k) => subscripts[k]?.kind === "all"), ...rest];

  const cuts = subscripts.map((subscript, k) => cutOf(subscript, (value.dims[k] as Dimension).size));
  if (cuts.some((cut) => cut?.size === 0)) {
    // Nowhere in range.
    const outside = otherwise ?? constantValue(emit, 0, value.node.type.dtype);
    const axes = unionOfAxes([value, outside, { axes: subscripts.flatMap(axesOfSubscript) }]);
    return { ...outside, node: layOut(emit, outside, axes, dims), axes, dims, restrictions };
  }

  let node = applyCuts(emit, value, cuts, fill ?? 0);
  const masks = fill !== undefined ? [] : maskCuts(emit, subscripts, cuts);

  // One reshape drops the axes read at a fixed position and splits grouped ones.
  let slots: Slot[] = [...value.axes];
  const shape: number[] = value.axes.map((axis) => axis.size);
  const lookups: { readonly slot: Dimension; readonly position: IndexedValue }[] = [];
  value.dims.forEach((dim, k) => {
    const subscript = subscripts[k] ?? { kind: "all" };
    if (subscript.kind === "group") {
      checkGroup(emit, subscript.axes, dim);
      slots.push(...subscript.axes);
      shape.push(...subscript.axes.map((axis) => axis.size));
    } else if (subscript.kind === "affine" && subscript.form.terms.size <= 1) {
      const [axis] = subscript.form.terms.keys();
      if (axis === undefined) return;
      slots.push(axis);
      shape.push(axis.size);
    } else {
      // A fresh object, so that two dims of one size stay apart.
      const slot = { ...dim };
      slots.push(slot);
      shape.push(dim.size);
      if (subscript.kind !== "all") {
        const { position, mask } = lookedUp(emit, subscript, dim.size, otherwise !== undefined);
        lookups.push({ slot, position });
        if (mask !== undefined) masks.push(mask);
      }
    }
  });
  if (shape.length !== node.type.shape.length) node = emit.node("reshape", [node], { shape });

  ({ node, slots } = takeDiagonals(emit, node, slots));
  ({ node, slots } = lookUpAll(emit, node, slots, lookups));

  const axes = slots.filter(isAxis);
  const kept = slots.filter((slot): slot is Dimension => !isAxis(slot));
  const order = [...axes, ...kept].map((slot) => slots.indexOf(slot));
  let result: IndexedValue = { node: permuted(emit, node, order), axes, dims, restrictions };
  if (value.weak !== undefined) result = { ...result, weak: value.weak };
  const below = value.node.type.below;
  if (otherwise !== undefined) {
    for (const mask of masks) result = elementwise(emit, "select", [mask, result, otherwise], value.weak);
  }
  if (below === undefined || result.node.type.below !== undefined) return result;
  const outside = fill === undefined ? otherwise?.node.type.below : fill >= 0 ? fill + 1 : undefined;
  return outside === undefined ? result : provenBelow(emit, result, Math.max(below, outside));
}

const isAxis = (slot: Slot): slot is Axis => "serial" in slot;

function axesOfSubscript(subscript: ResolvedSubscript): readonly Axis[] {
  switch (subscript.kind) {
    case "all":
      return [];
    case "affine":
      return [...subscript.form.terms.keys()];
    case "group":
      return subscript.axes;
    case "computed":
      return subscript.position.axes;
  }
}

/** The cut for a position affine in at most one index; undefined for everything that is read another way. */
function cutOf(subscript: ResolvedSubscript, size: number): Cut | undefined {
  if (subscript.kind !== "affine" || subscript.form.terms.size > 1) return undefined;
  const { form } = subscript;
  const [[axis, coefficient] = [undefined, 1]] = form.terms;
  const count = axis?.size ?? 1;
  const step = Math.abs(coefficient);
  const reverse = coefficient < 0;
  // Counted from the end when the position falls as the index rises.
  const base = reverse ? size - 1 - form.constant : form.constant;
  const first = Math.min(count, Math.max(0, Math.ceil(-base / step)));
  const last = Math.max(first, Math.min(count, Math.floor((size - 1 - base) / step) + 1));
  return { reverse, start: Math.max(0, base + step * first), size: last - first, step, low: first, high: count - last };
}

function applyCuts(emit: Emitter, value: IndexedValue, cuts: readonly (Cut | undefined)[], fill: number) {
  const first = value.axes.length;
  const shape = value.node.type.shape;
  const starts = shape.map(() => 0);
  const sizes = [...shape];
  const steps = shape.map(() => 1);
  const low = shape.map(() => 0);
  const high = shape.map(() => 0);
  const reversed: number[] = [];
  cuts.forEach((cut, k) => {
    if (cut === undefined) return;
    const axis = first + k;
    if (cut.reverse) reversed.push(axis);
    starts[axis] = cut.start;
    sizes[axis] = cut.size;
    steps[axis] = cut.size <= 1 ? 1 : cut.step;
    low[axis] = cut.low;
    high[axis] = cut.high;
  });
  let node = value.node;
  if (reversed.length > 0) node = emit.node("reverse", [node], { axes: reversed });
  if (starts.some((start) => start > 0) || sizes.some((size, axis) => size !== shape[axis])) {
    node = emit.node("slice", [node], { starts, sizes, steps });
  }
  if ([...low, ...high].some((n) => n > 0)) node = emit.node("pad", [node], { low, high, value: fill });
  return node;
}

/** Where a padded cut is inside its dim, for a value outside that is not a constant. */
function maskCuts(emit: Emitter, subscripts: readonly ResolvedSubscript[], cuts: readonly (Cut | undefined)[]): IndexedValue[] {
  return cuts.flatMap((cut, k) => {
    const subscript = subscripts[k];
    if (cut === undefined || subscript?.kind !== "affine" || (cut.low === 0 && cut.high === 0)) return [];
    const [axis] = subscript.form.terms.keys();
    if (axis === undefined) return [];
    const index = affineValue(emit, affineAxis(axis));
    const bounds = [
      ...(cut.low > 0 ? [elementwise(emit, "ge", [index, constantValue(emit, cut.low, "i32")])] : []),
      ...(cut.high > 0 ? [elementwise(emit, "lt", [index, constantValue(emit, cut.low + cut.size, "i32")])] : []),
    ];
    return bounds;
  });
}

function checkGroup(emit: Emitter, axes: readonly Axis[], dim: Dimension): void {
  const product = axes.reduce((size, axis) => size * axis.size, 1);
  if (product === dim.size) return;
  const sizes = axes.map((axis) => `${axis.name} = ${axis.size}`).join(", ");
  emit.refuse("size/mismatch", `a grouped subscript covers ${product} positions of an axis of ${dim.size}`, { label: sizes });
}

/** Position of a lookup, inside the dim for certain, and where the author's position was so by itself. */
function lookedUp(
  emit: Emitter,
  subscript: Exclude<ResolvedSubscript, { kind: "all" } | { kind: "group" }>,
  size: number,
  guarded: boolean,
): { readonly position: IndexedValue; readonly mask?: IndexedValue } {
  const computed = subscript.kind === "computed";
  const position = computed ? convert(emit, subscript.position, "i32") : affineValue(emit, subscript.form);
  const known: { readonly low?: number; readonly high?: number } = computed ? subscript : affineBounds(subscript.form);
  const below = position.node.type.below;
  const inside = (below !== undefined && below <= size) || ((known.low ?? -1) >= 0 && (known.high ?? size) < size);
  if (inside) return { position: provenBelow(emit, position, size) };
  const zero = constantValue(emit, 0, "i32");
  const last = constantValue(emit, size - 1, "i32");
  const aboveZero = below !== undefined || (known.low ?? -1) >= 0;
  const belowSize = (known.high ?? size) < size;
  let clamped = aboveZero ? position : elementwise(emit, "max", [position, zero]);
  if (!belowSize) clamped = elementwise(emit, "min", [clamped, last]);
  if (!guarded) return { position: provenBelow(emit, clamped, size) };
  const tests = [
    ...(aboveZero ? [] : [elementwise(emit, "ge", [position, zero])]),
    ...(belowSize ? [] : [elementwise(emit, "le", [position, last])]),
  ];
  const [first, second] = tests;
  const mask = first === undefined || second === undefined ? first : elementwise(emit, "and", [first, second]);
  const proven = provenBelow(emit, clamped, size);
  return mask === undefined ? { position: proven } : { position: proven, mask };
}

/** An axis variable that stands on two axes of the node is read along the diagonal. */
function takeDiagonals(emit: Emitter, node: IndexedValue["node"], slots: Slot[]): { node: IndexedValue["node"]; slots: Slot[] } {
  const kept = [...new Set(slots)];
  if (kept.length === slots.length) return { node, slots };
  const names = makeSpecNames();
  const nameOf = (slot: Slot) => names.nameOf(slot, isAxis(slot) ? slot.name : "p");
  const { dtype, below } = node.type;
  // Contractions are about numbers.
  const numbers = dtype === "bool" ? emit.node("cast", [node], { to: "i32" }) : node;
  const spec = `${slots.map(nameOf).join(" ")} -> ${kept.map(nameOf).join(" ")}`;
  const diagonal = emit.node("contract", [numbers], { spec });
  if (dtype === "bool") return { node: emit.node("cast", [diagonal], { to: "bool" }), slots: kept };
  if (below !== undefined) return { node: emit.node("cast", [diagonal], { to: "i32", below }), slots: kept };
  return { node: diagonal, slots: kept };
}

interface Lookup {
  readonly slot: Dimension;
  readonly position: IndexedValue;
}

/**
 * Gathers along every looked-up dim. Positions that share an index (`X[I[p], J[p]]`) are first joined into one position over
 * the joined dims, so that nothing larger than the result is read.
 */
function lookUpAll(emit: Emitter, node: IndexedValue["node"], slots: Slot[], lookups: readonly Lookup[]) {
  let state = { node, slots };
  let pending = [...lookups];
  while (pending.length > 0) {
    const first = pending[0] as Lookup;
    const shared = pending.filter((other) => other === first || other.position.axes.some((axis) => first.position.axes.includes(axis)));
    const total = shared.reduce((size, { slot }) => size * slot.size, 1);
    if (shared.length > 1 && total <= greatestElementCount) {
      state = joinedLookUp(emit, state.node, state.slots, shared, total);
      pending = pending.filter((lookup) => !shared.includes(lookup));
    } else {
      state = lookUp(emit, state.node, state.slots, first);
      pending = pending.slice(1);
    }
  }
  return state;
}

function joinedLookUp(emit: Emitter, node: IndexedValue["node"], slots: Slot[], lookups: readonly Lookup[], total: number) {
  const joined = lookups.map(({ slot }) => slot as Slot);
  const others = slots.filter((slot) => !joined.includes(slot));
  const at = slots.slice(0, slots.indexOf(joined[0] as Slot)).filter((slot) => others.includes(slot)).length;
  const order = [...others.slice(0, at), ...joined, ...others.slice(at)];
  const adjacent = permuted(emit, node, order.map((slot) => slots.indexOf(slot)));
  const merged: Dimension = { size: total };
  const next: Slot[] = [...others.slice(0, at), merged, ...others.slice(at)];
  const reshaped = emit.node("reshape", [adjacent], { shape: next.map((slot) => slot.size) });
  let position: IndexedValue | undefined;
  for (const lookup of lookups) {
    const scaled =
      position === undefined ? undefined : elementwise(emit, "mul", [position, constantValue(emit, lookup.slot.size, "i32")]);
    position = scaled === undefined ? lookup.position : elementwise(emit, "add", [scaled, lookup.position]);
  }
  return lookUp(emit, reshaped, next, { slot: merged, position: provenBelow(emit, position as IndexedValue, total) });
}

function lookUp(emit: Emitter, node: IndexedValue["node"], slots: Slot[], { slot, position }: Lookup) {
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

/** Restrictions of the dims that are read, in terms of the indices that now read them. */
function readRestrictions(emit: Emitter, value: IndexedValue, subscripts: readonly ResolvedSubscript[]): readonly Restriction[] {
  const read = subscripts.flatMap((subscript, k) => {
    const { restriction } = value.dims[k] as Dimension;
    if (restriction === undefined || subscript.kind === "all") return [];
    if (subscript.kind === "computed") {
      return emit.refuse("todo/restricted-lookup", "a vector with a restricted range is read at computed positions", {
        help: ["read it by a plain index"],
      });
    }
    const form = subscript.kind === "affine" ? subscript.form : groupedForm(subscript.axes);
    const constraints = restriction.constraints.map((constraint) => substituteAxis(constraint, restriction.subject, form));
    const predicates = restriction.predicates.map((predicate) =>
      predicate.axes.includes(restriction.subject)
        ? readSubscripts(emit, axesAsLastDims(emit, predicate, [restriction.subject]), [subscript], constantValue(emit, 0, "bool"))
        : predicate,
    );
    return [...form.terms.keys()].map((subject) => ({ subject, constraints, predicates }));
  });
  return read.length === 0 ? value.restrictions : [...value.restrictions, ...read];
}

/** `(h c)` as `C * h + c`. */
function groupedForm(axes: readonly Axis[]): AffineIndex {
  return axes.reduce<AffineIndex>(
    (form, axis) => addAffine(scaleAffine(form, axis.size), affineAxis(axis)),
    { terms: new Map(), constant: 0 },
  );
}
