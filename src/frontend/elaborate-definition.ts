/** What every definition shares, however its right side is evaluated: dims in the order of the left side, declared types, names. */
import type { Node } from "../ir/index.ts";
import { axesAsLastDims, layOut, permuted } from "./align-values.ts";
import type { TensorValueType } from "./checked-program.ts";
import { type Elaboration, extentIn, type Frame, sizeIn, sizeNotes } from "./elaboration.ts";
import { convert, provenBelow } from "./elementwise-value.ts";
import { type Axis, constantOf, type Dimension, type IndexedValue } from "./indexed-value.ts";
import type { BindingTarget, IndexBinder, TargetSubscript } from "./syntax-tree.ts";

/** Indices that a subscript of a left side binds. */
export function bindersOf(subscript: TargetSubscript): readonly IndexBinder[] {
  return subscript.kind === "index" ? [subscript] : subscript.kind === "group" ? subscript.indices : [];
}

/** What later uses of the name refer to: this target, or for an assignment whatever introduced the name. */
export function definedBy(context: Elaboration, target: BindingTarget): object {
  const definition = context.tables.uses.get(target.name);
  if (definition?.kind === "local") return definition.target;
  return definition?.kind === "parameter" ? definition.parameter : target;
}

/** The value with the target's indices as dims in the order written; grouped ones merged; `:` takes the next dim it has. */
export function collected(
  context: Elaboration,
  target: BindingTarget,
  value: IndexedValue,
  frame: Frame,
): IndexedValue {
  const emit = context.at(target.span);
  const subscripts = target.subscripts ?? [];
  const axes = subscripts.flatMap((subscript) =>
    bindersOf(subscript).map((binder) => frame.indices.get(binder) as Axis),
  );
  const rank = value.dims.length;
  const bound = axesAsLastDims(emit, value, axes);
  const order: number[] = [];
  const groups: (readonly Dimension[])[] = [];
  let nextDim = 0;
  let nextAxis = rank;
  for (const subscript of subscripts) {
    if (subscript.kind === "at") emit.refuse("todo/elaboration", "computed places on the left cannot be compiled yet");
    const count = subscript.kind === "all" ? 1 : bindersOf(subscript).length;
    const positions = Array.from({ length: count }, () => (subscript.kind === "all" ? nextDim++ : nextAxis++));
    order.push(...positions);
    groups.push(positions.map((position) => bound.dims[position] as Dimension));
  }
  for (; nextDim < rank; nextDim++) {
    order.push(nextDim);
    groups.push([bound.dims[nextDim] as Dimension]);
  }
  const offset = bound.axes.length;
  let node = permuted(emit, bound.node, [...bound.axes.map((_, k) => k), ...order.map((k) => offset + k)]);
  const dims = groups.map((group): Dimension => {
    const [only] = group;
    return group.length === 1 && only !== undefined ? only : { size: group.reduce((size, dim) => size * dim.size, 1) };
  });
  if (groups.some((group) => group.length !== 1)) {
    node = emit.node("reshape", [node], {
      shape: [...bound.axes.map((axis) => axis.size), ...dims.map((dim) => dim.size)],
    });
  }
  return { ...bound, node, dims };
}

/**
 * The value in a declared or recorded type: untyped numbers take its element type, an index its bound, and a number given for
 * a tensor fills it.
 */
export function asType(
  context: Elaboration,
  value: IndexedValue,
  type: { readonly kind: string } | TensorValueType | undefined,
  frame: Frame,
  place: { readonly span: Parameters<Elaboration["at"]>[0] },
): IndexedValue {
  if (type === undefined || type.kind !== "tensor") return value;
  const { element, dims } = type as TensorValueType;
  const emit = context.at(place.span);
  let typed = value;
  if (element.dtype !== "integer" && element.dtype !== "real") typed = convert(emit, typed, element.dtype);
  if (element.below !== undefined) {
    const below = extentIn(context, element.below, frame, place.span);
    const number = constantOf(typed);
    if (number !== undefined && !(number >= 0 && number < below)) {
      emit.refuse("index/out-of-range", `${number} is no index below ${below}`, { notes: sizeNotes(frame) });
    }
    typed = provenBelow(emit, typed, below);
  }
  if (typed.dims.length === 0 && dims.length > 0) {
    const filled = dims.map((dim) => ({ size: extentIn(context, dim, frame, place.span) }));
    typed = { ...typed, node: layOut(emit, typed, typed.axes, filled), dims: filled };
  }
  typed.dims.forEach((dim, k) => {
    const wanted = sizeIn(context, dims[k] ?? unknownSize(place), frame, place.span);
    if (wanted !== dim.size)
      throw new Error(`an axis of ${dim.size} stands where ${wanted} was proven, line ${place.span.line}`);
  });
  return typed;
}

function unknownSize(place: { readonly span: Parameters<Elaboration["at"]>[0] }): never {
  throw new Error(`a value has more axes than its type, ${place.span.file}:${place.span.line}`);
}

/**
 * Gives a node the author's name. Nodes are still private to this elaboration, so the name is put in place; the last one wins,
 * which is the outermost, because a definition is named after its right side is complete.
 */
export function nameNode(node: Node, name: string): void {
  if (node.op === "input" || node.op === "parameter" || node.op === "constant") return;
  (node as { name?: string }).name = name;
}
