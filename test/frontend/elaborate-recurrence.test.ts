/** Recurrences against the same recurrences as plain loops, in double precision. */
import { describe, expect, it } from "vitest";
import { type Graph, graphNodes } from "../../src/ir/index.ts";
import {
  array,
  elaborated,
  expectRun,
  expectTensor,
  graphOf,
  indices,
  noise,
  run,
  shortForm,
  sum,
} from "./elaborate-text.ts";

const loopsOf = (graph: Graph) => graphNodes(graph).filter((node) => node.op === "loop");

describe("one carried value", () => {
  it("with further indices beside the steps", () => {
    const [T, d] = [6, 4];
    const [a, b] = [noise([T, d], 1), noise([T, d], 2)];
    const s = Array.from({ length: d }, () => 0);
    const want: number[] = [];
    for (let t = 0; t < T; t++) {
      for (let c = 0; c < d; c++) {
        s[c] = a.at(t, c) * (s[c] as number) + b.at(t, c);
        want.push(s[c] as number);
      }
    }
    expectRun(
      `fn f<T, d>(a: f32[T, d], b: f32[T, d]) -> f32[T, d] {
         let s[t, c] = a[t, c] * s[t-1, c] + b[t, c]  where s[-1, c] = 0
         return s
       }`,
      { settings: { T, d }, values: { a, b } },
      array([T, d], (t, c) => want[t * d + c] as number),
    );
  });

  it("with the steps along another axis than the first", () => {
    const [T, d] = [5, 3];
    const [x, s0] = [noise([d, T]), noise([d], 2)];
    const want = array([d, T], (c, t) => s0.at(c) + sum(t + 1, (k) => x.at(c, k)));
    expectRun(
      `fn f<T, d>(x: f32[d, T], s0: f32[d]) -> f32[d, T] {
         let s[c, t] = s[c, t-1] + x[c, t]  where s[c, -1] = s0[c]
         return s
       }`,
      { settings: { T, d }, values: { x, s0 } },
      want,
    );
  });

  it("with a whole vector as its value", () => {
    const [T, n] = [5, 3];
    const [x, h0, W] = [noise([T, n]), noise([n], 2), noise([n, n], 3)];
    let h = [...h0.data];
    const want: number[][] = [];
    for (let t = 0; t < T; t++) {
      const before = h;
      h = before.map((_, i) => Math.tanh(x.at(t, i) + sum(n, (j) => W.at(i, j) * (before[j] as number))));
      want.push(h);
    }
    expectRun(
      `fn step<n>(x: f32[n], h: f32[n], W: f32[n, n]) -> f32[n] {
         let y[i] = tanh(x[i] + (sum[j] W[i, j] * h[j]))
         return y
       }
       fn f<T, n>(x: f32[T, n], h0: f32[n], W: f32[n, n]) -> f32[T, n] {
         let h[t] = step(x[t], h[t-1], W)  where h[-1] = h0
         return h
       }`,
      { entry: "f", settings: { T, n }, values: { x, h0, W } },
      array([T, n], (t, i) => want[t]?.[i] as number),
    );
  });

  it("two steps back", () => {
    const T = 9;
    const x = noise([T]);
    const f = [1, 2];
    for (let t = 0; t < T; t++) f.push((f[t + 1] as number) + 0.5 * (f[t] as number) + x.at(t));
    expectRun(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let f[t] = f[t-1] + 0.5 * f[t-2] + x[t]  where f[-1] = 2, f[-2] = 1
         return f
       }`,
      { settings: { T }, values: { x } },
      array([T], (t) => f[t + 2] as number),
    );
  });

  it("backwards", () => {
    const T = 7;
    const x = noise([T]);
    const want: number[] = [];
    let [s, s2] = [0.25, 0.5];
    for (let t = T - 1; t >= 0; t--) {
      [s, s2] = [0.5 * s + 0.25 * s2 * x.at(t) + t, s];
      want[t] = s;
    }
    expectRun(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let s[t] = 0.5 * s[t+1] + 0.25 * s[t+2] * x[t] + t  where s[T] = 0.25, s[T+1] = 0.5
         return s
       }`,
      { settings: { T }, values: { x } },
      array([T], (t) => want[t] as number),
    );
  });

  it("of whole numbers, which begin as literals", () => {
    const T = 20;
    const x = noise([T]);
    const [n] = Object.values(
      run(
        `fn f<T>(x: f32[T]) -> i32[T] {
           let n[t] = n[t-1] + (if x[t] > 0 then 1 else 0)  where n[-1] = 0
           return n
         }`,
        { settings: { T }, values: { x } },
      ),
    );
    expect(n?.type.dtype).toBe("i32");
    expectTensor(
      n,
      array([T], (t) => x.data.slice(0, t + 1).filter((each) => each > 0).length),
    );
  });

  it("with `else` in place of `where`", () => {
    const T = 6;
    const x = noise([T]);
    const want: number[] = [];
    for (let t = 0; t < T; t++) want.push(x.at(t) + 0.5 * (want[t - 1] ?? 3) + (t < 2 ? t : (want[t - 2] as number)));
    expectRun(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let s[t] = x[t] + 0.5 * (s[t-1] else 3) + (s[t-2] else t)
         return s
       }`,
      { settings: { T }, values: { x } },
      array([T], (t) => want[t] as number),
    );
  });
});

describe("what a step reads", () => {
  it("of other values: at the step, beside it, at a table's place, in a group, as a vector along it", () => {
    const [T, N] = [6, 5];
    const [x, w, v] = [noise([T]), noise([N], 2), noise([2 * T], 3)];
    const I = indices([T], N);
    const softmax = x.data.map((each) => Math.exp(each) / x.data.reduce((a, b) => a + Math.exp(b), 0));
    const want: number[] = [];
    for (let t = 0; t < T; t++) {
      const before = want[t - 1] ?? 0.5;
      const earlier = sum(t + 1, (k) => x.at(k));
      const next = t + 1 < T ? x.at(t + 1) : -1;
      want.push(
        0.3 * before +
          next * w.at(I.at(t)) +
          v.at(2 * t) -
          v.at(2 * t + 1) +
          (softmax[t] as number) +
          earlier +
          x.at(T - 1 - t),
      );
    }
    expectRun(
      `fn f<T, N>(x: f32[T], w: f32[N], v: f32[2 * T], I: idx<N>[T]) -> f32[T] {
         let s[t] = 0.3 * s[t-1] + (x[t+1] else -1) * w[I[t]] + (sum[k: 2] v[(t k)] * (1 - 2*k)) + softmax[t](x[t])
           + (sum[k: k <= t] x[k]) + x[T - 1 - t]  where s[-1] = 0.5
         return s
       }`,
      { settings: { T, N }, values: { x, w, v, I } },
      array([T], (t) => want[t] as number),
    );
  });

  it("of its own values: at any place of the step before", () => {
    const n = 6;
    const over = array([n, n], (i, j) => (i !== j && (i * 7 + j * 3) % 4 === 0 ? 1 : 0));
    const alive = Array.from({ length: n }, () => 1);
    for (let t = 0; t < n; t++) {
      if (alive[t] === 0) continue;
      for (let j = t + 1; j < n; j++) if (over.at(t, j) === 1) alive[j] = 0;
    }
    expectRun(
      `fn f<n>(over: bool[n, n]) -> bool[n] {
         let alive[t: n, j: n] = alive[t-1, j] and not (alive[t-1, t] and j > t and over[t, j])  where alive[-1, j] = true
         let keep[j] = alive[n-1, j]
         return keep
       }`,
      { settings: { n }, values: { over } },
      array([n], (j) => alive[j] as number),
    );
  });

  it("feeds a choice to the next step (greedy decoding)", () => {
    const [V, d, T] = [7, 4, 6];
    const [E, W] = [noise([V, d]), noise([V, d], 2)];
    const start = array([], () => 3);
    const want: number[] = [];
    let y = 3;
    for (let t = 0; t < T; t++) {
      const scores = Array.from({ length: V }, (_, v) => sum(d, (c) => W.at(v, c) * E.at(y, c)) + Math.sin(t * v));
      y = scores.indexOf(Math.max(...scores));
      want.push(y);
    }
    const text = (
      first: string,
      parameter: string,
    ) => `fn f<V, d>(E: f32[V, d], W: f32[V, d], T: size${parameter}) -> idx<V>[T] {
         let y[t: T] = argmax[v] ((sum[c] W[v, c] * E[y[t-1], c]) + sin(t * v))  where y[-1] = ${first}
         return y
       }`;
    expect(new Set(want).size).toBeGreaterThan(2);
    expectRun(
      text("start", ", start: idx<V>"),
      { settings: { V, d, T }, values: { E, W, start } },
      array([T], (t) => want[t] as number),
    );
    // A literal takes the type of what it becomes.
    expect(graphOf(text("0", ""), { settings: { V, d, T } }).outputs[0]?.node.type).toMatchObject({
      below: V,
      shape: [T],
    });
  });
});

describe("several values", () => {
  const text = `fn f<T, n>(x: f32[T, n], h0: f32[n]) -> (f32[T, n], f32[T], i32[T], f32[T, n], bool[T]) {
      let (h[t], m[t], big[t], y[t], odd[t]) = (
        x[t] + h[t-1] * m[t-1], (sum[c] h[t-1][c]) / n, big[t-1] * 3 + t, x[t] * 2, not odd[t-1]
      )  where h[-1] = h0, m[-1] = 1, big[-1] = 40000000, odd[-1] = true
      return (h, m, big, y, odd)
    }`;

  it("of different shapes and element types come back exactly", () => {
    const [T, n] = [5, 3];
    const [x, h0] = [noise([T, n]), noise([n], 2)];
    const h: number[][] = [];
    const [m, big]: number[][] = [[], []];
    for (let t = 0; t < T; t++) {
      const before = h[t - 1] ?? [...h0.data];
      h.push(before.map((each, c) => x.at(t, c) + each * (m?.[t - 1] ?? 1)));
      m?.push(sum(n, (c) => before[c] as number) / n);
      big?.push((Math.imul(big[t - 1] ?? 40_000_000, 3) + t) | 0);
    }
    const got = run(text, { settings: { T, n }, values: { x, h0 } });
    const [gotH, gotM, gotBig, gotY, gotOdd] = Object.values(got);
    expectTensor(
      gotH,
      array([T, n], (t, c) => h[t]?.[c] as number),
    );
    expectTensor(
      gotM,
      array([T], (t) => m?.[t] as number),
    );
    expectTensor(
      gotBig,
      array([T], (t) => big?.[t] as number),
    );
    expect(Math.max(...(big ?? [])) > 2 ** 24 && Math.min(...(big ?? [])) < 0).toBe(true);
    expectTensor(
      gotY,
      array([T, n], (t, c) => 2 * x.at(t, c)),
    );
    expectTensor(
      gotOdd,
      array([T], (t) => t % 2),
    );
  });

  it("of which only those that are read afterwards are kept", () => {
    const graph = graphOf(
      `fn f<T>(x: f32[T]) -> f32[T] {
         let (a[t], b[t]) = (a[t-1] + b[t-1] * x[t], b[t-1] * 0.5)  where a[-1] = 0, b[-1] = 1
         return a
       }`,
      { settings: { T: 4 } },
    );
    const [loop] = loopsOf(graph);
    expect(loop?.type.shape).toEqual([4]);
    expect(loop?.attributes.carried).toBe(2);
  });
});

describe("mapping and modules", () => {
  const cell = `module Cell(d: size) {
      param w: f32[d, d] = normal()
      fn forward(x: f32[d], h: f32[d]) -> f32[d] {
        let y[i] = tanh(x[i] + (sum[j] w[i, j] * h[j]))
        return y
      }
    }
    module Layer(d: size) {
      sub cell: Cell(d)
      fn forward<T>(x: f32[T, d]) -> f32[T, d] {
        let zero[i: d] = 0.0
        let h[t] = cell(x[t], h[t-1])  where h[-1] = zero
        return h
      }
    }
    model Stack(d: size, layers: size = 2) {
      sub layer: Layer(d)[layers]
      entry forward<B, T>(x: f32[B, T, d]) -> f32[B, T, d] {
        for l in 0..layers { x = layer[l](x) }
        return x
      }
    }`;

  it("one loop for all examples of a batch, in stacked layers", () => {
    const [B, T, d] = [2, 4, 3];
    const x = noise([B, T, d]);
    const weights = [noise([d, d], 5), noise([d, d], 6)];
    let current = x;
    for (const w of weights) {
      const result = new Map<string, number>();
      for (let b = 0; b < B; b++) {
        let h = [0, 0, 0];
        for (let t = 0; t < T; t++) {
          const before = h;
          h = before.map((_, i) => Math.tanh(current.at(b, t, i) + sum(d, (j) => w.at(i, j) * (before[j] as number))));
          h.forEach((value, i) => void result.set(`${b} ${t} ${i}`, value));
        }
      }
      current = array([B, T, d], (b, t, i) => result.get(`${b} ${t} ${i}`) as number);
    }
    const request = {
      settings: { B, T, d },
      values: { x, "layer.0.cell.w": weights[0] as typeof x, "layer.1.cell.w": weights[1] as typeof x },
    };
    expectRun(cell, request, current);
    expect(loopsOf(graphOf(cell, { settings: { B, T, d } })).length).toBe(2);
  });

  it("a state that gets its examples only from the step", () => {
    const [B, T] = [3, 5];
    const x = noise([B, T]);
    expectRun(
      `fn walk<T>(x: f32[T]) -> f32[T] {
         let (s[t], n[t]) = (s[t-1] + x[t] * n[t-1], n[t-1] + 1)  where s[-1] = 0, n[-1] = 1.0
         return s
       }
       fn every<B, T>(x: f32[B, T]) -> f32[B, T] = walk(x)`,
      { entry: "every", settings: { B, T }, values: { x } },
      array([B, T], (b, t) => sum(t + 1, (k) => x.at(b, k) * (k + 1))),
    );
  });

  it("a recurrence whose step runs a recurrence", () => {
    const [T, n] = [3, 4];
    const x = noise([T, n]);
    const want: number[] = [];
    for (let t = 0; t < T; t++) {
      let s = want[t - 1] ?? 0;
      for (let k = 0; k < n; k++) s = 0.5 * s + x.at(t, k);
      want.push(s);
    }
    expectRun(
      `fn inner<n>(x: f32[n], start: f32) -> f32 {
         let s[k] = 0.5 * s[k-1] + x[k]  where s[-1] = start
         return s[n - 1]
       }
       fn outer<T, n>(x: f32[T, n]) -> f32[T] {
         let s[t] = inner(x[t], s[t-1])  where s[-1] = 0
         return s
       }`,
      { entry: "outer", settings: { T, n }, values: { x } },
      array([T], (t) => want[t] as number),
    );
  });
});

describe("with numbers", () => {
  it("too many steps are refused, and the limit named", () => {
    const { diagnostics } = elaborated(
      `fn f(x: f32, T: size) -> f32[T] {
         let s[t: T] = s[t-1] * x  where s[-1] = 1
         return s
       }`,
      { settings: { T: 1_000_000_000 } },
    );
    expect(diagnostics.map(shortForm)).toEqual([
      "limit/recurrence-steps at 2:16: this would take 1,000,000,000 steps (steps run one after the other, at most 1,048,576 of them)\n  sizes here: T = 1000000000",
    ]);
  });
});
