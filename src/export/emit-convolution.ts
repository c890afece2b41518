/**
 * Convolutions: a contraction of weights with a window view, recognised by its indices alone. In the names used here, the view has
 * batch indices (kept, not in the weights), groups (kept, in both), channels (summed, in both) and pairs of a place (kept, in the view
 * alone) and a tap (summed, in both).
 */
import { indexSizes, type Node, parseSpec, type TensorType } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { reshapeTo, type Scope, transposed } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";
import { plainIndex, readWindow, type WalkedAxis, type WindowReading, walkedAxis } from "./window-axes.ts";

/** A walked axis and where it stands in the view's operand. */
interface SpatialAxis extends WalkedAxis {
  readonly axis: number;
}

interface Roles {
  readonly reading: WindowReading;
  readonly spatial: readonly SpatialAxis[];
  readonly batch: readonly string[];
  readonly groups: readonly string[];
  readonly channels: readonly string[];
  /** Kept indices of the weights alone. */
  readonly filters: readonly string[];
}

/** The contraction as `Conv`, or undefined where it is none. */
export function emitConvolution({ scope, node, operands, emitted }: Emission): Value | undefined {
  if (node.op !== "contract" || node.operands.length !== 2 || node.attributes.where !== undefined) return undefined;
  if (node.type.dtype !== "f32") return undefined;
  const spec = parseSpec(node.attributes.spec as string);
  for (const view of [0, 1]) {
    const window = node.operands[view] as Node;
    if (window.op !== "window" || ((window.attributes.value as number | undefined) ?? 0) !== 0) continue;
    const seen = spec.operands[view] as readonly string[];
    const weights = spec.operands[1 - view] as readonly string[];
    const roles = rolesOf(window, seen, weights, spec.result);
    if (roles === undefined) continue;
    const source = emitted(window.operands[0] as Node);
    const sizes = indexSizes(
      spec,
      node.operands.map(({ type }) => type),
    );
    return convolution(scope, source, operands[1 - view] as Value, weights, roles, spec.result, sizes);
  }
  return undefined;
}

function rolesOf(
  window: Node,
  seen: readonly string[],
  weights: readonly string[],
  result: readonly string[],
): Roles | undefined {
  const own = readWindow(
    window.attributes.spec as string,
    (window.operands[0] as Node).type as TensorType,
    window.type.shape,
  );
  if (new Set(seen).size !== seen.length || new Set(weights).size !== weights.length) return undefined;
  // The contraction names the view's axes by its own letters.
  const rename = new Map(own.result.map((name, axis) => [name, seen[axis] as string]));
  const renamed = (name: string) => rename.get(name) as string;
  const reading: WindowReading = {
    ...own,
    axes: own.axes.map((axis) => ({
      ...axis,
      terms: axis.terms.map(({ index, coefficient }) => ({ index: renamed(index), coefficient })),
    })),
    result: seen,
    sizes: new Map([...own.sizes].map(([name, size]) => [renamed(name), size])),
  };
  const spatial: SpatialAxis[] = [];
  const plain: string[] = [];
  const inWeights = (name: string) => weights.includes(name);
  const kept = (name: string) => result.includes(name);
  const isPlace = (name: string) => kept(name) && !inWeights(name);
  const isTap = (name: string) => inWeights(name) && !kept(name);
  for (const [k, axis] of reading.axes.entries()) {
    const whole = plainIndex(axis, reading.sizes);
    const walked = whole === undefined ? walkedAxis(axis, reading.sizes, isPlace, isTap) : undefined;
    if (whole !== undefined) plain.push(whole);
    else if (walked !== undefined) spatial.push({ ...walked, axis: k });
    else return undefined;
  }
  const used = [...plain, ...spatial.flatMap(({ place, tap }) => (tap === undefined ? [place] : [place, tap]))];
  if (spatial.length === 0 || spatial.length > 3) return undefined;
  if (new Set(used).size !== used.length || used.length !== seen.length) return undefined;
  if (plain.some((name) => !inWeights(name) && !kept(name))) return undefined;
  const filters = weights.filter((name) => !seen.includes(name));
  if (!filters.every(kept)) return undefined;
  return {
    reading,
    spatial,
    filters,
    batch: plain.filter((name) => !inWeights(name)),
    groups: plain.filter((name) => inWeights(name) && kept(name)),
    channels: plain.filter((name) => inWeights(name) && !kept(name)),
  };
}

function convolution(
  scope: Scope,
  source: Value,
  weights: Value,
  weightNames: readonly string[],
  { reading, spatial, batch, groups, channels, filters }: Roles,
  result: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Value {
  const count = (names: readonly string[]) => names.reduce((product, name) => product * (sizes.get(name) as number), 1);
  const axisOf = (name: string) =>
    reading.axes.findIndex(({ terms }, k) => terms[0]?.index === name && !spatial.some(({ axis }) => axis === k));
  const split = reshapeTo(scope, source, reading.shape);
  const ordered = transposed(scope, split, [
    ...[...batch, ...groups, ...channels].map(axisOf),
    ...spatial.map(({ axis }) => axis),
  ]);
  const places = spatial.map(({ axis }) => reading.shape[axis] as number);
  const data = reshapeTo(scope, ordered, [count(batch), count(groups) * count(channels), ...places]);
  const taps = spatial.flatMap(({ tap }) => (tap === undefined ? [] : [tap]));
  const kernelOrder = [...groups, ...filters, ...channels, ...taps];
  const kernelShape = spatial.map(({ width }) => width);
  const kernel = reshapeTo(
    scope,
    transposed(
      scope,
      weights,
      kernelOrder.map((name) => weightNames.indexOf(name)),
    ),
    [count(groups) * count(filters), count(channels), ...kernelShape],
  );
  const lengths = spatial.map(({ place }) => sizes.get(place) as number);
  const shape = [count(batch), count(groups) * count(filters), ...lengths];
  const convolved = scope.emit(
    "Conv",
    [data, kernel],
    { element: "f32", shape },
    {
      group: count(groups),
      kernel_shape: kernelShape,
      strides: spatial.map(({ stride }) => stride),
      dilations: spatial.map(({ dilation }) => dilation),
      pads: [...spatial.map(({ low }) => low), ...spatial.map(({ high }) => high)],
    },
  );
  const named = [...batch, ...groups, ...filters, ...spatial.map(({ place }) => place)];
  const apart = reshapeTo(
    scope,
    convolved,
    named.map((name) => sizes.get(name) as number),
  );
  return transposed(
    scope,
    apart,
    result.map((name) => named.indexOf(name)),
  );
}
