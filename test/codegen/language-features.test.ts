/** Texts with scatter, parts, order, suppression and approximation on the device, against the reference evaluator. */
import { expect, test } from "vitest";
import { compareWithin, evaluateGraph, evaluateWithBounds } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { array, graphOf, noise } from "../frontend/elaborate-text.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

const texts: Readonly<Record<string, readonly [text: string, settings: Readonly<Record<string, number>>]>> = {
  "interleaved and consecutive parts": [
    `fn f<L, d>(x: f32[L, d], cls: f32[2 * d]) -> f32[L + 1, 2 * d] {
      let PE[t, 2*c] = sin(x[t, c]), PE[t, 2*c + 1] = cos(x[t, c])
      let Y[0, :] = cls, Y[t + 1, :] = PE[t]
      return Y
    }`,
    { L: 9, d: 6 },
  ],
  "scatter of rows": [
    `fn f<N, V, d>(X: f32[N, d], I: idx<V>[N]) -> f32[V, d] {
      let Y[I[n], c] += exp(X[n, c])
      Y[I[n], c] += -X[n, c]
      return Y
    }`,
    { N: 40, V: 7, d: 5 },
  ],
  "scatter of what has a name of the kernel's own": [
    `fn f<N, V, d>(column: f32[N, d], thread: idx<V>[N]) -> f32[V, d] {
      let Y[thread[n], c] += column[n, c]
      return Y
    }`,
    { N: 12, V: 5, d: 6 },
  ],
  "scatter to pixels of several images": [
    `fn splat<N, H, W>(v: f32[N], y: idx<H>[N], x: idx<W>[N]) -> f32[H, W] {
      let image[y[n], x[n]] += v[n]
      return image
    }
    fn f<B, N, H, W>(v: f32[B, N], y: idx<H>[B, N], x: idx<W>[B, N]) -> f32[B, H, W] = splat(v, y, x)`,
    { B: 2, N: 30, H: 4, W: 5 },
  ],
  "counts and a transposed convolution": [
    `fn f<n>(x: f32[n], w: f32[3], I: idx<4>[n]) -> (counts: i32[4], y: f32[2 * n + 1]) {
      let counts[I[i]] += 1
      let Y[2*i + k: 2*n + 1] += x[i] * w[k]
      return (counts, Y)
    }`,
    { n: 50 },
  ],
  "sorting and the greatest": [
    `fn f<m, n>(x: f32[m, n]) -> (s: f32[m, n], v: f32[m, 3], p: idx<n>[m, 3]) {
      require n >= 3
      let s[i, j] = sort[j](x[i, j])
      let (v[i, j], p[i, j]) = topk[j](x[i, j], 3)
      return (s, v, p)
    }`,
    { m: 3, n: 33 },
  ],
  "approximate attention": [
    `use std/attention: softmax_attention
    fn f<L, d>(Q: f32[L, d], K: f32[L, d], V: f32[L, d]) -> f32[L, d] = softmax_attention(Q, K, V) @approx(favor, features: 6)`,
    { L: 12, d: 4 },
  ],
};

test.each(Object.entries(texts))("%s", async (_, [text, settings]) => {
  if (device === undefined) return;
  const written = graphOf(text, { entry: "f", settings });
  // The approximation is part of the meaning here; everything else is compared with the text as written.
  const graph = runPipeline(written, { only: ["approximate"] }).graph;
  const values = valuesOf(graph);
  const reference = evaluateWithBounds(graph, values);
  for (const optimise of [true, false]) {
    const made = optimise ? runPipeline(graph, { verify: { values } }).graph : graph;
    const results = await runValues(device, made, values, { fuse: optimise });
    for (const [name, { value, bound }] of Object.entries(reference)) {
      const worst = compareWithin(results[name] as Float64Array, value, bound, 2);
      expect(worst === undefined || worst.ratio <= 1, `${name}: ${JSON.stringify(worst)}`).toBe(true);
    }
  }
});

test("non-maximum suppression keeps what the greedy loop keeps", async () => {
  const n = 24;
  const keep = 10;
  const [corner, size, score] = [noise([n, 2], 1), noise([n, 2], 2), noise([n], 3)];
  const boxes = array([n, 4], (i, k) => {
    const low = 3 * corner.at(i, k % 2);
    return Math.fround(k < 2 ? low : low + 2 + size.at(i, k % 2));
  });
  const scores = array([n], (i) => Math.fround(score.at(i)));
  const area = (b: readonly number[]) =>
    Math.max((b[2] as number) - (b[0] as number), 0) * Math.max((b[3] as number) - (b[1] as number), 0);
  const box = (i: number) => [0, 1, 2, 3].map((k) => boxes.at(i, k));
  const overlap = (i: number, j: number) => {
    const [a, b] = [box(i), box(j)] as [number[], number[]];
    const shared = area([0, 1, 2, 3].map((k) => (k < 2 ? Math.max : Math.min)(a[k] as number, b[k] as number)));
    return shared / (area(a) + area(b) - shared);
  };
  const kept: number[] = [];
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => scores.at(j) - scores.at(i));
  for (const i of order) if (kept.every((j) => overlap(i, j) <= 0.3)) kept.push(i);
  expect(kept.length).toBeGreaterThan(3);
  expect(kept.length).toBeLessThan(n);

  const text = `use std/boxes: nms
  fn f<n>(boxes: f32[n, 4], scores: f32[n]) -> (places: idx<n>[${keep}], count: i32) {
    require n >= ${keep}
    return nms(boxes, scores, iou: 0.3, keep: ${keep})
  }`;
  const graph = graphOf(text, { entry: "f", settings: { n } });
  const inputs = Object.fromEntries(
    graph.inputs.map((node) => {
      const data = Float64Array.from(node.attributes.name === "boxes" ? boxes.data : scores.data);
      return [node.attributes.name as string, { type: node.type, data }];
    }),
  );
  const count = Math.min(kept.length, keep);
  const results = [evaluateGraph(graph, { inputs, parameters: {} })].map(({ places, count: counted }) => [
    places?.data,
    counted?.data,
  ]);
  if (device !== undefined) {
    const got = await runValues(device, runPipeline(graph).graph, { inputs, parameters: {} });
    results.push([got.places, got.count]);
  }
  for (const [places, counted] of results) {
    expect([...(counted ?? [])]).toEqual([count]);
    expect([...(places ?? [])].slice(0, count)).toEqual(kept.slice(0, count));
  }
});
