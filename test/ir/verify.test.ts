/** One graph for every rule of the verifier that breaks it, and graphs that break none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkGraph,
  type Graph,
  IrError,
  makeBuilder,
  makeNode,
  type Node,
  type RuleName,
  ruleNames,
  type Span,
  tensorType,
  verifyGraph,
} from "../../src/ir/index.ts";
import { randomGraphs } from "./random-graph.ts";

const span = (start: number): Span => ({ file: "a.weft", start, end: start + 2, line: 1, column: start + 1 });
const b = makeBuilder([span(4)]);
const x = b.input("x", tensorType("f32", [2, 3]));
const y = b.apply("exp", x);

function graphOf(node: Node, changes: Partial<Graph> = {}): Graph {
  return { name: "f", inputs: [x], parameters: [], outputs: [{ name: "y", node }], ...changes };
}

/** A copy of a node with some fields replaced, as only a faulty pass would make it. */
const altered = (node: Node, changes: Partial<Node>): Graph => graphOf({ ...node, ...changes });

function cyclic(): Graph {
  const operands: Node[] = [x];
  const first: Node = { ...b.apply("exp", x), operands };
  operands[0] = b.apply("neg", first);
  return graphOf(first);
}

const sum = b.node("sum", [x], { spec: "i j -> i" });
const constant = makeNode(
  "constant",
  [],
  { values: [1] },
  { declared: tensorType("f32", [2 ** 16, 2 ** 15]), origins: [span(4)] },
);
const parameter = b.parameter("w", tensorType("f32", [2]));

const fixtures: readonly (readonly [RuleName, Graph, RegExp])[] = [
  ["cycle", cyclic(), /exp depends on its own result/],
  ["known operation", altered(y, { op: "frobnicate" }), /no operation frobnicate/],
  ["operand count", altered(y, { operands: [x, x] }), /exp takes 1 operands and has 2/],
  ["operand count", altered(b.node("concat", [x], { axis: 0 }), { operands: [] }), /concat takes 1 or more/],
  ["attributes", altered(y, { attributes: { axis: 1 } }), /exp has no attribute axis/],
  ["attributes", altered(sum, { attributes: {} }), /lacks the attribute spec/],
  ["attributes", altered(sum, { attributes: { spec: "i j -> i", where: 3 } }), /where of sum is not of kind string/],
  ["attributes", altered(sum, { attributes: { spec: "i j -> i", where: "" } }), /states its default/],
  ["type", altered(y, { type: tensorType("f32", [3, 2]) }), /exp is said to be f32\[3, 2\] and is f32\[2, 3\]/],
  ["type", altered(sum, { attributes: { spec: "i -> i" } }), /has 2 axes/],
  ["size", graphOf(constant), /2147483648 elements \(f32\[65536, 32768\]\); a tensor must have fewer than 2\^31/],
  ["size", altered(x, { type: tensorType("f32", [2, -3]) }), /impossible shape \[2, -3\]/],
  ["index type", graphOf({ ...x, type: { dtype: "f32", shape: [], below: 4 } }), /only i32 can be an index/],
  ["index type", graphOf({ ...x, type: { dtype: "i32", shape: [], below: -1 } }), /no number of positions/],
  ["interface", graphOf(y, { inputs: [] }), /input x is used but not listed/],
  ["interface", graphOf(y, { inputs: [x, b.input("x", tensorType("f32", []))] }), /two inputs are called x/],
  ["interface", graphOf(y, { parameters: [y] }), /lists a node of exp among its parameters/],
  ["interface", graphOf(parameter), /parameter w is used but not listed/],
  [
    "outputs",
    graphOf(y, {
      outputs: [
        { name: "y", node: y },
        { name: "y", node: x },
      ],
    }),
    /two outputs are called y/,
  ],
  ["origins", altered(y, { origins: [] }), /does not say where it comes from/],
  ["origins", altered(y, { origins: [span(9), span(4)] }), /not sorted/],
  ["origins", altered(y, { origins: [span(4), span(4)] }), /twice the same/],
  ["origins", altered(y, { origins: [{ ...span(4), end: 1 }] }), /origin from 4 to 1/],
  ["regions", altered(y, { regions: [altered(y, { origins: [] })] }), /inside exp: exp does not say/],
];

describe("the verifier", () => {
  it.each(fixtures.map((fixture, i) => [`${fixture[0]} ${i}`, fixture] as const))(
    "reports %s",
    (_title, [rule, graph, message]) => {
      const violations = verifyGraph(graph);
      expect(violations.some((one) => one.rule === rule && message.test(one.message))).toBe(true);
      expect(() => checkGraph(graph)).toThrow(IrError);
    },
  );

  it("has a fixture for every rule", () => {
    expect([...new Set(fixtures.map(([rule]) => rule))].sort()).toEqual([...ruleNames].sort());
  });

  it("accepts random graphs", () => {
    fc.assert(
      fc.property(randomGraphs({ maximumInstructions: 20 }), ({ graph }) => {
        expect(verifyGraph(graph)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("can do without origins", () => {
    expect(verifyGraph(altered(y, { origins: [] }), { origins: false })).toEqual([]);
  });

  it("goes through 100,000 nodes in a chain", () => {
    let deep = x;
    for (let i = 0; i < 100_000; i++) deep = b.apply("neg", deep);
    expect(verifyGraph(graphOf(deep))).toEqual([]);
  });
});
