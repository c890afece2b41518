/** What happens to loops before kernels are formed: trimming, scans, hoisting; each keeps what is computed. */
import { describe, expect, it } from "vitest";
import { checkGraph, type Graph, graphNodes, type Node } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { valuesOf } from "../codegen/on-device.ts";
import { graphOf } from "../frontend/elaborate-text.ts";

/** The graph after all passes, each checked against the graph before it, and the rules that were applied. */
function optimised(text: string, settings: Readonly<Record<string, number>>, entry = "f") {
  const graph = graphOf(text, { entry, settings });
  const result = runPipeline(graph, { verify: { values: valuesOf(graph) } });
  checkGraph(result.graph);
  return { graph: result.graph, rules: result.rewrites.map(({ pass, rule }) => `${pass}: ${rule}`) };
}

const opsOf = (graph: Graph) => graphNodes(graph).map((node) => node.op);
const loopsOf = (graph: Graph) => graphNodes(graph).filter((node) => node.op === "loop");
const bodyOps = (loop: Node | undefined) => opsOf(loop?.regions?.[0] as Graph);

describe("scans", () => {
  it.each([
    ["sum", "s[t-1, c] + x[t, c]^2", "0", "cumulative_sum"],
    ["product", "x[t, c] * s[t-1, c]", "1", "cumulative_product"],
    ["maximum", "max(s[t-1, c], x[t, c] * 2)", "-inf", "cumulative_maximum"],
    ["minimum", "min(s[t-1, c], x[t, c])", "0.25", "cumulative_minimum"],
    ["sum of matrix products", "s[t-1, c] + (sum[k] x[t, k] * x[0, k] * x[0, c])", "0.5", "cumulative_sum"],
    ["count of steps", "s[t-1, c] + 0.5", "0", "cumulative_sum"],
  ])("a running %s is one", (_, step, first, scan) => {
    const { graph, rules } = optimised(
      `fn f<T, n>(x: f32[T, n]) -> f32[T, n] {
         let s[t: T, c: n] = ${step}  where s[-1, c] = ${first}
         return s
       }`,
      { T: 6, n: 3 },
    );
    expect(rules).toContain("recognise-scans: running total");
    expect(loopsOf(graph)).toEqual([]);
    if (step !== "s[t-1, c] + 0.5") expect(opsOf(graph)).toContain(scan);
  });

  it("backwards, and of whole numbers", () => {
    const { graph } = optimised(
      `fn f<T>(x: i32[T]) -> i32[T] {
         let s[t] = s[t+1] + x[t]  where s[T] = 7
         return s
       }`,
      { T: 5 },
    );
    expect(loopsOf(graph)).toEqual([]);
    expect(opsOf(graph)).toContain("cumulative_sum");
  });

  it("leave a loop that goes on with them", () => {
    const { graph } = optimised(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let (s[t], n[t]) = (sin(s[t-1]) + x[t] * n[t-1], n[t-1] + x[t])  where s[-1] = 0, n[-1] = 1.0
         return s
       }`,
      { T: 7 },
    );
    const [loop] = loopsOf(graph);
    expect(loop?.attributes.carried).toBe(1);
    expect(opsOf(graph)).toContain("cumulative_sum");
  });

  it("are not what only looks like one", () => {
    for (const step of [
      "abs(s[t-1]) - x[t]",
      "max(s[t-1], 0) * x[t] + 1",
      "x[t] / s[t-1]",
      "s[t-1] * s[t-1]",
      "s[t-2] + x[t] + s[t-1]",
    ]) {
      const starts = step.includes("t-2") ? "s[-1] = 0.5, s[-2] = 1" : "s[-1] = 0.5";
      const { graph } = optimised(
        `fn f<T>(x: f32[T]) -> f32[T] {
           let s[t: T] = ${step}  where ${starts}
           return s
         }`,
        { T: 5 },
      );
      expect(loopsOf(graph).length, step).toBe(1);
    }
  });
});

describe("linear recurrences", () => {
  it.each([
    ["a moving average", "0.9 * s[t-1, c] + 0.1 * x[t, c]", "0"],
    ["a gate", "g[t, c] * s[t-1, c] + (1 - g[t, c]) * x[t, c]", "0"],
    ["a start", "g[t, c] * s[t-1, c] + x[t, c]", "x[0, c]"],
    ["signs and quotients", "-(x[t, c] - s[t-1, c] / (2 + g[t, c]^2))", "1"],
    ["two mentions", "s[t-1, c] + s[t-1, c] * g[t, c] - x[t, c]", "0.5"],
    ["a choice that the state does not make", "(if g[t, c] > 0 then s[t-1, c] else x[t, c])", "0"],
    ["the step", "s[t-1, c] * t + x[t, c]", "1"],
  ])("%s", (_, step, first) => {
    const { graph, rules } = optimised(
      `fn f<T, n>(x: f32[T, n], g: f32[T, n]) -> f32[T, n] {
         let s[t: T, c: n] = ${step}  where s[-1, c] = ${first}
         return s
       }`,
      { T: 6, n: 3 },
    );
    expect(rules).toContain("recognise-scans: linear recurrence");
    expect(loopsOf(graph)).toEqual([]);
    expect(opsOf(graph)).toContain("linear_recurrence");
  });

  it("by a factor of 1 are sums", () => {
    const { graph } = optimised(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let s[t] = s[t+1] - x[t]  where s[T] = 2
         return s
       }`,
      { T: 5 },
    );
    expect(loopsOf(graph)).toEqual([]);
    expect(opsOf(graph)).toContain("cumulative_sum");
  });

  it("one feeds another", () => {
    const { graph } = optimised(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let (s[t], n[t]) = (0.5 * s[t-1] + x[t] * n[t-1], 0.9 * n[t-1] + x[t])  where s[-1] = 0, n[-1] = 1.0
         return s
       }`,
      { T: 7 },
    );
    expect(loopsOf(graph)).toEqual([]);
    expect(opsOf(graph).filter((op) => op === "linear_recurrence").length).toBe(2);
  });

  it("of a matrix that gives a row stay loops, since all states would be larger than everything else", () => {
    const { graph } = optimised(
      `fn f<T, n>(x: f32[T, n], v: f32[T, n]) -> f32[T, n] {
         let zeros[a: n, b: n] = 0.0
         let (S[t: T], y[t]) = (decayed(S[t-1], x[t], v[t]), read(S[t-1], x[t]))  where S[-1] = zeros
         return y
       }
       fn decayed<n>(S: f32[n, n], x: f32[n], v: f32[n]) -> f32[n, n] {
         let R[a, b] = 0.9 * S[a, b] + x[a] * v[b]
         return R
       }
       fn read<n>(S: f32[n, n], x: f32[n]) -> f32[n] {
         let y[b] = sum[a] x[a] * S[a, b]
         return y
       }`,
      { T: 6, n: 4 },
    );
    expect(loopsOf(graph).length).toBe(1);
  });
});

describe("hoisting", () => {
  const cell = (
    gate: string,
  ) => `fn f<B, T, n, h>(x: f32[B, T, n], W: f32[h, n], U: f32[h, h], b: f32[h]) -> f32[B, T, h] {
      let H[e, t, :] = run(x[e], W, U, b)[t]
      return H
    }
    fn run<T, n, h>(x: f32[T, n], W: f32[h, n], U: f32[h, h], b: f32[h]) -> f32[T, h] {
      let zero[i: h] = 0.0
      let s[t: T] = step(${gate}, s[t-1], W, U, b)  where s[-1] = zero
      return s
    }
    fn step<n, h>(x: f32[n], s: f32[h], W: f32[h, n], U: f32[h, h], b: f32[h]) -> f32[h] {
      let y[o] = tanh((sum[k] W[o, k] * x[k]) + b[o] + (sum[k] U[o, k] * s[k]))
      return y
    }`;

  it("the products with the inputs of all steps are one", () => {
    const { graph, rules } = optimised(cell("x[t]"), { B: 2, T: 5, n: 3, h: 4 });
    expect(rules).toContain("hoist-from-loops: the same for every state");
    const [loop] = loopsOf(graph);
    expect(bodyOps(loop).filter((op) => op === "contract").length).toBe(1);
    const outside = graphNodes(graph).filter((node) => node.op === "contract");
    expect(outside.map((node) => node.type.shape.reduce((a, b) => a * b, 1))).toEqual([2 * 5 * 4]);
    // Reading all steps in order is the tensor itself, not a look-up.
    expect(opsOf(graph)).not.toContain("gather");
  });

  it.each([
    ["counted from the end", "x[T - 1 - t]"],
    ["beside the step", "((x[t+1] else 0) + x[t] - (x[t-1] else 1))"],
    ["at every other place", "x[(3*t + 1) % T]"],
  ])("inputs %s", (_, gate) => {
    const { graph } = optimised(cell(gate), { B: 2, T: 5, n: 3, h: 4 });
    expect(bodyOps(loopsOf(graph)[0]).filter((op) => op === "contract").length).toBe(1);
  });

  it("reductions, scans, windows, orders and tables by the step", () => {
    const { graph } = optimised(
      `fn f<T, n>(x: f32[T, n], v: f32[2 * T + n], I: idx<T>[T]) -> f32[T] {
         let s[t] = sin(s[t-1]) + (max[k] x[t, k]) + f32(argmax[k] x[t, k] * v[t + k]) + (sum[k] v[2*t + k] * x[t, k])
           + (sum[k] softmax[k](x[t, k]) * x[I[t], k]) + (sum[k] x[t, argsort(x[t])[k]] * k) + (sum[k: k <= t] x[k, 0])  where s[-1] = 0
         return s
       }`,
      { T: 5, n: 4 },
    );
    expect(bodyOps(loopsOf(graph)[0])).not.toContain("maximum");
    expect(bodyOps(loopsOf(graph)[0])).not.toContain("contract");
  });

  it("elementwise work stays, because its results would have to be stored", () => {
    const { graph } = optimised(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let s[t] = sin(s[t-1]) * exp(x[t])  where s[-1] = 1
         return s
       }`,
      { T: 5 },
    );
    expect(bodyOps(loopsOf(graph)[0])).toContain("exp");
  });

  it("a loop without state is no loop", () => {
    const { graph, rules } = optimised(
      `fn f<T, n>(x: f32[T, n]) -> f32[T] {
         let (s[t], u[t]) = (exp(sum[k] x[t, k]) * u[t-1], u[t-1])  where u[-1] = 2.0
         return s
       }`,
      { T: 5, n: 3 },
    );
    expect(rules).toContain("hoist-from-loops: loop without state");
    expect(loopsOf(graph)).toEqual([]);
  });
});

describe("trimming", () => {
  const text = `fn both<T>(x: f32[T]) -> (f32[T], i32[T], f32[T]) {
      let (a[t], n[t], b[t]) = (sin(a[t-1]) + x[t], n[t-1] * 3 + 1, cos(b[t-1]) * a[t-1])
        where a[-1] = 0, n[-1] = 0, b[-1] = 1
      return (a, n, b)
    }`;

  it("values of a step that a caller leaves are not kept, nor what only they need", () => {
    const { graph, rules } = optimised(
      `${text}\nfn f<T>(x: f32[T]) -> f32[T] {\n let (a, n, b) = both(x)\n return a\n}`,
      { T: 5 },
    );
    expect(rules).toContain("trim-loops: columns that nothing reads");
    const [loop] = loopsOf(graph);
    expect(loop?.attributes.carried).toBe(1);
    expect(loop?.type.shape).toEqual([5, 1]);
    expect(bodyOps(loop)).not.toContain("cos");
  });

  it("the others move together", () => {
    const { graph } = optimised(
      `${text}\nfn f<T>(x: f32[T]) -> (f32[T], f32[T]) {\n let (a, n, b) = both(x)\n return (b, a)\n}`,
      { T: 5 },
    );
    const [loop] = loopsOf(graph);
    expect(loop?.attributes.carried).toBe(2);
    expect(loop?.type.shape).toEqual([5, 2]);
  });
});
