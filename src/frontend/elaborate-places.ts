/**
 * Computed places on the left as nodes. Parts of one tensor are joined along every axis they divide: interleaved ones by a
 * concatenation along a new axis that is then merged, consecutive ones end to end. A scatter adds in the
 * order of its indices, so that every run gives the same bits.
 */
import { type AffineIndex, affineAxis, affineBounds, affineValue } from "./affine-index.ts";
import { layOut, permuted } from "./align-values.ts";
import { asType, bindersOf, collected, definedBy, nameNode } from "./elaborate-definition.ts";
import { affineForm, bindIndex } from "./elaborate-range.ts";
import { type Elaboration, extentIn, type Frame } from "./elaboration.ts";
import { constantValue, convert, elementwise, provenBelow } from "./elementwise-value.ts";
import { type Axis, type IndexedValue, unionOfAxes } from "./indexed-value.ts";
import { type Emitter, greatestElementCount } from "./node-emitter.ts";
import { makeSpecNames } from "./spec-names.ts";
import type { AccumulateStatement, BindingTarget, IndexBinder, Placement, TargetSubscript } from "./syntax-tree.ts";

/** Binds the indices of a left side, those that stand only in computed places included. */
function bindTarget(context: Elaboration, target: BindingTarget, frame: Frame): readonly Axis[] {
  for (const binder of (target.subscripts ?? []).flatMap(bindersOf)) bindIndex(context, binder, frame);
  const places = context.tables.places.get(target);
  return (places?.binders ?? []).map((binder) => bindIndex(context, binder, frame));
}

/** The target with an index of its own, along the given axis, in place of each computed place. */
function withPlainAxes(
  target: BindingTarget,
  frame: Frame,
  axisFor: (subscript: TargetSubscript, position: number) => Axis | undefined,
): BindingTarget {
  const subscripts = target.subscripts?.map((subscript, position): TargetSubscript => {
    const axis = axisFor(subscript, position);
    if (axis === undefined) return subscript;
    const { span } = subscript;
    const binder: IndexBinder = { kind: "index", name: { kind: "identifier", name: axis.name, span }, span };
    frame.indices.set(binder, axis);
    return binder;
  });
  return { ...target, subscripts };
}

// ── Parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One part with where it lies along every axis that the parts divide. */
interface Part {
  readonly value: IndexedValue;
  readonly forms: readonly AffineIndex[];
}

/** Defines one tensor in parts, which the checker has proven to fill every place once. */
export function elaboratePlaced(context: Elaboration, parts: readonly Placement[], frame: Frame): void {
  const [first] = parts as readonly [Placement, ...Placement[]];
  const { target } = first;
  const emit = context.at(target.span);
  const type = context.tables.targets.get(target);
  const rank = target.subscripts?.length ?? 0;
  const divided = Array.from({ length: rank }, (_, axis) => axis).filter((axis) =>
    parts.some((part) => part.target.subscripts?.[axis]?.kind === "at"),
  );
  const element = type?.kind === "tensor" ? type.element.dtype : "real";
  let pieces = parts.map((part) => elaboratePart(context, part, frame, divided, element));
  // From the last axis to the first, so that what remains to be told apart are the axes before.
  for (let k = divided.length - 1; k >= 0; k--) pieces = joinAlong(emit, pieces, divided[k] as number, k);
  const typed = asType(context, (pieces[0] as Part).value, type, frame, target);
  nameNode(typed.node, target.name.name);
  frame.values.set(definedBy(context, target), typed);
}

function elaboratePart(
  context: Elaboration,
  part: Placement,
  frame: Frame,
  divided: readonly number[],
  element: Parameters<typeof convert>[2],
): Part {
  const { target } = part;
  const emit = context.at(part.span);
  bindTarget(context, target, frame);
  const forms = divided.map((axis): AffineIndex => {
    const subscript = target.subscripts?.[axis] as TargetSubscript;
    const expression = subscript.kind === "at" ? subscript.expression : undefined;
    const form = expression && affineForm(context, expression, frame);
    if (form !== undefined) return form;
    const own = subscript.kind === "index" ? frame.indices.get(subscript) : undefined;
    if (own === undefined) throw new Error(`a place that is not affine, line ${part.span.line}`);
    return affineAxis(own);
  });
  const value = convert(emit, context.evaluate(part.value, frame), element);
  const plain = withPlainAxes(target, frame, (subscript, position) => {
    if (subscript.kind !== "at") return undefined;
    const [axis] = (forms[divided.indexOf(position)] as AffineIndex).terms.keys();
    return axis ?? emit.axis("place", 1);
  });
  let result = collected(context, plain, value, frame);
  // A falling place, n - 1 - c, is a rising one of the reversed part.
  const falling = divided.filter((_, k) => [...(forms[k] as AffineIndex).terms.values()].some((n) => n < 0));
  if (falling.length > 0) {
    const axes = falling.map((axis) => result.axes.length + axis);
    result = { ...result, node: emit.node("reverse", [result.node], { axes }) };
  }
  return { value: result, forms };
}

/** First place and distance of places along an axis. */
function startOf(form: AffineIndex): { readonly start: number; readonly stride: number } {
  const [stride] = form.terms.values();
  return { start: affineBounds(form).low, stride: Math.abs(stride ?? 1) };
}

/** Joins the parts that differ along one divided axis only. */
function joinAlong(emit: Emitter, pieces: readonly Part[], axis: number, position: number): Part[] {
  const groups = new Map<string, Part[]>();
  for (const piece of pieces) {
    const key = piece.forms
      .slice(0, position)
      .map((form) => `${startOf(form).start}:${startOf(form).stride}`)
      .join(" ");
    groups.set(key, [...(groups.get(key) ?? []), piece]);
  }
  return [...groups.values()].map((group): Part => {
    const sorted = [...group].sort(
      (a, b) => startOf(a.forms[position] as AffineIndex).start - startOf(b.forms[position] as AffineIndex).start,
    );
    const [first] = sorted as [Part, ...Part[]];
    const values = sorted.map(({ value }) => value);
    const strided = startOf(first.forms[position] as AffineIndex).stride > 1;
    return {
      value: strided ? interleavedAlong(emit, values, axis) : joinedAlong(emit, values, axis),
      forms: first.forms,
    };
  });
}

function joinedAlong(emit: Emitter, values: readonly IndexedValue[], axis: number): IndexedValue {
  const [only] = values as readonly [IndexedValue, ...IndexedValue[]];
  if (values.length === 1) return only;
  const axes = unionOfAxes(values);
  const nodes = values.map((value) => layOut(emit, value, axes, value.dims));
  const node = emit.node("concat", nodes, { axis: axes.length + axis });
  const size = values.reduce((sum, value) => sum + (value.dims[axis]?.size ?? 0), 0);
  const dims = only.dims.map((dim, k) => (k === axis ? { size } : { size: dim.size }));
  return { ...only, node, axes, dims, restrictions: [] };
}

/** `a[0], b[0], a[1], b[1], …` */
function interleavedAlong(emit: Emitter, values: readonly IndexedValue[], axis: number): IndexedValue {
  const split = values.map((value): IndexedValue => {
    const dims = [...value.dims.slice(0, axis + 1), { size: 1 }, ...value.dims.slice(axis + 1)];
    const shape = [...value.axes.map(({ size }) => size), ...dims.map(({ size }) => size)];
    return { ...value, node: emit.node("reshape", [value.node], { shape }), dims };
  });
  const joined = joinedAlong(emit, split, axis + 1);
  const count = (joined.dims[axis]?.size ?? 1) * values.length;
  const dims = [...joined.dims.slice(0, axis), { size: count }, ...joined.dims.slice(axis + 2)];
  const shape = [...joined.axes.map(({ size }) => size), ...dims.map(({ size }) => size)];
  return { ...joined, node: emit.node("reshape", [joined.node], { shape }), dims };
}

// ── Scatter ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `Y[I[n], c] += X[n, c]`: Y[v, c] + sum[n: I[n] == v] X[n, c]. */
export function elaborateAccumulate(context: Elaboration, statement: AccumulateStatement, frame: Frame): void {
  const { target } = statement;
  const emit = context.at(statement.span);
  const type = context.tables.targets.get(target);
  const key = definedBy(context, target);
  const old = statement.fresh ? undefined : frame.values.get(key);
  const element = type?.kind === "tensor" ? type.element.dtype : "real";
  const summed = bindTarget(context, target, frame);
  const places: Place[] = [];
  const plain = withPlainAxes(target, frame, (subscript) => {
    if (subscript.kind !== "at") return undefined;
    const place = placeOf(context, target, subscript, frame);
    places.push(place);
    return place.axis;
  });
  const value = convert(emit, context.evaluate(statement.value, frame), element);
  const added = places.length === 0 ? value : scattered(emit, value, places, summed);
  const whole = target.subscripts === undefined ? added : collected(context, plain, added, frame);
  const result = old === undefined ? whole : elementwise(emit, "add", [convert(emit, old, element), whole], whole.weak);
  const typed = asType(context, { ...result, restrictions: [] }, type, frame, target);
  nameNode(typed.node, target.name.name);
  frame.values.set(key, typed);
}

/** A computed place: an i32 position without dims, proven to lie on the new axis. */
interface Place {
  readonly position: IndexedValue;
  readonly axis: Axis;
}

function placeOf(
  context: Elaboration,
  target: BindingTarget,
  subscript: Extract<TargetSubscript, { kind: "at" }>,
  frame: Frame,
): Place {
  const emit = context.at(subscript.span);
  const length = context.tables.places.get(target)?.lengths.get(subscript);
  if (length === undefined) throw new Error(`an axis without length, line ${subscript.span.line}`);
  const axis = emit.axis(`at_${target.name.name}`, extentIn(context, length, frame, subscript.span));
  const form = affineForm(context, subscript.expression, frame);
  const position =
    form === undefined ? convert(emit, context.evaluate(subscript.expression, frame), "i32") : affineValue(emit, form);
  return { position: provenBelow(emit, position, axis.size), axis };
}

/** The value added up at its places, with their axes in place of the summed ones. */
function scattered(
  emit: Emitter,
  value: IndexedValue,
  places: readonly Place[],
  summed: readonly Axis[],
): IndexedValue {
  // Several places are one place in the joined axes, row by row.
  const total = places.reduce((product, { axis }) => product * axis.size, 1);
  if (total > greatestElementCount)
    emit.refuse("size/too-large", `there would be ${total.toLocaleString("en")} places`);
  const joined = places.reduce<IndexedValue | undefined>((before, { position, axis }) => {
    if (before === undefined) return position;
    const scaled = elementwise(emit, "mul", [before, constantValue(emit, axis.size, "i32")]);
    return elementwise(emit, "add", [scaled, position]);
  }, undefined);
  const position = provenBelow(emit, joined as IndexedValue, total);
  const names = makeSpecNames();
  const kept = unionOfAxes([value, position]).filter((axis) => !summed.includes(axis));
  for (const axis of kept) names.ofAxis(axis);
  const at = names.nameOf({}, "at");
  const spell = (axes: readonly Axis[], dims: IndexedValue["dims"]) =>
    [...axes.map((axis) => names.ofAxis(axis)), ...dims.map((dim) => names.nameOf(dim, "p"))].join(" ");
  const spec = `${spell(value.axes, value.dims)}, ${spell(position.axes, [])} -> ${spell(kept, value.dims)} ${at}`;
  const node = emit.node("scatter", [value.node, position.node], { spec: spec.trim(), at, size: total });
  const sizes = places.map(({ axis }) => axis.size);
  // The places come last: their axes stand after the kept ones and before the dims.
  const rank = kept.length;
  const inOrder = permuted(emit, node, [
    ...kept.map((_, k) => k),
    rank + value.dims.length,
    ...value.dims.map((_, k) => rank + k),
  ]);
  const shape = [...kept.map(({ size }) => size), ...sizes, ...value.dims.map(({ size }) => size)];
  const split = places.length === 1 ? inOrder : emit.node("reshape", [inOrder], { shape });
  const axes = [...kept, ...places.map(({ axis }) => axis)];
  const dims = value.dims.map(({ size }) => ({ size }));
  return { ...value, node: split, axes, dims, restrictions: [] };
}
