/**
 * Sums of products in one form: contractions that read their operands directly, and sums where there is one factor.
 * The rules name `mul`, `sum` and `contract`, because the distributive law is about exactly these.
 */
import {
  type Builder,
  elementCount,
  type IndexSpec,
  indexSizes,
  isFloat,
  type Node,
  operationOf,
  parseConstraints,
  parseSpec,
  printSpec,
} from "../../ir/index.ts";
import { layOut } from "../layout.ts";
import { any, family, named, op } from "../pattern.ts";
import { type Rule, rule } from "../rewrite.ts";

const specOf = (node: Node): IndexSpec => parseSpec(node.attributes.spec as string);
const whereOf = (node: Node) => (node.attributes.where as string | undefined) ?? "";
const isAdditive = (node: Node) => operationOf(node.op).reducer?.operation === "add";
const constrainedNames = (where: string) =>
  new Set(parseConstraints(where).flatMap((constraint) => [...constraint.terms.keys()]));
const sizesOf = (node: Node) =>
  indexSizes(
    specOf(node),
    node.operands.map((operand) => operand.type),
  );
const repeats = (names: readonly string[]) => new Set(names).size !== names.length;

export const contractionRules: readonly Rule[] = [
  rule({
    name: "sum of a product",
    reason: "a contraction multiplies and adds without storing the products",
    pattern: named("root", family("reduce", named("product", op("mul", any("x"), any("y"))))),
    when: ({ root, x, y }) => isAdditive(root) && x.type.shape.length > 0 && y.type.shape.length > 0,
    build: ({ root, x, y }, builder) => {
      const spec = specOf(root);
      const own = spec.operands[0] as readonly string[];
      return builder.contract(printSpec({ operands: [own, own], result: spec.result }), [x, y], whereOf(root));
    },
    sample: {
      before: `%0: f32[4, 3] = input "x"
  %1: f32[4, 3] = input "z"
  %2: f32[4, 3] = mul %0, %1
  %3: f32[4] = sum "i k -> i" %2
  return y = %3`,
      after: `%0: f32[4, 3] = input "x"
  %1: f32[4, 3] = input "z"
  %2: f32[4] = contract "i k, i k -> i" %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "sum of a scaled value",
    reason: "scaling the sum takes fewer multiplications than scaling what is summed",
    pattern: named("root", family("reduce", op("mul", any("x"), any("s")))),
    when: ({ root, x, s }) =>
      isAdditive(root) && isFloat(root.type.dtype) && s.type.shape.length === 0 && x.type.shape.length > 0,
    build: ({ root, x, s }, builder) => builder.apply("mul", builder.node(root.op, [x], root.attributes), s),
    sample: {
      before: `%0: f32[4, 3] = input "x"
  %1: f32 = input "s"
  %2: f32[4, 3] = mul %0, %1
  %3: f32[4] = sum "i k -> i" %2
  return y = %3`,
      after: `%0: f32[4, 3] = input "x"
  %1: f32 = input "s"
  %2: f32[4] = sum "i k -> i" %0
  %3: f32[4] = mul %2, %1
  return y = %3`,
    },
  }),
  rule({
    name: "sum of a broadcast",
    reason: "adding up copies of one value is multiplying it by their number",
    pattern: named("root", family("reduce", named("view", op("broadcast", any("x"))))),
    when: ({ root }) => isAdditive(root) && isFloat(root.type.dtype),
    build: ({ root, view, x }, builder) => sumOfBroadcast(root, view, x, builder),
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4, 3] = broadcast %0 shape=[4, 3] axes=[0]
  %2: f32[4] = sum "i k -> i" %1
  return y = %2`,
      after: `%0: f32[4] = input "x"
  %1: f32 = constant values=[3]
  %2: f32[4] = mul %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "sum of a sum",
    reason: "adding up in two steps is adding up in one",
    pattern: named("root", family("reduce", named("inner", family("reduce", any("x"))))),
    when: ({ root, inner }, { uses }) =>
      root.op === inner.op &&
      operationOf(root.op).reducer?.positional !== true &&
      whereOf(root) === "" &&
      whereOf(inner) === "" &&
      uses(inner) === 1,
    build: ({ root, inner, x }, builder) => {
      const own = specOf(inner).operands[0] as readonly string[];
      const outer = specOf(root).operands[0] as readonly string[];
      const result = specOf(root).result.map((name) => specOf(inner).result[outer.indexOf(name)] as string);
      return builder.node(root.op, [x], { spec: printSpec({ operands: [own], result }) });
    },
    sample: {
      before: `%0: f32[4, 3, 2] = input "x"
  %1: f32[4, 3] = maximum "i j k -> i j" %0
  %2: f32[3] = maximum "a b -> b" %1
  return y = %2`,
      after: `%0: f32[4, 3, 2] = input "x"
  %1: f32[3] = maximum "i j k -> j" %0
  return y = %1`,
    },
  }),
  rule({
    name: "contraction of a transpose",
    reason: "a contraction reads its operands by index names, in any order",
    pattern: named("root", op("contract")),
    build: ({ root }, builder) => {
      if (!root.operands.some((operand) => operand.op === "transpose")) return undefined;
      const spec = specOf(root);
      const operands = root.operands.map((operand) =>
        operand.op === "transpose" ? (operand.operands[0] as Node) : operand,
      );
      const names = root.operands.map((operand, k) => {
        const own = spec.operands[k] as readonly string[];
        if (operand.op !== "transpose") return own;
        const permutation = operand.attributes.permutation as readonly number[];
        return permutation.map((_, axis) => own[permutation.indexOf(axis)] as string);
      });
      return builder.contract(printSpec({ operands: names, result: spec.result }), operands, whereOf(root));
    },
    sample: {
      before: `%0: f32[4, 3] = input "x"
  %1: f32[5, 3] = input "z"
  %2: f32[3, 5] = transpose %1 permutation=[1, 0]
  %3: f32[4, 5] = contract "i k, k j -> i j" %0, %2
  return y = %3`,
      after: `%0: f32[4, 3] = input "x"
  %1: f32[5, 3] = input "z"
  %2: f32[4, 5] = contract "i k, j k -> i j" %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "transpose of a contraction",
    reason: "a contraction writes its result in any order of its indices",
    pattern: op("transpose", named("inner", op("contract"))),
    when: ({ inner }, { uses }) => uses(inner) === 1,
    build: ({ inner }, builder, { root }) => {
      const spec = specOf(inner);
      const permutation = root.attributes.permutation as readonly number[];
      const result = permutation.map((axis) => spec.result[axis] as string);
      return builder.contract(printSpec({ ...spec, result }), inner.operands, whereOf(inner));
    },
    sample: {
      before: `%0: f32[4, 3] = input "x"
  %1: f32[5, 3] = input "z"
  %2: f32[4, 5] = contract "i k, j k -> i j" %0, %1
  %3: f32[5, 4] = transpose %2 permutation=[1, 0]
  return y = %3`,
      after: `%0: f32[4, 3] = input "x"
  %1: f32[5, 3] = input "z"
  %2: f32[5, 4] = contract "i k, j k -> j i" %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "contraction of a broadcast",
    reason: "a factor that does not vary along an index need not carry it",
    pattern: named("root", op("contract")),
    build: ({ root }, builder) => contractionOfBroadcast(root, builder),
    sample: {
      before: `%0: f32[4, 3] = input "x"
  %1: f32[3, 5] = input "z"
  %2: f32[4, 3, 5] = broadcast %0 shape=[4, 3, 5] axes=[0, 1]
  %3: f32[4, 3, 5] = broadcast %1 shape=[4, 3, 5] axes=[1, 2]
  %4: f32[4, 5] = contract "i k j, i k j -> i j" %2, %3
  return y = %4`,
      after: `%0: f32[4, 3] = input "x"
  %1: f32[3, 5] = input "z"
  %2: f32[4, 5] = contract "i k, k j -> i j" %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "contraction with a scalar",
    reason: "a scalar factor is applied once, to the sum",
    pattern: named("root", op("contract")),
    when: ({ root }) => root.operands.length > 1 && root.operands.some((operand) => operand.type.shape.length === 0),
    build: ({ root }, builder) => {
      const spec = specOf(root);
      const k = root.operands.findIndex((operand) => operand.type.shape.length === 0);
      const operands = root.operands.filter((_, other) => other !== k);
      const names = spec.operands.filter((_, other) => other !== k);
      const rest = builder.contract(printSpec({ operands: names, result: spec.result }), operands, whereOf(root));
      return builder.apply("mul", rest, root.operands[k] as Node);
    },
    sample: {
      before: `%0: f32[4, 3] = input "x"
  %1: f32[3] = input "z"
  %2: f32 = input "s"
  %3: f32[4] = contract "i k, , k -> i" %0, %2, %1
  return y = %3`,
      after: `%0: f32[4, 3] = input "x"
  %1: f32[3] = input "z"
  %2: f32 = input "s"
  %3: f32[4] = contract "i k, k -> i" %0, %1
  %4: f32[4] = mul %3, %2
  return y = %4`,
    },
  }),
  rule({
    name: "contraction of one factor",
    reason: "without a second factor there is nothing to multiply",
    pattern: named("root", op("contract", any("x"))),
    when: ({ root }) => !repeats(specOf(root).operands[0] as readonly string[]),
    build: ({ root, x }, builder) => {
      const spec = specOf(root);
      const own = spec.operands[0] as readonly string[];
      const kept = own.filter((name) => spec.result.includes(name));
      if (whereOf(root) !== "" && kept.length === own.length) return undefined;
      const attributes = { spec: printSpec({ operands: [own], result: kept }), where: whereOf(root) };
      const sum = kept.length === own.length ? x : builder.node("sum", [x], attributes);
      return builder.transpose(
        sum,
        spec.result.map((name) => kept.indexOf(name)),
      );
    },
    sample: {
      before: `%0: f32[4, 3, 2] = input "x"
  %1: f32[2, 4] = contract "i k j -> j i" %0
  return y = %1`,
      after: `%0: f32[4, 3, 2] = input "x"
  %1: f32[4, 2] = sum "i k j -> i j" %0
  %2: f32[2, 4] = transpose %1 permutation=[1, 0]
  return y = %2`,
    },
  }),
  rule({
    name: "contraction without a sum",
    reason: "a product that sums nothing is elementwise work on views",
    pattern: named("root", op("contract")),
    when: ({ root }) => {
      const spec = specOf(root);
      const summed = spec.operands.flat().some((name) => !spec.result.includes(name));
      return root.operands.length > 1 && !summed && whereOf(root) === "" && !spec.operands.some(repeats);
    },
    build: ({ root }, builder) => {
      const spec = specOf(root);
      const sizes = sizesOf(root);
      const laidOut = root.operands.map((operand, k) =>
        layOut(builder, operand, spec.operands[k] as readonly string[], spec.result, sizes),
      );
      return laidOut.reduce((product, factor) => builder.apply("mul", product, factor));
    },
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[3] = input "z"
  %2: f32[4, 3] = contract "i, j -> i j" %0, %1
  return y = %2`,
      after: `%0: f32[4] = input "x"
  %1: f32[4, 3] = broadcast %0 shape=[4, 3] axes=[0]
  %2: f32[3] = input "z"
  %3: f32[4, 3] = broadcast %2 shape=[4, 3] axes=[1]
  %4: f32[4, 3] = mul %1, %3
  return y = %4`,
    },
  }),
];

function sumOfBroadcast(root: Node, view: Node, x: Node, builder: Builder): Node | undefined {
  const spec = specOf(root);
  const names = spec.operands[0] as readonly string[];
  const axes = view.attributes.axes as readonly number[];
  const held = constrainedNames(whereOf(root));
  const sizes = sizesOf(root);
  const repeated = names.filter((name, axis) => !axes.includes(axis) && !spec.result.includes(name) && !held.has(name));
  if (repeated.length === 0) return undefined;
  const count = repeated.reduce((product, name) => product * (sizes.get(name) as number), 1);
  // Indices that only repeat and are kept are put back by a broadcast after the sum, those under a condition before it.
  const early = names.filter((name, axis) => axes.includes(axis) || held.has(name));
  const operand = layOut(
    builder,
    x,
    axes.map((axis) => names[axis] as string),
    early,
    sizes,
  );
  const kept = early.filter((name) => spec.result.includes(name));
  const summed =
    kept.length === early.length
      ? operand
      : builder.node(root.op, [operand], {
          spec: printSpec({ operands: [early], result: kept }),
          where: whereOf(root),
        });
  if (kept.length === early.length && whereOf(root) !== "") return undefined;
  return layOut(builder, builder.apply("mul", summed, builder.constant(count, x.type.dtype)), kept, spec.result, sizes);
}

function contractionOfBroadcast(root: Node, builder: Builder): Node | undefined {
  const spec = specOf(root);
  const sizes = sizesOf(root);
  const held = constrainedNames(whereOf(root));
  const names = spec.operands.map((own) => [...own]);
  const operands = [...root.operands];
  let count = 1;
  for (let k = 0; k < operands.length; k++) {
    const operand = operands[k] as Node;
    if (operand.op !== "broadcast") continue;
    const own = names[k] as string[];
    const axes = operand.attributes.axes as readonly number[];
    const droppable = own.filter((name, axis) => {
      if (axes.includes(axis) || own.indexOf(name) !== own.lastIndexOf(name)) return false;
      if (names.some((others, other) => other !== k && others.includes(name))) return true;
      return isFloat(root.type.dtype) && !spec.result.includes(name) && !held.has(name);
    });
    if (droppable.length === 0) continue;
    for (const name of droppable) {
      if (!names.some((others, other) => other !== k && others.includes(name))) count *= sizes.get(name) as number;
    }
    const kept = own.flatMap((name, axis) => (droppable.includes(name) ? [] : [axis]));
    operands[k] = builder.broadcast(
      operand.operands[0] as Node,
      kept.map((axis) => operand.type.shape[axis] as number),
      axes.map((axis) => kept.indexOf(axis)),
    );
    names[k] = kept.map((axis) => own[axis] as string);
  }
  if (operands.every((operand, k) => operand === root.operands[k])) return undefined;
  if (elementCount(root.type.shape) === 0) return undefined;
  const product = builder.contract(printSpec({ operands: names, result: spec.result }), operands, whereOf(root));
  return count === 1 ? product : builder.apply("mul", product, builder.constant(count, root.type.dtype));
}
