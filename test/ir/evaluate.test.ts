/** The reference evaluator as a whole: what it keeps, what it refuses, and what it does with faulty values. */
import { describe, expect, it } from "vitest";
import { lastReadsOf } from "../../src/ir/evaluate.ts";
import {
  evaluateGraph,
  evaluateNodes,
  evaluateWithBounds,
  evaluationCost,
  type Graph,
  GraphValueError,
  graphNodes,
  makeBuilder,
  type Node,
  parseGraph,
  printGraph,
  ReferenceTooLarge,
  sameGraph,
  type Tensor,
  tensorOf,
  tensorType,
  verifyGraph,
} from "../../src/ir/index.ts";

const text = `graph f {
  %x: f32[2] = input "x"
  %w: f32[2] = parameter "w"
  %unused: f32[3] = input "unused"
  %s: f32[2] = add %x, %w
  %e: f32[2] = mul %s, %s
  %t: f32[2] = sub %e, %x
  return square = %e, rest = %t, again = %e
}`;
const graph = parseGraph(text);
const of = (...values: number[]): Tensor => tensorOf(tensorType("f32", [values.length]), values);
const values = { inputs: { x: of(1, 2), unused: of(0, 0, 0) }, parameters: { w: of(3, 4) } };

describe("evaluateGraph", () => {
  it("gives every output by name", () => {
    const found = evaluateGraph(graph, values);
    expect(Object.entries(found).map(([name, { data }]) => [name, ...data])).toEqual([
      ["square", 16, 36],
      ["rest", 15, 34],
      ["again", 16, 36],
    ]);
  });

  it("says which value is missing or does not fit", () => {
    const give =
      (changes: Record<string, Tensor>, parameters: Record<string, Tensor> = values.parameters) =>
      () =>
        evaluateGraph(graph, { inputs: { ...values.inputs, ...changes }, parameters });
    expect(give({ x: of(1) })).toThrow(GraphValueError);
    expect(give({ x: of(1) })).toThrow("the input x is f32[2]; the value given has shape [1]");
    expect(give({}, {})).toThrow("no value for the parameter w: f32[2]");
    expect(give({ x: { type: tensorType("f32", [2]), data: new Float64Array(3) } })).toThrow(GraphValueError);
  });

  it.each([
    ["idx<4>[2]", [1, 4], "element 1 of the input x is 4; idx<4> allows whole numbers from 0 to 3"],
    ["idx<4>[2]", [-1, 0], "element 0"],
    ["i32[2]", [0.5, 0], "element 0"],
    ["u32[2]", [0, -1], "element 1"],
    ["bool[2]", [1, 2], "element 1"],
  ])("refuses elements outside %s", (type, given, message) => {
    const one = parseGraph(`graph g {\n %x: ${type} = input "x"\n return y = %x\n}`);
    const x = tensorOf((one.inputs[0] as Node).type, given);
    expect(() => evaluateGraph(one, { inputs: { x }, parameters: {} })).toThrow(message);
  });

  it("refuses graphs beyond the budget before it starts", () => {
    expect(evaluationCost(graph)).toBe(2 + 2 + 3 + 3 * (2 + 2));
    expect(() => evaluateGraph(graph, values, { maximumOperations: 18 })).toThrow(ReferenceTooLarge);
    expect(() => evaluateGraph(graph, values, { maximumOperations: 18 })).toThrow(
      "the reference evaluator would need 1.9e+1 operations for f, more than the 1.8e+1 allowed",
    );
    expect(evaluateGraph(graph, values, { maximumOperations: 19 }).rest).toBeDefined();
  });

  it("reports its progress and stops when told to", () => {
    const seen: string[] = [];
    evaluateGraph(graph, values, { onNode: (node, position, total) => seen.push(`${node.op} ${position}/${total}`) });
    expect(seen).toEqual(["input 0/6", "input 1/6", "parameter 2/6", "add 3/6", "mul 4/6", "sub 5/6"]);
    const stop = () => {
      throw new Error("stopped");
    };
    expect(() => evaluateGraph(graph, values, { onNode: stop })).toThrow("stopped");
  });

  it("holds a long chain of large values, of which few live at a time", () => {
    const b = makeBuilder();
    const x = b.input("x", tensorType("f32", [1 << 20]));
    let node: Node = x;
    // All together would be 4 GB.
    for (let i = 0; i < 500; i++) node = b.apply("neg", node);
    const chain: Graph = { name: "chain", inputs: [x], parameters: [], outputs: [{ name: "y", node }] };
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const onNode = () => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    };
    const y = evaluateGraph(
      chain,
      { inputs: { x: tensorOf(x.type, new Float64Array(1 << 20).fill(2)) }, parameters: {} },
      { onNode },
    );
    expect(y.y?.data[5]).toBe(2);
    expect(peak).toBeLessThan(2e9);
  });
});

describe("evaluateNodes", () => {
  it("keeps all values, or those asked for", () => {
    const nodes = graphNodes(graph);
    const all = evaluateNodes(graph, values);
    expect([...all.keys()]).toEqual(nodes);
    const sum = nodes.find((node) => node.op === "add") as Node;
    const some = evaluateNodes(graph, values, { nodes: [sum] });
    expect([...some.keys()]).toEqual([sum]);
    expect(Array.from(some.get(sum)?.data ?? [])).toEqual([4, 6]);
  });
});

it("values live until their last reader and no longer", () => {
  const nodes = graphNodes(graph);
  const names = lastReadsOf(nodes).map((dead) => dead.map((node) => node.op));
  // x, unused, w, add, mul, sub: the unused input dies at once, x only with sub.
  expect(names[1]).toEqual(["input"]);
  expect(names[3]).toEqual(["parameter"]);
  expect(names[4]).toEqual(["add"]);
  expect(new Set(names[5])).toEqual(new Set(["sub", "mul", "input"]));
});

describe("sameGraph", () => {
  const changed = (from: string | RegExp, to: string) => parseGraph(text.replace(from, to));
  it("accepts an equal graph built anew", () => {
    expect(sameGraph(graph, parseGraph(text))).toBe(true);
  });
  it.each<[string, Graph]>([
    ["name", changed("graph f", "graph g")],
    ["operation", changed("sub %e", "add %e")],
    ["operand", changed("sub %e, %x", "sub %x, %e")],
    ["output's name", changed("rest =", "remainder =")],
    ["output's order", changed("square = %e, rest = %t", "rest = %t, square = %e")],
    ["type", changed("%unused: f32[3]", "%unused: f32[4]")],
    ["attribute", changed('"w"', '"v"')],
    ["inputs", changed(/ {2}%unused.*\n/, "")],
    ["sharing", changed("%e: f32[2] = mul %s, %s", "%r: f32[2] = add %x, %w\n  %e: f32[2] = mul %s, %r")],
  ])("sees another %s", (_what, other) => {
    expect(sameGraph(graph, other)).toBe(false);
    expect(sameGraph(other, graph)).toBe(false);
  });
  it("looks at origins and names only when they count", () => {
    const named = changed("%s: f32[2] = add %x, %w", "%s: f32[2] = add %x, %w ; a.weft:1:2+3@4 total");
    expect(sameGraph(graph, named)).toBe(false);
    expect(sameGraph(graph, named, { provenance: false })).toBe(true);
  });
});

describe("loops", () => {
  // state' = state * w + x[step]; each step's row is [state', step].
  const source = `graph recurrence {
  %0: f32[3] = input "x"
  %1: f32 = input "start"
  %2: f32 = parameter "w"
  %3: f32[3, 2] = loop %1, %0, %2 steps=3 carried=1 {  ; a.weft:2:5+9@30 h 12 FLOP
    graph step {
      %0: f32 = input "h"
      %1: f32[3] = input "x"
      %2: f32 = input "w"
      %3: idx<3> = input "step"
      %4: f32 = mul %0, %2                 ; a.weft:2:9+3@34 1 FLOP
      %5: f32 = gather "v, -> " %1, %3 at="v"
      %6: f32 = add %4, %5
      %7: f32[1] = reshape %6 shape=[1]
      %8: f32 = cast %3 to="f32"
      %9: f32[1] = reshape %8 shape=[1]
      %10: f32[2] = concat %7, %9 axis=0
      return h = %6, row = %10
    }
  }
  return y = %3
}`;
  const recurrence = parseGraph(source);
  const given = {
    inputs: { x: of(1, 2, 3), start: tensorOf(tensorType("f32", []), [10]) },
    parameters: { w: tensorOf(tensorType("f32", []), [0.5]) },
  };

  it("carry their state from step to step", () => {
    expect(Array.from(evaluateGraph(recurrence, given).y?.data ?? [])).toEqual([6, 0, 5, 1, 5.5, 2]);
  });

  it("keep their bodies, with origins, through text", () => {
    const printed = printGraph(recurrence);
    const read = parseGraph(printed);
    expect(sameGraph(read, recurrence)).toBe(true);
    expect(printGraph(read)).toBe(printed);
    const node = graphNodes(read).find(({ op }) => op === "loop") as Node;
    expect(node.name).toBe("h");
    expect(node.origins.map(({ start }) => start)).toEqual([30]);
    expect(sameGraph(read, parseGraph(source.replace("mul %0, %2", "add %0, %2")))).toBe(false);
    expect(verifyGraph(recurrence, { origins: false })).toEqual([]);
  });

  it("count the body once for each step", () => {
    const body = (graphNodes(recurrence).find(({ op }) => op === "loop") as Node).regions?.[0] as Graph;
    expect(evaluationCost(recurrence)).toBe(3 + 1 + 1 + 6 + 3 * evaluationCost(body));
  });

  it("carry errors as they carry values", () => {
    const { y } = evaluateWithBounds(recurrence, given);
    const ulp = 2 ** -23;
    const first = 5 * ulp + 6 * ulp;
    expect(y?.bound.data[0]).toBeCloseTo(first, 12);
    expect(y?.bound.data[2]).toBeGreaterThan(first / 2 + 7.9 * ulp);
    expect(y?.bound.data[1]).toBe(0);
  });
});
