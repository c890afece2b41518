/** Poolings: the largest element of a window view, recognised by its indices alone. */
import { type Node, parseSpec, type Reducer } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { padded } from "./emit-window.ts";
import { elementwise, reshapeTo, transposed } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";
import { plainIndex, readWindow, type WalkedAxis, type WindowReading, walkedAxis } from "./window-axes.ts";

interface Pooling {
  /** Axes that are read as they are, and their indices. */
  readonly plain: readonly { readonly axis: number; readonly index: string }[];
  readonly walked: readonly (WalkedAxis & { readonly axis: number })[];
}

/** What each axis of a view does in a reduction that keeps some indices, or undefined where it is no pooling. */
function poolingOf({ axes, result, sizes }: WindowReading, kept: readonly string[]): Pooling | undefined {
  const isKept = (name: string) => kept.includes(name);
  const plain: { axis: number; index: string }[] = [];
  const walked: (WalkedAxis & { axis: number })[] = [];
  for (const [axis, read] of axes.entries()) {
    const whole = plainIndex(read, sizes);
    const found = walkedAxis(read, sizes, isKept, (name) => !isKept(name));
    if (whole !== undefined && isKept(whole)) plain.push({ axis, index: whole });
    else if (found !== undefined) walked.push({ ...found, axis });
    else return undefined;
  }
  const used = axes.flatMap(({ terms }) => terms.map(({ index }) => index));
  const once = new Set(used).size === used.length && used.length === result.length;
  return once && walked.length > 0 && walked.length <= 3 ? { plain, walked } : undefined;
}

/** The largest element of a window view as `MaxPool`, or undefined where it is none. */
export function emitPooling({ scope, node, emitted }: Emission, reducer: Reducer): Value | undefined {
  const window = node.operands[0] as Node;
  if (reducer.operation !== "max" || window.op !== "window" || node.attributes.where !== undefined) return undefined;
  if (node.type.dtype !== "f32") return undefined;
  const spec = parseSpec(node.attributes.spec as string);
  const names = spec.operands[0] as readonly string[];
  const source = window.operands[0] as Node;
  const view = readWindow(window.attributes.spec as string, source.type, window.type.shape);
  const kept = view.result.filter((_, axis) => spec.result.includes(names[axis] as string));
  const pooling = poolingOf(view, kept);
  if (pooling === undefined) return undefined;
  const { plain, walked } = pooling;
  const order = [...plain.map(({ index }) => index), ...walked.map(({ place }) => place)];
  const sizes = order.map((name) => view.sizes.get(name) as number);
  const channels = sizes.slice(0, plain.length).reduce((product, size) => product * size, 1);
  const axes = [...plain, ...walked].map(({ axis }) => axis);
  const ordered = transposed(scope, reshapeTo(scope, emitted(source), view.shape), axes);
  const data = reshapeTo(scope, ordered, [1, channels, ...ordered.shape.slice(plain.length)]);
  // MaxPool's own padding lies below every number; what the view says stands outside may be anything.
  const around = padded(
    scope,
    data,
    [0, 0, ...walked.map(({ low }) => low)],
    [0, 0, ...walked.map(({ high }) => high)],
    (window.attributes.value as number | undefined) ?? 0,
  );
  const pooled = scope.emit(
    "MaxPool",
    [around],
    { element: "f32", shape: [1, channels, ...sizes.slice(plain.length)] },
    {
      kernel_shape: walked.map(({ width }) => width),
      strides: walked.map(({ stride }) => stride),
      dilations: walked.map(({ dilation }) => dilation),
    },
  );
  // Of nothing but minus infinities, the reduction is the lowest finite number.
  const lowest = scope.constant("f32", [reducer.identity("f32")]);
  const apart = reshapeTo(scope, elementwise(scope, "Max", [pooled, lowest]), sizes);
  return transposed(
    scope,
    apart,
    kept.map((name) => order.indexOf(name)),
  );
}
