/** Reductions against plain loops, and the shape of what a sum of a product becomes. */
import { describe, expect, it } from "vitest";
import { graphNodes } from "../../src/ir/index.ts";
import {
  array,
  expectRun,
  expectTensor,
  graphOf,
  indices,
  irOf,
  type NumberArray,
  noise,
  run,
  sum,
} from "./elaborate-text.ts";

const settings = { L: 5, S: 7 };
const a = noise([5, 7], 1);
const v = noise([7], 2);
const mask = indices([7], 2, 4);

const over = (n: number, keep: (j: number) => boolean = () => true) =>
  Array.from({ length: n }, (_, j) => j).filter(keep);
const total = (values: readonly number[]) => values.reduce((p, q) => p + q, 0);

/** Every reduction as a function of the list of kept elements. */
const reducers: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: total,
  mean: (values) => (values.length === 0 ? 0 : total(values) / values.length),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
  prod: (values) => values.reduce((p, q) => p * q, 1),
  logsumexp: (values) => Math.log(total(values.map(Math.exp))),
};

const ranges: Readonly<Record<string, { readonly written: string; readonly keep: (i: number, j: number) => boolean }>> =
  {
    whole: { written: "j", keep: () => true },
    causal: { written: "j: j <= i", keep: (i, j) => j <= i },
    later: { written: "j: j > i", keep: (i, j) => j > i },
    band: { written: "j: abs(i - j) <= 2", keep: (i, j) => Math.abs(i - j) <= 2 },
    between: { written: "j: i <= j and 2*j < i + 9", keep: (i, j) => i <= j && 2 * j < i + 9 },
    fixed: { written: "j: j < 3", keep: (_i, j) => j < 3 },
    same: { written: "j: j == i", keep: (i, j) => i === j },
    other: { written: "j: j != i", keep: (i, j) => i !== j },
    masked: { written: "j: mask[j]", keep: (_i, j) => mask.at(j) === 1 },
    both: { written: "j: mask[j] and j <= i + 2", keep: (i, j) => mask.at(j) === 1 && j <= i + 2 },
  };

describe("every reduction over every kind of range", () => {
  for (const [reducer, expected] of Object.entries(reducers)) {
    for (const [name, { written, keep }] of Object.entries(ranges)) {
      it(`${reducer}, ${name}`, () => {
        const text = `fn f<L, S>(a: f32[L, S], mask: bool[S]) -> f32[L] {\n  let y[i] = ${reducer}[${written}] a[i, j]\n  return y\n}`;
        const want = array([5], (i) => expected(over(7, (j) => keep(i, j)).map((j) => a.at(i, j))));
        expectRun(text, { settings, values: { a, mask } }, want);
      });
    }
  }

  for (const [name, { written, keep }] of Object.entries(ranges)) {
    it(`argmax and argmin, ${name}`, () => {
      const text = `fn f<L, S>(a: f32[L, S], mask: bool[S]) -> (p: idx<S>[L], q: idx<S>[L]) {
  let p[i] = argmax[${written}] a[i, j]
  let q[i] = argmin[${written}] a[i, j]
  return (p, q)
}`;
      const best = (i: number, sign: number) =>
        over(7, (j) => keep(i, j)).reduce(
          (held, j) => (sign * a.at(i, j) > sign * a.at(i, held) ? j : held),
          over(7, (j) => keep(i, j))[0] as number,
        );
      const { p, q } = run(text, { settings, values: { a, mask } });
      expectTensor(
        p,
        array([5], (i) => best(i, 1)),
      );
      expectTensor(
        q,
        array([5], (i) => best(i, -1)),
      );
    });

    it(`sum of a product, ${name}`, () => {
      const text = `fn f<L, S, e>(a: f32[L, S], mask: bool[S], w: f32[S, e]) -> f32[L, e] {\n  let y[i, c] = sum[${written}] a[i, j] * w[j, c]\n  return y\n}`;
      const w = noise([7, 3], 8);
      const want = array([5, 3], (i, c) => total(over(7, (j) => keep(i, j)).map((j) => a.at(i, j) * w.at(j, c))));
      expectRun(text, { settings: { ...settings, e: 3 }, values: { a, mask, w } }, want);
    });

    it(`sum of what varies along the reduced index alone, ${name}`, () => {
      const text = `fn f<L, S>(v: f32[S], mask: bool[S]) -> f32[L] {\n  let y[i: L] = sum[${written}] v[j]\n  return y\n}`;
      expectRun(
        text,
        { settings, values: { v, mask } },
        array([5], (i) => total(over(7, (j) => keep(i, j)).map((j) => v.at(j)))),
      );
    });
  }

  it("any and all", () => {
    const text =
      "fn f<L, S>(a: f32[L, S]) -> (p: bool[L], q: bool[L]) {\n  let p[i] = any[j: j <= i] (a[i, j] > 0.5)\n  let q[i] = all[j: j > i] (a[i, j] > -0.9)\n  return (p, q)\n}";
    const { p, q } = run(text, { settings, values: { a } });
    expectTensor(
      p,
      array([5], (i) => Number(over(7, (j) => j <= i).some((j) => a.at(i, j) > 0.5))),
    );
    expectTensor(
      q,
      array([5], (i) => Number(over(7, (j) => j > i).every((j) => a.at(i, j) > -0.9))),
    );
  });

  it("several indices at once", () => {
    const text =
      "fn f<L, S>(a: f32[L, S]) -> (s: f32, m: f32, p: idx<L * S>, r: f32) {\n  return (sum[i, j] a[i, j], max[i, j: j <= i] a[i, j], argmax[i: L, j: S] a[i, j], mean[i, j: j <= i] a[i, j])\n}";
    const { s, m, p, r } = run(text, { settings, values: { a } });
    const kept = over(5).flatMap((i) => over(7, (j) => j <= i).map((j) => a.at(i, j)));
    expectTensor(
      s,
      array([], () => total(a.data)),
    );
    expectTensor(
      m,
      array([], () => Math.max(...kept)),
    );
    expectTensor(
      p,
      array([], () => a.data.indexOf(Math.max(...a.data))),
    );
    expectTensor(
      r,
      array([], () => total(kept) / kept.length),
    );
  });

  it("the mean of nothing is 0", () => {
    const text = "fn f<L, S>(a: f32[L, S]) -> f32[L] {\n  let y[i] = mean[j: j < i] a[i, j]\n  return y\n}";
    expectRun(
      text,
      { settings, values: { a } },
      array([5], (i) => (i === 0 ? 0 : total(over(i).map((j) => a.at(i, j))) / i)),
    );
  });

  it("integers, indices and counts", () => {
    const text =
      "fn f<L, S>(k: idx<S>[L]) -> (s: i32, n: f32, w: f32, m: idx<S>) {\n  return (sum[i] k[i], sum[i] (if k[i] > 2 then 1 else 0), sum[i] i * k[i] / 2, max[i] k[i])\n}";
    const k = indices([5], 7, 3);
    const { s, n, w, m } = run(text, { settings, values: { k } });
    expectTensor(
      s,
      array([], () => total(k.data)),
    );
    expectTensor(
      n,
      array([], () => k.data.filter((one) => one > 2).length),
    );
    expectTensor(
      w,
      array([], () => total(k.data.map((one, i) => (i * one) / 2))),
    );
    expectTensor(
      m,
      array([], () => Math.max(...k.data)),
    );
    expect(m?.type.below).toBe(7);
  });
});

describe("what a sum of a product becomes", () => {
  const body = (text: string) =>
    `fn f<L, S, d>(a: f32[L, d], b: f32[S, d], u: f32[L], v: f32[d], w: f32[S]) -> f32[L, S] {\n  let y[i, j] = ${text}\n  return y\n}`;
  const values: Record<string, NumberArray> = {
    a: noise([3, 4], 1),
    b: noise([5, 4], 2),
    u: noise([3], 3),
    v: noise([4], 4),
    w: noise([5], 5),
  };
  const at = (name: string, ...position: number[]) => (values[name] as NumberArray).at(...position);
  const sizes = { L: 3, S: 5, d: 4 };
  const operations = (text: string) =>
    graphNodes(graphOf(body(text), { settings: sizes }))
      .map((node) => node.op)
      .filter((op) => !["input", "constant"].includes(op));
  const terms = (term: (i: number, j: number, c: number) => number) =>
    array([3, 5], (i, j) => sum(4, (c) => term(i, j, c)));

  it("one contraction, with what does not vary outside", () => {
    const text = "sum[c] u[i] * a[i, c] * -b[j, c] * v[c] / 2 / w[j]";
    expect(irOf(body(text), { settings: sizes })).toMatch(/contract "i c, j c, c -> i j" %0, %1, %3/);
    expect(operations(text)).toEqual(["contract", "broadcast", "mul", "neg", "div", "broadcast", "div"]);
    expectRun(
      body(text),
      { settings: sizes, values },
      terms((i, j, c) => (at("u", i) * at("a", i, c) * -at("b", j, c) * at("v", c)) / 2 / at("w", j)),
    );
  });

  it("divides by what varies inside the sum", () => {
    const text = "sum[c] a[i, c] / v[c] * b[j, c]";
    expect(operations(text)).toEqual(["broadcast", "div", "contract"]);
    expectRun(
      body(text),
      { settings: sizes, values },
      terms((i, j, c) => (at("a", i, c) / at("v", c)) * at("b", j, c)),
    );
    expectRun(
      body("sum[c] v[c] / (a[i, c] + 3) / (b[j, c] + 3)"),
      { settings: sizes, values },
      terms((i, j, c) => at("v", c) / (at("a", i, c) + 3) / (at("b", j, c) + 3)),
    );
    expectRun(
      body("sum[c] u[i] / (a[i, c] + 3) + w[j]"),
      { settings: sizes, values },
      array([3, 5], (i, j) => sum(4, (c) => at("u", i) / (at("a", i, c) + 3)) + at("w", j)),
    );
  });

  it("a sum of sums adds before it reduces", () => {
    expectRun(
      body("sum[c] (a[i, c] + b[j, c])^2"),
      { settings: sizes, values },
      terms((i, j, c) => (at("a", i, c) + at("b", j, c)) ** 2),
    );
  });

  it("counts what does not vary at all", () => {
    expectRun(
      body("sum[c: d] u[i] * w[j]"),
      { settings: sizes, values },
      terms((i, j) => at("u", i) * at("w", j)),
    );
    expectRun(
      body("sum[c: d where c <= i] u[i] * w[j]"),
      { settings: sizes, values },
      terms((i, j, c) => (c <= i ? at("u", i) * at("w", j) : 0)),
    );
    expectRun(
      body("sum[c: d, k: 2] a[i, c] * w[j]"),
      { settings: sizes, values },
      terms((i, j, c) => 2 * at("a", i, c) * at("w", j)),
    );
    expectRun(
      body("sum[k: 3] 2 + u[i] + w[j]"),
      { settings: sizes, values },
      array([3, 5], (i, j) => 6 + at("u", i) + at("w", j)),
    );
  });

  it("keeps whole vectors as positions", () => {
    const text =
      "fn f<L, S, d>(a: f32[L, S], b: f32[S, d]) -> f32[L, d] {\n  let y[i, :] = sum[j] a[i, j] * b[j]\n  return y\n}";
    const p = noise([3, 5], 6);
    const q = noise([5, 4], 7);
    expectRun(
      text,
      { settings: sizes, values: { a: p, b: q } },
      array([3, 4], (i, c) => sum(5, (j) => p.at(i, j) * q.at(j, c))),
    );
  });

  it("a prefix sum has no square in it", () => {
    const text = "fn f<L>(x: f32[L]) -> f32[L] {\n  let y[i: L] = sum[j: j <= i] x[j]\n  return y\n}";
    expect(irOf(text, { settings: { L: 9 } })).toContain('contract "j, i -> i" %0, %1 where="j <= i"');
    expect(graphNodes(graphOf(text, { settings: { L: 9 } })).every((node) => node.type.shape.length <= 1)).toBe(true);
  });

  it("what is excluded may be anything", () => {
    const text =
      "fn f<S, d>(m: bool[S], p: f32[S], q: f32[S, d]) -> f32[d] {\n  let y[c] = sum[j: m[j]] p[j] * q[j, c]\n  return y\n}";
    const m = array([3], (j) => Number(j !== 1));
    const p = array([3], (j) => (j === 1 ? Number.NaN : j));
    const q = array([3, 2], (j, c) => (j === 1 ? Number.POSITIVE_INFINITY : c + j));
    expectRun(
      text,
      { settings: { S: 3, d: 2 }, values: { m, p, q } },
      array([2], (c) => 2 * (c + 2)),
    );
  });
});
