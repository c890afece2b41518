/** Convolutions: the library's layer or function where it has one, else the sum over the window. */
import { addSizes, constantSize, floorDivideSizes, multiplySizes, type Size } from "../../frontend/index.ts";
import { at, binary, type Expression, type Index, plus, reduce, times } from "../expression.ts";
import type { StoredTensor } from "../onnx-tensor.ts";
import {
  type Call,
  integer,
  integers,
  type Operator,
  type OperatorTable,
  requireRank,
  single,
  tensorOf,
  text,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import type { Target } from "../scope.ts";
import { type Draft, numberOf, type Value, variableValue } from "../value.ts";
import { layerPath } from "./linear-layer.ts";
import { viewOf } from "./pointwise.ts";
import { isSquare, settings, settingsText, shortened, uniform, type Walk, walked, walksOf } from "./spatial.ts";

const product = (left: Expression, right: Expression): Expression => ({ kind: "binary", operator: "*", left, right });

/** Sizes of the window, which must be numbers. */
function kernelOf(weights: Value): number[] {
  return weights.shape.slice(2).map((size) => {
    const known = numberOf(size);
    if (known === undefined) throw new Refusal("the size of its kernel is not known; give it with --set");
    return known;
  });
}

/** The result with a number added for each channel. */
function withBias(call: Call, sum: Draft, bias: Value | undefined): Draft {
  if (bias === undefined) return sum;
  const { scope } = call;
  const named: Value = { ...sum, name: call.nameOf(0) };
  const [read, shift] = [scope.elements(named), scope.elements(bias)];
  return {
    element: sum.element,
    shape: sum.shape,
    kind: "computed",
    elements: (subscripts) => ({
      kind: "binary",
      operator: "+",
      left: read(subscripts),
      right: shift([subscripts[1] as Expression]),
    }),
  };
}

/** The tensors of a layer under its names, and its path; undefined where the model does not call them so. */
function layerTensors(weights: Value, bias: Value | undefined) {
  const [weight, shift] = [tensorOf(weights), tensorOf(bias)];
  const path = layerPath(weights.name, bias?.name);
  if (weight === undefined || path === undefined || (bias !== undefined && shift === undefined)) return undefined;
  const tensors: Record<string, StoredTensor> = { weight, ...(shift === undefined ? {} : { bias: shift }) };
  return { path, tensors };
}

const convolution: Operator = single((call) => {
  const { scope } = call;
  const [x, weights, bias] = [call.input(0), call.input(1), call.optional(2)];
  requireRank(x, 3, "at least");
  requireRank(weights, x.shape.length);
  const sizes = x.shape.slice(2);
  const kernel = kernelOf(weights);
  const walks = walksOf(call, sizes, kernel);
  const groups = integer(call, "group") ?? 1;
  const [outputs, depth] = weights.shape as [Size, Size];
  const shape = [x.shape[0] as Size, outputs, ...walks.map(({ length }) => length)];
  const rank = sizes.length;
  const plain = rank <= 3 ? uniform(walks) : undefined;
  if (plain !== undefined) {
    const { stride, low, dilation } = plain;
    const layer = isSquare(walks) ? layerTensors(weights, bias) : undefined;
    const extent = { stride: [stride, 1], padding: [low, 0], dilation: [dilation, 1], groups: [groups, 1] } as const;
    if (layer !== undefined) {
      const channels = (numberOf(depth) as number) * groups;
      const rest = settingsText({ ...extent, biased: [bias !== undefined, true] });
      const module = `Conv${rank}d(${channels}, ${numberOf(outputs)}, ${kernel[0]}${rest})`;
      const name = scope.part(layer.path, module, layer.tensors);
      if (name !== undefined) {
        scope.use("std/conv", `Conv${rank}d`);
        return { element: "f32", shape, kind: "computed", whole: { kind: "call", name, arguments: [scope.whole(x)] } };
      }
    }
    const name = scope.use("std/conv", `convolve${rank}d`);
    const whole: Expression = {
      kind: "call",
      name,
      arguments: [scope.whole(x), scope.whole(weights)],
      named: settings(extent),
    };
    return withBias(call, { element: "f32", shape, kind: "computed", whole }, bias);
  }
  return withBias(call, windowSum(call, x, weights, walks, groups, shape), bias);
});

/** The sum over a window that differs between axes. */
function windowSum(
  call: Call,
  x: Value,
  weights: Value,
  walks: readonly Walk[],
  groups: number,
  shape: readonly Size[],
): Draft {
  const { scope } = call;
  const source = scope.named(x);
  const read = scope.elements(weights);
  const depth = weights.shape[1] as Size;
  const share = floorDivideSizes(weights.shape[0] as Size, constantSize(groups));
  const c: Index = { size: depth, letter: "c" };
  const taps = walks.map(({ kernel }): Index => ({ size: constantSize(kernel) }));
  const [b, g, o] = [
    { size: shape[0] as Size, letter: "b" },
    { size: constantSize(groups), letter: "g" },
    { size: share, letter: "o" },
  ] as const;
  const places = walks.map(({ length }, axis): Index => ({ size: length, letter: ["u", "v", "w"][axis] ?? "z" }));
  const grouped = groups > 1;
  const flat = (first: Index, second: Index): Expression => ({
    kind: "flat",
    parts: [
      { at: at(first), size: first.size },
      { at: at(second), size: second.size },
    ],
  });
  const window = walks.map((walk, axis) => walked(walk, at(places[axis] as Index), at(taps[axis] as Index)));
  const seen: Expression = {
    kind: "read",
    variable: source,
    subscripts: [at(b), grouped ? flat(g, c) : at(c), ...window],
    outside: { kind: "number", value: 0 },
  };
  const body = reduce("sum", [c, ...taps], product(read([grouped ? flat(g, o) : at(o), at(c), ...taps.map(at)]), seen));
  const variable = scope.variable(call.nameOf(0), { element: "f32", shape });
  const target = (index: Index): Target => ({ kind: "index", index });
  const channel: Target = grouped ? { kind: "group", indices: [g, o] } : target(o);
  scope.emit({ kind: "equation", variable, targets: [target(b), channel, ...places.map(target)], body });
  return viewOf(call, variableValue(variable.name, variable));
}

const transposedConvolution: Operator = single((call) => {
  const { scope } = call;
  const [x, weights, bias] = [call.input(0), call.input(1), call.optional(2)];
  requireRank(x, 3, "at least");
  requireRank(weights, x.shape.length);
  if (
    !["NOTSET", "VALID"].includes(text(call, "auto_pad") ?? "NOTSET") ||
    integers(call, "output_shape") !== undefined
  ) {
    throw new Refusal("its padding follows from the wanted shape; export it with explicit pads");
  }
  const groups = integer(call, "group") ?? 1;
  const kernel = kernelOf(weights);
  const sizes = x.shape.slice(2);
  const strides = integers(call, "strides") ?? sizes.map(() => 1);
  const dilations = integers(call, "dilations") ?? sizes.map(() => 1);
  const pads = integers(call, "pads") ?? [...sizes, ...sizes].map(() => 0);
  const extra = integers(call, "output_padding") ?? sizes.map(() => 0);
  const axes = sizes.map((size, axis) => {
    const [stride, dilation, low, high, more] = [
      strides[axis],
      dilations[axis],
      pads[axis],
      pads[axis + sizes.length],
      extra[axis],
    ] as [number, number, number, number, number];
    const reach = constantSize(dilation * ((kernel[axis] as number) - 1) + 1 + more);
    const full = addSizes(multiplySizes(addSizes(size, constantSize(-1)), constantSize(stride)), reach);
    return { size, stride, dilation, low, high, more, full, length: shortened(full, low, high) };
  });
  const channels = multiplySizes(weights.shape[1] as Size, constantSize(groups));
  const shape = [x.shape[0] as Size, channels, ...axes.map(({ length }) => length)];
  const [first] = axes as unknown as readonly [(typeof axes)[0]];
  const plain =
    axes.length === 2 &&
    first.more < first.stride &&
    axes.every(
      (axis) =>
        axis.stride === first.stride &&
        axis.dilation === 1 &&
        axis.low === first.low &&
        axis.high === first.low &&
        axis.more === first.more,
    );
  if (plain) {
    const extent = {
      stride: [first.stride, 1],
      padding: [first.low, 0],
      extra: [first.more, 0],
      groups: [groups, 1],
    } as const;
    const layer = kernel[0] === kernel[1] ? layerTensors(weights, bias) : undefined;
    if (layer !== undefined) {
      const rest = settingsText({ ...extent, biased: [bias !== undefined, true] });
      const module = `ConvTranspose2d(${numberOf(x.shape[1] as Size)}, ${numberOf(channels)}, ${kernel[0]}${rest})`;
      const name = scope.part(layer.path, module, layer.tensors);
      if (name !== undefined) {
        scope.use("std/conv", "ConvTranspose2d");
        return { element: "f32", shape, kind: "computed", whole: { kind: "call", name, arguments: [scope.whole(x)] } };
      }
    }
    const name = scope.use("std/conv", "convolve2d_transposed");
    const whole: Expression = {
      kind: "call",
      name,
      arguments: [scope.whole(x), scope.whole(weights)],
      named: settings(extent),
    };
    return withBias(call, { element: "f32", shape, kind: "computed", whole }, bias);
  }
  if (groups !== 1) throw new Refusal("it is transposed, has groups, and walks differently along its axes");
  // Every input element is added to the places its window reaches; padding is cut off afterwards.
  const full = [x.shape[0] as Size, channels, ...axes.map((axis) => axis.full)];
  const variable = scope.variable(`${call.nameOf(0)}_full`, { element: "f32", shape: full });
  const [b, c, o] = [
    { size: full[0] as Size, letter: "b" },
    { size: x.shape[1] as Size, letter: "c" },
    { size: channels, letter: "o" },
  ] as const;
  const places = axes.map(({ size }, axis): Index => ({ size, letter: ["u", "v", "w"][axis] ?? "z" }));
  const taps = kernel.map((size): Index => ({ size: constantSize(size) }));
  const [read, weight] = [scope.elements(x), scope.elements(weights)];
  const term = product(weight([at(c), at(o), ...taps.map(at)]), read([at(b), at(c), ...places.map(at)]));
  const body = reduce("sum", [c], term);
  const reached = axes.map(({ stride, dilation }, axis) =>
    binary(
      "+",
      times(constantSize(stride), at(places[axis] as Index)),
      times(constantSize(dilation), at(taps[axis] as Index)),
    ),
  );
  scope.emit({ kind: "accumulate", variable, starts: true, places: [at(b), at(o), ...reached], body });
  const value = variableValue(variable.name, variable);
  const kept = scope.elements(value);
  const cut: Draft = {
    element: "f32",
    shape,
    kind: "view",
    elements: ([batch, channel, ...rest]) =>
      kept([
        batch as Expression,
        channel as Expression,
        ...rest.map((place, axis) => plus(place, constantSize((axes[axis] as (typeof axes)[0]).low))),
      ]),
  };
  return withBias(call, cut, bias);
});

export const convolutionOperators: OperatorTable = { Conv: convolution, ConvTranspose: transposedConvolution };
