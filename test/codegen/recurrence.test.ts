/** Recurrences of the language on the device, from text to numbers, within their error bounds. */
import { describe, expect, it } from "vitest";
import { baselineProfile, makePlan } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, type Graph } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { elaborateModel } from "../models/compile-model.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

/** `scale` makes parameters small, so that errors do not grow from step to step and the bound says something. */
async function expectWithinBounds(graph: Graph, greatestBound: number, fuse = true, scale = 1): Promise<void> {
  if (device === undefined) return;
  const values = valuesOf(graph);
  for (const { data } of Object.values(values.parameters)) {
    data.forEach((x, i) => {
      data[i] = Math.fround(x * scale);
    });
  }
  const wanted = evaluateWithBounds(graph, values);
  const final = fuse ? runPipeline(graph).graph : graph;
  const results = await runValues(device, final, values, { fuse });
  for (const [name, { value, bound }] of Object.entries(wanted)) {
    expect(Math.max(...bound.data), name).toBeLessThanOrEqual(greatestBound);
    const worst = compareWithin(results[name] as Float64Array, value, bound, 4);
    expect(worst?.ratio ?? 0, `${name} ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
  }
}

const texts: readonly (readonly [string, string, Readonly<Record<string, number>>, number])[] = [
  [
    "a linear state with further indices",
    `fn f<T, d>(a: f32[T, d], b: f32[T, d], s0: f32[d]) -> f32[T, d] {
       let s[t, c] = a[t, c] * s[t-1, c] + b[t, c]  where s[-1, c] = s0[c]
       return s
     }`,
    { T: 9, d: 5 },
    1e-4,
  ],
  [
    "a moving average, long enough to be done in parts",
    `fn f<T>(x: f32[T], g: f32[T]) -> f32[T] {
       let s[t] = sin(g[t]) * s[t-1] + x[t]  where s[-1] = 1
       return s
     }`,
    { T: 4096 },
    1,
  ],
  [
    "a linear state backwards, four lines at a time",
    `fn f<T, d>(a: f32[T, d], b: f32[T, d]) -> f32[T, d] {
       let s[t, c] = a[t, c] * s[t+1, c] + b[t, c]  where s[T, c] = 0
       return s
     }`,
    { T: 7, d: 8 },
    1e-4,
  ],
  [
    "a recurrence in each step of another",
    `fn inner<n>(x: f32[n], start: f32) -> f32 {
       let s[k] = sin(s[k-1]) + x[k]  where s[-1] = start
       return s[n - 1]
     }
     fn f<T, n>(x: f32[T, n]) -> f32[T] {
       let s[t] = inner(x[t], s[t-1])  where s[-1] = 0
       return s
     }`,
    { T: 3, n: 4 },
    1e-4,
  ],
  [
    "a state that is part of something larger",
    `fn f<T, n>(x: f32[T, n, n]) -> f32[T, n] {
       let zero[c: n] = 0.0
       let s[t] = cut(x[t], s[t-1])  where s[-1] = zero
       return s
     }
     fn cut<n>(x: f32[n, n], s: f32[n]) -> f32[n] {
       let y[a, b] = sin(s[a] + s[b]) + (sum[k] x[a, k] * x[b, k])
       return y[n - 1]
     }`,
    { T: 3, n: 4 },
    1e-4,
  ],
  [
    "rows, states and invariants of a recurrence in another in another",
    `fn refine<m>(A: f32[m, m], h: f32[m], rounds: size) -> f32[rounds, m] {
       let z[r: rounds] = tanh_of(A, z[r-1], h)  where z[-1] = h
       return z
     }
     fn tanh_of<m>(A: f32[m, m], z: f32[m], h: f32[m]) -> f32[m] {
       let (n[k: m], w[k]) = (0.5 * sin(n[k-1]) + A[k, k], w[k-1] * n[k-1])  where n[-1] = z[0], w[-1] = 1
       let y[i] = tanh((sum[j] A[i, j] * z[j]) / m + h[i] + w[m - 1] * n[0])
       return y
     }
     fn f<T, m>(x: f32[T, m], A: f32[m, m], first: f32[m]) -> (f32[T, m], f32[T, m]) {
       let (h[t], seen[t]) = (last(refine(A, h[t-1], rounds: 4), x[t]), both(refine(A, h[t-1], rounds: 4)))
         where h[-1] = first
       return (h, seen)
     }
     fn last<r, m>(z: f32[r, m], x: f32[m]) -> f32[m] {
       let y[i] = 0.5 * z[r - 1, i] + 0.25 * x[i]
       return y
     }
     fn both<r, m>(z: f32[r, m]) -> f32[m] {
       let y[i] = sum[k] z[k, i]
       return y
     }`,
    { T: 3, m: 5 },
    1e-3,
  ],
  [
    "steps too large for one workgroup inside of others",
    `fn f<T, m>(x: f32[T, m], A: f32[m, m], first: f32[m]) -> f32[T, m] {
       let h[t] = settled(A, h[t-1], x[t])  where h[-1] = first
       return h
     }
     fn settled<m>(A: f32[m, m], h: f32[m], x: f32[m]) -> f32[m] {
       let z[r: 3] = step(A, z[r-1], x)  where z[-1] = h
       return z[2]
     }
     fn step<m>(A: f32[m, m], z: f32[m], x: f32[m]) -> f32[m] {
       let y[i] = tanh((sum[j] A[i, j] * z[j]) / m + x[i])
       return y
     }`,
    { T: 2, m: 768 },
    1e-3,
  ],
  [
    "three steps back, backwards",
    `fn f<T>(x: f32[T]) -> f32[T] {
       let s[t] = 0.5 * s[t+1] - 0.25 * s[t+3] + x[t]  where s[T] = 1, s[T+1] = 2, s[T+2] = 3
       return s
     }`,
    { T: 11 },
    1e-4,
  ],
  [
    "several values of different types",
    `fn f<T, n>(x: f32[T, n]) -> (f32[T, n], i32[T], bool[T], i32[T]) {
       let zero[k: n] = 0.0
       let (h[t], big[t], odd[t], best[t]) = (
         0.5 * h[t-1] + x[t], big[t-1] * 3 + t, not odd[t-1], best[t-1] + (if x[t, 0] > h[t-1][0] then 1 else 0)
       )  where h[-1] = zero, big[-1] = 40000000, odd[-1] = true, best[-1] = 0
       return (h, big, odd, best)
     }`,
    { T: 7, n: 3 },
    1e-4,
  ],
  [
    "a choice that feeds the next step",
    `fn f<V, d>(E: f32[V, d], W: f32[V, d], T: size, start: idx<V>) -> idx<V>[T] {
       let y[t: T] = argmax[v] ((sum[c] W[v, c] * E[y[t-1], c]) + sin(t * v))  where y[-1] = start
       return y
     }`,
    { V: 11, d: 6, T: 9 },
    0,
  ],
  [
    "what a step reads at any place of the one before",
    `fn f<n>(over: bool[n, n]) -> bool[n] {
       let alive[t: n, j: n] = alive[t-1, j] and not (alive[t-1, t] and j > t and over[t, j])  where alive[-1, j] = true
       let keep[j] = alive[n-1, j]
       return keep
     }`,
    { n: 13 },
    0,
  ],
  [
    "guarded reads, and a running sum over a batch",
    `fn one<T>(x: f32[T]) -> f32[T] {
       let s[t] = x[t] + 0.5 * (s[t-1] else 3) + (s[t-2] else t) * 0.25
       let u[t] = u[t-1] + s[t]  where u[-1] = 0
       return u
     }
     fn f<B, T>(x: f32[B, T]) -> f32[B, T] = one(x)`,
    { B: 3, T: 8 },
    1e-4,
  ],
];

describe.skipIf(device === undefined)("on the device", () => {
  it.each(texts)(
    "%s",
    async (_, text, settings, greatestBound) => {
      const graph = graphOf(text, { entry: "f", settings });
      await expectWithinBounds(graph, greatestBound);
      await expectWithinBounds(graph, greatestBound, false);
    },
    60_000,
  );
});

describe("an LSTM", () => {
  const text = `use std/recurrent: LSTM
    model Net(n: size = 24, h: size = 32) {
      sub net: LSTM(n, h)
      entry run<B, T>(x: f32[B, T, n]) -> f32[B, T, h] { return net(x) }
    }`;
  const graphFor = (settings: Readonly<Record<string, number>>) =>
    elaborateModel({ path: "net.weft", texts: { "net.weft": text }, settings }).graph;
  const planOf = (settings: Readonly<Record<string, number>>) =>
    makePlan(runPipeline(graphFor(settings)).graph, baselineProfile).plan;

  it("of 512 steps takes three dispatches when it is small: inputs, all steps, the order of the result", () => {
    expect(planOf({ B: 1, T: 512 }).steps.map(({ label }) => label)).toEqual(["add", "h_c", "h"]);
  });

  it("of 512 steps takes a fixed number of dispatches a step when it is large", () => {
    const dispatches = (T: number) => planOf({ B: 4, T, n: 64, h: 256 }).steps.length;
    const perStep = (dispatches(512) - dispatches(256)) / 256;
    // The product with the state; the cell, the state and its row together.
    expect(perStep).toBe(2);
    expect(dispatches(512) - 512 * perStep).toBeLessThanOrEqual(6);
  });

  it.skipIf(device === undefined)(
    "runs step by step within its error bound",
    async () => {
      await expectWithinBounds(graphFor({ B: 8, T: 3, n: 4, h: 96 }), 1e-1, true, 1 / 96);
    },
    60_000,
  );
});

describe("limits", () => {
  it("a recurrence that is recorded as too many dispatches is refused, with the numbers", () => {
    const graph = graphOf(
      `fn f<n>(W: f32[n, n], T: size) -> f32[T] {
         let h[t: T] = tanh(max[i, j] sin(W[i, j] * h[t-1]))  where h[-1] = 0.5
         return h
       }`,
      { settings: { T: 200_000, n: 640 } },
    );
    expect(() => makePlan(runPipeline(graph).graph, baselineProfile)).toThrow(
      /h \(test\.weft:2:.*would take [4-9]00,002 dispatches \(200,000 steps\); at most 262,144/,
    );
  });
});
