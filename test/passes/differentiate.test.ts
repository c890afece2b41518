/** Differentiation of whole graphs: equations of the language against central differences in float64, ≤ 1e-6. */
import { describe, expect, it } from "vitest";
import { evaluateGraph, type Graph, type GraphValues, makeNode, type Tensor, tensorOf } from "../../src/ir/index.ts";
import { DifferentiationError, differentiate, gradientName } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { graphOf as lineGraph } from "../ir/text-evaluation.ts";
import { arbitraryValues, expectGradients } from "./central-differences.ts";

/** Equations of one function `f`, by what they are about. */
const equations: Readonly<Record<string, string>> = {
  "matrix product": "fn f(x: f32[3, 4], y: f32[4, 2]) -> f32[3, 2] { let r[i, j] = sum[k] x[i, k] * y[k, j]  return r }",
  "bilinear form": "fn f(x: f32[3], W: f32[3, 4, 2], y: f32[4]) -> f32[2] { let r[o] = sum[i, j] x[i] * W[i, j, o] * y[j]  return r }",
  "quotients of sums": "fn f(x: f32[3, 4], y: f32[4]) -> f32[3] { let r[i] = (sum[k] x[i, k] * y[k]) / (2 + sum[k] x[i, k]^2)  return r }",
  "a value used many times": "fn f(x: f32[4]) -> f32[4] { let s = sum[k] exp(x[k])  let r[i] = x[i] * s + s^2 / (1 + x[i]^2)  return r }",
  softmax: "fn f(x: f32[3, 4]) -> f32[3, 4] { let r[i, j] = softmax[j](x[i, j])  return r }",
  "restricted softmax": "fn f(x: f32[4, 4], v: f32[4, 2]) -> f32[4, 2] { let r[i, c] = sum[j: j <= i] softmax[j: j <= i](x[i, j]) * v[j, c]  return r }",
  "masked softmax": "fn f(x: f32[3, 4], m: bool[3, 4], v: f32[4]) -> f32[3] { let a[i, j] = softmax[j: m[i, j]](x[i, j])  let r[i] = sum[j: m[i, j]] a[i, j] * v[j]  return r }",
  logsumexp: "fn f(x: f32[3, 4]) -> f32[3] { let r[i] = logsumexp[j] x[i, j]  return r }",
  "restricted logsumexp": "fn f(x: f32[4, 4]) -> f32[4] { let r[i] = logsumexp[j: j <= i] x[i, j]  return r }",
  "extremes and products": "fn f(x: f32[3, 4]) -> f32[3] { let r[i] = (max[j] x[i, j]) * (min[j] x[i, j]) + prod[j] x[i, j]  return r }",
  "convolution with stride": "fn f(x: f32[2, 7], w: f32[3, 2, 3]) -> f32[3, 4] { let r[o, y: 4] = sum[c, k] w[o, c, k] * (x[c, 2*y + k - 1] else 0)  return r }",
  "causal convolution": "fn f(x: f32[6], w: f32[6]) -> f32[6] { let r[t] = sum[s: 6 where s <= t] w[t - s] * x[s]  return r }",
  "max pooling": "fn f(x: f32[2, 6, 5]) -> f32[2, 3, 2] { let r[c, u: 3, v: 2] = max[i: 3, j: 3] (x[c, 2*u + i - 1, 2*v + j - 1] else -inf)  return r }",
  "looking up and reshaping": "fn f(E: f32[5, 6], t: idx<5>[4]) -> f32[2, 4, 3] { let r[h: 2, i, c] = E[t[i], (h c)]  return r }",
  "joins and lists": "fn f(x: f32[3], y: f32[3]) -> f32[2, 6] = [[x; y], [y; x * y]]",
  "sorted values": "fn f(x: f32[6]) -> f32[6] { let s = sort(x)  let r[i] = s[i] * (1 + i)  return r }",
  "the greatest three": "fn f(x: f32[6]) -> f32[3] { let (v, p) = topk(x, 3)  let r[i] = v[i]^2  return r }",
  scatter: "fn f(x: f32[4, 2], at: idx<3>[4]) -> f32[3, 2] { let Y[at[n], c] += x[n, c]^2  return Y }",
  "a linear recurrence": "fn f(a: f32[5, 2], b: f32[5, 2]) -> f32[5, 2] { let s[t, c] = a[t, c] * s[t-1, c] + b[t, c] where s[-1, c] = 0.5  return s }",
  "a recurrence with weights": "fn f(x: f32[5, 2], W: f32[3, 3], U: f32[3, 2], b: f32[3], h0: f32[3]) -> f32[5, 3] { let h[t, o] = tanh((sum[k] W[o, k] * h[t-1, k]) + (sum[c] U[o, c] * x[t, c]) + b[o]) where h[-1] = h0  return h }",
  "a recurrence backwards": "fn f(x: f32[5, 3], W: f32[3, 3]) -> f32[5, 3] { let h[t, o] = tanh((sum[k] W[o, k] * h[t+1, k]) + x[t, o]) where h[5, o] = 0  return h }",
  "a recurrence of distance two": "fn f(x: f32[6], a: f32, b: f32) -> f32[6] { let h[t] = a * h[t-1] + b * sin(h[t-2]) + x[t] where h[-1] = 0.3, h[-2] = -0.2  return h }",
  "a recurrence reading rows of a table": "fn f(E: f32[4, 3], at: idx<4>[5], W: f32[3, 3]) -> f32[5, 3] { let h[t, o] = tanh((sum[k] W[o, k] * h[t-1, k]) + E[at[t], o]) where h[-1, o] = 0  return h }",
  "a recurrence that feeds back a choice": "fn f(E: f32[4, 3], W: f32[4, 3]) -> f32[5, 4] { let (k[t], s[t, v]) = (argmax[v] (sum[c] W[v, c] * E[k[t-1], c]), sum[c] W[v, c] * E[k[t-1], c]) where k[-1] = 0  return s }",
};

describe("gradients of", () => {
  it.each(Object.entries(equations))("%s", (_name, text) => {
    expectGradients(graphOf(text));
  });

  it("a product with zeros", () => {
    const graph = lineGraph(["f32[4, 3]"], 'f32[4] = product "i j -> i" %x');
    const values = [2, 3, 4, 0, 3, 4, 0, 0, 5, 0, 0, 0];
    expectGradients(graph, { values: { inputs: { x: tensorOf(graph.inputs[0]?.type as Tensor["type"], values) }, parameters: {} }, elements: 12 });
  });

  it.each(["", " exclusive=true", " reverse=true", " exclusive=true reverse=true"])("a running product with zeros%s", (options) => {
    const graph = lineGraph(["f32[4, 4]"], `f32[4, 4] = cumulative_product %x axis=1${options}`);
    const values = [2, 3, 4, 5, 2, 0, 4, 3, 0, 2, 0, 3, 2, 3, 0, 0];
    expectGradients(graph, { values: { inputs: { x: tensorOf(graph.inputs[0]?.type as Tensor["type"], values) }, parameters: {} }, elements: 16 });
  });

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
    expect(complete.outputs.map(({ name }) => name)).toEqual([...graph.outputs.map(({ name }) => name), gradientName("x")]);
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
