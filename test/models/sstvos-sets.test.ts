/** Which cells SSTVOS lets attend to which: order, numbers, reach, and the grid as three axes; what CFBI's gates do at first. */
import { describe, expect, it } from "vitest";
import { differences, elaborateModel, evaluateModel, type Values } from "./compile-model.ts";
import { hashed } from "./sstvos-case.ts";

const connectivity = "models/sstvos/connectivity.weft";
type Volume = readonly [T: number, H: number, W: number];
type Cell = readonly [t: number, y: number, x: number];

const cellsOf = ([T, H, W]: Volume): Cell[] =>
  Array.from({ length: T * H * W }, (_, k) => [Math.floor(k / (H * W)), Math.floor(k / W) % H, k % W]);

/** Keys of each cell of the volume, in their order, those outside left out. */
function listsOf(entry: string, [T, H, W]: Volume, settings = {}): readonly (readonly number[])[] {
  const given = { S: T, T, H, W, ...settings };
  const { frame, row, column } = evaluateModel({ path: connectivity, entry, settings: given });
  const n = (frame?.length ?? 0) / T;
  return cellsOf([T, H, W]).map(([t, y, x]) =>
    Array.from({ length: n }, (_, z) => [frame?.[z * T + t], row?.[z * H + y], column?.[z * W + x]] as unknown as Cell)
      .filter(([k, j, i]) => k >= 0 && j >= 0 && i >= 0 && k < T && j < H && i < W)
      .map(([k, j, i]) => (k * H + j) * W + i),
  );
}

/** How many layers it takes until every cell has seen every other; each layer has the lists of one of `kinds`, in turn. */
function hopsOf(...kinds: readonly (readonly (readonly number[])[])[]): number {
  const cells = kinds[0]?.length ?? 0;
  return Math.max(
    ...Array.from({ length: cells }, (_, start) => {
      let seen = new Set([start]);
      let hops = 0;
      while (seen.size < cells && hops < 9) {
        const lists = kinds[hops % kinds.length] ?? [];
        seen = new Set([...seen].flatMap((cell) => [cell, ...(lists[cell] ?? [])]));
        hops++;
      }
      return hops;
    }),
  );
}

describe("the grid", () => {
  const volume: Volume = [3, 4, 5];
  const lists = listsOf("grid_places", volume);

  it("lists the row, the column and the line through time, in the released order", () => {
    const [T, H, W] = volume;
    const place = (k: number, j: number, i: number) => (k * H + j) * W + i;
    cellsOf(volume).forEach(([t, y, x], cell) => {
      const others = (length: number, own: number) => Array.from({ length }, (_, k) => k).filter((k) => k !== own);
      expect(lists[cell]).toEqual([
        ...Array.from({ length: W }, (_, i) => place(t, y, i)),
        ...others(H, y).map((j) => place(t, j, x)),
        ...others(T, t).map((k) => place(k, y, x)),
      ]);
    });
  });

  it("has no cell twice, and those that share two coordinates", () => {
    const cells = cellsOf(volume);
    lists.forEach((list, p) => {
      const shared = cells.flatMap((q, place) => {
        const same = q.filter((coordinate, axis) => coordinate === cells[p]?.[axis]).length;
        return same >= 2 ? [place] : [];
      });
      expect([...list].sort((a, b) => a - b)).toEqual(shared);
    });
  });

  it("reaches everything in three layers", () => {
    expect(hopsOf(lists)).toBe(3);
  });

  it.each([
    [[4, 59, 59], 13_924, 120, 1.67e6],
    [[4, 117, 117], 54_756, 236, 12.9e6],
    [[4, 121, 213], 103_092, 336, 34.6e6],
  ] as const)("of %j has %i cells with %i keys each", ([T, H, W], cells, keys, pairs) => {
    const request = { path: connectivity, entry: "grid_places", settings: { S: 1, T, H, W } };
    const [frame] = elaborateModel(request).graph.outputs.map(({ node }) => node.type.shape);
    expect([T * H * W, frame?.[0]]).toEqual([cells, keys]);
    expect((cells * keys) / pairs).toBeCloseTo(1, 2);
  });

  it("is three attentions along the axes under one softmax", () => {
    const [d, cells] = [2, cellsOf(volume)];
    const values = (salt: number): Values => ({
      shape: [1, d, ...volume],
      data: Array.from({ length: d * cells.length }, (_, k) => 3 * hashed(salt, k) - 1.5),
    });
    const [Q, K, V] = [values(1), values(2), values(3)];
    const of = ({ data }: Values, cell: number) =>
      Array.from({ length: d }, (_, c) => data[c * cells.length + cell] as number);
    const weight = (p: number, q: number) =>
      Math.exp(of(Q, p).reduce((sum, value, c) => sum + value * (of(K, q)[c] as number), 0));
    const want = cells.map((p, own) => {
      // Each axis counts the own cell, which is there once.
      const along = [0, 1, 2].flatMap((axis) =>
        cells.flatMap((q, place) => (q.every((at, k) => k === axis || at === p[k]) ? [place] : [])),
      );
      const self = weight(own, own);
      const total = along.reduce((sum, q) => sum + weight(own, q), 0) - 2 * self;
      return Array.from({ length: d }, (_, c) => {
        const read = along.reduce((sum, q) => sum + weight(own, q) * (of(V, q)[c] as number), 0);
        return (read - 2 * self * (of(V, own)[c] as number)) / total;
      });
    });
    const [T] = volume;
    const frames = { shape: [T], data: [0, 1, 2] };
    const { attended } = evaluateModel({
      path: "test/fixtures/sstvos/attention.weft",
      entry: "attended",
      settings: { channels: d, heads: 1 },
      inputs: { Q, K, V, valid: { shape: [T], data: [1, 1, 1] }, when: frames },
    });
    const flat = Array.from({ length: d }, (_, c) => want.map((read) => read[c] as number)).flat();
    expect(differences(attended ?? [], flat).absolute).toBeLessThan(1e-12);
  });
});

describe("windows and strides", () => {
  const volume: Volume = [2, 9, 9];
  const strides = listsOf("strided_places", volume, { frame_stride: 1, stride: 4 });

  it.each([
    [3, 2],
    [2, 3],
  ])("with a radius of %i at stride 4 reach everything in %i layers", (radius, hops) => {
    const windows = listsOf("window_places", volume, { frame_radius: 1, radius });
    // Half of the heads see windows and half see strides, so that each layer has both.
    const both = windows.map((list, cell) => [...list, ...(strides[cell] ?? [])]);
    expect(hopsOf(both)).toBe(hops);
  });

  it("have no cell twice", () => {
    for (const lists of [strides, listsOf("window_places", volume, { frame_radius: 1, radius: 2 })]) {
      for (const list of lists) expect(new Set(list).size).toBe(list.length);
    }
  });
});

describe("gates of CFBI", () => {
  const path = "models/cfbi/gates.weft";
  const text = `
use ./ensembler: GatedChannels, InstanceGate

model Gates() {
  sub channels: GatedChannels(4)
  sub instance: InstanceGate(3, 4)

  entry by_channels(x: f32[4, 2, 3]) -> f32[4, 2, 3] = channels(x)
  entry by_instance(x: f32[4, 2, 3], v: f32[3]) -> f32[4, 2, 3] = instance(x, v)
}`;
  const x = { shape: [4, 2, 3], data: Array.from({ length: 24 }, (_, k) => Math.fround(hashed(5, k) + 0.5)) };
  const evaluated = (entry: string, inputs: Readonly<Record<string, Values>>) =>
    Array.from(Object.values(evaluateModel({ path, texts: { [path]: text }, entry, inputs }))[0] as Float64Array);

  it("of channels change nothing at first", () => {
    expect(evaluated("by_channels", { x })).toEqual(x.data);
  });

  it("of objects lie between 0 and 2, whatever the object", () => {
    const factors = [-30, -1, 0, 1, 30].flatMap((loud) => {
      const got = evaluated("by_instance", { x, v: { shape: [3], data: [loud, -loud, 2 * loud] } });
      return got.map((value, k) => value / (x.data[k] as number));
    });
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...factors)).toBeLessThanOrEqual(2);
    expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(1.5);
  });
});
