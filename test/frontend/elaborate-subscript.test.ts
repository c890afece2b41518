/** Subscripts that are more than an index: shifts, strides, windows, lookups, diagonals, and what stands outside. */
import { describe, expect, it } from "vitest";
import { graphNodes } from "../../src/ir/index.ts";
import { array, expectRun, expectTensor, graphOf, indices, irOf, noise, run, sum } from "./elaborate-text.ts";

const x = noise([6], 1);
const n = 6;
const settings = { n };
const inside = (k: number, otherwise: number, from = x) => (k >= 0 && k < from.shape[0]! ? from.at(k) : otherwise);
const operations = (text: string, sizes: Record<string, number>) =>
  graphNodes(graphOf(text, { settings: sizes })).map((node) => node.op);

describe("one index", () => {
  const cases: Readonly<
    Record<string, { readonly at: (t: number) => number; readonly size?: string; readonly uses?: readonly string[] }>
  > = {
    "t - 1": { at: (t) => t - 1, uses: ["input", "slice", "pad"] },
    "t + 2": { at: (t) => t + 2, uses: ["input", "slice", "pad"] },
    "n - 1 - t": { at: (t) => n - 1 - t, uses: ["input", "reverse"] },
    "n + 1 - 2*t": { at: (t) => n + 1 - 2 * t, uses: ["input", "reverse", "slice", "pad"] },
    "2*t - 1": { at: (t) => 2 * t - 1, uses: ["input", "slice", "pad"] },
    "3*t + 1": { at: (t) => 3 * t + 1, uses: ["input", "slice", "pad"] },
    "t + 10": { at: (t) => t + 10, uses: ["input", "constant", "broadcast"] },
    "t - 6": { at: (t) => t - 6, uses: ["input", "constant", "broadcast"] },
    "t // 2": { at: (t) => Math.floor(t / 2) },
    "(5*t) % 7 - 1": { at: (t) => ((5 * t) % 7) - 1 },
  };
  for (const [written, { at, uses }] of Object.entries(cases)) {
    it(`x[${written}] else 7`, () => {
      const text = `fn f<n>(x: f32[n]) -> f32[n] {\n  let y[t: n] = x[${written}] else 7\n  return y\n}`;
      expectRun(
        text,
        { settings, values: { x } },
        array([n], (t) => inside(at(t), 7)),
      );
      if (uses !== undefined) expect(operations(text, settings)).toEqual(uses);
    });

    it(`x[${written}] else another value that varies`, () => {
      const text = `fn f<n>(x: f32[n], w: f32[n]) -> f32[n] {\n  let y[t: n] = x[${written}] else w[t]\n  return y\n}`;
      const w = noise([n], 3);
      expectRun(
        text,
        { settings, values: { x, w } },
        array([n], (t) => inside(at(t), w.at(t))),
      );
    });
  }

  it("a fixed position drops the axis", () => {
    const text =
      "fn f<L, d>(x: f32[L, d]) -> f32[d] {\n  require L > 2\n  let y[c] = x[L - 1, c] + x[2, c] + (x[-1, c] else 5)\n  return y\n}";
    const a = noise([4, 3]);
    expectRun(
      text,
      { settings: { L: 4, d: 3 }, values: { x: a } },
      array([3], (c) => a.at(3, c) + a.at(2, c) + 5),
    );
  });

  it("shorter results need no padding", () => {
    const text = "fn f<n>(x: f32[n + 1]) -> f32[n] {\n  let y[t: n] = x[t + 1] * 2\n  return y\n}";
    expect(operations(text, { n: 5 })).toEqual(["input", "slice", "constant", "mul"]);
    expectRun(
      text,
      { settings: { n: 5 }, values: { x } },
      array([5], (t) => x.at(t + 1) * 2),
    );
  });

  it("what a predicate excludes need not be in range", () => {
    const text =
      "fn f<n>(x: f32[n], w: f32[n]) -> f32[n] {\n  let y[i: n] = sum[k: n where k <= i] w[k] * x[i - k]\n  return y\n}";
    const w = noise([n], 2);
    expectRun(
      text,
      { settings, values: { x, w } },
      array([n], (i) => sum(i + 1, (k) => w.at(k) * x.at(i - k))),
    );
  });

  it("indices stay indices, with the bound of what may stand outside", () => {
    const text =
      "fn f<L, V>(t: idx<V>[L], table: f32[V]) -> f32[L] {\n  require V > 3\n  let s[i: L] = t[i - 1] else 3\n  let y[i] = table[s[i]]\n  return y\n}";
    const t = indices([5], 8);
    const table = noise([8], 4);
    expectRun(
      text,
      { settings: { L: 5, V: 8 }, values: { t, table } },
      array([5], (i) => table.at(i === 0 ? 3 : t.at(i - 1))),
    );
  });

  it("works on integers and booleans", () => {
    const text =
      "fn f<n>(k: i32[n], m: bool[n]) -> (p: i32[n], q: bool[n]) {\n  let p[t: n] = k[t - 1] else -4\n  let q[t: n] = m[t + 1] else true\n  return (p, q)\n}";
    const k = array([4], (t) => t * t);
    const m = indices([4], 2);
    const { p, q } = run(text, { settings: { n: 4 }, values: { k, m } });
    expectTensor(
      p,
      array([4], (t) => (t === 0 ? -4 : k.at(t - 1))),
    );
    expectTensor(
      q,
      array([4], (t) => (t === 3 ? 1 : m.at(t + 1))),
    );
  });
});

describe("windows", () => {
  it("a one-dimensional convolution", () => {
    const text =
      "fn f<n, K>(x: f32[n], w: f32[K]) -> f32[n] {\n  let y[t: n] = sum[k] w[k] * (x[t + k - 1] else 0)\n  return y\n}";
    const w = noise([3], 2);
    expectRun(
      text,
      { settings: { n, K: 3 }, values: { x, w } },
      array([n], (t) => sum(3, (k) => w.at(k) * inside(t + k - 1, 0))),
    );
  });

  it("a strided, padded convolution in two dimensions with channels", () => {
    const text = `fn conv<C, H, W, O>(X: f32[C, H, W], K: f32[O, C, 3, 3]) -> f32[O, H // 2, W // 2] {
  let Y[o, y: H // 2, x: W // 2] = sum[c, ky, kx] K[o, c, ky, kx] * (X[c, 2*y + ky - 1, 2*x + kx - 1] else 0)
  return Y
}`;
    const X = noise([2, 6, 8], 1);
    const K = noise([3, 2, 3, 3], 2);
    const at = (c: number, r: number, q: number) => (r >= 0 && r < 6 && q >= 0 && q < 8 ? X.at(c, r, q) : 0);
    const want = array([3, 3, 4], (o, r, q) =>
      sum(2, (c) => sum(3, (ky) => sum(3, (kx) => K.at(o, c, ky, kx) * at(c, 2 * r + ky - 1, 2 * q + kx - 1)))),
    );
    const sizes = { C: 2, H: 6, W: 8, O: 3 };
    expectRun(text, { settings: sizes, values: { X, K } }, want);
    // The window is a view and the sum a contraction over it.
    expect(irOf(text, { settings: sizes })).toContain('window "c, 2 y + ky - 1, 2 x + kx - 1 -> c y ky x kx"');
    expect(operations(text, sizes)).toEqual(["input", "input", "window", "contract"]);
  });

  it("max pooling with an else that is not zero", () => {
    const text =
      "fn f<H, W>(X: f32[H, W]) -> f32[H // 2, W // 2] {\n  let Y[y: H // 2, x: W // 2] = max[a: 3, b: 3] (X[2*y + a - 1, 2*x + b - 1] else -inf)\n  return Y\n}";
    const X = noise([4, 6]);
    const want = array([2, 3], (r, q) =>
      Math.max(
        ...[0, 1, 2]
          .flatMap((a) => [0, 1, 2].map((b) => [2 * r + a - 1, 2 * q + b - 1]))
          .filter(([p, s]) => p! >= 0 && p! < 4 && s! >= 0 && s! < 6)
          .map(([p, s]) => X.at(p!, s!)),
      ),
    );
    expectRun(text, { settings: { H: 4, W: 6 }, values: { X } }, want);
  });
});

describe("several kinds in one read", () => {
  const X = noise([4, 6, 5, 3], 3);
  const I = indices([2], 3, 4);
  const sizes = { a: 4, b: 6, c: 5, e: 3, q: 2 };

  it("a window, a group, a fixed place and a lookup", () => {
    const text = `fn f<a, b, c, e, q>(X: f32[a, b, c, e], I: idx<e>[q]) -> f32[c, q, b // 2, 2] {
  require b % 2 == 0
  require a > 3
  let y[t: c, p, g, h: 2] = sum[k: 3] (X[3, (h g), t + k - 1, I[p]] else 2) * (k + 1)
  return y
}`;
    const want = array([5, 2, 3, 2], (t, p, g, h) =>
      sum(3, (k) => (t + k < 1 || t + k > 5 ? 2 : X.at(3, h * 3 + g, t + k - 1, I.at(p))) * (k + 1)),
    );
    expectRun(text, { settings: sizes, values: { X, I } }, want);
  });

  it("and a value outside that varies", () => {
    const text = `fn f<a, b, c, e, q>(X: f32[a, b, c, e], I: idx<e>[q], w: f32[c]) -> f32[c, q, b] {
  let y[t, p, s: b] = sum[k: 3] (X[t - k, b - 1 - s, t + k - 1, I[p] + k - 1] else w[t])
  return y
}`;
    const w = noise([5], 8);
    const want = array([5, 2, 6], (t, p, s) =>
      sum(3, (k) => {
        const at = [t - k, 5 - s, t + k - 1, I.at(p) + k - 1];
        return at.every((place, axis) => place >= 0 && place < X.shape[axis]!) ? X.at(...at) : w.at(t);
      }),
    );
    expectRun(text, { settings: sizes, values: { X, I, w } }, want);
  });
});

describe("lookups", () => {
  const table = noise([8, 3], 5);
  const t = indices([5], 8, 2);

  it("an embedding is one gather", () => {
    const text = "fn f<V, d, L>(E: f32[V, d], t: idx<V>[L]) -> f32[L, d] {\n  let y[i, c] = E[t[i], c]\n  return y\n}";
    const sizes = { V: 8, d: 3, L: 5 };
    expect(irOf(text, { settings: sizes })).toContain('gather "at c, i -> i c" %0, %1 at="at"');
    expect(operations(text, sizes)).toEqual(["input", "input", "gather"]);
    expectRun(
      text,
      { settings: sizes, values: { E: table, t } },
      array([5, 3], (i, c) => table.at(t.at(i), c)),
    );
  });

  it("positions that share indices with the data", () => {
    const text =
      "fn f<B, S, d, n>(K: f32[B, S, d], I: idx<S>[B, n]) -> f32[B, n, d] {\n  let y[b, p, c] = K[b, I[b, p], c]\n  return y\n}";
    const K = noise([2, 6, 3]);
    const I = indices([2, 4], 6);
    expectRun(
      text,
      { settings: { B: 2, S: 6, d: 3, n: 4 }, values: { K, I } },
      array([2, 4, 3], (b, p, c) => K.at(b, I.at(b, p), c)),
    );
  });

  it("several lookups with one index read once", () => {
    const text =
      "fn f<A, B, C, P>(X: f32[A, C, B], I: idx<A>[P], J: idx<B>[P]) -> f32[P, C] {\n  let y[p, c] = X[I[p], c, J[p]]\n  return y\n}";
    const X = noise([3, 2, 4]);
    const I = indices([5], 3, 1);
    const J = indices([5], 4, 2);
    const sizes = { A: 3, B: 4, C: 2, P: 5 };
    expect(operations(text, sizes).filter((op) => op === "gather")).toHaveLength(1);
    expectRun(
      text,
      { settings: sizes, values: { X, I, J } },
      array([5, 2], (p, c) => X.at(I.at(p), c, J.at(p))),
    );
  });

  it("independent lookups on two axes", () => {
    const text =
      "fn f<A, B, P, Q>(X: f32[A, B], I: idx<A>[P], J: idx<B>[Q]) -> f32[Q, P] {\n  let y[q, p] = X[I[p], J[q]]\n  return y\n}";
    const X = noise([3, 4]);
    const I = indices([5], 3, 1);
    const J = indices([2], 4, 2);
    expectRun(
      text,
      { settings: { A: 3, B: 4, P: 5, Q: 2 }, values: { X, I, J } },
      array([2, 5], (q, p) => X.at(I.at(p), J.at(q))),
    );
  });

  it("a computed position may leave the axis where there is an else", () => {
    const text = "fn f<n>(x: f32[n], k: i32[n]) -> f32[n] {\n  let y[i] = x[k[i] + i] else -1\n  return y\n}";
    const k = array([n], (i) => [-3, 5, 0, 1, -9, 2][i] as number);
    expectRun(
      text,
      { settings, values: { x, k } },
      array([n], (i) => inside(k.at(i) + i, -1)),
    );
  });

  it("one position for all", () => {
    const text = "fn f<V, d>(E: f32[V, d], t: idx<V>) -> f32[d] {\n  let y[c] = E[t, c]\n  return y\n}";
    expectRun(
      text,
      { settings: { V: 8, d: 3 }, values: { E: table, t: array([], () => 6) } },
      array([3], (c) => table.at(6, c)),
    );
  });

  it("an argmax is a position", () => {
    const text =
      "fn f<L, d>(a: f32[L, d], w: f32[d]) -> f32[L] {\n  let p[i] = argmax[c: d] a[i, c]\n  let y[i] = w[p[i]]\n  return y\n}";
    const a = noise([4, 3]);
    const w = noise([3], 9);
    const best = (i: number) => [0, 1, 2].reduce((held, c) => (a.at(i, c) > a.at(i, held) ? c : held), 0);
    expectRun(
      text,
      { settings: { L: 4, d: 3 }, values: { a, w } },
      array([4], (i) => w.at(best(i))),
    );
  });
});

describe("diagonals", () => {
  it("of numbers, indices and conditions", () => {
    const text =
      "fn f<n>(a: f32[n, n], k: idx<n>[n, n], m: bool[n, n]) -> (p: f32[n], q: idx<n>[n], r: bool[n]) {\n  let p[i] = a[i, i]\n  let q[i] = k[i, i]\n  let r[i] = m[i, i]\n  return (p, q, r)\n}";
    const a = noise([4, 4]);
    const k = indices([4, 4], 4);
    const m = indices([4, 4], 2);
    const { p, q, r } = run(text, { settings: { n: 4 }, values: { a, k, m } });
    expectTensor(
      p,
      array([4], (i) => a.at(i, i)),
    );
    expectTensor(
      q,
      array([4], (i) => k.at(i, i)),
    );
    expectTensor(
      r,
      array([4], (i) => m.at(i, i)),
    );
  });

  it("through a value that already varies with the index", () => {
    const text =
      "fn g<n>(x: f32[n], s: f32) -> f32[n] = x * s\nfn f<n>(x: f32[n]) -> f32[n] {\n  let y[i] = g(x, x[i])[i]\n  return y\n}";
    expectRun(
      text,
      { entry: "f", settings, values: { x } },
      array([n], (i) => x.at(i) * x.at(i)),
    );
  });
});

it("a matrix trace and a Toeplitz product", () => {
  const text =
    "fn f<n>(a: f32[n, n], w: f32[2 * n]) -> (t: f32, y: f32[n]) {\n  let t = sum[i] a[i, i]\n  let y[i: n] = sum[j: n] w[i - j + n] * a[j, j]\n  return (t, y)\n}";
  const a = noise([4, 4]);
  const w = noise([8], 2);
  const { t, y } = run(text, { settings: { n: 4 }, values: { a, w } });
  expectTensor(
    t,
    array([], () => sum(4, (i) => a.at(i, i))),
  );
  expectTensor(
    y,
    array([4], (i) => sum(4, (j) => w.at(i - j + 4) * a.at(j, j))),
  );
});
