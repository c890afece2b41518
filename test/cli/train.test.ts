/** `weft train`: data, logs, checkpoints and the ways to end. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWeights } from "../../src/runtime/node.ts";
import { built, makeWorkplace } from "./command.ts";
import { bigram, examples, logLines, net, safetensors, trainHere, writeData } from "./train-workplace.ts";

const place = makeWorkplace();
const { weft, write, folder } = place;
const home = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => process.chdir(home));
write("net.weft", net);
write("bigram.weft", bigram);
write("text.txt", "the cat sat on the mat and the rat sat on the cat. ".repeat(20));
writeData(place);

const path = (name: string) => join(folder, name);
const train = (...more: string[]) =>
  trainHere(
    "net.weft",
    "--data",
    "points.safetensors",
    "--device",
    "reference",
    "--batch",
    "8",
    "--lr",
    "0.05",
    ...more,
  );

describe("weft train", { timeout: 60_000 }, () => {
  it("lowers the loss, tells how, and writes log, curves and weights", async () => {
    const files = ["--log", "first.jsonl", "--output", "first.safetensors"];
    const { status, stdout } = await train(
      "--steps",
      "40",
      "--schedule",
      "cosine",
      "--warmup",
      "5",
      "--clip",
      "1",
      ...files,
      "--json",
    );
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ entry: "Net.loss", step: 40, end: "steps", trained: { tensors: 4, elements: 45 } });
    expect(report.loss.last).toBeLessThan(report.loss.first / 2);
    const lines = logLines(place, "first.jsonl");
    expect(lines.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, k) => k + 1));
    expect(lines[0]).toMatchObject({ kind: "step", rate: expect.closeTo(0.01, 6), loss: report.loss.first });
    expect(readFileSync(path("first.svg"), "utf8")).toMatch(/^<svg .*running mean.*<\/svg>\n$/s);
    const weights = await openWeights(path("first.safetensors"));
    expect([...weights.tensors.keys()].sort()).toEqual(["a.bias", "a.weight", "b.bias", "b.weight"]);
    await weights.close();
  });

  it("lets a group keep its weights at a rate of 0", async () => {
    const taken = async (name: string, ...more: readonly string[]) => {
      expect((await train("--steps", "3", "--output", name, ...more)).status).toBe(0);
      const file = await openWeights(path(name));
      const read = async (tensor: string) => [...(await file.read(tensor, "f32")).data];
      const found = { a: await read("a.weight"), b: await read("b.weight") };
      await file.close();
      return found;
    };
    const [one, two] = [await taken("g1.safetensors", "--group", "a.*=0"), await taken("g2.safetensors")];
    const still = await taken("g3.safetensors", "--freeze", "a.*");
    expect(one.a).toEqual(still.a);
    expect(one.a).not.toEqual(two.a);
    expect(one.b).not.toEqual(two.b);
  });

  it("takes the same course again from the same seed, and another from another", async () => {
    const losses = async (seed: string, name: string) => {
      await train("--entry", "dropped", "--steps", "6", "--seed", seed, "--log", name);
      return logLines(place, name);
    };
    const [a, b, c] = await Promise.all([losses("1", "a.jsonl"), losses("1", "b.jsonl"), losses("2", "c.jsonl")]);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it("goes on from a checkpoint as if it had not been broken off, damaged ones passed over", async () => {
    const common = ["--entry", "dropped", "--accumulate", "2", "--batch", "7", "--weight-decay", "0.01"];
    const whole = await train(...common, "--steps", "12", "--log", "whole.jsonl", "--output", "whole.safetensors");
    expect(whole.status).toBe(0);
    const saving = [...common, "--checkpoint", "kept", "--every", "2", "--keep", "2", "--log", "parts.jsonl"];
    expect((await train(...saving, "--steps", "9")).status).toBe(0);
    // Every 2 steps, and the last; two are kept.
    expect(readdirSync(path("kept"))).toEqual(["step-00000008.safetensors", "step-00000009.safetensors"]);
    const newest = path("kept/step-00000009.safetensors");
    const bytes = readFileSync(newest);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1;
    writeFileSync(newest, bytes);
    writeFileSync(path("kept/.step-00000010.safetensors.0.tmp"), "half");
    const again = await train(...saving, "--steps", "12", "--resume", "--output", "parts.safetensors");
    expect(again.status).toBe(0);
    expect(again.stderr).toContain("step-00000009.safetensors is damaged and passed over: its contents are not those");
    expect(again.stderr).toContain("going on after step 8");
    expect(readFileSync(path("parts.safetensors")).equals(readFileSync(path("whole.safetensors")))).toBe(true);
    expect(logLines(place, "parts.jsonl")).toEqual(logLines(place, "whole.jsonl"));
    expect(readdirSync(path("kept")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    const other = await train(...saving, "--steps", "12", "--resume", "--seed", "4");
    expect(other.status).toBe(1);
    expect(other.stderr).toContain("is of another training");
    expect(other.stderr).toContain("--seed (0 then, 4 now)");
    const fresh = await train(...saving, "--steps", "12");
    expect(fresh.status).toBe(1);
    expect(fresh.stderr).toContain("kept already holds checkpoints of a training; go on with --resume");
  });

  it("measures in between and stops when nothing gets better", async () => {
    const measuring = ["--eval", "loss", "--eval-every", "2", "--patience", "2"];
    // Uphill: every measurement but the first is worse.
    const { status, stdout } = await train(
      "--steps",
      "50",
      "--optimiser",
      "sgd",
      "--lr",
      "1e-9",
      "--entry",
      "dropped",
      ...measuring,
      "--json",
      "--log",
      "eval.jsonl",
      "--freeze",
      "*.bias",
    );
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.end).toBe("patience");
    expect(report.step).toBe(2 * (report.evaluation.best.step / 2 + 2));
    expect(logLines(place, "eval.jsonl").filter(({ kind }) => kind === "evaluation").length).toBe(report.step / 2);
  });

  it("reads texts, and modules that make batches", async () => {
    const text = await trainHere(
      "bigram.weft",
      "--data",
      "text.txt",
      "--window",
      "16",
      "--steps",
      "8",
      "--lr",
      "0.3",
      "--device",
      "reference",
      "--json",
    );
    expect(text.status).toBe(0);
    expect(JSON.parse(text.stdout).loss.first).toBeCloseTo(Math.log(256), 5);
    expect(JSON.parse(text.stdout).loss.last).toBeLessThan(4);
    write(
      "data.mjs",
      `export default function* ({ seed, batch, from }) {
        try {
          for (let k = from; k < 5; k++)
            yield { x: { shape: [batch, 3], data: new Float32Array(3 * batch).fill(k + seed) }, t: { shape: [batch], data: new Int32Array(batch) } };
        } finally { globalThis.endings = (globalThis.endings ?? 0) + 1; }
      }`,
    );
    const made = await trainHere("net.weft", "--data", "data.mjs", "--steps", "3", "--device", "reference", "--json");
    expect(made.status).toBe(0);
    expect(Reflect.get(globalThis, "endings")).toBe(2);
    write(
      "typed.ts",
      `const make = async function* ({ batch, from }: { batch: number; from: number }) {
        for (let k = from; ; k++)
          yield { x: { shape: [batch, 3], data: new Float32Array(3 * batch) }, t: { shape: [batch], data: new Int32Array(batch) } };
      };
      export default make;`,
    );
    const typed = await trainHere("net.weft", "--data", "typed.ts", "--steps", "2", "--device", "reference");
    expect(typed.status).toBe(0);
    const short = await trainHere("net.weft", "--data", "data.mjs", "--steps", "30", "--device", "reference", "--json");
    expect(JSON.parse(short.stdout)).toMatchObject({ step: 5, end: "data" });
  });

  it("ends with a word about numbers that are not finite, earlier checkpoints intact", async () => {
    const { status, stderr } = await train(
      "--steps",
      "30",
      "--optimiser",
      "sgd",
      "--lr",
      "1e12",
      "--checkpoint",
      "wild",
      "--every",
      "1",
      "--keep",
      "9",
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/error: the (loss|gradient) of step \d+ is (NaN|Infinity|-Infinity)|training stops/);
    expect(stderr).toContain("the checkpoints in wild are from before");
    for (const name of readdirSync(path("wild"))) {
      const file = await openWeights(path(join("wild", name)));
      const { data } = await file.read("a.weight", "f32");
      expect(data.every((value) => Number.isFinite(value))).toBe(true);
      await file.close();
    }
  });

  it("ends when the gradient is too long, or the log cannot be written", async () => {
    const long = await train("--steps", "5", "--max-gradient", "1e-6");
    expect(long.status).toBe(1);
    expect(long.stderr).toContain("more than --max-gradient 0.000001: training stops");
    if (existsSync("/dev/full")) {
      const full = await train("--steps", "100", "--log", "/dev/full");
      expect(full.status).toBe(1);
      expect(full.stderr).toContain("the log /dev/full cannot be written: ENOSPC");
    }
  });
});

describe.skipIf(process.platform !== "linux")("a disk that is full", { timeout: 60_000 }, () => {
  it("ends the training and leaves the checkpoints before it whole", async () => {
    const saving = ["--checkpoint", "narrow", "--every", "2", "--keep", "5"];
    // As a process of its own; this also builds what the next one runs.
    const given = ["train", "net.weft", "--data", "points.safetensors", "--device", "reference", "--batch", "8"];
    expect((await weft(...given, "--steps", "4", ...saving)).status).toBe(0);
    // A limit of the shell on the size of files (1 KiB) stands for the end of the disk: writing fails half way through.
    const more = ["--steps", "8", "--resume", ...saving];
    const { status, stderr } = spawnSync(
      "bash",
      ["-c", 'ulimit -f 1; exec "$@"', "bash", process.execPath, built, ...given, ...more],
      {
        cwd: folder,
        encoding: "utf8",
      },
    );
    expect(stderr).toContain("narrow/step-00000006.safetensors cannot be written: EFBIG");
    expect(status).toBe(1);
    expect(readdirSync(path("narrow"))).toEqual(["step-00000002.safetensors", "step-00000004.safetensors"]);
    expect((await weft(...given, ...more)).status).toBe(0);
  });
});

describe("what weft train refuses", { timeout: 60_000 }, () => {
  const wrong = new Int32Array(examples).fill(1);
  wrong[7] = 3;
  writeData(place, "wrong.safetensors", wrong);
  write("short.txt", "abc");
  write("empty.txt", "");
  write("nothing.mjs", "export default function* () {}");
  mkdirSync(path("nothing"));
  write(
    "none.safetensors",
    safetensors(
      { name: "x", dtype: "f32", shape: [0, 3], data: new Float32Array(0) },
      { name: "t", dtype: "i32", shape: [0], data: new Int32Array(0) },
    ),
  );
  write("bad.mjs", "export const batches = 3;");
  const of = (file: string, data: string, ...more: string[]) => [
    "train",
    file,
    "--data",
    data,
    "--steps",
    "2",
    "--device",
    "reference",
    ...more,
  ];

  it.each<[string, readonly string[], number, string]>([
    ["no data", ["train", "net.weft", "--steps", "2"], 2, "--data says what to train on"],
    ["no steps", ["train", "net.weft", "--data", "points.safetensors"], 2, "--steps says how long to train"],
    ["a label out of range", of("net.weft", "wrong.safetensors"), 1, "element [7] is 3, but idx<3> allows 0 to 2"],
    ["data that is not there", of("net.weft", "nowhere.safetensors"), 1, "nowhere.safetensors does not exist"],
    ["a text without window", of("bigram.weft", "text.txt"), 2, "say how many bytes one example has with --window N"],
    ["a text that is too short", of("bigram.weft", "short.txt", "--window", "16"), 1, "short.txt has 3 bytes, too few"],
    ["data without examples", of("net.weft", "none.safetensors"), 1, "none.safetensors holds no examples"],
    ["an empty folder", of("net.weft", "nothing"), 1, "nothing holds no .npy file"],
    ["a module without batches", of("net.weft", "nothing.mjs"), 1, "nothing.mjs gives no batch"],
    ["an empty text", of("bigram.weft", "empty.txt", "--window", "1"), 1, "empty.txt has 0 bytes, too few"],
    [
      "a text for other arguments",
      of("net.weft", "text.txt", "--window", "4"),
      1,
      "nothing gives x: f32[3] and t: idx<3>",
    ],
    [
      "an entry that is not there",
      of("bigram.weft", "text.txt", "--window", "4", "--entry", "lost"),
      1,
      "there is no entry or function `lost` in this file",
    ],
    [
      "an entry that is no loss",
      of("bigram.weft", "text.txt", "--window", "4", "--entry", "rows"),
      2,
      "Bigram.rows has no loss: none of its outputs is a single f32",
    ],
    ["a module without generator", of("net.weft", "bad.mjs"), 1, "bad.mjs must export a function that makes batches"],
    [
      "a pattern that fits nothing",
      of("net.weft", "points.safetensors", "--freeze", "c.*"),
      2,
      "--freeze c.* fits no parameter",
    ],
    [
      "a group that fits nothing",
      of("net.weft", "points.safetensors", "--group", "c.*=0.1"),
      2,
      "--group c.* fits no parameter",
    ],
    [
      "a group without a number",
      of("net.weft", "points.safetensors", "--group", "a.*=fast"),
      2,
      "--group a.*=fast: it must have the form PATTERN=FACTOR",
    ],
    ["everything frozen", of("net.weft", "points.safetensors", "--freeze", "*"), 2, "has no parameter to train"],
    [
      "a number of another optimiser",
      of("net.weft", "points.safetensors", "--momentum", "0.9"),
      2,
      "--momentum has no meaning for adam",
    ],
    [
      "a warm-up over all steps",
      of("net.weft", "points.safetensors", "--schedule", "cosine", "--warmup", "2"),
      2,
      "leaves none of the 2 steps",
    ],
    [
      "a checkpoint folder that is a file",
      of("net.weft", "points.safetensors", "--checkpoint", "text.txt"),
      1,
      "text.txt cannot be made a folder for checkpoints",
    ],
    [
      "resuming from nowhere",
      of("net.weft", "points.safetensors", "--resume"),
      2,
      "say where with --checkpoint FOLDER",
    ],
  ])("%s", async (_, given, status, message) => {
    const outcome = await trainHere(...given.slice(1));
    expect(outcome.stderr).toContain(message);
    expect(outcome.status).toBe(status);
  });
});
