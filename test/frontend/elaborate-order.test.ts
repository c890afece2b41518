/** Order: argsort, sort and topk, with and without an axis in brackets. */
import { describe, expect, it } from "vitest";
import { array, expectRun, expectTensor, noise, run } from "./elaborate-text.ts";

const x = noise([3, 5]);
const sorted = (row: number, sign = 1) =>
  Array.from({ length: 5 }, (_, k) => k).sort((a, b) => sign * (x.at(row, a) - x.at(row, b)) || a - b);

describe("order", () => {
  it("sorts along an index", () => {
    const text = "fn f<m, n>(x: f32[m, n]) -> f32[n, m] {\n let y[j, i] = sort[j](x[i, j])\n return y\n}";
    expectRun(
      text,
      { values: { x }, settings: { m: 3, n: 5 } },
      array([5, 3], (j, i) => x.at(i, sorted(i)[j] as number)),
    );
  });

  it("gives places that index the vector", () => {
    const text = `fn f<m, n>(x: f32[m, n]) -> f32[m, n] {
      let p[i, j] = argsort_descending[j](x[i, j])
      let y[i, j] = x[i, p[i, j]]
      return y
    }`;
    expectRun(
      text,
      { values: { x }, settings: { m: 3, n: 5 } },
      array([3, 5], (i, j) => x.at(i, sorted(i, -1)[j] as number)),
    );
  });

  it("maps over leading axes without brackets", () => {
    const text = "fn f<m, n>(x: f32[m, n]) -> f32[m, n] = sort_descending(x)";
    expectRun(
      text,
      { values: { x }, settings: { m: 3, n: 5 } },
      array([3, 5], (i, j) => x.at(i, sorted(i, -1)[j] as number)),
    );
  });

  it("gives the greatest and their places", () => {
    const text = `fn f<m, n>(x: f32[m, n]) -> (v: f32[m, 2], p: idx<n>[m, 2]) {
      require n >= 2
      let (v[i, j], p[i, j]) = topk[j](x[i, j], 2)
      return (v, p)
    }`;
    const results = run(text, { values: { x }, settings: { m: 3, n: 5 } });
    expectTensor(
      results.v,
      array([3, 2], (i, j) => x.at(i, sorted(i, -1)[j] as number)),
    );
    expectTensor(
      results.p,
      array([3, 2], (i, j) => sorted(i, -1)[j] as number),
    );
    expect(results.p?.type.below).toBe(5);
  });

  it("hands back axes of one result and consumes those of another", () => {
    const text = `fn centred<n>(x: f32[n]) -> (f32[n], f32) {
      let m = mean[k] x[k]
      return (x - m, m)
    }
    fn f<m, n>(x: f32[m, n]) -> (y: f32[m, n], c: f32[m]) {
      let (y[i, j], c[i]) = centred[j](x[i, j])
      return (y, c)
    }`;
    const mean = (i: number) => [0, 1, 2, 3, 4].reduce((total, j) => total + x.at(i, j), 0) / 5;
    const results = run(text, { entry: "f", values: { x }, settings: { m: 3, n: 5 } });
    expectTensor(
      results.y,
      array([3, 5], (i, j) => x.at(i, j) - mean(i)),
    );
    expectTensor(
      results.c,
      array([3], (i) => mean(i)),
    );
  });

  it("keeps the order of equal elements", () => {
    const text = "fn f<n>(x: f32[n]) -> idx<n>[n] = argsort(x)";
    const values = { x: array([6], (k) => [2, 1, 2, 1, 2, 1][k] as number) };
    expectRun(
      text,
      { values, settings: { n: 6 } },
      array([6], (k) => [1, 3, 5, 0, 2, 4][k] as number),
    );
  });
});
