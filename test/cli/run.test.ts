/** `run` and `inspect` from text to results, on the device where there is one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { openWeights, writeWeights } from "../../src/runtime/node.ts";
import { attention, classifier, makeWorkplace, smallAttention } from "./command.ts";

const { weft, weftWith, write, folder } = makeWorkplace();
write("attention.weft", attention);
write("classifier.weft", classifier);

async function outputsOf(file: string): Promise<Record<string, readonly number[]>> {
  const weights = await openWeights(join(folder, file));
  const outputs: Record<string, readonly number[]> = {};
  for (const name of weights.tensors.keys()) outputs[name] = [...(await weights.read(name, "f32")).data];
  await weights.close();
  return outputs;
}

function expectClose(got: readonly number[], want: readonly number[]): void {
  expect(got.length).toBe(want.length);
  got.forEach((value, i) => {
    expect(Math.abs(value - (want[i] as number))).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(want[i] as number)));
  });
}

describe("weft run", () => {
  it("prints the promised object", async () => {
    const { status, stdout } = await weft("run", "attention.weft", ...smallAttention, "--json", "--repeat", "3");
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(Object.keys(report)).toEqual([
      "adapter",
      "outputs",
      "kernels",
      "dispatches",
      "flops",
      "bytesMoved",
      "peakBytes",
      "parameterBytes",
      "ms",
      "rewrites",
    ]);
    expect(report.outputs).toEqual({ attention: { shape: [12, 4], dtype: "f32" } });
    expect(Object.keys(report.ms)).toEqual(["compile", "pipelines", "upload", "run"]);
    for (const ms of Object.values(report.ms)) expect(ms).toBeGreaterThanOrEqual(0);
    expect(report.kernels).toBeGreaterThan(0);
    expect(report.dispatches).toBeGreaterThanOrEqual(report.kernels);
    // Two products of 2·12·10·(8 + 4) operations at least.
    expect(report.flops).toBeGreaterThan(2 * 12 * 10 * 12);
    expect(report.parameterBytes).toBe(0);
    for (const rewrite of report.rewrites) {
      expect(Object.keys(rewrite)).toEqual([
        "pass",
        "rule",
        "count",
        "flopsBefore",
        "flopsAfter",
        "bytesBefore",
        "bytesAfter",
      ]);
    }
  });

  it("gives the same results on the device, unoptimised, and on the reference, as a plain loop does", async () => {
    const run = (output: string, ...args: readonly string[]) =>
      weft("run", "attention.weft", ...smallAttention, "--output", output, ...args);
    const results = [
      await run("device.safetensors"),
      await run("plain.safetensors", "-O0"),
      await run("reference.safetensors", "--device", "reference"),
    ];
    for (const result of results) expect(result.status).toBe(0);
    const [device, plain, reference] = [
      await outputsOf("device.safetensors"),
      await outputsOf("plain.safetensors"),
      await outputsOf("reference.safetensors"),
    ];
    expectClose(device.attention as number[], reference.attention as number[]);
    expectClose(plain.attention as number[], reference.attention as number[]);
    expect(new Set(reference.attention).size).toBeGreaterThan(40);
  });

  it("compares itself with the reference and verifies every pass", async () => {
    const { status, stderr, stdout } = await weft(
      "run",
      "attention.weft",
      ...smallAttention,
      "--compare",
      "reference",
      "--verify",
      "--json",
    );
    expect(stderr).toMatch(/attention: within its error bound|not compared/);
    expect(JSON.parse(stdout).comparison.compared).toBe(!stdout.includes('"adapter": "reference'));
    expect(status).toBe(0);
  });

  it("takes generic sizes from text, and the seed decides everything random", async () => {
    write("text.txt", "\u0001\u0002\u0003\n");
    const run = (seed: string, output: string) =>
      weft("run", "classifier.weft", "--input", "tokens=text.txt", "--seed", seed, "--output", output);
    const results = [await run("0", "a.safetensors"), await run("0", "b.safetensors"), await run("1", "c.safetensors")];
    for (const result of results) expect(result.status).toBe(0);
    const [a, b, c] = ["a", "b", "c"].map((name) => readFileSync(join(folder, `${name}.safetensors`)));
    expect(a?.equals(b as Buffer)).toBe(true);
    expect(a?.equals(c as Buffer)).toBe(false);
  });

  it("starts parameters as the text says", async () => {
    write("ones.weft", classifier.replace("normal(0, 1)", "ones()").replace("kaiming_uniform(fan_in: d)", "ones()"));
    const run = (...args: readonly string[]) =>
      weft("run", "ones.weft", "--set", "L=5", "--input", "all=random", ...args);
    const results = [
      await run("--output", "ones.safetensors"),
      await run("--entry", "norm", "--preset", "small", "--output", "norm.safetensors"),
    ];
    for (const { status } of results) expect(status).toBe(0);
    expectClose((await outputsOf("ones.safetensors")).logits as number[], [6, 6, 6]);
    expectClose((await outputsOf("norm.safetensors")).norm as number[], [10]);
  });

  it("sets the language's constant `training`", async () => {
    write("mode.weft", "fn mode<n>(x: f32[n]) -> f32[n] {\n  if training { return x * 2 }\n  return x\n}\n");
    const run = ["run", "mode.weft", "--set", "n=3", "--input", "x=random", "--output"];
    expect((await weft(...run, "plain.safetensors")).status).toBe(0);
    expect((await weft(...run, "training.safetensors", "--training")).status).toBe(0);
    const plain = (await outputsOf("plain.safetensors")).mode as readonly number[];
    expect((await outputsOf("training.safetensors")).mode).toEqual(plain.map((x) => 2 * x));
  });

  it("reads weights by path", async () => {
    const f32 = (name: string, shape: readonly number[], data: readonly number[]) => ({
      name,
      dtype: "f32" as const,
      shape,
      data: Float32Array.from(data),
    });
    // Embeddings count up, so that the mean of tokens 1 and 3 is [4, 5]; weights pick and add.
    const tensors = [
      f32(
        "embedding",
        [11, 2],
        Array.from({ length: 22 }, (_, i) => i),
      ),
      f32("weight", [3, 2], [1, 0, 0, 1, 1, 1]),
      f32("bias", [3], [0.5, 0, -1]),
      f32("scale", [2], [1, 2]),
    ];
    await writeWeights(join(folder, "weights.safetensors"), tensors);
    await writeWeights(join(folder, "inputs.safetensors"), [
      { name: "tokens", dtype: "i32", shape: [2], data: Int32Array.of(1, 3) },
    ]);
    const files = [
      "--weights",
      "weights.safetensors",
      "--inputs",
      "inputs.safetensors",
      "--output",
      "logits.safetensors",
    ];
    const { status, stderr } = await weft("run", "classifier.weft", "--preset", "small", ...files);
    expect(stderr).not.toMatch(/error/);
    expect(status).toBe(0);
    expectClose((await outputsOf("logits.safetensors")).logits as number[], [4.5, 10, 13]);
  });

  it("reads pictures as f32[3, H, W] from 0 to 1", async () => {
    write(
      "means.weft",
      "fn means<H, W>(x: f32[3, H, W]) -> f32[3] {\n  let m[c] = (sum[i, j] x[c, i, j]) / (H * W)\n  return m\n}\n",
    );
    const pixels = Buffer.alloc(4 * 16 * 8);
    for (let i = 0; i < 128; i++) pixels.set([255, 51, 0, 255], 4 * i);
    const png = new PNG({ width: 16, height: 8 });
    pixels.copy(png.data);
    write("picture.png", PNG.sync.write(png));
    write("picture.jpg", jpeg.encode({ width: 16, height: 8, data: pixels }, 100).data);
    const results = await Promise.all(
      ["png", "jpg"].map((kind) =>
        weft("run", "means.weft", "--input", `x=picture.${kind}`, "--output", `${kind}.safetensors`),
      ),
    );
    for (const { status } of results) expect(status).toBe(0);
    expectClose((await outputsOf("png.safetensors")).means as number[], [1, 0.2, 0]);
    const fromJpeg = (await outputsOf("jpg.safetensors")).means as number[];
    for (const [c, want] of [1, 0.2, 0].entries()) {
      expect(Math.abs((fromJpeg[c] as number) - want)).toBeLessThan(2 / 255);
    }
  });
});

describe("without a device", () => {
  it("small graphs go to the reference evaluator, with one line saying so", async () => {
    const { status, stdout, stderr } = await weftWith(
      { WEFT_ADAPTER: "none" },
      "run",
      "attention.weft",
      ...smallAttention,
      "--json",
    );
    expect(status).toBe(0);
    expect(stderr.match(/the reference evaluator computes instead/g)).toHaveLength(1);
    expect(JSON.parse(stdout).adapter).toMatch(/^reference evaluator \(WEFT_ADAPTER=none/);
  });

  it("a device that was asked for is an error of the device", async () => {
    const { status, stderr, stdout } = await weftWith(
      { WEFT_ADAPTER: "none" },
      "run",
      "attention.weft",
      ...smallAttention,
      "--device",
      "gpu",
      "--json",
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(/npm run setup/);
    expect(JSON.parse(stdout).error).toMatchObject({ kind: "device", code: "no-adapter" });
  });

  it("large graphs are refused", async () => {
    const sizes = ["--set", "L=8192", "--set", "S=8192", "--set", "d=64", "--set", "e=64", "--input", "all=random"];
    const { status, stderr } = await weftWith({ WEFT_ADAPTER: "none" }, "run", "attention.weft", ...sizes);
    expect(status).toBe(3);
    expect(stderr).toMatch(/reference evaluator would need .* operations/);
  });
});

describe("device limits", () => {
  it("are an error of the device that names the tensor and the limit", async () => {
    write("outer.weft", "fn outer<n>(x: f32[n]) -> f32[n, n] {\n  let y[i, j] = x[i] * x[j]\n  return y\n}\n");
    // 40,000² elements are 6.4 GB, more than any device binds at once.
    const { status, stderr } = await weft("run", "outer.weft", "--set", "n=40000", "--input", "all=random");
    expect(status).toBe(3);
    expect(stderr).toMatch(/6,400,000,000 bytes|reference evaluator would need/);
  });
});

describe("weft inspect", () => {
  it("prints IR after a pass that runs and gives the same results", async () => {
    const after = await weft("inspect", "attention.weft", ...smallAttention, "--after", "contraction-order");
    expect(after.status).toBe(0);
    write("after.ir", after.stdout);
    const runs = [
      await weft("run", "after.ir", "--input", "all=random", "--output", "ir.safetensors"),
      await weft("run", "attention.weft", ...smallAttention, "--output", "text.safetensors"),
    ];
    for (const { status } of runs) expect(status).toBe(0);
    expectClose(
      (await outputsOf("ir.safetensors")).attention as number[],
      (await outputsOf("text.safetensors")).attention as number[],
    );
  });

  it("shows passes, kernels, WGSL, plan, and everything as JSON", async () => {
    const emit = (...args: readonly string[]) => weft("inspect", "attention.weft", ...smallAttention, ...args);
    const [overview, all, ir, kernels, wgsl, plan, json] = [
      await emit(),
      await emit("--all"),
      await emit("--emit", "ir"),
      await emit("--emit", "kernels"),
      await emit("--emit", "wgsl"),
      await emit("--emit", "plan"),
      await emit("--emit", "json"),
    ];
    expect(overview?.stdout).toMatch(/── as written: .*── unchanged by .*── final: .*── plan: /s);
    expect(all?.stdout.match(/^graph attention \{/gm)?.length).toBeGreaterThan(1);
    expect(ir?.stdout).toMatch(/^graph attention \{/);
    expect(kernels?.stdout).toMatch(/^kernel +kind +threads +flops +read +written +schedule +inputs +outputs +source/);
    expect(wgsl?.stdout).toMatch(/@compute/);
    expect(plan?.stdout).toMatch(/input +Q +f32\[12, 8\]/);
    const report = JSON.parse(json?.stdout ?? "");
    expect(report.launches[0]).toMatchObject({ threads: expect.any(Number), kind: expect.any(String) });
    expect(report.stages.at(-1).cost.flops).toBeLessThanOrEqual(report.stages[0].cost.flops);
    expect(report.memory.live).toHaveLength(report.steps);
  });
});

describe("weft params and doctor", () => {
  it("lists parameters and totals", async () => {
    const [text, json] = await Promise.all([
      weft("params", "classifier.weft"),
      weft("params", "classifier.weft", "--preset", "small", "--json"),
    ]);
    expect(text.stdout).toMatch(/^embedding +param +f32\[11, 6\] +66$/m);
    expect(text.stdout).toMatch(/^parameters: 87 elements in 3 tensors, 348 B$/m);
    expect(text.stdout).toMatch(/^buffers: 6 elements in 1 tensors, 24 B$/m);
    expect(JSON.parse(json.stdout).totals).toEqual({
      parameters: { tensors: 3, elements: 31, bytes: 124 },
      buffers: { tensors: 1, elements: 2, bytes: 8 },
    });
  });

  it("tells about adapters and versions", async () => {
    const [text, json] = [await weft("doctor"), await weftWith({ WEFT_ADAPTER: "none" }, "doctor", "--json")];
    expect(text.stdout).toMatch(/^weft +\d/m);
    expect(text.stdout).toMatch(/^used by default: (gpu|software|reference) \(/m);
    const report = JSON.parse(json.stdout);
    expect(report.versions.node).toBe(process.version);
    expect(report.adapters.map(({ kind }: { kind: string }) => kind)).toEqual(["gpu", "software"]);
    expect(report.chosen).toMatchObject({ device: "reference", why: expect.stringContaining("WEFT_ADAPTER") });
  });
});

describe("weft start", () => {
  it("tells what a file computes, what was done to it, and how it ran", async () => {
    const { status, stdout } = await weft("start", "attention.weft");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^attention of attention\.weft, with --set L=256 --set S=256 --set d=256 --set e=256$/m);
    expect(stdout).toMatch(
      /What the passes did.*── final: .*Kernels.*A run on random inputs.*attention: f32\[256, 256\] = \[/s,
    );
  });
});
