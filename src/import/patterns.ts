/**
 * Recognises what exporters take apart: layer normalisation, GELU, SiLU and softmax, written with means, exponentials and quotients.
 * Works on nodes, with the shapes and constants of a first walk over the model, so that nothing is taken for what it is not.
 */
import { type Size, sizesEqual } from "../frontend/index.ts";
import { literalOf } from "./constants.ts";
import { plainNumber } from "./fold.ts";
import type { Attribute, OnnxNode } from "./onnx-model.ts";
import { isOne, numberOf, sameShape, type Value } from "./value.ts";

/** What the nodes of a model compute. */
interface Known {
  readonly producers: ReadonlyMap<string, OnnxNode>;
  readonly values: ReadonlyMap<string, Value>;
}

type Pattern = (node: OnnxNode, known: Known) => OnnxNode | undefined;

/** The nodes, with a single one where a pattern ends; what only the pattern needed is still there. */
export function recognise(nodes: readonly OnnxNode[], values: ReadonlyMap<string, Value>): OnnxNode[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const known = { producers, values };
  return nodes.map((node) => {
    for (const pattern of patterns) {
      const found = pattern(node, known);
      if (found !== undefined) return found;
    }
    return node;
  });
}

const replaced = (
  node: OnnxNode,
  operator: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): OnnxNode => ({
  name: node.name,
  operator,
  inputs,
  outputs: node.outputs,
  attributes: new Map(Object.entries(attributes)),
});

/** The node that makes a value, if it is of this operator. */
function made(name: string | undefined, operator: string, { producers }: Known): OnnxNode | undefined {
  const node = name === undefined ? undefined : producers.get(name);
  return node?.operator === operator ? node : undefined;
}

/** The single number that a value is everywhere. */
function numberIn(name: string | undefined, { values }: Known): number | undefined {
  const constant = name === undefined ? undefined : values.get(name)?.constant;
  if (constant === undefined || literalOf(constant) === undefined) return undefined;
  return plainNumber(constant.at(0));
}

const isNear = (value: number | undefined, wanted: number): boolean =>
  value !== undefined && Math.abs(value - wanted) < 1e-6 * Math.abs(wanted);

/** Both orders of an operator's two inputs. */
const bothOrders = ({ inputs }: OnnxNode): readonly (readonly [string, string])[] => {
  const [a, b] = inputs as readonly [string, string];
  return [
    [a, b],
    [b, a],
  ];
};

/** A value before it was given axes of one element and repeated; undefined where an axis would move. */
function beforeBroadcast(
  name: string,
  fits: (shape: readonly Size[]) => boolean,
  { producers, values }: Known,
): string | undefined {
  const node = producers.get(name);
  if (node === undefined || !["Reshape", "Unsqueeze", "Expand", "Identity"].includes(node.operator)) return name;
  const shape = values.get(name)?.shape;
  if (shape === undefined || (node.operator !== "Identity" && !fits(shape))) return undefined;
  return beforeBroadcast(node.inputs[0] as string, fits, { producers, values });
}

/** The axes that a reduction node takes together. */
function axesOf(node: OnnxNode, { values }: Known): readonly number[] | undefined {
  const given = node.attributes.get("axes");
  const rank = values.get(node.inputs[0] as string)?.shape.length ?? 0;
  const constant = node.inputs[1] === undefined ? undefined : values.get(node.inputs[1])?.constant;
  const listed =
    given?.kind === "integers"
      ? given.value
      : constant === undefined
        ? undefined
        : Array.from({ length: constant.shape[0] ?? 0 }, (_, k) => plainNumber(constant.at(k)) ?? Number.NaN);
  return listed?.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** What a reduction over one axis reduces, where its result stands broadcast against `x`. */
function reducedOver(name: string, operator: string, x: string, axis: number, known: Known): string | undefined {
  const shape = known.values.get(x)?.shape;
  if (shape === undefined) return undefined;
  const source = beforeBroadcast(name, (other) => keepsPlace(other, shape, axis), known);
  return source === undefined ? undefined : reductionOf(source, operator, axis, known);
}

/** True for the shape itself, with one element along the axis or all of them. */
const keepsPlace = (other: readonly Size[], shape: readonly Size[], axis: number): boolean =>
  other.length === shape.length &&
  other.every((size, k) => sizesEqual(size, shape[k] as Size) || (k === axis && isOne(size)));

function reductionOf(name: string, operator: string, axis: number, known: Known): string | undefined {
  const node = made(name, operator, known);
  const axes = node === undefined ? undefined : axesOf(node, known);
  return axes?.length === 1 && axes[0] === axis ? node?.inputs[0] : undefined;
}

/** What a value is the mean of, over the last axis of `x`: said as a mean, or as a sum and a quotient. */
function meanOver(name: string, x: string, known: Known): string | undefined {
  const shape = known.values.get(x)?.shape;
  if (shape === undefined || shape.length === 0) return undefined;
  const axis = shape.length - 1;
  const source = beforeBroadcast(name, (other) => keepsPlace(other, shape, axis), known);
  if (source === undefined) return undefined;
  const quotient = made(source, "Div", known);
  if (quotient === undefined) return reductionOf(source, "ReduceMean", axis, known);
  const isLength = numberIn(quotient.inputs[1], known) === numberOf(shape[axis] as Size);
  return isLength ? reductionOf(quotient.inputs[0] as string, "ReduceSum", axis, known) : undefined;
}

/** True for `x - mean(x)`. */
function isCentred(name: string, x: string, known: Known): boolean {
  const node = made(name, "Sub", known);
  return node?.inputs[0] === x && meanOver(node.inputs[1] as string, x, known) === x;
}

/** A vector along the last axis, before it was repeated. */
function vectorOf(name: string, x: string, known: Known): string | undefined {
  const shape = known.values.get(x)?.shape ?? [];
  const fits = (other: readonly Size[]) =>
    sameShape(other, shape) ||
    (other.slice(0, -1).every(isOne) && sizesEqual(other.at(-1) as Size, shape.at(-1) as Size));
  const source = beforeBroadcast(name, fits, known);
  const own = source === undefined ? undefined : known.values.get(source)?.shape;
  return own?.length === 1 && sizesEqual(own[0] as Size, shape.at(-1) as Size) ? source : undefined;
}

/** (x - mean) / sqrt(variance + ε) · w + b */
const layerNormalisation: Pattern = (node, known) => {
  if (node.operator !== "Add") return undefined;
  for (const [scaled, shift] of bothOrders(node)) {
    const product = made(scaled, "Mul", known);
    if (product === undefined) continue;
    for (const [normal, scale] of bothOrders(product)) {
      const quotient = made(normal, "Div", known);
      const centred = made(quotient?.inputs[0], "Sub", known);
      const x = centred?.inputs[0];
      if (quotient === undefined || x === undefined || !isCentred(quotient.inputs[0] as string, x, known)) continue;
      const epsilon = deviationOf(quotient.inputs[1] as string, x, known);
      const [weight, bias] = [vectorOf(scale, x, known), vectorOf(shift, x, known)];
      if (epsilon === undefined || weight === undefined || bias === undefined) continue;
      const attributes: Record<string, Attribute> = {
        axis: { kind: "integer", value: -1 },
        epsilon: { kind: "float", value: epsilon },
      };
      return replaced(node, "LayerNormalization", [x, weight, bias], attributes);
    }
  }
  return undefined;
};

/** The ε of `sqrt(mean((x - mean)²) + ε)`, which is what the value is, or undefined. */
function deviationOf(name: string, x: string, known: Known): number | undefined {
  const shape = known.values.get(x)?.shape ?? [];
  const source = beforeBroadcast(name, (other) => keepsPlace(other, shape, shape.length - 1), known);
  const sum = made(made(source, "Sqrt", known)?.inputs[0], "Add", known);
  const epsilon = numberIn(sum?.inputs[1], known);
  const squares = sum === undefined ? undefined : meanOver(sum.inputs[0] as string, x, known);
  const [power, product] = [made(squares, "Pow", known), made(squares, "Mul", known)];
  const isSquare =
    power !== undefined ? numberIn(power.inputs[1], known) === 2 : product?.inputs[0] === product?.inputs[1];
  const root = (power ?? product)?.inputs[0];
  return isSquare && root !== undefined && isCentred(root, x, known) ? epsilon : undefined;
}

/** True for `1 + erf(x / √2)`. */
function isErrorTerm(name: string, x: string, known: Known): boolean {
  const sum = made(name, "Add", known);
  if (sum === undefined) return false;
  return bothOrders(sum).some(([erf, one]) => {
    const inside = made(erf, "Erf", known)?.inputs[0];
    const [quotient, product] = [made(inside, "Div", known), made(inside, "Mul", known)];
    const argument = quotient ?? product;
    const factor = quotient === undefined ? Math.SQRT1_2 : Math.SQRT2;
    return (
      numberIn(one, known) === 1 && argument?.inputs[0] === x && isNear(numberIn(argument.inputs[1], known), factor)
    );
  });
}

/** x (1 + erf(x / √2)) / 2, the half at either place */
const gelu: Pattern = (node, known) => {
  const halved = (name: string): string | undefined => {
    const [quotient, product] = [made(name, "Div", known), made(name, "Mul", known)];
    if (quotient !== undefined && numberIn(quotient.inputs[1], known) === 2) return quotient.inputs[0];
    const order =
      product === undefined ? undefined : bothOrders(product).find(([, half]) => numberIn(half, known) === 0.5);
    return order?.[0];
  };
  if (node.operator === "Mul") {
    for (const [half, error] of bothOrders(node)) {
      const x = halved(half);
      if (x !== undefined && isErrorTerm(error, x, known)) return replaced(node, "Gelu", [x]);
    }
  }
  const whole = node.operator === "Mul" || node.operator === "Div" ? halved(node.outputs[0] as string) : undefined;
  const product = made(whole, "Mul", known);
  const order =
    product === undefined ? undefined : bothOrders(product).find(([x, error]) => isErrorTerm(error, x, known));
  return order === undefined ? undefined : replaced(node, "Gelu", [order[0]]);
};

/** x σ(x) */
const silu: Pattern = (node, known) => {
  if (node.operator !== "Mul") return undefined;
  const order = bothOrders(node).find(([x, gate]) => made(gate, "Sigmoid", known)?.inputs[0] === x);
  return order === undefined ? undefined : replaced(node, "Swish", [order[0]]);
};

/** exp(x - max) / sum exp(x - max), the extreme kept above the lowest float */
const softmax: Pattern = (node, known) => {
  const exponentials = node.operator === "Div" ? made(node.inputs[0], "Exp", known) : undefined;
  const difference = made(exponentials?.inputs[0], "Sub", known);
  if (exponentials === undefined || difference === undefined) return undefined;
  const [x, greatest] = difference.inputs as readonly [string, string];
  const shape = known.values.get(x)?.shape ?? [];
  const axis = shape.findIndex((_, k) => {
    const sum = reducedOver(node.inputs[1] as string, "ReduceSum", x, k, known);
    if (sum !== node.inputs[0]) return false;
    const source = beforeBroadcast(greatest, (other) => keepsPlace(other, shape, k), known);
    const bounded = made(source, "Max", known);
    const isFloor = bounded?.inputs.length === 2 && (numberIn(bounded.inputs[1], known) ?? 0) < -3.4e38;
    const extreme = isFloor ? bounded.inputs[0] : source;
    return extreme !== undefined && reductionOf(extreme, "ReduceMax", k, known) === x;
  });
  return axis === -1
    ? undefined
    : replaced(node, "Softmax", [x], { axis: { kind: "integer", value: axis }, single: { kind: "integer", value: 1 } });
};

const patterns: readonly Pattern[] = [layerNormalisation, gelu, silu, softmax];
