/** What a training step changes, and what it leaves alone. */
import { afterAll, describe, expect, it } from "vitest";
import { compileGraph, hostProfile } from "../../src/compile.ts";
import { type Batch, stepOutputs, TrainStepError } from "../../src/train/index.ts";
import type { TrainingRequest } from "../../src/training.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { buildStep, type StepCase, type Stepping, stepOnDevice, stepOnReference } from "./train-case.ts";

afterAll(() => device?.close());

const text = `use std/loss: mean_squared_error
model Line(n: size = 3) {
  param weight: f32[2, n] = normal(0, 1)
  param bias: f32[2] = zeros()
  buffer seen: f32 = zeros()
  buffer unread: f32 = zeros()

  entry one(x: f32[n], y: f32[2]) -> f32 = mean_squared_error(line(x), y)

  entry batch<B>(x: f32[B, n], y: f32[B, 2]) -> (loss: f32, largest: f32, now: f32, wide: f32[2]) {
    let l = mean_squared_error(line(x), y)
    return (mean[b] l[b], max[b] l[b], seen + 1, bias)
  }

  fn line(x: f32[n]) -> f32[2] {
    let z[k] = bias[k] + sum[c] weight[k, c] * x[c]
    return z
  }
}`;

const numbers = (shape: readonly number[], value: (k: number) => number) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => value(k)),
});
const examples = (count: number, from = 0): Batch => ({
  x: numbers([count, 3], (k) => Math.sin(1 + k + 3 * from)),
  y: numbers([count, 2], (k) => Math.cos(2 + k + 2 * from)),
});
const request = (batch: number, entry = "one"): StepCase => ({
  text,
  entry,
  shapes: { x: [batch, 3], y: [batch, 2] },
  ...(entry === "batch" ? { loss: "loss" } : {}),
});
const sgd: TrainingRequest["optimiser"] = { name: "sgd", settings: {} };
const adam: TrainingRequest["optimiser"] = { name: "adam", settings: {} };

async function weights(stepping: Stepping): Promise<number[]> {
  return [...(await stepping.read("weight")), ...(await stepping.read("bias"))];
}

describe("a training step", () => {
  it("averages the loss of an entry over one example, as an entry over a batch does itself", async () => {
    const one = stepOnReference(buildStep(request(4), { optimiser: sgd }));
    const batch = stepOnReference(buildStep(request(4, "batch"), { optimiser: sgd }));
    const first = await one.step(examples(4), { step: 1, rate: 0.1 });
    const second = await batch.step(examples(4), { step: 1, rate: 0.1 });
    expect(first.one).toBeCloseTo(second.loss as number, 12);
    expect(first[stepOutputs.norm]).toBeCloseTo(second[stepOutputs.norm] as number, 6);
    const [a, b] = [await weights(one), await weights(batch)];
    a.forEach((value, k) => {
      expect(value).toBeCloseTo(b[k] as number, 6);
    });
  });

  it("reports the entry's other numbers, and writes outputs over buffers when told to", async () => {
    const built = buildStep(request(4, "batch"), { optimiser: sgd, updates: [{ buffer: "seen", output: "now" }] });
    expect(built.step.scalars).toEqual(["loss", "largest", "now", stepOutputs.norm]);
    const stepping = stepOnReference(built);
    await stepping.step(examples(4), { step: 1, rate: 0 });
    await stepping.step(examples(4), { step: 2, rate: 0 });
    expect([...(await stepping.read("seen"))]).toEqual([2]);
  });

  it("of several batches is the step of all of them together", async () => {
    const whole = stepOnReference(buildStep(request(6), { optimiser: adam, clip: 0.5 }));
    const parts = stepOnReference(buildStep(request(2), { optimiser: adam, clip: 0.5, accumulate: 3 }));
    for (let step = 0; step < 3; step++) {
      await whole.step(examples(6, 6 * step), { step: step + 1, rate: 0.1 });
      for (let part = 0; part < 3; part++) {
        const place = { first: part === 0, last: part === 2 };
        await parts.step(examples(2, 6 * step + 2 * part), { step: step + 1, rate: 0.1, ...place });
      }
    }
    const [a, b] = [await weights(whole), await weights(parts)];
    a.forEach((value, k) => {
      expect(value).toBeCloseTo(b[k] as number, 5);
    });
  });

  it("is shortened by clipping: plain descent goes as far as rate times length", async () => {
    const built = buildStep(request(4), { optimiser: sgd, clip: 0.01 });
    const stepping = stepOnReference(built);
    const before = await weights(stepping);
    const { [stepOutputs.norm]: norm } = await stepping.step(examples(4), { step: 1, rate: 1 });
    expect(norm).toBeGreaterThan(0.1);
    const moved = Math.hypot(...(await weights(stepping)).map((value, k) => value - (before[k] as number)));
    expect(moved).toBeCloseTo(0.01, 4);
  });

  it("gives groups a rate and a decay of their own, and the first group that fits counts", async () => {
    const groups = [
      { has: (path: string) => path === "weight", rateFactor: 0.25, weightDecay: 0 },
      { has: (path: string) => path.includes("i"), rateFactor: 3 },
    ];
    const decaying = { ...sgd, weightDecay: 0.5 };
    const moved = async (training: Partial<TrainingRequest> & Pick<TrainingRequest, "optimiser">) => {
      const stepping = stepOnReference(buildStep(request(4), training));
      await stepping.step(examples(4, 1), { step: 1, rate: 0.1 });
      const before = await weights(stepping);
      await stepping.step(examples(4), { step: 2, rate: 0.1 });
      return { before, by: (await weights(stepping)).map((value, k) => value - (before[k] as number)) };
    };
    const first = buildStep(request(4), { optimiser: sgd }).first("weight");
    const [grouped, plain] = [await moved({ optimiser: decaying, groups }), await moved({ optimiser: sgd, groups })];
    // The weights never decayed: group 1 has λ = 0. The biases did: group 2 leaves λ to the optimiser.
    expect(grouped.before.slice(0, 6)).toEqual(plain.before.slice(0, 6));
    expect(grouped.by.slice(6)).not.toEqual(plain.by.slice(6));
    // From equal weights, plain descent goes rate times gradient: the factors can be read off.
    const one = stepOnReference(buildStep(request(4), { optimiser: sgd }));
    const some = stepOnReference(buildStep(request(4), { optimiser: sgd, groups }));
    for (const stepping of [one, some]) await stepping.step(examples(4), { step: 1, rate: 0.1 });
    const [far, near] = [await weights(one), await weights(some)];
    const start = [...first, 0, 0];
    near.forEach((value, k) => {
      const by = (far[k] as number) - (start[k] as number);
      expect(value - (start[k] as number)).toBeCloseTo((k < 6 ? 0.25 : 3) * by, 6);
    });
  });

  it("leaves frozen parameters out", () => {
    const { step } = buildStep(request(4), { optimiser: adam, isFrozen: (path) => path === "bias" });
    expect(step.trained).toEqual(["weight"]);
    expect(step.carry.map(({ to }) => to)).toEqual(["weight", "optimiser/m/weight", "optimiser/v/weight"]);
  });

  it("gives each parameter one kernel, whatever the optimiser remembers", () => {
    const { step } = buildStep(request(4), { optimiser: adam, clip: 1 });
    const profile = { ...hostProfile, limits: { ...hostProfile.limits, maxBindings: 16 } };
    const { kernels } = compileGraph(step.graph, { profile });
    const updating = kernels.filter(({ group }) => group.outputs.some(({ name }) => name?.startsWith("new ") === true));
    expect(updating.map(({ group }) => group.outputs.length)).toEqual([3, 3]);
  });
});

describe("a step that is not finite", () => {
  const broken: Batch = { ...examples(4), x: numbers([4, 3], (k) => (k === 5 ? 1e30 : 1)) };

  async function check(stepping: Stepping) {
    await stepping.step(examples(4), { step: 1, rate: 0.1 });
    const [before, moments] = [await weights(stepping), [...(await stepping.read("optimiser/m/weight"))]];
    expect(moments.some((value) => value !== 0)).toBe(true);
    const result = await stepping.step(broken, { step: 2, rate: 0.1 });
    expect(Number.isFinite(Math.fround(result[stepOutputs.norm] as number) * Math.fround(result.one as number))).toBe(
      false,
    );
    expect(await weights(stepping)).toEqual(before);
    expect([...(await stepping.read("optimiser/m/weight"))]).toEqual(moments);
    await stepping.step(examples(4), { step: 3, rate: 0.1 });
    expect(await weights(stepping)).not.toEqual(before);
  }

  it("changes nothing on the reference evaluator", async () => {
    await check(stepOnReference(buildStep(request(4), { optimiser: adam })));
  });

  it.skipIf(device === undefined)("changes nothing on the device", async () => {
    const stepping = await stepOnDevice(theDevice(), buildStep(request(4), { optimiser: adam }));
    await check(stepping);
    stepping.dispose();
  });
});

describe("a request that does not fit", () => {
  it.each<[string, Partial<TrainingRequest>, string]>([
    ["one", { isFrozen: () => true }, "Line.one has no parameter to train: all are frozen, buffers, or not read"],
    ["batch", { updates: [{ buffer: "unread", output: "now" }] }, "unread is no buffer that the entry reads"],
    ["batch", { updates: [{ buffer: "weight", output: "now" }] }, "weight is trained; only a buffer can be updated"],
    ["batch", { updates: [{ buffer: "seen", output: "wide" }] }, "the output wide has not the type of the buffer seen"],
    [
      "batch",
      { updates: [{ buffer: "seen", output: "later" }] },
      "Line.batch has no output later; it has loss, largest, now, wide",
    ],
  ])("%s with %j is refused", (entry, rest, message) => {
    const build = () => buildStep(request(4, entry), { optimiser: sgd, ...rest });
    expect(build).toThrow(TrainStepError);
    expect(build).toThrow(message);
  });

  it("has one loss", () => {
    expect(() => buildStep({ ...request(4, "batch"), loss: undefined }, { optimiser: sgd })).toThrow(
      "Line.batch has several outputs that could be the loss (loss, largest, now, wide); name one with --loss",
    );
  });
});
