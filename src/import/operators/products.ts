/** Matrix products and sums of products. */
import type { Size } from "../../frontend/index.ts";
import { at, type Expression, type Index, number, reduce } from "../expression.ts";
import {
  broadcast,
  float,
  integer,
  type Operator,
  type OperatorTable,
  requireEqual,
  single,
  tensorOf,
  text,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { broadcastSubscripts, type Draft, type Value } from "../value.ts";
import { layerPath, linear } from "./linear-layer.ts";

const product = (left: Expression, right: Expression): Expression => ({ kind: "binary", operator: "*", left, right });

const matMul: Operator = single((call) => {
  const { scope } = call;
  const [a, b] = [call.input(0), call.input(1)];
  const [rows, columns] = [a.shape.length > 1, b.shape.length > 1];
  const length = a.shape.at(-1);
  if (length === undefined || b.shape.length === 0) throw new Refusal("a single number has no matrix product");
  requireEqual(length, b.shape.at(columns ? -2 : -1) as Size, "the lengths of its rows and columns differ");
  const around = broadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  const shape = [...around, ...(rows ? [a.shape.at(-2) as Size] : []), ...(columns ? [b.shape.at(-1) as Size] : [])];
  const [readA, readB] = [scope.elements(a), scope.elements(b)];
  const elements: Draft["elements"] = (subscripts) => {
    const k: Index = { size: length, letter: "k" };
    const outer = subscripts.slice(0, around.length);
    const rest = subscripts.slice(around.length);
    const row = rows ? rest.slice(0, 1) : [];
    const column = columns ? rest.slice(-1) : [];
    const left = readA([...broadcastSubscripts(a.shape.slice(0, -2), outer), ...row, at(k)]);
    const right = readB([...broadcastSubscripts(b.shape.slice(0, -2), outer), at(k), ...column]);
    return reduce("sum", [k], product(left, right));
  };
  const weights = tensorOf(b) ?? b.transposeOf;
  const isLayer = weights?.shape.length === 2 && weights.element === "f32" && rows;
  return {
    element: a.element,
    shape,
    kind: "reduced",
    elements,
    ...(isLayer ? { product: { data: a, weights: b } } : {}),
  };
});

const gemm: Operator = single((call) => {
  const { scope } = call;
  const [a, b, c] = [call.input(0), call.input(1), call.optional(2)];
  const [alpha, beta] = [float(call, "alpha") ?? 1, float(call, "beta") ?? 1];
  const [flipA, flipB] = [integer(call, "transA") === 1, integer(call, "transB") === 1];
  if (a.shape.length !== 2 || b.shape.length !== 2) throw new Refusal("its factors are no matrices");
  const shape = [a.shape[flipA ? 1 : 0] as Size, b.shape[flipB ? 0 : 1] as Size];
  const length = a.shape[flipA ? 0 : 1] as Size;
  requireEqual(length, b.shape[flipB ? 1 : 0] as Size, "the lengths of its rows and columns differ");
  const [weight, bias] = [tensorOf(b), tensorOf(c)];
  if (weight !== undefined && bias !== undefined && flipB && !flipA && alpha === 1 && beta === 1) {
    const path = layerPath(b.name, c?.name);
    if (path !== undefined && bias.shape.length === 1 && bias.shape[0] === weight.shape[0]) {
      const whole = linear(call, a, weight, bias, path);
      if (whole !== undefined) return { element: "f32", shape, whole, kind: "computed" };
    }
  }
  const [readA, readB] = [scope.elements(a), scope.elements(b)];
  const readC = c === undefined ? undefined : scope.elements(c);
  const elements: Draft["elements"] = (subscripts) => {
    const [i, j] = subscripts as [Expression, Expression];
    const k: Index = { size: length, letter: "k" };
    const left = readA(flipA ? [at(k), i] : [i, at(k)]);
    const right = readB(flipB ? [j, at(k)] : [at(k), j]);
    const sum = reduce("sum", [k], product(left, right));
    const scaled = alpha === 1 ? sum : product(number(alpha), sum);
    if (c === undefined || readC === undefined) return scaled;
    const shift = readC(broadcastSubscripts(c.shape, subscripts));
    return { kind: "binary", operator: "+", left: scaled, right: beta === 1 ? shift : product(number(beta), shift) };
  };
  return { element: a.element, shape, kind: "reduced", elements };
});

/** One operand's letters, with the axes of an ellipsis as letters of their own. */
function lettersOf(term: string, rank: number): string[] {
  const [before, after] = term.split("...") as [string, string | undefined];
  if (after === undefined) return [...before];
  const hidden = rank - before.length - after.length;
  if (hidden < 0) throw new Refusal(`its equation gives \`${term}\` more axes than there are`);
  // Counted from the last, because ellipses are broadcast so.
  return [...before, ...Array.from({ length: hidden }, (_, k) => `.${hidden - k}`), ...after];
}

const einsum: Operator = single((call) => {
  const { scope } = call;
  const equation = (text(call, "equation") ?? "").replaceAll(" ", "");
  const [left, right] = equation.split("->") as [string, string | undefined];
  const values = call.inputs();
  const terms = left.split(",");
  if (terms.length !== values.length) throw new Refusal(`its equation \`${equation}\` is for ${terms.length} operands`);
  const operands = terms.map((term, k) => lettersOf(term, (values[k] as Value).shape.length));
  const sizes = new Map<string, Size>();
  for (const [k, names] of operands.entries()) {
    const { shape } = values[k] as Value;
    if (names.length !== shape.length)
      throw new Refusal(`its equation gives \`${terms[k]}\` ${names.length} axes, not ${shape.length}`);
    for (const [axis, name] of names.entries()) {
      const size = shape[axis] as Size;
      const known = sizes.get(name);
      sizes.set(name, known === undefined ? size : (broadcast([[known], [size]])[0] as Size));
    }
  }
  const all = [...sizes.keys()];
  const hidden = all.filter((name) => name.startsWith(".")).sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  const once = all.filter(
    (name) => !name.startsWith(".") && operands.flat().filter((each) => each === name).length === 1,
  );
  const result =
    right === undefined
      ? [...hidden, ...once.sort()]
      : right.includes("...")
        ? [...(right.split("...")[0] as string), ...hidden, ...(right.split("...")[1] as string)]
        : [...right];
  const unknown = result.find((name) => !sizes.has(name));
  if (unknown !== undefined) throw new Refusal(`its equation \`${equation}\` makes an axis \`${unknown}\` of nothing`);
  const read = values.map((value) => scope.elements(value));
  const shape = result.map((name) => sizes.get(name) as Size);
  const elements: Draft["elements"] = (subscripts) => {
    const places = new Map(result.map((name, axis) => [name, subscripts[axis] as Expression]));
    const summed = all.filter((name) => !places.has(name));
    const indices = summed.map((name): Index => {
      const letter = /^[a-z]$/.test(name) ? { letter: name } : {};
      return { size: sizes.get(name) as Size, ...letter };
    });
    for (const [k, name] of summed.entries()) places.set(name, at(indices[k] as Index));
    const factors = values.map((value, k) => {
      const own = (operands[k] as string[]).map((name) => places.get(name) as Expression);
      return (read[k] as (typeof read)[0])(broadcastSubscripts(value.shape, own));
    });
    return reduce("sum", indices, factors.reduce(product));
  };
  return { element: (values[0] as Value).element, shape, kind: "reduced", elements };
});

export const productOperators: OperatorTable = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
