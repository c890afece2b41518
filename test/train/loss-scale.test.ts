/** Half precision with a scaled loss: it trains as f32 does, leaves out steps that overflow, and keeps small gradients. */
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { type Batch, type LossScale, stepOutputs } from "../../src/train/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { buildStep, type Stepping, stepOnDevice, stepOnReference } from "./train-case.ts";

afterAll(() => device?.close());

const hasHalf = device?.profile.features.f16 === true;

const models = readFileSync("test/fixtures/training/models.weft", "utf8");
const [examples, length, vocab] = [4, 32, 16];

/** Sequences in which every token is three further on than the one before. */
const batch: Batch = {
  tokens: counted((b, t) => 5 * b + 3 * t),
  targets: counted((b, t) => 5 * b + 3 * t + 3),
};

function counted(value: (b: number, t: number) => number): Batch[string] {
  const data = Int32Array.from(
    { length: examples * length },
    (_, k) => value(Math.floor(k / length), k % length) % vocab,
  );
  return { shape: [examples, length], data };
}

function transformer(lossScale?: LossScale, accumulate = 1) {
  const settings = { vocab, positions: length, d: 32, hidden: 64 };
  const shapes = { tokens: [examples, length], targets: [examples, length] };
  const optimiser = { name: "adam", settings: {} } as const;
  return buildStep({ text: models, model: "Transformer", settings, shapes }, { optimiser, lossScale, accumulate });
}

/** One wide layer, whose gradient is as small as `factor` makes it; 64 × 64 is just large enough to be kept in f16. */
const wide = (factor: number) => `model Wide() {
  param first: f32[64, 64] = normal(std: 0.1)
  param second: f32[64, 64] = normal(std: 0.1)
  entry loss<B>(x: f32[B, 64]) -> f32 {
    let h[b, i] = tanh(sum[j] first[i, j] * x[b, j])
    let y[b, i] = tanh(sum[j] second[i, j] * h[b, j])
    return ${factor} * (mean[b, i] y[b, i]^2)
  }
}`;
const rows: Batch = {
  x: { shape: [64, 64], data: Float32Array.from({ length: 64 * 64 }, (_, k) => Math.sin(k * k + 1)) },
};
const wideStep = (factor: number, lossScale?: LossScale) =>
  buildStep({ text: wide(factor), shapes: { x: [64, 64] } }, { optimiser: { name: "sgd", settings: {} }, lossScale });

async function losses(stepping: Stepping, steps: number) {
  const found: number[] = [];
  const scales: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const numbers = await stepping.step(batch, { step, rate: 0.01 });
    found.push(numbers.loss as number);
    scales.push(numbers[stepOutputs.scale] as number);
  }
  stepping.dispose();
  return { found, scales };
}

describe.skipIf(!hasHalf)("half precision on the device", () => {
  it("trains a transformer as f32 does, with less memory, and doubles the scale", { timeout: 60_000 }, async () => {
    const half = await losses(await stepOnDevice(theDevice(), transformer({ start: 2 ** 10, every: 4 })), 12);
    const whole = await losses(await stepOnDevice(theDevice(), transformer()), 12);
    expect(half.scales).toEqual([10, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 12].map((power) => 2 ** power));
    expect(whole.scales[0]).toBeUndefined();
    expect(half.found[11] as number).toBeLessThan((half.found[0] as number) / 2);
    // f16 has 11 bits; some of that error feeds on itself in the later steps.
    half.found.forEach((loss, k) => {
      expect(Math.abs(loss / (whole.found[k] as number) - 1)).toBeLessThan(0.02);
    });
    expect(half.found).not.toEqual(whole.found);
  });

  it("leaves out a step whose gradient overflows, and halves the scale until it fits", {
    timeout: 60_000,
  }, async () => {
    const built = wideStep(1e6, { start: 2 ** 16, every: 2000 });
    const stepping = await stepOnDevice(theDevice(), built);
    const before = [...(await stepping.read("first"))];
    let skipped = 0;
    for (; skipped < 30; skipped++) {
      const numbers = await stepping.step(rows, { step: skipped + 1, rate: 1e-9 });
      expect(numbers[stepOutputs.scale]).toBe(2 ** (16 - skipped));
      expect(Number.isFinite(numbers.loss)).toBe(true);
      if (Number.isFinite(numbers[stepOutputs.norm])) break;
      expect([...(await stepping.read("first"))]).toEqual(before);
      expect((await stepping.read("optimiser/loss-scale/taken"))[0]).toBe(0);
    }
    expect(skipped).toBeGreaterThan(2);
    expect(skipped).toBeLessThan(30);
    expect([...(await stepping.read("first"))]).not.toEqual(before);
    expect((await stepping.read("optimiser/loss-scale/taken"))[0]).toBe(1);
    stepping.dispose();
  });

  it("keeps gradients that would vanish in f16", { timeout: 60_000 }, async () => {
    const normOf = async (lossScale?: LossScale) => {
      const stepping = await stepOnDevice(theDevice(), wideStep(1e-4, lossScale));
      const numbers = await stepping.step(rows, { step: 1, rate: 0 });
      stepping.dispose();
      return numbers[stepOutputs.norm] as number;
    };
    const [exact, scaled, plain] = [
      await normOf(),
      await normOf({ start: 2 ** 24, every: 9 }),
      await normOf({ start: 1, every: 9 }),
    ];
    expect(Math.abs(scaled / exact - 1)).toBeLessThan(0.01);
    expect(Math.abs(plain / exact - 1)).toBeGreaterThan(0.1);
  });
});

describe("a scaled loss", () => {
  it("counts only steps that are taken for the optimiser, and drops all batches of one that overflows", async () => {
    const line = `model Line() {
      param w: f32[2] = ones()
      entry loss(x: f32[2]) -> f32 { return sum[k] w[k] * x[k] }
    }`;
    const adam = { name: "adam", settings: {} } as const;
    const shapes = { x: [1, 2] };
    const scaled = buildStep(
      { text: line, shapes },
      { optimiser: adam, accumulate: 2, lossScale: { start: 8, every: 3 } },
    );
    const plain = buildStep({ text: line, shapes }, { optimiser: adam, accumulate: 2 });
    const [first, second] = [stepOnReference(scaled), stepOnReference(plain)];
    const x = (a: number, b: number): Batch => ({ x: { shape: [1, 2], data: Float32Array.of(a, b) } });
    const both = async (stepping: Stepping, step: number, batches: readonly Batch[]) => {
      for (const [part, each] of batches.entries())
        await stepping.step(each, { step, rate: 0.1, first: part === 0, last: part === 1 });
    };
    const good = [x(1, 2), x(3, -1)];
    await both(first, 1, good);
    // Infinite in the first of two batches: the whole step is left out.
    await both(first, 2, [x(1e30, 1), x(1, 1)]);
    expect((await first.read("optimiser/loss-scale/factor"))[0]).toBe(4);
    expect((await first.read("optimiser/loss-scale/inverse"))[0]).toBe(0.25);
    await both(first, 3, [x(0.5, 2), x(-2, 1)]);
    await both(second, 1, good);
    await both(second, 2, [x(0.5, 2), x(-2, 1)]);
    for (const path of ["w", "optimiser/m/w", "optimiser/v/w"])
      expect([...(await first.read(path))]).toEqual([...(await second.read(path))]);
    await both(first, 4, good);
    await both(first, 5, good);
    expect((await first.read("optimiser/loss-scale/factor"))[0]).toBe(8);
  });
});
