/** Sparse attention over space and time: the sets of cells, the values against dense attention under a mask, memory. */
import { describe, expect, it } from "vitest";
import { hostProfile, withGradients } from "../../src/compile.ts";
import { elementCount, evaluateGraph, tensorOf } from "../../src/ir/index.ts";
import { testDevice } from "../codegen/on-device.ts";
import {
  compileOnly,
  deviceModel,
  differences,
  elaborateModel,
  evaluateModel,
  type ModelRequest,
  type Values,
} from "./compile-model.ts";
import { hashed } from "./sstvos-case.ts";

const path = "test/fixtures/sstvos/attention.weft";
const device = await testDevice();

const filled = (shape: readonly number[], value: (place: number) => number): Values => ({
  shape,
  data: Array.from({ length: elementCount(shape) }, (_, place) => Math.fround(value(place))),
});

type Volume = readonly [T: number, H: number, W: number];

/** Q, K and V drawn for all cells; frames that are padding are not valid. */
function inputsOf([heads, d]: readonly [number, number], volume: Volume, invalid: readonly number[] = []) {
  const shape = [heads, d, ...volume];
  const [T] = volume;
  return {
    Q: filled(shape, (k) => 4 * hashed(1, k) - 2),
    K: filled(shape, (k) => 4 * hashed(2, k) - 2),
    V: filled(shape, (k) => 4 * hashed(3, k) - 2),
    valid: filled([T], (t) => Number(!invalid.includes(t))),
    when: filled([T], (t) => t),
  };
}

const connectivities: readonly (readonly [string, Readonly<Record<string, boolean | number>>])[] = [
  ["grid", {}],
  ["strided", { strided: true }],
  ["local", { local: true }],
  ["strided, by distance", { strided: true, distance: true }],
];

describe.each(connectivities)("%s attention", (_name, settings) => {
  const request = (entry: string, inputs: ModelRequest["inputs"], more = {}): ModelRequest => ({
    path,
    entry,
    settings: { ...settings, ...more },
    ...(inputs === undefined ? {} : { inputs }),
  });

  it.each([[[]], [[1]], [[0, 2]]])("is dense attention under its mask, without frames %j", (invalid) => {
    const inputs = inputsOf([2, 4], [4, 5, 6], invalid);
    const sparse = evaluateModel(request("attended", inputs)).attended as Float64Array;
    const dense = evaluateModel(request("attended", inputs, { dense: true })).attended as Float64Array;
    expect(differences(sparse, dense).relative).toBeLessThan(1e-12);
    expect(Math.max(...sparse)).toBeGreaterThan(0.5);
  });

  it("has the affinity of dense attention under its mask", () => {
    const { V: _, ...inputs } = inputsOf([2, 4], [3, 5, 6]);
    const given = { ...inputs, labels: filled([2, 5, 6], (k) => Number(hashed(4, k) > 0.7)) };
    const sparse = evaluateModel(request("affinity", given)).affinity as Float64Array;
    const dense = evaluateModel(request("affinity", given, { dense: true })).affinity as Float64Array;
    expect(differences(sparse, dense).absolute).toBeLessThan(1e-12);
    expect(Math.min(...sparse)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...sparse)).toBeGreaterThan(0.05);
    expect(Math.max(...sparse)).toBeLessThanOrEqual(1);
  });

  it("reads of each object what it reads of values that are 0 elsewhere", () => {
    const [T, H, W] = [3, 5, 6];
    const inputs = inputsOf([2, 4], [T, H, W], [0]);
    const labels = filled([T - 1, H, W], (k) => Math.floor(3 * hashed(4, k)) - 1);
    const given = request("warped", { ...inputs, labels });
    const got = evaluateModel(given).warped as Float64Array;
    const [cells, plane] = [T * H * W, H * W];
    const readOf = (isRead: (label: number) => boolean) => {
      const data = Array.from(inputs.V.data, (value, k) => {
        const cell = k % cells;
        return cell < (T - 1) * plane && isRead(labels.data[cell] as number) ? value : 0;
      });
      const all = evaluateModel(request("attended", { ...inputs, V: { ...inputs.V, data } })).attended as Float64Array;
      return Array.from({ length: 4 }, (_, c) =>
        Array.from(all.slice((c + 1) * cells - plane, (c + 1) * cells)),
      ).flat();
    };
    const want = [0, 1].flatMap((o) => [
      ...readOf((label) => label === o),
      ...readOf((label) => label >= 0 && label !== o),
    ]);
    expect(differences(got, want).absolute).toBeLessThan(1e-12);
    expect(Math.max(...want)).toBeGreaterThan(0.1);
    const dense = evaluateModel({ ...given, settings: { ...given.settings, dense: true } }).warped as Float64Array;
    expect(differences(got, dense).absolute).toBeLessThan(1e-12);
  });

  it("has the gradients of dense attention under its mask", () => {
    const inputs = inputsOf([2, 2], [3, 3, 4], [1]);
    const gradients = (dense: boolean) => {
      const more = { dense, channels: 4, frame_stride: 1 };
      return gradientsOf({ ...request("square", inputs, more), inputs });
    };
    const [sparse, dense] = [gradients(false), gradients(true)];
    for (const name of ["Q", "K", "V"]) {
      const key = `gradient(${name})`;
      expect(differences(sparse[key] ?? [], dense[key] ?? []).relative, name).toBeLessThan(1e-10);
    }
  });

  it.skipIf(device === undefined)("runs on the device as one kernel that stores no weights", async () => {
    const volume: Volume = [4, 13, 14];
    const given = request("attended", inputsOf([2, 4], volume, [1]));
    const model = await deviceModel(device as NonNullable<typeof device>, given);
    const got = (await model.run(given.inputs ?? {})).attended ?? [];
    const kinds = model.program.kernels.map(({ group }) => group.kind);
    model.dispose();
    expect(differences(got, evaluateModel(given).attended ?? []).relative).toBeLessThan(1e-5);
    expect(kinds.filter((kind) => kind === "online-softmax")).toHaveLength(settings.strided === true ? 2 : 1);
    expect(kinds).not.toContain("contraction");
  });

  it("needs memory that grows with the number of frames, no faster", () => {
    const bytes = [2, 4, 8].map((T) => {
      const inputs = { x: filled([T, 32, 21, 21], () => 0) };
      const program = compileOnly(
        { profile: hostProfile },
        request("layer", inputs, { channels: 32, heads: 4, frame_radius: 2, frame_stride: 1, stride: 5 }),
      );
      const cells = T * 21 * 21;
      const arena = program.plan.arenas.reduce((sum, each) => sum + each, 0);
      // Room for a few values of all cells and channels, none for pairs of cells.
      expect(arena).toBeLessThan(4 * 8 * cells * 32);
      return arena;
    });
    const [two, four, eight] = bytes as [number, number, number];
    expect(four / two).toBeLessThan(2.2);
    expect(eight / four).toBeLessThan(2.2);
  });
});

describe("grid attention", () => {
  it("weighs 24 equal cells equally", () => {
    const shape = [1, 2, 6, 10, 10];
    const inputs = {
      ...inputsOf([1, 2], [6, 10, 10]),
      Q: filled(shape, () => 1.1),
      K: filled(shape, () => 2),
      V: filled(shape, () => 3),
    };
    const got = evaluateModel({ path, entry: "attended", settings: { channels: 2, heads: 1 }, inputs })
      .attended as Float64Array;
    for (const value of got) expect(value).toBeCloseTo(3, 12);
    const { V: _, ...rest } = inputs;
    const labels = filled([5, 10, 10], () => 1);
    const affinity = evaluateModel({
      path,
      entry: "affinity",
      settings: { channels: 2, heads: 1 },
      inputs: { ...rest, labels },
    });
    // Every cell of the last frame sees its own place in the five frames before, each with 1/24, and no background there.
    for (const [k, value] of (affinity.affinity as Float64Array).entries())
      expect(value).toBeCloseTo(k < 100 ? 0 : 1 / 24, 12);
  });

  // Computed from the definition of the released kernel, in float64.
  it("gives the published example", () => {
    const shape = [1, 2, 2, 2, 3];
    const exact = (value: (place: number) => number): Values => ({
      shape,
      data: Array.from({ length: 24 }, (_, k) => value(k)),
    });
    const inputs = {
      Q: exact((g) => g / 12 - 1),
      K: exact(Math.cos),
      V: exact(Math.sin),
      valid: filled([2], () => 1),
      when: filled([2], (t) => t),
    };
    const settings = { channels: 2, heads: 1 };
    const got = evaluateModel({ path, entry: "attended", settings, inputs }).attended as Float64Array;
    const want = [
      [0.38653331, 0.20557664, 0.51861211, -0.12142335, -0.22413113, -0.16523845],
      [0.4232209, 0.45370207, 0.41562772, -0.21997567, 0.07557199, 0.03832808],
      [0.54359019, 0.2317946, 0.39878433, 0.19161431, 0.0560586, 0.09559876],
      [0.22719161, 0.21593399, 0.21628693, -0.09106932, 0.05168001, 0.16232011],
    ].flat();
    expect(differences(got, want).absolute).toBeLessThan(1e-7);
    const { V: _, ...rest } = inputs;
    const labels: Values = { shape: [1, 2, 3], data: [0, 1, 1, 0, 0, 1] };
    const { affinity } = evaluateModel({ path, entry: "affinity", settings, inputs: { ...rest, labels } });
    const object = (affinity as Float64Array).slice(6);
    expect(differences(object, [0, 0.23449473, 0.21088076, 0, 0, 0.19332884]).absolute).toBeLessThan(1e-7);
  });
});

/** Gradients of the entry by its inputs, in float64. */
function gradientsOf(
  request: ModelRequest & { readonly inputs: Readonly<Record<string, Values>> },
): Record<string, Float64Array> {
  const program = elaborateModel(request);
  const graph = withGradients(program, { gradient: ["Q", "K", "V"] });
  const inputs = graph.inputs.map((node) => {
    const name = node.attributes.name as string;
    return [name, tensorOf(node.type, Array.from((request.inputs[name] as Values).data))] as const;
  });
  const outputs = evaluateGraph(graph, { inputs: Object.fromEntries(inputs), parameters: {} });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
}
