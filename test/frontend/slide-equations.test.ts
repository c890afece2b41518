/** The equations of the seven systems, as their papers and slides have them, each in a line or two; and what they compute. */
import { describe, expect, it } from "vitest";
import { evaluateGraph, type Graph } from "../../src/ir/index.ts";
import { valuesOf } from "../codegen/on-device.ts";
import { graphOf } from "./elaborate-text.ts";

interface Equation {
  readonly system: string;
  readonly signature: string;
  /** The lines that say the equation. */
  readonly lines: readonly string[];
  readonly result: string;
  readonly settings: Readonly<Record<string, number>>;
  /** An element of the result, and its value by plain arithmetic over the inputs. */
  readonly at: readonly number[];
  readonly value: (x: Read) => number;
}

/** An element of an input. */
type Read = (name: string, ...position: readonly number[]) => number;

const sum = (count: number, term: (k: number) => number) =>
  Array.from({ length: count }, (_, k) => term(k)).reduce((a, b) => a + b, 0);
const sigma = (x: number) => 1 / (1 + Math.exp(-x));

const scores = (x: Read, i: number, j: number) => sum(2, (r) => x("Qp", i, r) * x("Kp", j, r));
const sparse = (x: Read, p: number, n: number) => sum(4, (c) => x("Q", p, c) * x("K", x("I", p, n), c));
const aligned = (x: Read, t: number, i: number) =>
  sum(3, (a) => sum(4, (b) => x("q", t, a) * x("W_A", a, b) * x("e", i, b)));

const equations: readonly Equation[] = [
  {
    system: "FAVOR+",
    signature: "fn f<L, m, d>(Qp: f32[L, m], Kp: f32[L, m], V: f32[L, d]) -> f32[L, d]",
    lines: ["let A[i, j] = sum[r] Qp[i, r] * Kp[j, r]", "let Y[i, c] = (sum[j] A[i, j] * V[j, c]) / (sum[j] A[i, j])"],
    result: "Y",
    settings: { L: 5, m: 2, d: 3 },
    at: [3, 1],
    value: (x) => sum(5, (j) => scores(x, 3, j) * x("V", j, 1)) / sum(5, (j) => scores(x, 3, j)),
  },
  {
    system: "FAVOR+, causal",
    signature: "fn f<L, m, d>(Qp: f32[L, m], Kp: f32[L, m], V: f32[L, d]) -> f32[L, d]",
    lines: [
      "let A[i, j] = sum[r] Qp[i, r] * Kp[j, r]",
      "let Y[i, c] = (sum[j: j <= i] A[i, j] * V[j, c]) / (sum[j: j <= i] A[i, j])",
    ],
    result: "Y",
    settings: { L: 5, m: 2, d: 3 },
    at: [2, 0],
    value: (x) => sum(3, (j) => scores(x, 2, j) * x("V", j, 0)) / sum(3, (j) => scores(x, 2, j)),
  },
  {
    system: "SSTVOS",
    signature: "fn f<P, n, C>(Q: f32[P, C], K: f32[P, C], V: f32[P, C], I: idx<P>[P, n]) -> f32[P, C]",
    lines: ["let S[p, n] = softmax[n](sum[c] Q[p, c] * K[I[p, n], c])", "let Y[p, c] = sum[n] S[p, n] * V[I[p, n], c]"],
    result: "Y",
    settings: { P: 6, n: 3, C: 4 },
    at: [4, 2],
    value: (x) => {
      const weight = (n: number) => Math.exp(sparse(x, 4, n));
      return sum(3, (n) => weight(n) * x("V", x("I", 4, n), 2)) / sum(3, weight);
    },
  },
  {
    system: "NS-VQA",
    signature: "fn f<T, L, d, e_>(q: f32[T, d], W_A: f32[d, e_], e: f32[L, e_]) -> f32[T, e_]",
    lines: [
      "let α[t, i] = softmax[i](sum[a, b] q[t, a] * W_A[a, b] * e[i, b])",
      "let ctx[t, b] = sum[i] α[t, i] * e[i, b]",
    ],
    result: "ctx",
    settings: { T: 2, L: 5, d: 3, e_: 4 },
    at: [1, 3],
    value: (x) => {
      const weight = (i: number) => Math.exp(aligned(x, 1, i));
      return sum(5, (i) => weight(i) * x("e", i, 3)) / sum(5, weight);
    },
  },
  {
    system: "HULANet, category",
    signature: "fn f<C_, H, W>(A: f32[C_], C: f32[C_, H, W], a: f32, b: f32) -> f32[H, W]",
    lines: ["let S[y, x] = sum[c] A[c] * C[c, y, x]", "let P[y, x] = σ(a * S[y, x] + b)"],
    result: "P",
    settings: { C_: 3, H: 2, W: 4 },
    at: [1, 2],
    value: (x) => sigma(x("a") * sum(3, (c) => x("A", c) * x("C", c, 1, 2)) + x("b")),
  },
  {
    system: "HULANet, combination",
    signature: "fn f<T, H, W>(F: f32[T, H, W], w: f32[T]) -> f32[H, W]",
    lines: ["let O[y, x] = sum[t] F[t, y, x] * w[t]"],
    result: "O",
    settings: { T: 3, H: 2, W: 2 },
    at: [0, 1],
    value: (x) => sum(3, (t) => x("F", t, 0, 1) * x("w", t)),
  },
  {
    system: "JRNet",
    signature: "fn f<n, C, H, W>(f: f32[n, C, H, W], Λ: f32[n, n, C, H, W]) -> f32[n, C, H, W]",
    lines: ["let g[i, c, y, x] = f[i, c, y, x] + sum[j: j != i] Λ[i, j, c, y, x] * f[i, c, y, x]"],
    result: "g",
    settings: { n: 3, C: 2, H: 2, W: 2 },
    at: [1, 1, 0, 1],
    value: (x) => x("f", 1, 1, 0, 1) * (1 + x("Λ", 1, 0, 1, 0, 1) + x("Λ", 1, 2, 1, 0, 1)),
  },
  {
    system: "one-stage grounding",
    signature: "fn f(H: size, W: size) -> f32[H, W, 8]",
    lines: ["let s[i: H, j: W, :] = [j/W, i/H, (j+0.5)/W, (i+0.5)/H, (j+1)/W, (i+1)/H, 1/W, 1/H]"],
    result: "s",
    settings: { H: 3, W: 4 },
    at: [2, 1, 3],
    value: () => 2.5 / 3,
  },
  {
    system: "one-stage grounding, fusion",
    signature: "fn f<D, E, H, W, O>(v: f32[D, H, W], t: f32[E], w: f32[O, D + E]) -> f32[O, H, W]",
    lines: ["let text[c: E, y: H, x: W] = t[c]", "let u[o, y, x] = sum[c] w[o, c] * [v; text][c, y, x]"],
    result: "u",
    settings: { D: 2, E: 3, H: 2, W: 2, O: 4 },
    at: [3, 1, 0],
    value: (x) => sum(2, (c) => x("w", 3, c) * x("v", c, 1, 0)) + sum(3, (c) => x("w", 3, 2 + c) * x("t", c)),
  },
  {
    system: "TAP",
    signature: "fn f<N, M, d>(words: f32[N, d], objects: f32[M, d], start: f32[1, d]) -> f32[N + M + 1, d]",
    lines: ["let x = [words; objects; start]"],
    result: "x",
    settings: { N: 3, M: 2, d: 2 },
    at: [4, 1],
    value: (x) => x("objects", 1, 1),
  },
];

function reader(graph: Graph, values: ReturnType<typeof valuesOf>): Read {
  return (name, ...position) => {
    const tensor = values.inputs[name];
    if (tensor === undefined) throw new Error(`${graph.name} has no input ${name}`);
    const place = position.reduce((at, k, axis) => at * (tensor.type.shape[axis] as number) + k, 0);
    return tensor.data[place] as number;
  };
}

describe("equations of the systems", () => {
  it.each(equations.map((equation) => [equation.system, equation] as const))("%s", (_, equation) => {
    const { signature, lines, result, settings, at, value } = equation;
    expect(lines.length).toBeLessThanOrEqual(2);
    const text = `${signature} {\n${lines.map((line) => `  ${line}\n`).join("")}  return ${result}\n}\n`;
    const graph = graphOf(text, { entry: "f", settings });
    const values = valuesOf(graph);
    const output = Object.values(evaluateGraph(graph, values))[0];
    const { shape } = output?.type ?? { shape: [] };
    const place = at.reduce((sum_, k, axis) => sum_ * (shape[axis] as number) + k, 0);
    const want = value(reader(graph, values));
    expect(Number.isFinite(want)).toBe(true);
    // Both in float64, a few dozen operations.
    expect(Math.abs((output?.data[place] as number) - want)).toBeLessThan(1e-12 * Math.max(1, Math.abs(want)));
  });
});
