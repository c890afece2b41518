/** Training as a library: the numbers of gradient descent worked out by hand, and what is refused. */
import { afterAll, describe, expect, it } from "vitest";
import { compileSource } from "../src/compile.ts";
import { CompileError, InputError, prepareTraining, TrainStepError } from "../src/index.ts";
import { prepare } from "../src/runtime/index.ts";
import { testDevice } from "./codegen/on-device.ts";

const device = await testDevice();
afterAll(() => device?.close());

/** (w·x - y)², with another number beside it. */
const source = `
model Line(n: size = 2) {
  param w: f32[n] = ones()
  buffer offset: f32 = zeros()
  entry loss(x: f32[n], y: f32) -> (loss: f32, guess: f32) {
    let g = offset + sum[k] w[k] * x[k]
    return ((g - y)^2, g)
  }
}`;
const sgd = { optimiser: { name: "sgd", settings: {} }, loss: "loss" } as const;

describe.skipIf(device === undefined)("prepareTraining", () => {
  it("takes the steps of gradient descent", async () => {
    const given = (path: string) => (path === "offset" ? Float32Array.of(1) : undefined);
    const training = await prepareTraining(source, { ...sgd, device, parameters: given });
    expect(training.name).toBe("Line.loss");
    expect(training.trained).toEqual(["w"]);
    expect(training.inputs).toEqual({ x: { dtype: "f32", shape: [2] }, y: { dtype: "f32", shape: [] } });
    let w = [1, 1];
    for (const [x, y, rate] of [
      [[1, 2], 0, 0.125],
      [[2, 0], 1, 0.25],
      [[0, 1], 3, 0.5],
    ] as const) {
      const guess = 1 + (w[0] as number) * x[0] + (w[1] as number) * x[1];
      const gradient = x.map((value) => 2 * (guess - y) * value);
      // All of these numbers are exact in f32.
      const result = await training.step({ x: Float32Array.from(x), y: Float32Array.of(y) }, rate);
      expect(result.loss).toBe((guess - y) ** 2);
      expect(result.numbers).toEqual({ guess });
      expect(result.gradientNorm).toBeCloseTo(Math.hypot(...gradient), 4);
      w = w.map((value, k) => value - rate * (gradient[k] as number));
      expect(await training.read(["w", "offset"])).toEqual({ w: Float32Array.from(w), offset: Float32Array.of(1) });
    }
    await expect(training.step({ x: new Float32Array(2) }, 1)).rejects.toThrow(InputError);
    await expect(training.step({ x: new Float32Array(3), y: new Float32Array(1) }, 1)).rejects.toThrow(/x.*f32\[2\]/);
    await expect(training.read(["v"])).rejects.toThrow(/no parameter called `v`/);
    training.dispose();
    await expect(training.step({ x: new Float32Array(2), y: new Float32Array(1) }, 1)).rejects.toThrow(/disposed/);
  });

  it("hands its parameters to a graph beside it", async () => {
    if (device === undefined) throw new Error("there is a device");
    const training = await prepareTraining(source, { ...sgd, device });
    // The gradient at (1, 0) is 2 (1 - 3) = -4 along w[0], so that w becomes (3, 1).
    await training.step({ x: Float32Array.of(1, 0), y: Float32Array.of(3) }, 0.5);
    const readSource = (path: string) => (path === "line.weft" ? source : undefined);
    const { value } = compileSource({ path: "line.weft", readSource, profile: device.profile });
    if (value === undefined) throw new Error("the line does not compile");
    const beside = await prepare(device, value.plan, { parameters: (name) => new Float32Array(name === "w" ? 2 : 1) });
    await beside.copyParameters((name) => (name === "w" ? training.buffer(name) : undefined));
    const { guess } = await beside.run({ x: Float32Array.of(2, 5), y: new Float32Array(1) });
    expect(guess).toEqual(Float32Array.of(11));
    expect(training.buffer("v")).toBeUndefined();
    beside.dispose();
    training.dispose();
  });

  it("moves running statistics, scales the loss in half precision, and leaves out what overflows", async () => {
    const text = `use std/norm: BatchNorm1d
model Normed(n: size = 2) {
  sub norm: BatchNorm1d(n)
  entry loss<B>(x: f32[B, n], far: f32) -> f32 {
    let y = norm(x)
    return far * (mean[b, c] (y[b, c] - 1)^2)
  }
}`;
    const training = await prepareTraining(text, {
      optimiser: sgd.optimiser,
      device,
      inputShapes: { x: [2, 2] },
      passes: { precision: "f16" },
      lossScale: { start: 1024, every: 2 },
    });
    const x = Float32Array.of(1, 2, 3, 6);
    const far = (value: number) => ({ x, far: Float32Array.of(value) });
    const scales: (number | undefined)[] = [];
    for (const value of [1, 1e37, 1, 1, 1]) scales.push((await training.step(far(value), 0.1)).lossScale);
    expect(scales).toEqual([1024, 1024, 512, 512, 1024]);
    // Four batches counted: means 2 and 4, unbiased variances 2 and 8, with a momentum of 0.1.
    const left = 0.9 ** 4;
    const { "norm.running_mean": mean, "norm.running_var": variance } = await training.read([
      "norm.running_mean",
      "norm.running_var",
    ]);
    [2 * (1 - left), 4 * (1 - left)].forEach((want, k) => {
      expect(mean?.[k]).toBeCloseTo(want, 5);
    });
    [left + 2 * (1 - left), left + 8 * (1 - left)].forEach((want, k) => {
      expect(variance?.[k]).toBeCloseTo(want, 5);
    });
    training.dispose();
  });

  it("says what cannot be trained", async () => {
    const refused = (text: string, more: object = {}) =>
      prepareTraining(text, { ...sgd, loss: undefined, device, ...more });
    await expect(refused("fn f(x: f32) -> f32 = y")).rejects.toThrow(CompileError);
    await expect(refused("fn f(x: f32) -> f32 = x")).rejects.toThrow(TrainStepError);
    await expect(refused(source, { loss: "loss", isFrozen: () => true })).rejects.toThrow(
      /no parameter to train: all are frozen/,
    );
    await expect(refused(source)).rejects.toThrow(/several outputs that could be the loss/);
  });
});
