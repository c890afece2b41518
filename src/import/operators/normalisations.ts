/** Normalisations: the library's layers where the parameters are called as theirs, else equations. */
import { constantSize, floorDivideSizes, type Size } from "../../frontend/index.ts";
import { call as apply, at, binary, type Expression, type Index, number, plus, reduce } from "../expression.ts";
import type { StoredTensor } from "../onnx-tensor.ts";
import {
  axisOf,
  type Call,
  float,
  integer,
  type Operator,
  type OperatorTable,
  requireRank,
  single,
  tensorOf,
} from "../operator.ts";
import { printNumber } from "../print-expression.ts";
import { Refusal } from "../problem.ts";
import { type Draft, freshIndices, numberOf, subscriptsOf, type Value, variableValue } from "../value.ts";
import { layerPath } from "./linear-layer.ts";
import { reshaped } from "./reshape.ts";

const operate = (operator: string, left: Expression, right: Expression): Expression => ({
  kind: "binary",
  operator,
  left,
  right,
});
const square = (x: Expression): Expression => operate("^", x, number(2));
const deviation = (variance: Expression, epsilon: number): Expression =>
  apply("sqrt", operate("+", variance, number(epsilon)));

/** A layer of the library with these tensors; undefined where the model calls them otherwise. */
function layer(
  call: Call,
  file: string,
  module: string,
  settings: string,
  tensors: Readonly<Record<string, Value>>,
): Expression | undefined {
  const path = layerPath(tensors.weight?.name, tensors.bias?.name);
  const held: Record<string, StoredTensor> = {};
  for (const [name, value] of Object.entries(tensors)) {
    const stored = tensorOf(value);
    if (path === undefined || stored === undefined || value.name !== `${path}.${name}`) return undefined;
    held[name] = stored;
  }
  const part = call.scope.part(path as string, `${module}(${settings})`, held);
  if (part === undefined) return undefined;
  call.scope.use(file, module);
  return apply(part, call.scope.whole(call.input(0)));
}

/** `, eps: 0.001` unless it is the library's own. */
const epsilonText = (epsilon: number): string => {
  const written = printNumber(epsilon);
  return written === "0.00001" ? "" : `, eps: ${written}`;
};

const batchNormalisation: Operator = (call) => {
  if (integer(call, "training_mode") === 1) throw new Refusal("it is in training mode; export the model for inference");
  const [x, weight, bias, running_mean, running_var] = [0, 1, 2, 3, 4].map(call.input) as [
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const epsilon = float(call, "epsilon") ?? 1e-5;
  requireRank(x, 2, "at least");
  const rank = x.shape.length;
  if (rank === 4 || rank === 2) {
    const module = rank === 4 ? "BatchNorm2d" : "BatchNorm1d";
    const settings = `${numberOf(x.shape[1] as Size)}${epsilonText(epsilon)}`;
    const whole = layer(call, "std/norm", module, settings, { weight, bias, running_mean, running_var });
    if (whole !== undefined) return [{ element: "f32", shape: x.shape, kind: "computed", whole }];
  }
  const { scope } = call;
  const read = [x, weight, bias, running_mean, running_var].map((value) => scope.elements(value));
  const [own, scale, shift, centre, variance] = read as [
    (typeof read)[0],
    (typeof read)[0],
    (typeof read)[0],
    (typeof read)[0],
    (typeof read)[0],
  ];
  const elements: Draft["elements"] = (subscripts) => {
    const c = [subscripts[1] as Expression];
    const normal = operate("/", operate("-", own(subscripts), centre(c)), deviation(variance(c), epsilon));
    return operate("+", operate("*", normal, scale(c)), shift(c));
  };
  return [{ element: "f32", shape: x.shape, kind: "named", elements }];
};

/** x less its mean over some axes, by its deviation; mean and variance get names. */
function standardised(call: Call, x: Value, axes: readonly number[], epsilon: number): NonNullable<Draft["elements"]> {
  const { scope } = call;
  const read = scope.elements({ ...variableValue(x.name, scope.named(x)) });
  const isReduced = new Set(axes);
  const kept = x.shape.flatMap((size, axis) => (isReduced.has(axis) ? [] : [{ axis, size }]));
  const sizes = kept.map(({ size }) => size);
  const outside = (subscripts: readonly Expression[]) => kept.map(({ axis }) => subscripts[axis] as Expression);
  const statistic = (name: string, body: (x: Expression, outer: readonly Expression[]) => Expression) => {
    const variable = scope.variable(name, { element: "f32", shape: sizes });
    const outer = freshIndices(sizes);
    const indices = axes.map((axis): Index => ({ size: x.shape[axis] as Size }));
    const places = x.shape.map((_, axis) =>
      isReduced.has(axis)
        ? at(indices[axes.indexOf(axis)] as Index)
        : at(outer[kept.findIndex((each) => each.axis === axis)] as Index),
    );
    scope.emit({
      kind: "equation",
      variable,
      targets: outer.map((index) => ({ kind: "index", index })),
      body: reduce("mean", indices, body(read(places), subscriptsOf(outer))),
    });
    return (subscripts: readonly Expression[]): Expression => ({ kind: "read", variable, subscripts });
  };
  const centre = statistic("μ", (own) => own);
  const variance = statistic("variance", (own, outer) => square(operate("-", own, centre(outer))));
  return (subscripts) => {
    const outer = outside(subscripts);
    return operate("/", operate("-", read(subscripts), centre(outer)), deviation(variance(outer), epsilon));
  };
}

/** Scale and shift, read at some of the subscripts. */
function scaledAndShifted(
  { scope }: Call,
  normal: NonNullable<Draft["elements"]>,
  scale: Value,
  shift: Value | undefined,
  pick: (subscripts: readonly Expression[]) => readonly Expression[],
): NonNullable<Draft["elements"]> {
  const [weight, bias] = [scope.elements(scale), shift === undefined ? undefined : scope.elements(shift)];
  return (subscripts) => {
    const scaled = operate("*", normal(subscripts), weight(pick(subscripts)));
    return bias === undefined ? scaled : operate("+", scaled, bias(pick(subscripts)));
  };
}

const layerNormalisation: Operator = (call) => {
  if (call.isUsed(1) || call.isUsed(2)) throw new Refusal("its mean or deviation is used by others");
  const [x, weight, bias] = [call.input(0), call.input(1), call.optional(2)];
  const rank = x.shape.length;
  const first = axisOf(integer(call, "axis") ?? -1, rank);
  const epsilon = float(call, "epsilon") ?? 1e-5;
  if (first === rank - 1 && bias !== undefined && weight.shape.length === 1) {
    const settings = `${numberOf(x.shape[first] as Size)}${epsilonText(epsilon)}`;
    const whole = layer(call, "std/nn", "LayerNorm", settings, { weight, bias });
    if (whole !== undefined) return [{ element: "f32", shape: x.shape, kind: "computed", whole }];
  }
  const axes = Array.from({ length: rank - first }, (_, k) => first + k);
  const elements = scaledAndShifted(call, standardised(call, x, axes, epsilon), weight, bias, (subscripts) =>
    subscripts.slice(rank - weight.shape.length),
  );
  return [{ element: "f32", shape: x.shape, kind: "named", elements }];
};

const instanceNormalisation: Operator = single((call) => {
  const [x, weight, bias] = [call.input(0), call.input(1), call.input(2)];
  requireRank(x, 3, "at least");
  const epsilon = float(call, "epsilon") ?? 1e-5;
  if (x.shape.length === 4) {
    const settings = `${numberOf(x.shape[1] as Size)}${epsilonText(epsilon)}`;
    const whole = layer(call, "std/norm", "InstanceNorm2d", settings, { weight, bias });
    if (whole !== undefined) return { element: "f32", shape: x.shape, kind: "computed", whole };
  }
  const axes = x.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []));
  const elements = scaledAndShifted(call, standardised(call, x, axes, epsilon), weight, bias, (subscripts) => [
    subscripts[1] as Expression,
  ]);
  return { element: "f32", shape: x.shape, kind: "named", elements };
});

const groupNormalisation: Operator = single((call) => {
  const [x, weight, bias] = [call.input(0), call.input(1), call.input(2)];
  requireRank(x, 3, "at least");
  const groups = constantSize(integer(call, "num_groups") ?? 1);
  const [batch, channels, ...rest] = x.shape as [Size, Size, ...Size[]];
  const share = floorDivideSizes(channels, groups);
  const apart: Value = { ...reshaped(call, x, [batch, groups, share, ...rest]), name: `${call.nameOf(0)}_groups` };
  const axes = apart.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []));
  const normal = standardised(call, apart, axes, float(call, "epsilon") ?? 1e-5);
  const named: Value = {
    element: "f32",
    shape: apart.shape,
    kind: "named",
    elements: normal,
    name: `${call.nameOf(0)}_normal`,
  };
  const joined = reshaped(call, variableValue(named.name, call.scope.named(named)), x.shape);
  const perGroup = numberOf(weight.shape[0] as Size) !== numberOf(channels);
  const elements = scaledAndShifted(
    call,
    joined.elements as NonNullable<Draft["elements"]>,
    weight,
    bias,
    (subscripts) => {
      const c = subscripts[1] as Expression;
      return [perGroup ? binary("//", c, { kind: "size", size: share }) : c];
    },
  );
  return { element: "f32", shape: x.shape, kind: "named", elements };
});

/** Normalisation by the squares of neighbouring channels (Krizhevsky et al. 2012, section 3.3). */
const localResponse: Operator = single((call) => {
  const x = call.input(0);
  requireRank(x, 3, "at least");
  const width = integer(call, "size") ?? 1;
  const [alpha, beta, bias] = [float(call, "alpha") ?? 1e-4, float(call, "beta") ?? 0.75, float(call, "bias") ?? 1];
  const source = call.scope.named(x);
  return {
    element: "f32",
    shape: x.shape,
    kind: "named",
    elements: (subscripts) => {
      const j: Index = { size: constantSize(width), letter: "j" };
      const channel = plus(binary("+", subscripts[1] as Expression, at(j)), constantSize(-Math.floor((width - 1) / 2)));
      const neighbour: Expression = {
        kind: "read",
        variable: source,
        subscripts: subscripts.with(1, channel),
        outside: number(0),
      };
      const sum = reduce("sum", [j], square(neighbour));
      const scale = operate("^", operate("+", number(bias), operate("*", number(alpha / width), sum)), number(beta));
      return operate("/", { kind: "read", variable: source, subscripts }, scale);
    },
  };
});

export const normalisationOperators: OperatorTable = {
  BatchNormalization: batchNormalisation,
  LayerNormalization: layerNormalisation,
  InstanceNormalization: instanceNormalisation,
  GroupNormalization: groupNormalisation,
  LRN: localResponse,
};
