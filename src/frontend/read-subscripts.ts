/**
 * Reading a tensor at subscripts. Positions that are affine in indices are views: slice, pad, reverse and reshape where each
 * subscript has one index of its own, a window otherwise (`X[c, 2*y + ky - 1]`, `A[i, i]`). All other positions are looked up.
 */
import { type AffineIndex, addAffine, affineAxis, affineBounds, affineValue, scaleAffine } from "./affine-index.ts";
import { axesAsLastDims, layOut, permuted } from "./align-values.ts";
import { constantValue, elementwise, provenBelow } from "./elementwise-value.ts";
import {
  type Axis,
  constantOf,
  type Dimension,
  type IndexedValue,
  type Restriction,
  substituteAxis,
  unionOfAxes,
} from "./indexed-value.ts";
import {
  type ComputedPosition,
  insidePosition,
  isAxis,
  type Lookup,
  lookUpAll,
  type Slot,
  type SlottedNode,
} from "./look-up-positions.ts";
import type { Emitter } from "./node-emitter.ts";
import { makeSpecNames } from "./spec-names.ts";

/** A subscript with its indices resolved to axes. */
export type ResolvedSubscript =
  | { readonly kind: "all" }
  | { readonly kind: "affine"; readonly form: AffineIndex }
  | { readonly kind: "group"; readonly axes: readonly Axis[] }
  | (ComputedPosition & { readonly kind: "computed" });

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
  const dims = value.dims.filter((_, k) => (subscripts[k]?.kind ?? "all") === "all");
  const sizes = value.dims.map((dim) => dim.size);
  subscripts.forEach((subscript, k) => {
    if (subscript.kind === "group") checkGroup(emit, subscript.axes, sizes[k] as number);
  });
  if (subscripts.some((subscript, k) => isOutside(subscript, sizes[k] as number))) {
    const outside = otherwise ?? constantValue(emit, 0, value.node.type.dtype);
    const axes = unionOfAxes([value, outside, { axes: subscripts.flatMap(axesOfSubscript) }]);
    return { ...outside, node: layOut(emit, outside, axes, dims), axes, dims, restrictions };
  }

  // Slots are fresh objects, so that two dims of one size stay apart.
  const dimSlots = value.dims.map((dim) => ({ ...dim }));
  const masks: IndexedValue[] = [];
  const lookups: Lookup[] = [];
  subscripts.forEach((subscript, k) => {
    const size = sizes[k] as number;
    if (subscript.kind === "computed") {
      const { position, mask } = insidePosition(emit, subscript, size, otherwise !== undefined);
      lookups.push({ slot: dimSlots[k] as Dimension, position });
      if (mask !== undefined) masks.push(mask);
    } else if (subscript.kind === "affine" && fill === undefined) {
      masks.push(...rangeTests(emit, subscript.form, size));
    }
  });
  const read = needsWindow(value, subscripts) ? throughWindow : throughSlices;
  const { node, slots } = lookUpAll(emit, read(emit, value, subscripts, dimSlots, fill ?? 0), lookups);

  const axes = slots.filter(isAxis);
  const order = [...axes, ...slots.filter((slot) => !isAxis(slot))].map((slot) => slots.indexOf(slot));
  let result: IndexedValue = { node: permuted(emit, node, order), axes, dims, restrictions };
  if (value.weak !== undefined) result = { ...result, weak: value.weak };
  if (otherwise !== undefined) {
    for (const mask of masks) result = elementwise(emit, "select", [mask, result, otherwise], value.weak);
  }
  const below = value.node.type.below;
  if (below === undefined || result.node.type.below !== undefined || value.weak !== undefined) return result;
  const outside = fill === undefined ? otherwise?.node.type.below : fill >= 0 ? fill + 1 : undefined;
  return outside === undefined ? result : provenBelow(emit, result, Math.max(below, outside));
}

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

/** Whether an affine subscript is outside of its dim for all positions. */
function isOutside(subscript: ResolvedSubscript, size: number): boolean {
  if (subscript.kind !== "affine") return false;
  const { low, high } = affineBounds(subscript.form);
  return high < 0 || low >= size || cutOf(subscript, size)?.size === 0;
}

/** Tests that are true where the position is inside the dim; none where it always is. */
function rangeTests(emit: Emitter, form: AffineIndex, size: number): IndexedValue[] {
  const { low, high } = affineBounds(form);
  if (low >= 0 && high < size) return [];
  const position = affineValue(emit, form);
  return [
    ...(low < 0 ? [elementwise(emit, "ge", [position, constantValue(emit, 0, "i32")])] : []),
    ...(high >= size ? [elementwise(emit, "lt", [position, constantValue(emit, size, "i32")])] : []),
  ];
}

function checkGroup(emit: Emitter, axes: readonly Axis[], size: number): void {
  const product = axes.reduce((held, axis) => held * axis.size, 1);
  if (product === size) return;
  const sizes = axes.map((axis) => `${axis.name} = ${axis.size}`).join(", ");
  emit.refuse("size/mismatch", `a grouped subscript covers ${product} positions of an axis of ${size}`, {
    label: sizes,
  });
}

/** Whether some subscript has several indices, or some index stands on several axes. */
function needsWindow(value: IndexedValue, subscripts: readonly ResolvedSubscript[]): boolean {
  const read = subscripts.flatMap((subscript) => (subscript.kind === "computed" ? [] : axesOfSubscript(subscript)));
  const all = [...value.axes, ...read];
  return (
    subscripts.some((subscript) => subscript.kind === "affine" && subscript.form.terms.size > 1) ||
    new Set(all).size < all.length
  );
}

/** All affine subscripts at once as one window; computed ones keep their slot. */
function throughWindow(
  emit: Emitter,
  value: IndexedValue,
  subscripts: readonly ResolvedSubscript[],
  dimSlots: readonly Dimension[],
  fill: number,
): SlottedNode {
  const names = makeSpecNames();
  const nameOf = (slot: Slot) => names.nameOf(slot, isAxis(slot) ? slot.name : "p");
  const slots: Slot[] = [...value.axes];
  for (const subscript of subscripts) {
    if (subscript.kind === "computed") continue;
    for (const axis of axesOfSubscript(subscript)) if (!slots.includes(axis)) slots.push(axis);
  }
  slots.push(...dimSlots.filter((_, k) => ["all", "computed"].includes(subscripts[k]?.kind ?? "all")));
  for (const slot of slots) nameOf(slot);
  const positions = dimSlots.map((slot, k) => {
    const subscript = subscripts[k];
    if (subscript?.kind === "affine") return affineText(subscript.form, nameOf);
    return subscript?.kind === "group" ? affineText(groupedForm(subscript.axes), nameOf) : nameOf(slot);
  });
  const spec = `${[...value.axes.map(nameOf), ...positions].join(", ")} -> ${slots.map(nameOf).join(" ")}`;
  const node = emit.node("window", [value.node], { spec, shape: slots.map((slot) => slot.size), value: fill });
  return { node, slots };
}

/** `2 y + ky - 1` */
function affineText({ terms, constant }: AffineIndex, nameOf: (axis: Axis) => string): string {
  let text = "";
  for (const [axis, coefficient] of terms) {
    const magnitude = Math.abs(coefficient) === 1 ? "" : `${Math.abs(coefficient)} `;
    const sign = coefficient < 0 ? (text === "" ? "-" : " - ") : text === "" ? "" : " + ";
    text += `${sign}${magnitude}${nameOf(axis)}`;
  }
  if (text === "") return String(constant);
  return constant === 0 ? text : `${text} ${constant < 0 ? "-" : "+"} ${Math.abs(constant)}`;
}

/** Every subscript by itself: cut to what its one index reads, then one reshape that splits groups and drops fixed positions. */
function throughSlices(
  emit: Emitter,
  value: IndexedValue,
  subscripts: readonly ResolvedSubscript[],
  dimSlots: readonly Dimension[],
  fill: number,
): SlottedNode {
  const cuts = subscripts.map((subscript, k) => cutOf(subscript, (dimSlots[k] as Dimension).size));
  const node = applyCuts(emit, value, cuts, fill);
  const slots: Slot[] = [
    ...value.axes,
    ...dimSlots.flatMap((slot, k): readonly Slot[] => {
      const subscript = subscripts[k];
      return subscript?.kind === "affine" || subscript?.kind === "group" ? axesOfSubscript(subscript) : [slot];
    }),
  ];
  if (slots.length === node.type.shape.length) return { node, slots };
  return { node: emit.node("reshape", [node], { shape: slots.map((slot) => slot.size) }), slots };
}

/** How one dim is cut before it is read by an index: positions `start, start + step, …`, `size` of them, padded around. */
interface Cut {
  readonly reverse: boolean;
  readonly start: number;
  readonly size: number;
  readonly step: number;
  readonly low: number;
  readonly high: number;
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

/** Restrictions of the dims that are read, in terms of the indices that now read them. */
function readRestrictions(
  emit: Emitter,
  value: IndexedValue,
  subscripts: readonly ResolvedSubscript[],
): readonly Restriction[] {
  const read = subscripts.flatMap((subscript, k) => {
    const { restriction } = value.dims[k] as Dimension;
    if (restriction === undefined || subscript.kind === "all") return [];
    if (subscript.kind === "computed") {
      return emit.refuse("todo/restricted-lookup", "a vector with a restricted range is read at computed positions", {
        help: ["read it by a plain index"],
      });
    }
    const form = subscript.kind === "affine" ? subscript.form : groupedForm(subscript.axes);
    const constraints = restriction.constraints.map((constraint) =>
      substituteAxis(constraint, restriction.subject, form),
    );
    const predicates = restriction.predicates.map((predicate) =>
      predicate.axes.includes(restriction.subject)
        ? readSubscripts(
            emit,
            axesAsLastDims(emit, predicate, [restriction.subject]),
            [subscript],
            constantValue(emit, 0, "bool"),
          )
        : predicate,
    );
    return [...form.terms.keys()].map((subject) => ({ subject, constraints, predicates }));
  });
  return read.length === 0 ? value.restrictions : [...value.restrictions, ...read];
}

/** `(h c)` as `C * h + c`. */
function groupedForm(axes: readonly Axis[]): AffineIndex {
  return axes.reduce<AffineIndex>((form, axis) => addAffine(scaleAffine(form, axis.size), affineAxis(axis)), {
    terms: new Map(),
    constant: 0,
  });
}
