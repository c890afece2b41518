/**
 * Views of views become one view, and views move outwards through elementwise work, so that less is computed and
 * contractions stand next to each other. These rules name operations: what a view does is all there is to say about it.
 */
import { type Builder, elementCount, type Node, operationOf, parseSpec, printSpec } from "../../ir/index.ts";
import { any, constant, family, named, op } from "../pattern.ts";
import { type Rule, rule } from "../rewrite.ts";

const numbers = (node: Node, name: string) => node.attributes[name] as readonly number[];
const isRising = (list: readonly number[]) => list.every((value, i) => i === 0 || value > (list[i - 1] as number));
const isIdentity = (list: readonly number[]) => list.every((value, i) => value === i);

/** True when every element stays where it is. The result's shape is known to be the operand's. */
function movesNothing(node: Node): boolean {
  switch (node.op) {
    case "reshape":
    case "broadcast":
    case "slice":
    case "pad":
    case "concat":
      return true;
    case "transpose":
      return isIdentity(numbers(node, "permutation"));
    case "reverse":
      return numbers(node, "axes").every((axis) => node.type.shape[axis] === 1);
    default:
      return false;
  }
}

export const movementRules: readonly Rule[] = [
  rule({
    name: "movement that moves nothing",
    reason: "the view is the value itself",
    pattern: family("movement", any("x")),
    when: ({ x }, { root }) =>
      (x as Node).type.below === root.type.below &&
      (x as Node).type.shape.join() === root.type.shape.join() &&
      movesNothing(root),
    build: ({ x }) => x,
    sample: {
      before: `%0: f32[4, 2] = input "x"
  %1: f32[4, 2] = transpose %0 permutation=[0, 1]
  %2: f32[4, 2] = slice %1 starts=[0, 0] sizes=[4, 2] steps=[1, 1]
  return y = %2`,
      after: `%0: f32[4, 2] = input "x"
  return y = %0`,
    },
  }),
  rule({
    name: "gather of one value",
    reason: "wherever it is read, it is the same",
    pattern: op("gather", constant("value"), any("positions")),
    when: (_match, { root }) => root.type.below === undefined,
    build: ({ value }, builder, { root }) => {
      const [number] = (value as Node).attributes.values as readonly [number];
      return builder.broadcast(builder.constant(number, root.type.dtype), root.type.shape, []);
    },
    sample: {
      before: `%0: f32[4, 6] = constant values=[2]
  %1: idx<4>[3] = input "i"
  %2: f32[3, 6] = gather "v c, l -> l c" %0, %1 at="v"
  return y = %2`,
      after: `%0: idx<4>[3] = input "i"
  %1: f32 = constant values=[2]
  %2: f32[3, 6] = broadcast %1 shape=[3, 6] axes=[]
  return y = %2`,
    },
  }),
  rule({
    name: "reshape of a reshape",
    reason: "only the last shape counts",
    pattern: op("reshape", op("reshape", any("x"))),
    build: ({ x }, builder, { root }) => builder.reshape(x, root.type.shape),
    sample: {
      before: `%0: f32[4, 6] = input "x"
  %1: f32[24] = reshape %0 shape=[24]
  %2: f32[2, 12] = reshape %1 shape=[2, 12]
  return y = %2`,
      after: `%0: f32[4, 6] = input "x"
  %1: f32[2, 12] = reshape %0 shape=[2, 12]
  return y = %1`,
    },
  }),
  rule({
    name: "transpose of a transpose",
    reason: "two permutations are one",
    pattern: op("transpose", named("inner", op("transpose", any("x")))),
    build: ({ x, inner }, builder, { root }) =>
      builder.transpose(
        x,
        numbers(root, "permutation").map((axis) => numbers(inner, "permutation")[axis] as number),
      ),
    sample: {
      before: `%0: f32[2, 3, 4] = input "x"
  %1: f32[3, 4, 2] = transpose %0 permutation=[1, 2, 0]
  %2: f32[4, 3, 2] = transpose %1 permutation=[1, 0, 2]
  return y = %2`,
      after: `%0: f32[2, 3, 4] = input "x"
  %1: f32[4, 3, 2] = transpose %0 permutation=[2, 1, 0]
  return y = %1`,
    },
  }),
  rule({
    name: "broadcast of a broadcast",
    reason: "repeating twice is repeating once along more axes",
    pattern: op("broadcast", named("inner", op("broadcast", any("x")))),
    build: ({ x, inner }, builder, { root }) =>
      builder.broadcast(
        x,
        root.type.shape,
        numbers(inner, "axes").map((axis) => numbers(root, "axes")[axis] as number),
      ),
    sample: {
      before: `%0: f32[3] = input "x"
  %1: f32[2, 3] = broadcast %0 shape=[2, 3] axes=[1]
  %2: f32[4, 2, 3] = broadcast %1 shape=[4, 2, 3] axes=[1, 2]
  return y = %2`,
      after: `%0: f32[3] = input "x"
  %1: f32[4, 2, 3] = broadcast %0 shape=[4, 2, 3] axes=[2]
  return y = %1`,
    },
  }),
  rule({
    name: "transpose of a broadcast",
    reason: "repeating last leaves less to reorder",
    pattern: op("transpose", named("inner", op("broadcast", any("x")))),
    build: ({ x, inner }, builder, { root }) => {
      const permutation = numbers(root, "permutation");
      const places = numbers(inner, "axes").map((axis) => permutation.indexOf(axis));
      const order = places.map((_, k) => k).sort((a, b) => (places[a] as number) - (places[b] as number));
      const reordered = builder.transpose(x, order);
      return builder.broadcast(
        reordered,
        root.type.shape,
        order.map((k) => places[k] as number),
      );
    },
    sample: {
      before: `%0: f32[2, 3] = input "x"
  %1: f32[2, 4, 3] = broadcast %0 shape=[2, 4, 3] axes=[0, 2]
  %2: f32[3, 4, 2] = transpose %1 permutation=[2, 1, 0]
  return y = %2`,
      after: `%0: f32[2, 3] = input "x"
  %1: f32[3, 2] = transpose %0 permutation=[1, 0]
  %2: f32[3, 4, 2] = broadcast %1 shape=[3, 4, 2] axes=[0, 2]
  return y = %2`,
    },
  }),
  rule({
    name: "elementwise of broadcasts",
    reason: "computing before repeating computes each element once",
    pattern: named("root", family("elementwise")),
    build: ({ root }, builder) => beforeBroadcast(root, builder),
    sample: {
      before: `%0: f32[3] = input "x"
  %1: f32[2, 3] = broadcast %0 shape=[2, 3] axes=[1]
  %2: f32[2, 3] = exp %1
  return y = %2`,
      after: `%0: f32[3] = input "x"
  %1: f32[3] = exp %0
  %2: f32[2, 3] = broadcast %1 shape=[2, 3] axes=[1]
  return y = %2`,
    },
  }),
  rule({
    name: "elementwise of transposes",
    reason: "one view after the work instead of one for each operand, and contractions absorb it there",
    pattern: named("root", family("elementwise")),
    build: ({ root }, builder) => beforeTranspose(root, builder),
    sample: {
      before: `%0: f32[2, 3] = input "x"
  %1: f32[2, 3] = input "z"
  %2: f32[3, 2] = transpose %0 permutation=[1, 0]
  %3: f32[3, 2] = transpose %1 permutation=[1, 0]
  %4: f32[3, 2] = add %2, %3
  return y = %4`,
      after: `%0: f32[2, 3] = input "x"
  %1: f32[2, 3] = input "z"
  %2: f32[2, 3] = add %0, %1
  %3: f32[3, 2] = transpose %2 permutation=[1, 0]
  return y = %3`,
    },
  }),
  rule({
    name: "reduction of a transpose",
    reason: "a reduction can read its operand in the operand's own order",
    pattern: named("root", family("reduce", named("view", op("transpose", any("x"))))),
    build: ({ root, view, x }, builder) => {
      const spec = parseSpec(root.attributes.spec as string);
      const names = spec.operands[0] as readonly string[];
      const permutation = numbers(view, "permutation");
      const own = permutation.map((_, axis) => names[permutation.indexOf(axis)] as string);
      const result = own.filter((name) => spec.result.includes(name));
      const reduced = builder.node(root.op, [x], { ...root.attributes, spec: printSpec({ operands: [own], result }) });
      return builder.transpose(
        reduced,
        spec.result.map((name) => result.indexOf(name)),
      );
    },
    sample: {
      before: `%0: f32[2, 3] = input "x"
  %1: f32[3, 2] = transpose %0 permutation=[1, 0]
  %2: f32[3] = maximum "i j -> i" %1
  return y = %2`,
      after: `%0: f32[2, 3] = input "x"
  %1: f32[3] = maximum "j i -> i" %0
  return y = %1`,
    },
  }),
  rule({
    name: "reduction of nothing",
    reason: "without a reduced index every element is its own result",
    pattern: named("root", family("reduce", any("x"))),
    when: ({ root }) => {
      const spec = parseSpec(root.attributes.spec as string);
      const positional = operationOf(root.op).reducer?.positional === true;
      return spec.result.length === spec.operands[0]?.length && root.attributes.where === undefined && !positional;
    },
    build: ({ x }) => x,
    sample: {
      before: `%0: f32[2, 3] = input "x"
  %1: f32[2, 3] = sum "i j -> i j" %0
  return y = %1`,
      after: `%0: f32[2, 3] = input "x"
  return y = %0`,
    },
  }),
];

/** Computes on the axes that any operand really has, then repeats along the others. */
function beforeBroadcast(root: Node, builder: Builder): Node | undefined {
  const shape = root.type.shape;
  if (shape.length === 0 || elementCount(shape) === 0) return undefined;
  const needed = new Set<number>();
  for (const operand of root.operands) {
    if (operand.type.shape.length === 0) continue;
    if (operand.op === "broadcast") for (const axis of numbers(operand, "axes")) needed.add(axis);
    else return undefined;
  }
  if (needed.size === shape.length) return undefined;
  const axes = shape.map((_, axis) => axis).filter((axis) => needed.has(axis));
  const smaller = axes.map((axis) => shape[axis] as number);
  const operands = root.operands.map((operand) => {
    if (operand.type.shape.length === 0) return operand;
    const own = numbers(operand, "axes").map((axis) => axes.indexOf(axis));
    return builder.broadcast(operand.operands[0] as Node, smaller, own);
  });
  return builder.broadcast(builder.node(root.op, operands, root.attributes), shape, axes);
}

/** Only when all operands are reordered alike; otherwise some operand would gain a transpose. */
function beforeTranspose(root: Node, builder: Builder): Node | undefined {
  let permutation: readonly number[] | undefined;
  for (const operand of root.operands) {
    if (operand.type.shape.length === 0) continue;
    if (operand.op !== "transpose") return undefined;
    const own = numbers(operand, "permutation");
    if (permutation !== undefined && permutation.join() !== own.join()) return undefined;
    permutation = own;
  }
  if (permutation === undefined || isRising(permutation)) return undefined;
  const operands = root.operands.map((operand) =>
    operand.type.shape.length === 0 ? operand : (operand.operands[0] as Node),
  );
  return builder.transpose(builder.node(root.op, operands, root.attributes), permutation);
}
