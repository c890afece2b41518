/** Index notation without reductions: order of axes, groups, partial subscripts, numbers, choices, joining. */
import { describe, expect, it } from "vitest";
import { array, expectRun, expectTensor, graphOf, indices, irOf, noise, run } from "./elaborate-text.ts";

const settings = { L: 4, d: 6 };
const x = noise([4, 6], 1);
const y = noise([4, 6], 2);
const v = noise([6], 3);

describe("order of axes", () => {
  it("follows the left side", () => {
    const text = "fn f<L, d>(x: f32[L, d]) -> f32[d, L] {\n  let t[c, i] = x[i, c]\n  return t\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([6, 4], (c, i) => x.at(i, c)),
    );
    expect(graphOf(text, { settings }).outputs[0]?.node).toMatchObject({ op: "transpose", name: "t" });
  });

  it("aligns operands that walk different axes", () => {
    const text =
      "fn f<L, d>(x: f32[L, d], v: f32[d]) -> f32[d, L, L] {\n  let t[c, i, j] = x[i, c] * v[c] - x[j, c]\n  return t\n}";
    expectRun(
      text,
      { settings, values: { x, v } },
      array([6, 4, 4], (c, i, j) => x.at(i, c) * v.at(c) - x.at(j, c)),
    );
  });

  it("repeats what does not vary", () => {
    const text = "fn f<L, d>(v: f32[d]) -> f32[L, d, 2] {\n  let t[i: L, c, s: 2] = v[c]\n  return t\n}";
    expectRun(
      text,
      { settings, values: { v } },
      array([4, 6, 2], (_i, c) => v.at(c)),
    );
  });

  it("makes no node for what is only another reading", () => {
    const text =
      "fn f<L, d>(x: f32[L, d]) -> f32[L, d] {\n  let a[i, c] = x[i, c]\n  let b[p, q] = a[p, q]\n  return b\n}";
    expect(irOf(text, { settings })).toBe('graph f {\n  %0: f32[4, 6] = input "x"\n  return f = %0\n}\n');
  });
});

describe("groups", () => {
  it("split an axis", () => {
    const text =
      "fn f<L, H, d>(x: f32[L, d]) -> f32[H, L, d // H] {\n  require d % H == 0\n  let q[h: H, i, c] = x[i, (h c)]\n  return q\n}";
    expectRun(
      text,
      { settings: { ...settings, H: 2 }, values: { x } },
      array([2, 4, 3], (h, i, c) => x.at(i, h * 3 + c)),
    );
  });

  it("merge axes", () => {
    const text = "fn f<H, L, e>(o: f32[H, L, e]) -> f32[L, H * e] {\n  let y[i, (h c)] = o[h, i, c]\n  return y\n}";
    const o = noise([2, 4, 3]);
    expectRun(
      text,
      { settings: { H: 2, L: 4, e: 3 }, values: { o } },
      array([4, 6], (i, k) => o.at(Math.floor(k / 3), i, k % 3)),
    );
  });

  it("do both at once", () => {
    const text =
      "fn f<L, d>(x: f32[L, d]) -> f32[L, d] {\n  require d % 2 == 0\n  let y[i, (c s: 2)] = x[i, (s c)]\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([4, 6], (i, k) => x.at(i, (k % 2) * 3 + Math.floor(k / 2))),
    );
  });
});

describe("partial subscripts and whole values", () => {
  it("leave the last axes as positions", () => {
    const text = "fn f<L, d>(x: f32[L, d], v: f32[d]) -> f32[L, d] {\n  let y[i, :] = x[i] + v\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x, v } },
      array([4, 6], (i, c) => x.at(i, c) + v.at(c)),
    );
  });

  it("keep an axis in the middle with `:`", () => {
    const text = "fn f<L, d>(x: f32[L, d]) -> f32[d, L] {\n  let y[c, :] = 2 * x[:, c]\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([6, 4], (c, i) => 2 * x.at(i, c)),
    );
  });

  it("combine whole tensors of one shape and scalars", () => {
    const text = "fn f<L, d>(x: f32[L, d], y: f32[L, d]) -> f32[L, d] = (x - y) / 2 + sqrt(d)";
    expectRun(
      text,
      { settings, values: { x, y } },
      array([4, 6], (i, c) => (x.at(i, c) - y.at(i, c)) / 2 + Math.sqrt(6)),
    );
  });
});

describe("numbers", () => {
  it("an index is a number, untyped until it meets one", () => {
    const text = "fn f<L, d>() -> f32[L, d] {\n  let y[t: L, c: d] = sin(t / 10000^(2*c/d)) + t\n  return y\n}";
    expectRun(
      text,
      { settings },
      array([4, 6], (t, c) => Math.sin(t / 10000 ** ((2 * c) / 6)) + t),
    );
  });

  it("whole-number division and remainder round down", () => {
    const text =
      "fn f<n>(a: i32[n]) -> (q: i32[n], r: i32[n]) {\n  let q[i] = a[i] // 3\n  let r[i] = a[i] % 3\n  return (q, r)\n}";
    const a = array([7], (i) => i - 3);
    const { q, r } = run(text, { settings: { n: 7 }, values: { a } });
    expectTensor(
      q,
      array([7], (i) => Math.floor((i - 3) / 3)),
    );
    expectTensor(
      r,
      array([7], (i) => i - 3 - 3 * Math.floor((i - 3) / 3)),
    );
  });

  it("division of integers is real", () => {
    expectRun(
      "fn f<n>(a: i32[n]) -> f32[n] = a / 2",
      { settings: { n: 3 }, values: { a: array([3], (i) => i) } },
      array([3], (i) => i / 2),
    );
  });

  it("powers of negative numbers", () => {
    expectRun(
      "fn f<d>(v: f32[d]) -> f32[d] = v^3 + v^-2 + v^2",
      { settings: { d: 6 }, values: { v } },
      array([6], (c) => v.at(c) ** 3 + v.at(c) ** -2 + v.at(c) ** 2),
    );
  });

  it("folds what is known, exactly beyond 32 bits", () => {
    const text = "fn f<n>(v: f32[n]) -> f32[n] = v * ((1000000 * 1000000 * n) // 1000000 - 1)";
    expect(irOf(text, { settings: { n: 3 } })).toContain("constant values=[2999999]");
  });

  it("conversions", () => {
    const text = "fn f<n>(v: f32[n], m: bool[n]) -> f32[n] = f32(i32(10 * v)) + f32(m)";
    const w = noise([5], 9);
    const m = indices([5], 2);
    expectRun(
      text,
      { settings: { n: 5 }, values: { v: w, m } },
      array([5], (i) => Math.trunc(10 * w.at(i)) + m.at(i)),
    );
  });
});

describe("choices", () => {
  it("select element by element", () => {
    const text =
      "fn f<L, d>(x: f32[L, d], v: f32[d]) -> f32[L, d] {\n  let y[i, c] = if x[i, c] > v[c] and not (i == 2) then x[i, c] else -1\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x, v } },
      array([4, 6], (i, c) => (x.at(i, c) > v.at(c) && i !== 2 ? x.at(i, c) : -1)),
    );
  });

  it("are made while building where the condition is known", () => {
    const text = "fn f<d>(v: f32[d], double: bool = true) -> f32[d] = if double then 2 * v else exp(v)";
    expect(irOf(text, { settings: { d: 6 } })).not.toContain("exp");
    expect(irOf(text, { settings: { d: 6, double: false } })).toContain("exp");
  });

  it("`if` statements take one branch", () => {
    const text =
      "fn f<d>(v: f32[d], n: size) -> f32[d] {\n  let y = v\n  if n > 2 { y = y + 1 } else if n == 2 { y = y * 2 } else { return v }\n  return y\n}";
    for (const [n, want] of [
      [3, (a: number) => a + 1],
      [2, (a: number) => a * 2],
      [1, (a: number) => a],
    ] as const) {
      expectRun(
        text,
        { settings: { d: 6, n }, values: { v } },
        array([6], (c) => want(v.at(c))),
      );
    }
  });

  it("`for` unrolls with its variable as a number", () => {
    const text =
      "fn f<d>(v: f32[d], n: size) -> f32[d] {\n  let y = v\n  for k in 0..n { y = y * v + k }\n  return y\n}";
    expectRun(
      text,
      { settings: { d: 6, n: 3 }, values: { v } },
      array([6], (c) => ((v.at(c) * v.at(c) + 0) * v.at(c) + 1) * v.at(c) + 2),
    );
  });
});

describe("joining", () => {
  it("lists make a new axis, also of different axes", () => {
    const text = "fn f<W, H>() -> f32[H, W, 4] {\n  let s[i: H, j: W, :] = [j/W, i/H, (j+0.5)/W, 1/H]\n  return s\n}";
    expectRun(
      text,
      { settings: { W: 3, H: 2 } },
      array([2, 3, 4], (i, j, k) => [j / 3, i / 2, (j + 0.5) / 3, 1 / 2][k] as number),
    );
  });

  it("`[a; b]` joins along the first axis", () => {
    const text = "fn f<L, S, d>(x: f32[L, d], z: f32[S, d]) -> f32[L + S + L, d] = [x; z; x]";
    const z = noise([2, 6], 5);
    expectRun(
      text,
      { settings: { ...settings, S: 2 }, values: { x, z } },
      array([10, 6], (i, c) => (i < 4 ? x.at(i, c) : i < 6 ? z.at(i - 4, c) : x.at(i - 6, c))),
    );
  });

  it("`concat[c]` joins along an index, repeating what does not vary", () => {
    const text =
      "fn f<L, d, e>(x: f32[L, d], w: f32[e]) -> f32[L, d + e] {\n  let y[i, c] = concat[c](x[i, c], w[c])\n  return y\n}";
    const w = noise([2], 6);
    expectRun(
      text,
      { settings: { ...settings, e: 2 }, values: { x, w } },
      array([4, 8], (i, c) => (c < 6 ? x.at(i, c) : w.at(c - 6))),
    );
  });
});

it("several results of one definition", () => {
  const text = `fn both<d>(v: f32[d]) -> (a: f32[d], b: f32) {
  let b = sum[c] v[c]
  return (v + 1, b)
}
fn f<L, d>(x: f32[L, d]) -> f32[L, d] {
  let (p[i, :], q[i]) = both(x[i])
  let y[i, c] = p[i, c] * q[i]
  return y
}`;
  const total = (i: number) => [0, 1, 2, 3, 4, 5].reduce((sum, c) => sum + x.at(i, c), 0);
  expectRun(
    text,
    { entry: "f", settings, values: { x } },
    array([4, 6], (i, c) => (x.at(i, c) + 1) * total(i)),
  );
});
