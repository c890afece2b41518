/** Partial derivatives of scalar rows and the differentiation rules of whole operations, against central differences. */
import { describe, expect, it } from "vitest";
import {
  type Algebra,
  type DifferentiationContext,
  elementCount,
  evaluateGraph,
  type Graph,
  makeBuilder,
  makeNode,
  type Node,
  operationOf,
  operations,
  sameType,
  type Tensor,
  tensorOf,
  tensorType,
} from "../../src/ir/index.ts";
import { uniforms } from "./random-graph.ts";
import { graphOf } from "./text-evaluation.ts";

const numbers: Algebra<number> = {
  apply: (op, ...args) => operationOf(op).scalar?.evaluate(args, "f32") ?? Number.NaN,
  constant: (value) => value,
};

/**
 * Slope by two central differences and Richardson's extrapolation: the error is of the order of step^4 and, by rounding, of
 * 2^-52 / step.
 */
function slopeAt(f: (x: number) => number, x: number): number {
  const central = (h: number) => (f(x + h) - f(x - h)) / (2 * h);
  const step = 2 ** -12;
  return (4 * central(step / 2) - central(step)) / 3;
}

const close = (found: number, wanted: number) => Math.abs(found - wanted) <= 1e-10 * Math.max(1, Math.abs(wanted));

describe("partials of", () => {
  // Points inside every domain and away from jumps and kinks.
  const points = [
    [0.3, 0.7, 1.2],
    [1.25, -0.4, 0.2],
    [2.6, 1.9, -3.1],
    [-0.8, 2.4, 0.9],
    [-1.3, -2.2, 5.5],
  ];
  const positive = new Set(["log", "sqrt", "rsqrt", "pow"]);
  const rows = operations.filter((operation) => operation.scalar?.partials !== undefined && operation.name !== "cast");
  it.each(rows.map((operation) => operation.name))("%s", (name) => {
    const { scalar, arity } = operationOf(name);
    let compared = 0;
    for (const point of points) {
      const args = point.slice(0, arity).map((x, i) => (i === 0 && positive.has(name) ? Math.abs(x) : x));
      if (name === "select") args[0] = compared % 2;
      const padded = [...args, 0, 0].slice(0, 3) as unknown as readonly [number, number, number];
      const slopes = scalar?.partials?.(numbers, padded, scalar.evaluate(args, "f32")) ?? [];
      slopes.forEach((slope, i) => {
        if (slope === undefined) return;
        const moved = (x: number) => scalar?.evaluate(args.with(i, x), "f32") ?? Number.NaN;
        const wanted = slopeAt(moved, args[i] as number);
        expect([name, i, args, close(slope, wanted)]).toEqual([name, i, args, true]);
        compared++;
      });
    }
    expect(compared).toBeGreaterThanOrEqual(points.length);
  });
});

/** The loss `sum of weight * op(operands)`, and its gradients by the operation's own rule. */
function applyRule(graph: Graph, weight: Node): readonly (Node | undefined)[] {
  const node = (graph.outputs[0] as Graph["outputs"][number]).node;
  const b = makeBuilder();
  const context: DifferentiationContext = {
    node,
    gradient: weight,
    build: (op, operands, attributes) => makeNode(op, operands, attributes),
    apply: (op, ...operands) => makeNode(op, operands),
    constant: (value) => b.constant(value),
  };
  return operationOf(node.op).differentiate?.(context) ?? [];
}

const x23 = ["f32[2, 3]"];
/** Flat between their jumps: no gradient comes back. */
const flat = new Set(["sign", "floor", "ceil", "round", "stop_gradient"]);

const ruleCases: readonly (readonly [types: readonly string[], line: string])[] = [
  ...operations
    .filter((operation) => operation.family === "elementwise" && operation.differentiate !== undefined)
    .filter((operation) => operation.name !== "cast" && operation.name !== "select" && !flat.has(operation.name))
    .flatMap(({ name, arity }): (readonly [string[], string])[] =>
      arity === 1
        ? [[x23, `f32[2, 3] = ${name} %x`] as [string[], string]]
        : [
            [["f32[2, 3]", "f32[2, 3]"], `f32[2, 3] = ${name} %x, %y`],
            [["f32[2, 3]", "f32"], `f32[2, 3] = ${name} %x, %y`],
            [["f32", "f32[2, 3]"], `f32[2, 3] = ${name} %x, %y`],
          ],
    ),
  [["bool[4]", "f32[4]", "f32"], "f32[4] = select %x, %y, %z"],
  [["f32[3]"], 'f32[3] = cast %x to="f32"'],
  [["f32[2, 3]", "f32[3, 4]"], 'f32[2, 4] = contract "i k, k j -> i j" %x, %y'],
  [["f32[3, 3]", "f32[3, 2]"], 'f32[3, 2] = contract "i j, j c -> i c" %x, %y where="j <= i"'],
  [["f32[2]", "f32[3]", "f32[2, 3]"], 'f32[2] = contract "i, j, i j -> i" %x, %y, %z'],
  [x23, 'f32[3] = contract "i j -> j" %x'],
  [["f32[2, 3]", "f32[2]"], 'f32 = contract "i j, i -> " %x, %y'],
  [["f32[4]"], 'f32[4] = contract "i -> i" %x where="i <= 2"'],
  [["f32[4, 3]"], 'f32[4] = contract "i j -> i" %x where="j <= i"'],
  [["f32[3, 3]"], 'f32[3] = contract "i i -> i" %x'],
  [["f32[3, 3, 2]", "f32[2]"], 'f32 = contract "i i j, j -> " %x, %y where="j <= i"'],
  [["f32[4, 3]", "f32[3]"], 'f32[3] = contract "i j, k -> k" %x, %y where="j <= i, k <= j"'],
  [x23, 'f32[2] = sum "i j -> i" %x'],
  [x23, 'f32 = sum "i j -> " %x'],
  [x23, 'f32[2] = product "i j -> i" %x'],
  [x23, 'f32[2] = sum "i j -> i" %x where="j <= i"'],
  [x23, 'f32[2] = product "i j -> i" %x where="j <= i"'],
  [["f32[3, 3]"], 'f32[3] = maximum "i j -> i" %x where="j <= i"'],
  [["f32[3, 3]"], 'f32[3] = minimum "i j -> j" %x where="j <= i"'],
  [x23, 'f32[3] = maximum "i j -> j" %x'],
  [x23, 'f32[3] = minimum "i j -> j" %x'],
  [x23, "f32[2, 3] = cumulative_sum %x axis=1"],
  [x23, "f32[2, 3] = cumulative_sum %x axis=1 exclusive=true"],
  [x23, "f32[2, 3] = cumulative_sum %x axis=0 reverse=true"],
  [x23, "f32[2, 3] = cumulative_product %x axis=1"],
  [x23, "f32[2, 3] = cumulative_product %x axis=1 exclusive=true"],
  [x23, "f32[2, 3] = cumulative_product %x axis=0 reverse=true"],
  [["f32[5]"], "f32[5] = cumulative_product %x axis=0 exclusive=true reverse=true"],
  [["f32[4, 2]", "f32[4, 2]"], "f32[4, 2] = linear_recurrence %x, %y axis=0"],
  [["f32[2, 5]", "f32[2, 5]"], "f32[2, 5] = linear_recurrence %x, %y axis=1 reverse=true"],
  [["f32[1]", "f32[1]"], "f32[1] = linear_recurrence %x, %y axis=0"],
  [["f32[3, 6]"], "f32[3, 6] = cumulative_maximum %x axis=1"],
  [["f32[6, 3]"], "f32[6, 3] = cumulative_maximum %x axis=0 reverse=true"],
  [["f32[6]"], "f32[6] = cumulative_minimum %x axis=0 reverse=true"],
  [["f32[5, 2]", "idx<5>[7]"], 'f32[7, 2] = gather "v c, l -> l c" %x, %y at="v"'],
  [["f32[5, 2]", "idx<4>[3, 2]"], 'f32[2, 3, 2] = gather "v c, a b -> b a c" %x, %y at="v"'],
  [["f32[2, 5]", "idx<5>[2, 3]"], 'f32[2, 3] = gather "b v, b l -> b l" %x, %y at="v"'],
  [["f32[5]", "idx<5>"], 'f32 = gather "v,  -> " %x, %y at="v"'],
  [["f32[4, 2]", "idx<3>[4]"], 'f32[3, 2] = scatter "l c, l -> v c" %x, %y at="v" size=3'],
  [["f32[4, 2]", "idx<3>[4]"], 'f32[3] = scatter "l c, l -> v" %x, %y at="v" size=3'],
  [["f32[2]", "idx<3>[4]"], 'f32[2, 3] = scatter "c, l -> c v" %x, %y at="v" size=3'],
  [["f32[2, 4]", "idx<3>[2, 4]"], 'f32[3, 2] = scatter "b l, b l -> v b" %x, %y at="v" size=3'],
  ...[
    ["f32[6]", 'f32[4, 3] = window "y + k - 1 -> y k" %x shape=[4, 3]'],
    ["f32[6]", 'f32[3, 3] = window "2 y + k - 1 -> y k" %x shape=[3, 3]'],
    ["f32[6]", 'f32[3, 3] = window "2 y + 2 k -> k y" %x shape=[3, 3] value=7'],
    ["f32[6]", 'f32[5, 2] = window "5 - y - 2 k -> y k" %x shape=[5, 2]'],
    ["f32[6]", 'f32[7] = window "(y + 1) / 2 -> y" %x shape=[7]'],
    ["f32[6]", 'f32[7, 3] = window "(3 y - k + 1) / 2 -> y k" %x shape=[7, 3]'],
    ["f32[2, 5, 6]", 'f32[2, 3, 3, 3, 3] = window "c, 2 y + v - 1, 2 x + w - 1 -> c y x v w" %x shape=[2, 3, 3, 3, 3]'],
    ["f32[4, 5]", 'f32[4] = window "i, i -> i" %x shape=[4]'],
    ["f32[4, 5]", 'f32[4, 3] = window "i, i + j - 1 -> i j" %x shape=[4, 3]'],
    ["f32[4, 5]", 'f32[3, 3] = window "i + j, j -> i j" %x shape=[3, 3]'],
    ["f32[4, 5]", 'f32[3, 3] = window "2 i + j, i + 2 j -> i j" %x shape=[3, 3]'],
    ["f32[4, 5]", 'f32[3] = window "2, i + 1 -> i" %x shape=[3]'],
    ["f32[4]", 'f32[3, 2] = window "i -> i j" %x shape=[3, 2]'],
    ["f32[6, 3]", 'f32[3, 2, 3] = window "c + 2 g, k -> k c g" %x shape=[3, 2, 3]'],
    ["f32[6]", 'f32[2, 3] = window "3 g + c -> g c" %x shape=[2, 3]'],
    ["f32[7]", 'f32[2, 3] = window "3 g + c -> g c" %x shape=[2, 3]'],
    ["f32[6, 7]", 'f32[4] = window "2 i - 1, 3 i -> i" %x shape=[4]'],
  ].map(([type, line]): readonly [string[], string] => [[type as string], line as string]),
  [x23, "f32[6] = reshape %x shape=[6]"],
  [["f32[2, 3, 4]"], "f32[4, 2, 3] = transpose %x permutation=[2, 0, 1]"],
  [x23, "f32[2, 4, 3] = broadcast %x shape=[2, 4, 3] axes=[0, 2]"],
  [["f32[4, 5]"], "f32[2, 3] = slice %x starts=[1, 2] sizes=[2, 3] steps=[1, 1]"],
  [["f32[4, 7]"], "f32[2, 3] = slice %x starts=[0, 1] sizes=[2, 3] steps=[3, 2]"],
  [["f32[5]"], "f32[2] = slice %x starts=[2] sizes=[2] steps=[2]"],
  [x23, "f32[4, 4] = pad %x low=[1, 0] high=[1, 1] value=5"],
  [["f32[2, 3]", "f32[2, 1]"], "f32[2, 4] = concat %x, %y axis=1"],
  [x23, "f32[2, 3] = reverse %x axes=[1]"],
];

describe("the rule of", () => {
  it.each(ruleCases)("%j %s", (types, line) => {
    const graph = graphOf(types, line);
    const node = (graph.outputs[0] as Graph["outputs"][number]).node;
    const weight = makeNode("input", [], { name: "w" }, { declared: node.type });
    const gradients = applyRule(graph, weight);
    expect(gradients.length).toBe(node.operands.length);

    const next = uniforms(7);
    // Inside the domains of log, sqrt and pow, and without ties.
    const inputs: Record<string, Tensor> = Object.fromEntries(
      [...graph.inputs, weight].map((input) => [
        input.attributes.name,
        tensorOf(
          input.type,
          Array.from({ length: elementCount(input.type.shape) }, () =>
            input.type.dtype === "bool"
              ? Math.round(next())
              : input.type.below !== undefined
                ? Math.floor(next() * input.type.below)
                : 0.3 + 0.6 * next(),
          ),
        ),
      ]),
    );
    const loss = (changed: Record<string, Tensor>) => {
      const value = evaluateGraph(graph, { inputs: changed, parameters: {} }).r as Tensor;
      return value.data.reduce((sum, y, i) => sum + y * ((inputs.w as Tensor).data[i] as number), 0);
    };
    let compared = 0;
    gradients.forEach((gradient, k) => {
      const operand = graph.inputs[k] as Node;
      if (gradient === undefined) {
        expect(operand.type.dtype).not.toBe("f32");
        return;
      }
      expect(sameType(gradient.type, operand.type)).toBe(true);
      const found = evaluateGraph(
        { name: "g", inputs: [...graph.inputs, weight], parameters: [], outputs: [{ name: "g", node: gradient }] },
        { inputs, parameters: {} },
      ).g as Tensor;
      const name = operand.attributes.name as string;
      const values = (inputs[name] as Tensor).data;
      values.forEach((x, i) => {
        const wanted = slopeAt(
          (moved) => loss({ ...inputs, [name]: { type: operand.type, data: values.with(i, moved) } }),
          x,
        );
        expect([k, i, close(found.data[i] as number, wanted)]).toEqual([k, i, true]);
        compared++;
      });
    });
    expect(compared).toBeGreaterThan(0);
  });

  it("maximum shares the gradient among ties", () => {
    const graph = graphOf(["f32[3]"], 'f32 = maximum "i -> " %x');
    const weight = makeNode("input", [], { name: "w" }, { declared: tensorType("f32", []) });
    const node = applyRule(graph, weight)[0] as Node;
    const found = evaluateGraph(
      { name: "g", inputs: [...graph.inputs, weight], parameters: [], outputs: [{ name: "g", node }] },
      {
        inputs: { x: tensorOf(tensorType("f32", [3]), [2, 1, 2]), w: tensorOf(weight.type, [3]) },
        parameters: {},
      },
    );
    expect(Array.from(found.g?.data ?? [])).toEqual([1.5, 0, 1.5]);
  });
});

it("only these operations have no rule", () => {
  const without = operations
    .filter((operation) => operation.family !== "source" && operation.differentiate === undefined)
    .map((operation) => operation.name);
  expect(without).toMatchInlineSnapshot(`
    [
      "not",
      "eq",
      "ne",
      "lt",
      "le",
      "gt",
      "ge",
      "and",
      "or",
      "xor",
      "random",
      "any",
      "all",
      "argmax",
      "argmin",
      "argsort",
      "loop",
      "extern",
    ]
  `);
});
