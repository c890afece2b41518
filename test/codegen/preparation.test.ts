import { afterAll, describe, expect, it } from "vitest";
import { baselineProfile, stepsOfRun } from "../../src/codegen/index.ts";
import { compileSource } from "../../src/compile.ts";
import { readLibrarySource } from "../../src/library.ts";
import { prepare } from "../../src/runtime/index.ts";
import { testDevice } from "./on-device.ts";

const text = `
use std/norm: BatchNorm2d

model Net() {
  param w: f32[4, 4] = zeros()
  param v: f32[4, 4] = zeros()
  param row: f32[1, 512] = zeros()
  param bias: f32[4] = zeros()
  sub norm: BatchNorm2d(4)

  entry normalised(x: f32[2, 4, 16, 16]) -> f32[2, 4, 16, 16] = norm(x)
  entry product(x: f32[4]) -> (y: f32[4], w2: f32[4]) {
    let M[i, k] = exp(sum[j] w[i, j] * v[j, k])
    let y[i] = sum[k] M[i, k] * x[k]
    return (y, exp(bias))
  }
  // 1 MB from 2 kB: made in every run, and not kept.
  entry enlarged(x: f32[512]) -> f32[512] {
    let table[i, j] = softmax[j](sin(row[0, i] * row[0, j]))
    let y[i] = sum[j] table[i, j] * x[j] + max[j] table[i, j]
    return y
  }
}
`;

function compiled(entry: string, more: { readonly parametersChange?: boolean } = {}) {
  const readSource = (path: string) => (path === "net.weft" ? text : readLibrarySource(path));
  const outcome = compileSource({ path: "net.weft", readSource, entry, profile: baselineProfile, ...more });
  if (outcome.value === undefined) throw new Error(outcome.diagnostics.map(({ title }) => title).join("\n"));
  return outcome.value;
}

describe("work that depends on parameters alone", () => {
  it("is done once: the scale of a batch norm", () => {
    const { plan } = compiled("normalised");
    expect([plan.prepared, stepsOfRun(plan).length]).toEqual([1, 1]);
  });

  it("stays in every run where runs change parameters", () => {
    const { plan } = compiled("normalised", { parametersChange: true });
    expect([plan.prepared, stepsOfRun(plan).length]).toEqual([0, 2]);
  });

  it("stays in every run where its result is a result of the entry, or takes more bytes than the parameters", () => {
    const product = compiled("product").plan;
    expect(product.prepared).toBe(1);
    expect(
      stepsOfRun(product)
        .map(({ label }) => label)
        .join(),
    ).toMatch(/exp/);
    expect(compiled("enlarged").plan.prepared).toBe(0);
  });

  it("keeps what it computed apart from everything that runs later", () => {
    const { plan } = compiled("product");
    const [kept] = plan.steps
      .slice(0, plan.prepared)
      .flatMap(({ slices }) => slices.filter(({ buffer }) => buffer.kind === "arena"));
    // A kernel's result is its last binding.
    const later = stepsOfRun(plan).flatMap(({ slices }) => slices.slice(-1));
    const overlaps = later.filter(
      ({ buffer, offset, size }) =>
        buffer.kind === "arena" &&
        kept !== undefined &&
        offset < kept.offset + kept.size &&
        kept.offset < offset + size,
    );
    expect(kept).toBeDefined();
    expect(overlaps).toEqual([]);
  });
});

const device = await testDevice();
describe.skipIf(device === undefined)("on the device", () => {
  afterAll(() => device?.close());

  it("is done again when parameters are written", async () => {
    const { plan } = compiled("product");
    const identity = Float32Array.from({ length: 16 }, (_, k) => (k % 5 === 0 ? 1 : 0));
    const zeros = new Float32Array(16);
    const with_ = (v: Float32Array<ArrayBuffer>) => (name: string) =>
      name === "w" ? identity : name === "v" ? v : new Float32Array(4);
    const open = device as NonNullable<typeof device>;
    const executable = await prepare(open, plan, { parameters: with_(zeros) });
    const x = Float32Array.of(1, 2, 3, 4);
    for (let run = 0; run < 3; run++) {
      // exp(0) everywhere: each row sums x.
      expect(Array.from((await executable.run({ x })).y as Float32Array)).toEqual([10, 10, 10, 10]);
    }
    const large = identity.map((value) => value * 1e3);
    const buffer = open.gpu.createBuffer({ size: 64, usage: 0x0004 | 0x0008 });
    open.gpu.queue.writeBuffer(
      buffer,
      0,
      large.map((value) => -value),
    );
    await executable.copyParameters((name) => (name === "v" ? buffer : undefined));
    // exp(-1000) is 0 on the diagonal, and 1 beside it.
    expect(Array.from((await executable.run({ x })).y as Float32Array)).toEqual([9, 8, 7, 6]);
    buffer.destroy();
    executable.dispose();
  });
});
