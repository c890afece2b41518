/**
 * Contractions: a product with broadcasting where nothing is summed, a convolution or a matrix product where it is one, else
 * `Einsum`. A restricted range becomes a mask.
 */
import { indexSizes, parseConstraints, parseSpec } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { emitConvolution } from "./emit-convolution.ts";
import { wide } from "./emit-reduce.ts";
import {
  alignedTo,
  maskOf,
  multipliedAlong,
  type NamedValue,
  type Sizes,
  sizesOf,
  withoutRepeats,
} from "./named-axes.ts";
import { castTo, chosen, elementwise, expanded, type Scope, transposed } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

/** The letters that Einsum names indices by. */
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The most indices that a contraction can have. */
export const mostIndices = letters.length;

export function emitContract(emission: Emission): Value {
  const { scope, node, operands } = emission;
  const value = emitConvolution(emission) ?? emitProduct(emission);
  const u32 = node.type.dtype === "u32" && operands.length > 0;
  return u32 ? elementwise(scope, "Mod", [value, scope.constant("i64", [2 ** 32])]) : value;
}

function emitProduct({ scope, node, operands }: Emission): Value {
  const spec = parseSpec(node.attributes.spec as string);
  const sizes = indexSizes(
    spec,
    node.operands.map(({ type }) => type),
  );
  const named = operands.map((value, k) => withoutRepeats(scope, { value, names: spec.operands[k] ?? [] }));
  const constraints = parseConstraints((node.attributes.where as string | undefined) ?? "");
  const factors =
    constraints.length === 0 ? named : masked(scope, named, maskOf(scope, constraints, sizes, [...sizes.keys()]));
  const scalars = factors.filter(({ names }) => names.length === 0);
  const rest = factors.filter(({ names }) => names.length > 0);
  if (rest.length === 0) return multipliedAlong(scope, scalars, []);
  const product = summedProduct(scope, rest, spec.result, sizes);
  return scalars.reduce((value, scalar) => elementwise(scope, "Mul", [value, scalar.value]), product);
}

/**
 * Factors that are zero where the condition does not hold. One that has all its indices takes the mask itself, so that what stands
 * outside the range, however large, has no part in the sum.
 */
function masked(scope: Scope, factors: readonly NamedValue[], mask: NamedValue): NamedValue[] {
  const bearer = factors.findIndex(({ names }) => mask.names.every((name) => names.includes(name)));
  const { element } = (factors[0] as NamedValue).value;
  if (bearer < 0) return [...factors, { value: castTo(scope, mask.value, element), names: mask.names }];
  return factors.map((factor, k) => {
    if (k !== bearer) return factor;
    const condition = alignedTo(scope, mask, factor.names);
    return { ...factor, value: chosen(scope, condition, factor.value, scope.constant(element, [0])) };
  });
}

function summedProduct(scope: Scope, factors: readonly NamedValue[], result: readonly string[], sizes: Sizes): Value {
  const all = [...new Set(factors.flatMap(({ names }) => names))];
  const summed = all.filter((name) => !result.includes(name));
  const [first, second] = factors as [NamedValue, NamedValue | undefined];
  if (summed.length === 0) {
    return expanded(scope, multipliedAlong(scope, factors, result), sizesOf(result, sizes));
  }
  if (second === undefined) return summedAlone(scope, first, result);
  if (factors.length === 2) {
    const product = matrixProduct(scope, first, second, result) ?? matrixProduct(scope, second, first, result);
    if (product !== undefined) return product;
  }
  const letter = (name: string) => letters[all.indexOf(name)] as string;
  const text = (names: readonly string[]) => names.map(letter).join("");
  const equation = `${factors.map(({ names }) => text(names)).join(",")}->${text(result)}`;
  const { element } = first.value;
  const values = factors.map(({ value }) => value);
  return scope.emit("Einsum", values, { element, shape: sizesOf(result, sizes) }, { equation });
}

/** The sum of one factor. */
function summedAlone(scope: Scope, { value, names }: NamedValue, result: readonly string[]): Value {
  const axes = names.flatMap((name, axis) => (result.includes(name) ? [] : [axis]));
  const kept = names.filter((name) => result.includes(name));
  const shape = kept.map((name) => value.shape[names.indexOf(name)] as number);
  const element = wide(value.element);
  const inputs = [castTo(scope, value, element), scope.constant("i64", axes, [axes.length])];
  const sum = castTo(scope, scope.emit("ReduceSum", inputs, { element, shape }, { keepdims: 0 }), value.element);
  return transposed(
    scope,
    sum,
    result.map((name) => kept.indexOf(name)),
  );
}

const same = (a: readonly string[], b: readonly string[]) => a.join(" ") === b.join(" ");

/** `… i k, … k j -> … i j` as MatMul, the second operand possibly transposed, without batch, or a vector. */
function matrixProduct(
  scope: Scope,
  { value: left, names: a }: NamedValue,
  { value: right, names: b }: NamedValue,
  result: readonly string[],
): Value | undefined {
  const k = a.at(-1) as string;
  const rows = a.slice(0, -1);
  if (a.length < 2 || !b.includes(k) || result.includes(k)) return undefined;
  const { element } = left;
  if (b.length === 1) {
    return same(rows, result)
      ? scope.emit("MatMul", [left, right], { element, shape: left.shape.slice(0, -1) })
      : undefined;
  }
  const [p, q] = b.slice(-2) as [string, string];
  const column = p === k ? q : p;
  if (q !== k && p !== k) return undefined;
  const batch = b.slice(0, -2);
  const fits = batch.length === 0 || same(batch, a.slice(0, -2));
  if (!fits || a.includes(column) || !same([...rows, column], result)) return undefined;
  const last = b.length - 1;
  const swapped = [...batch.map((_, axis) => axis), last, last - 1];
  const matrix = p === k ? right : transposed(scope, right, swapped);
  const shape = [...left.shape.slice(0, -1), matrix.shape.at(-1) as number];
  return scope.emit("MatMul", [left, matrix], { element, shape });
}
