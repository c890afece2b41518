/** Calls: mapping over leading axes, functions along an index, restricted ranges inside functions. */
import { describe, expect, it } from "vitest";
import { graphNodes } from "../../src/ir/index.ts";
import { array, expectRun, graphOf, indices, irOf, type NumberArray, noise, sum } from "./elaborate-text.ts";

const list = (n: number, keep: (k: number) => boolean = () => true) =>
  Array.from({ length: n }, (_, k) => k).filter(keep);

/** Softmax over the kept positions, 0 elsewhere. */
function softmaxOf(
  n: number,
  score: (j: number) => number,
  keep: (j: number) => boolean = () => true,
): (j: number) => number {
  const total = list(n, keep).reduce((held, j) => held + Math.exp(score(j)), 0);
  return (j) => (keep(j) ? Math.exp(score(j)) / total : 0);
}

const attention = `fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}
`;

function attend(
  Q: NumberArray,
  K: NumberArray,
  V: NumberArray,
  keep: (i: number, j: number) => boolean = () => true,
  lead: readonly number[] = [],
): NumberArray {
  const [L, d] = Q.shape.slice(-2) as [number, number];
  const [S, e] = V.shape.slice(-2) as [number, number];
  return array([...lead, L, e], (...position) => {
    const [i, c] = position.slice(-2) as [number, number];
    const at = (from: NumberArray, row: number, column: number) =>
      from.shape.length > 2 ? from.at(...position.slice(0, -2), row, column) : from.at(row, column);
    const weight = softmaxOf(
      S,
      (j) => sum(d, (k) => at(Q, i, k) * at(K, j, k)) / Math.sqrt(d),
      (j) => keep(i, j),
    );
    return sum(S, (j) => weight(j) * at(V, j, c));
  });
}

describe("attention", () => {
  const settings = { L: 3, S: 5, d: 4, e: 2 };
  const [Q, K, V] = [noise([3, 4], 1), noise([5, 4], 2), noise([5, 2], 3)];

  it("as in the paper", () => {
    expectRun(attention, { settings, values: { Q, K, V } }, attend(Q, K, V));
  });

  it("maps over batch and heads, without a node for it", () => {
    const text = `${attention}fn f<B, H, L, S, d, e>(Q: f32[B, H, L, d], K: f32[B, H, S, d], V: f32[B, H, S, e]) -> f32[B, H, L, e] = attention(Q, K, V)`;
    const [q, k, v] = [noise([2, 3, 3, 4], 1), noise([2, 3, 5, 4], 2), noise([2, 3, 5, 2], 3)];
    const sizes = { ...settings, B: 2, H: 3 };
    expectRun(text, { entry: "f", settings: sizes, values: { Q: q, K: k, V: v } }, attend(q, k, v, undefined, [2, 3]));
    const ops = graphNodes(graphOf(text, { entry: "f", settings: sizes })).map((node) => node.op);
    expect(ops.filter((op) => op === "transpose" || op === "reshape")).toEqual([]);
  });

  it("maps where only some arguments have leading axes", () => {
    const text = `${attention}fn f<B, L, S, d, e>(Q: f32[B, L, d], K: f32[S, d], V: f32[S, e]) -> f32[B, L, e] = attention(Q, K, V)`;
    const q = noise([2, 3, 4], 1);
    expectRun(
      text,
      { entry: "f", settings: { ...settings, B: 2 }, values: { Q: q, K, V } },
      attend(q, K, V, undefined, [2]),
    );
    // What does not depend on the mapped axis does not get it.
    expect(irOf(text, { entry: "f", settings: { ...settings, B: 2 } })).toContain('"b i c, j c -> b i j"');
  });

  it("the whole entry maps over leading axes of all inputs", () => {
    const [q, k, v] = [noise([2, 3, 4], 1), noise([2, 5, 4], 2), noise([2, 5, 2], 3)];
    expectRun(attention, { settings, mapped: [2], values: { Q: q, K: k, V: v } }, attend(q, k, v, undefined, [2]));
  });

  const restricted: Readonly<Record<string, (i: number, j: number) => boolean>> = {
    "j <= i": (i, j) => j <= i,
    "j < i": (i, j) => j < i,
    "abs(i - j) <= 1": (i, j) => Math.abs(i - j) <= 1,
    "i // 2 == j // 2": (i, j) => Math.floor(i / 2) === Math.floor(j / 2),
    "mask[j]": (_i, j) => mask.at(j) === 1,
    "mask[j] and j <= i": (i, j) => mask.at(j) === 1 && j <= i,
    "j > L": () => false,
  };
  const mask = indices([4], 2, 3);
  for (const [written, keep] of Object.entries(restricted)) {
    it(`restricted by ${written}`, () => {
      const text = `fn f<L, d, e>(Q: f32[L, d], K: f32[L, d], V: f32[L, e], mask: bool[L]) -> f32[L, e] {
  let A[i, j] = softmax[j: ${written}](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}`;
      const [q, k, v] = [noise([4, 3], 1), noise([4, 3], 2), noise([4, 2], 3)];
      expectRun(text, { settings: { L: 4, d: 3, e: 2 }, values: { Q: q, K: k, V: v, mask } }, attend(q, k, v, keep));
    });
  }

  it("restricted and mapped", () => {
    const text = `fn causal<L, d, e>(Q: f32[L, d], K: f32[L, d], V: f32[L, e]) -> f32[L, e] {
  let A[i, j] = softmax[j: j <= i](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j: j <= i] A[i, j] * V[j, c]
  return Y
}
fn f<B, L, d, e>(Q: f32[B, L, d], K: f32[B, L, d], V: f32[B, L, e]) -> f32[B, L, e] = causal(Q, K, V)`;
    const [q, k, v] = [noise([2, 4, 3], 1), noise([2, 4, 3], 2), noise([2, 4, 2], 3)];
    expectRun(
      text,
      { entry: "f", settings: { B: 2, L: 4, d: 3, e: 2 }, values: { Q: q, K: k, V: v } },
      attend(q, k, v, (i, j) => j <= i, [2]),
    );
  });

  it("never computes sums over what is excluded", () => {
    const text = "fn f<L>(x: f32[L, L]) -> f32[L, L] {\n  let A[i, j] = softmax[j: j <= i](x[i, j])\n  return A\n}";
    const ir = irOf(text, { settings: { L: 4 } });
    expect(ir).toContain('maximum "i k -> i" %6 where="k <= i"'.replace("%6", "%0"));
    expect(ir.match(/where="k <= i"/g)).toHaveLength(2);
  });
});

describe("functions along an index", () => {
  const x = noise([3, 5], 1);
  const settings = { L: 3, d: 5 };

  it("take any axis, also one in the middle of an expression", () => {
    const text =
      "fn f<L, d>(x: f32[L, d]) -> f32[L, d] {\n  let y[i, c] = softmax[i](2 * x[i, c]) + x[i, c]\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([3, 5], (i, c) => softmaxOf(3, (k) => 2 * x.at(k, c))(i) + x.at(i, c)),
    );
  });

  it("map over the positions that the argument still has", () => {
    const text = "fn f<L, d>(x: f32[L, d]) -> f32[L, d] {\n  let y[i, :] = softmax[i](x[i])\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([3, 5], (i, c) => softmaxOf(3, (k) => x.at(k, c))(i)),
    );
  });

  it("may consume the axis", () => {
    const text = "fn f<L, d>(x: f32[L, d]) -> f32[L] {\n  let y[i] = norm[c](x[i, c] - 1)\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([3], (i) => Math.sqrt(sum(5, (c) => (x.at(i, c) - 1) ** 2))),
    );
  });

  it("take several arguments, some without the axis", () => {
    const text =
      "fn scaled<n>(x: f32[n], s: f32) -> f32[n] = x * s\nfn f<L, d>(x: f32[L, d], w: f32[L]) -> f32[L, d] {\n  let y[i, c] = scaled[c](x[i, c], w[i])\n  return y\n}";
    const w = noise([3], 2);
    expectRun(
      text,
      { entry: "f", settings, values: { x, w } },
      array([3, 5], (i, c) => x.at(i, c) * w.at(i)),
    );
  });

  it("along two indices at once", () => {
    const text =
      "fn total<n, m>(x: f32[n, m]) -> f32 = sum[a, b] x[a, b]\nfn flip<n, m>(x: f32[n, m]) -> f32[n, m] {\n  let y[a, b: m] = x[a, m - 1 - b]\n  return y\n}\nfn f<L, d>(x: f32[L, d]) -> f32[d, L] {\n  let y[c, i] = flip[i, c](x[i, c]) + total[i, c](x[i, c])\n  return y\n}";
    expectRun(
      text,
      { entry: "f", settings, values: { x } },
      array([5, 3], (c, i) => x.at(i, 4 - c) + x.data.reduce((p, q) => p + q, 0)),
    );
  });

  it("of a constant value still see the axis", () => {
    const text =
      "fn f<L, d>(x: f32[L, d], same: bool = true) -> f32[L, d] {\n  let y[i, c] = softmax[c](if same then x[i, 0] else x[i, c]) * x[i, c]\n  return y\n}";
    expectRun(
      text,
      { settings, values: { x } },
      array([3, 5], (i, c) => x.at(i, c) / 5),
    );
  });

  it("a restricted normalisation of one's own", () => {
    const text = `fn normal<n>(x: f32[n]) -> f32[n] {
  let m = mean[k] x[k]
  let v = mean[k] (x[k] - m)^2
  let y[k] = (x[k] - m) / sqrt(v + 1)
  return y
}
fn f<L, d>(x: f32[L, d]) -> f32[L, d] {
  let y[i, c] = normal[c: c <= i + 1](x[i, c])
  return y
}`;
    const want = array([3, 5], (i, c) => {
      const kept = list(5, (k) => k <= i + 1).map((k) => x.at(i, k));
      const m = kept.reduce((p, q) => p + q, 0) / kept.length;
      const v = kept.reduce((p, q) => p + (q - m) ** 2, 0) / kept.length;
      return c <= i + 1 ? (x.at(i, c) - m) / Math.sqrt(v + 1) : 0;
    });
    expectRun(text, { entry: "f", settings, values: { x } }, want);
  });

  it("restrictions pass through calls inside, shifts and slices", () => {
    const text = `fn inner<n>(x: f32[n]) -> f32 = sum[k] x[k]
fn outer<n>(x: f32[n]) -> f32[n] {
  let twice = x * 2
  let s = inner(twice)
  let shifted = sum[k: n] (x[k + 1] else 0)
  let back = sum[k: n] x[n - 1 - k]
  let y[k] = x[k] / s + shifted + back
  return y
}
fn f<L, d>(x: f32[L, d], m: bool[d]) -> f32[L, d] {
  let y[i, c] = outer[c: m[c] and c <= i + 2](x[i, c])
  return y
}`;
    const m = indices([5], 2, 5);
    const kept = (i: number, k: number) => m.at(k) === 1 && k <= i + 2;
    const want = array([3, 5], (i, c) => {
      const all = list(5, (k) => kept(i, k)).map((k) => x.at(i, k));
      const total = all.reduce((p, q) => p + q, 0);
      const first = kept(i, 0) ? x.at(i, 0) : 0;
      return kept(i, c) ? x.at(i, c) / (2 * total) + (total - first) + total : 0;
    });
    expectRun(text, { entry: "f", settings, values: { x, m } }, want);
  });

  it("nested restrictions both hold", () => {
    const text = `fn outer<n>(x: f32[n]) -> f32[n] {
  let y[a] = softmax[a: a > 0](x[a]) + (sum[k] x[k])
  return y
}
fn f<L, d>(x: f32[L, d]) -> f32[L, d] {
  let y[i, c] = outer[c: c <= i + 1](x[i, c])
  return y
}`;
    const want = array([3, 5], (i, c) => {
      if (c > i + 1) return 0;
      const weights = softmaxOf(
        5,
        (k) => x.at(i, k),
        (k) => k > 0 && k <= i + 1,
      );
      return weights(c) + list(5, (k) => k <= i + 1).reduce((held, k) => held + x.at(i, k), 0);
    });
    expectRun(text, { entry: "f", settings, values: { x } }, want);
  });
});

describe("prelude", () => {
  const x = noise([7], 4);
  const erf = (z: number) => {
    let total = z;
    let term = z;
    for (let k = 1; k < 60; k++) {
      term *= (-z * z) / k;
      total += term / (2 * k + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * total;
  };
  const functions: Readonly<Record<string, (z: number) => number>> = {
    sigmoid: (z) => 1 / (1 + Math.exp(-z)),
    σ: (z) => 1 / (1 + Math.exp(-z)),
    relu: (z) => Math.max(z, 0),
    gelu: (z) => (z * (1 + erf(z / Math.SQRT2))) / 2,
    gelu_tanh: (z) => (z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)))) / 2,
    silu: (z) => z / (1 + Math.exp(-z)),
    softplus: (z) => Math.log(1 + Math.exp(z)),
    leaky_relu: (z) => (z > 0 ? z : 0.01 * z),
    elu: (z) => (z > 0 ? z : Math.exp(z) - 1),
  };
  for (const [name, value] of Object.entries(functions)) {
    it(`${name} maps over a whole vector`, () => {
      expectRun(
        `fn f<n>(x: f32[n]) -> f32[n] = ${name}(3 * x)`,
        { settings: { n: 7 }, values: { x } },
        array([7], (k) => value(3 * x.at(k))),
      );
    });
  }

  it("log_softmax", () => {
    const want = array([7], (k) => Math.log(softmaxOf(7, (j) => x.at(j))(k)));
    expectRun("fn f<n>(x: f32[n]) -> f32[n] = log_softmax(x)", { settings: { n: 7 }, values: { x } }, want);
  });
});
