/** Differentiation of whole graphs: equations of the language against central differences in float64, ≤ 1e-6. */
import { describe, expect, it } from "vitest";
import { evaluateGraph, type Graph, type GraphValues, makeNode, type Tensor, tensorOf } from "../../src/ir/index.ts";
import { DifferentiationError, differentiate, gradientName } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { graphOf as lineGraph } from "../ir/text-evaluation.ts";
import { arbitraryValues, expectGradients } from "./central-differences.ts";
import { equations } from "./gradient-equations.ts";

describe("gradients of", () => {
  it.each(Object.entries(equations))("%s", (_name, text) => {
    expectGradients(graphOf(text));
  });

  it("a product with zeros", () => {
    const graph = lineGraph(["f32[4, 3]"], 'f32[4] = product "i j -> i" %x');
    const values = [2, 3, 4, 0, 3, 4, 0, 0, 5, 0, 0, 0];
    expectGradients(graph, {
      values: { inputs: { x: tensorOf(graph.inputs[0]?.type as Tensor["type"], values) }, parameters: {} },
      elements: 12,
    });
  });

  it.each(["", " exclusive=true", " reverse=true", " exclusive=true reverse=true"])(
    "a running product with zeros%s",
    (options) => {
      const graph = lineGraph(["f32[4, 4]"], `f32[4, 4] = cumulative_product %x axis=1${options}`);
      const values = [2, 3, 4, 5, 2, 0, 4, 3, 0, 2, 0, 3, 2, 3, 0, 0];
      expectGradients(graph, {
        values: { inputs: { x: tensorOf(graph.inputs[0]?.type as Tensor["type"], values) }, parameters: {} },
        elements: 16,
      });
    },
  );

  it("an exclusive running maximum", () => {
    const scan = lineGraph(["f32[2, 6]"], "f32[2, 6] = neg %x");
    const [x] = scan.inputs as readonly [Graph["inputs"][number]];
    const running = makeNode("cumulative_maximum", [x], { axis: 1, exclusive: true });
    // The first element covers nothing and is the lowest number there is: it is kept out.
    const kept = makeNode("slice", [running], { starts: [0, 1], sizes: [2, 5], steps: [1, 1] });
    expectGradients({ ...scan, outputs: [{ name: "r", node: kept }] });
  });
});

const single = "fn f(x: f32[3], k: idx<4>) -> f32 = sum[i] x[i]^2 * f32(k)";

describe("a request", () => {
  const graph = graphOf(single);

  it("names outputs gradient(NAME), after those of the graph", () => {
    const complete = differentiate(graph, { by: ["x"] });
    expect(complete.outputs.map(({ name }) => name)).toEqual([
      ...graph.outputs.map(({ name }) => name),
      gradientName("x"),
    ]);
    expect(complete.outputs[1]?.node.type).toEqual(graph.inputs[0]?.type);
  });

  it.each([
    [{ by: ["y"] }, "f has no input or parameter y"],
    [{ by: ["k"] }, "k is i32, which has no gradient"],
    [{ of: "g", by: ["x"] }, "f has no output g; it has f"],
  ] as const)("%j is refused", (request, message) => {
    expect(() => differentiate(graph, request)).toThrow(new DifferentiationError(message));
  });

  it("without a loss is refused", () => {
    expect(() => differentiate(graphOf("fn f(x: f32[3]) -> f32[3] = x"), { by: ["x"] })).toThrow(
      new DifferentiationError("f has no loss: none of its outputs is a single f32 (f)"),
    );
  });

  it("gives zeros for what the loss does not depend on", () => {
    const free = graphOf("fn f(x: f32[3], y: f32[2, 2]) -> f32 = sum[i] x[i]");
    const complete = differentiate(free, { by: ["y", "x"] });
    const values: GraphValues = arbitraryValues(free);
    const outputs = evaluateGraph(complete, values);
    expect(Array.from(outputs[gradientName("y")]?.data ?? [])).toEqual([0, 0, 0, 0]);
    expect(Array.from(outputs[gradientName("x")]?.data ?? [])).toEqual([1, 1, 1]);
  });
});

it("stop_gradient is the value itself, and no gradient passes", () => {
  const graph = graphOf("fn f(x: f32[3]) -> f32 = sum[i] x[i] * stop_gradient(x[i])");
  const outputs = evaluateGraph(differentiate(graph, { by: ["x"] }), {
    inputs: { x: tensorOf(graph.inputs[0]?.type as Tensor["type"], [2, 3, -5]) },
    parameters: {},
  });
  expect(Array.from(outputs.f?.data ?? [])).toEqual([38]);
  expect(Array.from(outputs[gradientName("x")]?.data ?? [])).toEqual([2, 3, -5]);
});
