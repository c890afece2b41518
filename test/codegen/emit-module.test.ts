/** Built modules: their types held against tsc, their results against the compiler's own run, bit for bit. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildStandalone } from "../../scripts/build.mjs";
import { baselineProfile, emitModule, type Plan, type PlanTensor } from "../../src/codegen/index.ts";
import { compileSource, type EntryRequest } from "../../src/compile.ts";
import { initialParameters } from "../../src/initial-parameters.ts";
import { elementCount, type TensorType } from "../../src/ir/index.ts";
import { type HostArray, type HostTensor, prepare } from "../../src/runtime/index.ts";
import { writeWeights } from "../../src/runtime/node.ts";
import { readStoredPlan } from "../../src/runtime/standalone/stored-plan.ts";
import { sourceReader } from "../models/compile-model.ts";
import { testDevice } from "./on-device.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), "weft-modules-"));
const device = await testDevice();
afterAll(() => {
  device?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A function whose input and output names are no identifiers of TypeScript, with a scalar, a mask and a folded table. */
const functionText = `fn weigh<n>(x₁: f32[n], by: f32, mask: bool[n]) -> (f32[n], idx<n>) {
  let s[i] = if mask[i] then x₁[i] * by else -inf
  let best = argmax[i] s[i]
  return (s, best)
}
`;

const requests: Readonly<Record<string, EntryRequest & { readonly path: string }>> = {
  performer: { path: "models/performer/performer.weft", preset: "tiny", settings: { L: 8 } },
  bert: { path: "models/bert/bert.weft", preset: "tiny", settings: { L: 6 } },
  resnet: { path: "models/resnet/resnet.weft", model: "ResNet34", preset: "tiny", settings: { B: 1, H: 32, W: 32 } },
  weigh: { path: "weigh.weft", settings: { n: 5 } },
};

interface Built {
  readonly plan: Plan;
  readonly parameters: (path: string) => HostTensor;
  readonly inputs: Readonly<Record<string, { readonly type: TensorType; readonly data: HostArray }>>;
}

function compiled(name: string): Built {
  const { value, diagnostics } = compileSource({
    ...requests[name]!,
    readSource: sourceReader({ "weigh.weft": functionText }),
    profile: baselineProfile,
  });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  const inputs = Object.fromEntries(
    value.plan.inputs.map(({ name: input, type }) => [input, { type, data: some(type) }]),
  );
  return { plan: value.plan, parameters: initialParameters(value.parameters, 5), inputs };
}

/** Numbers that differ from place to place and fit the type. */
function some({ dtype, shape, below }: TensorType): HostArray {
  const numbers = Array.from({ length: elementCount(shape) }, (_, i) => (i * 7 + 3) % 11);
  if (dtype === "bool") return Uint8Array.from(numbers, (x) => (x < 8 ? 1 : 0));
  return dtype === "i32"
    ? Int32Array.from(numbers, (x) => x % (below ?? 11))
    : Float32Array.from(numbers, (x) => x / 7 - 1);
}

const modules = new Map(Object.keys(requests).map((name) => [name, compiled(name)]));
const module = (name: string) => modules.get(name) as Built;
const emit = (name: string, sourcePath = requests[name]!.path) =>
  emitModule({
    plan: module(name).plan,
    sourcePath,
    generator: "weft 0",
    hasWeights: module(name).plan.parameters.length > 0,
  });
const textOf = (files: Awaited<ReturnType<typeof emit>>, path: string) =>
  files.find((file) => file.path === path)!.text;
let runtime: Awaited<ReturnType<typeof buildStandalone>>["outputFiles"];

beforeAll(async () => {
  runtime = (await buildStandalone()).outputFiles;
  // Where a user's project has them.
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [name, { plan, parameters }] of modules) {
    const files = [
      ...(await emit(name)),
      ...runtime.map(({ path, text }) => ({ path: path.slice(path.lastIndexOf("/") + 1), text })),
    ];
    for (const { path, text } of files) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true });
      writeFileSync(join(folder, name, path), text);
    }
    const tensors = plan.parameters.map(({ name: path, type: { dtype, shape } }) => ({
      name: path,
      dtype,
      shape,
      data: parameters(path).data,
    }));
    if (tensors.length > 0) await writeWeights(join(folder, name, "weights.safetensors"), tensors);
  }
});

describe("the files of a module", () => {
  it("are the same each time, wherever the source lies", async () => {
    const first = await emit("performer");
    expect(await emit("performer")).toEqual(first);
    const { plan } = module("performer");
    const moved: Plan = {
      ...plan,
      kernels: plan.kernels.map((kernel) => ({
        ...kernel,
        origins: kernel.origins.map((span) => ({ ...span, file: span.file.replace(/^models/, "/elsewhere/models") })),
      })),
    };
    const elsewhere = { plan: moved, sourcePath: "/elsewhere/models/performer/performer.weft", generator: "weft 0" };
    expect(await emitModule({ ...elsewhere, hasWeights: true })).toEqual(first);
    expect(JSON.stringify(first)).not.toContain("models/performer");
  });

  it("carry names, shapes and element types, the awkward ones too", async () => {
    const source = textOf(await emit("weigh"), "index.ts");
    expect(source).toContain('readonly "x₁": Input<"f32", readonly [5]>;');
    expect(source).toContain('readonly by: Input<"f32", readonly []>;');
    expect(source).toContain('readonly mask: Input<"bool", readonly [5]>;');
    expect(textOf(await emit("performer"), "index.ts")).toMatch(
      /tokens: idx<16>\[8\]`, whole numbers from 0 to 15 \*\/\n {2}readonly tokens: Input<"i32", readonly \[8\]>;/,
    );
    expect(textOf(await emit("performer"), "index.ts")).toContain(
      'readonly "to_out.weight": Tensor<"f32", readonly [16, 16]>;',
    );
  });

  it("tell everything that is there", async () => {
    const files = await emit("performer");
    const manifest = JSON.parse(textOf(files, "manifest.json"));
    const written = [
      ...files.map(({ path }) => path),
      ...runtime.map(({ path }) => path.split("/").pop()),
      "weights.safetensors",
    ];
    expect(manifest.files).toEqual(written.sort());
    expect(manifest.kernels.map(({ file }: { file: string }) => textOf(files, file))).toEqual(
      module("performer").plan.kernels.map(({ wgsl }) => wgsl),
    );
    expect(manifest.requires.features).toEqual([]);
  });

  it("hold a plan that reads back as it was, with the numbers that JSON lacks", async () => {
    const { plan } = module("weigh");
    const type = { dtype: "f32", shape: [5] } as const;
    const values = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, -0, Math.fround(0.1)];
    const constants: Plan["constants"] = [{ name: "table", type, bytes: 32, values }];
    const files = await emitModule({
      plan: { ...plan, constants },
      sourcePath: "weigh.weft",
      generator: "weft 0",
      hasWeights: false,
    });
    const texts = plan.kernels.map(({ wgsl }) => wgsl);
    const read = readStoredPlan(textOf(files, "plan.json"), texts);
    expect(read.constants).toEqual(constants);
    expect(read.kernels).toEqual(plan.kernels);
    expect(read.steps.map((step) => ({ ...step, origins: undefined }))).toEqual(
      plan.steps.map((step) => ({ ...step, origins: undefined })),
    );
    expect(() => readStoredPlan(textOf(files, "plan.json"), texts.slice(1))).toThrow(/another build/);
  });

  it("bring a runtime of at most 40 KB, without the compiler and without Node in what browsers load", () => {
    const [main, node] = runtime.map(({ text }) => text) as [string, string];
    expect(gzipSync(main).length + gzipSync(node).length).toBeLessThan(40_000);
    expect(main).not.toMatch(/from\s*"|"node:/);
    expect(main).not.toContain("contract");
  });
});

/** Runs tsc on a text that stands beside the modules, and returns what it says. */
function typeCheck(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", ""];
  const { stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options, name], {
    cwd: folder,
    encoding: "utf8",
  });
  return stdout;
}

describe("the types of a module", () => {
  it("accept what fits, and refuse wrong names, ranks and element types", () => {
    const text = `
import * as bert from "./bert/index.js";
import { load, type Outputs, tensor } from "./performer/index.js";
import * as resnet from "./resnet/index.js";
import * as weigh from "./weigh/index.js";

const program = await load({ weights: "w.safetensors" });
const L: number = 8;
const tokens = tensor("i32", [L], new Int32Array(8));
const { logits } = await program.run({ tokens });
const shape: readonly [8, 16] = logits.shape;
const data: Float32Array = logits.data;
const same: Outputs["logits"] = logits;
await load({ weights: (name) => tensor("f32", name === "norm.weight" ? [16] : [1], [0]) });
const x = tensor("f32", [5], [1, 2, 3, 4, 5]);
const mask = tensor("bool", [5], [1, 0, 1, 1, 1]);
await (await weigh.load()).run({ "x₁": x, by: tensor("f32", [], [2]), mask });
const picture = tensor("f32", [1, 3, 32, 32], new Float32Array(3072));
const { logits: scores } = await (await resnet.load()).run({ images: picture });
const classes: 10 = scores.shape[1];
const encoder = await bert.load();
const ids = tensor("i32", [6], new Int32Array(6));
const attention_mask = tensor("bool", [6], new Uint8Array(6));
const { pooler_output } = await encoder.run({ input_ids: ids, token_type_ids: ids, attention_mask }, { read: ["pooler_output"] });
export { classes, data, pooler_output, same, shape };

// @ts-expect-error a wrong name
await program.run({ token: tokens });
// @ts-expect-error a name too many
await program.run({ tokens, mask });
// @ts-expect-error a missing input
await program.run({});
// @ts-expect-error a wrong rank
await program.run({ tokens: tensor("i32", [1, 8], new Int32Array(8)) });
// @ts-expect-error a rank that is not known
await program.run({ tokens: tensor("i32", [] as number[], [0]) });
// @ts-expect-error a wrong element type
await program.run({ tokens: tensor("f32", [8], new Float32Array(8)) });
// @ts-expect-error data without its shape
await program.run({ tokens: new Int32Array(8) });
// @ts-expect-error an element type that does not exist
tensor("f64", [8], new Float64Array(8));
// @ts-expect-error an output that does not exist
logits.shape[2];
// @ts-expect-error an output that was not read back
(await encoder.run({ input_ids: ids, token_type_ids: ids, attention_mask }, { read: ["pooler_output"] })).last_hidden_state;
// @ts-expect-error a parameter that does not exist
await load({ weights: (name) => tensor("f32", name === "norm.wait" ? [16] : [1], [0]) });
// @ts-expect-error an option that does not exist
await load({ weight: "w.safetensors" });
`;
    expect(typeCheck("types.mts", text)).toBe("");
    // What the lines above rely on: tsc does complain when nothing marks the mistake.
    const unmarked = typeCheck("unmarked.mts", text.replace("// @ts-expect-error a wrong rank\n", ""));
    expect(unmarked).toMatch(/^unmarked\.mts\(\d+,\d+\): error TS2322/);
  });
});

describe.skipIf(device === undefined)("a module in Node", () => {
  /** The numbers of a typed array as they travel between processes. */
  const encoded = (data: HostArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

  it("gives the bits that the compiler's own run gives, and says what is wrong with inputs and weights", async () => {
    const inputsOf = ({ inputs }: Built) =>
      Object.entries(inputs).map(([name, { type, data }]) => [name, type.dtype, type.shape, [...data]]);
    const script = `
import { openDevice, tensor } from "./performer/index.js";
const requests = ${JSON.stringify([...modules].map(([name, built]) => [name, inputsOf(built)]))};
const device = await openDevice();
const results = {};
const messages = [];
const failing = async (work) => {
  try { await work(); messages.push("no error"); } catch (error) { messages.push(error.name + ": " + error.message); }
};
for (const [name, given] of requests) {
  const { load } = await import("./" + name + "/index.js");
  const program = await load({ device });
  const inputs = Object.fromEntries(given.map(([input, dtype, shape, data]) => [input, tensor(dtype, shape, data)]));
  results[name] = [];
  for (const [output, { dtype, shape, data }] of Object.entries(await program.run(inputs))) {
    results[name].push([output, dtype, shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")]);
  }
  if (name === "performer") {
    await failing(() => program.run({}));
    await failing(() => program.run({ token: inputs.tokens }));
    await failing(() => program.run({ tokens: tensor("i32", [9], new Int32Array(9)) }));
    await failing(() => program.run({ tokens: tensor("f32", [8], new Float32Array(8)) }));
    await failing(() => program.run({ tokens: tensor("i32", [8], new Int32Array(8).fill(16)) }));
    await failing(() => program.run({ tokens: new Int32Array(8) }));
    await failing(() => program.run(inputs, { read: ["nothing"] }));
    await failing(() => load({ device, weights: "none.safetensors" }));
    await failing(() => load({ device, weights: "bert/weights.safetensors" }));
    await failing(() => load({ device, weights: () => tensor("f32", [1], [0]) }));
    program.dispose();
    await failing(() => program.run(inputs));
  }
}
device.close();
console.log(JSON.stringify({ results, messages }));
`;
    writeFileSync(join(folder, "run.mjs"), script);
    const { stdout, stderr, status } = spawnSync(process.execPath, ["run.mjs"], { cwd: folder, encoding: "utf8" });
    expect(status, stderr).toBe(0);
    const { results, messages } = JSON.parse(stdout);
    for (const [name, { plan, parameters, inputs }] of modules) {
      const executable = await prepare(device!, plan, { parameters });
      const outputs = await executable.run(
        Object.fromEntries(Object.entries(inputs).map(([key, { data }]) => [key, data])),
      );
      executable.dispose();
      const expected = plan.outputs.map(({ name: output, type }: PlanTensor) => [
        output,
        type.dtype,
        type.shape,
        encoded(outputs[output]!),
      ]);
      expect(expected.length).toBeGreaterThan(0);
      expect(results[name], name).toEqual(expected);
    }
    expect(messages).toEqual([
      "InputError: input `tokens` is missing; Performer.logits takes `tokens`",
      "InputError: Performer.logits has no input called `token`; it takes `tokens`",
      "InputError: input `tokens` is declared idx<16>[8], but the shape given is [9]",
      "InputError: input `tokens` is declared idx<16>[8], but f32 was given",
      "InputError: input `tokens`: element [0] is 16, but idx<16> allows 0 to 15",
      'InputError: input `tokens` is declared idx<16>[8], but what was given is no tensor; tensor("i32", [8], …) makes one',
      "InputError: Performer.logits has no output called `nothing`",
      expect.stringMatching(/^WeightsError: none\.safetensors cannot be opened: ENOENT/),
      expect.stringMatching(
        /^WeightsError: the weights do not fit Performer\.logits:(\n {2}\S+: f32\[[\d, ]+\] is missing){9}/,
      ),
      expect.stringMatching(/^InputError: parameter `\S+` is declared f32\[[\d, ]+\], but the shape given is \[1\]/),
      "DeviceError: Performer.logits was disposed of",
    ]);
  });
});
