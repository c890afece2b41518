/** `weft train --precision f16`: the scale of the loss in the log and in checkpoints, and steps that are left out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeWorkplace } from "./command.ts";
import { examples, logLines, net, points, safetensors, trainHere, writeData } from "./train-workplace.ts";

const place = makeWorkplace();
const { folder } = place;
const home = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => process.chdir(home));
place.write("net.weft", net);
writeData(place);

const train = (...more: string[]) =>
  trainHere("net.weft", "--device", "reference", "--batch", "8", "--lr", "0.05", "--precision", "f16", ...more);
const onPoints = ["--data", "points.safetensors", "--loss-scale", "1024", "--loss-scale-every", "4"];
const scales = (log: string) => logLines(place, log).map(({ lossScale }) => lossScale);

describe("training in half precision", { timeout: 60_000 }, () => {
  it("logs the scale, and goes on with it after a checkpoint", async () => {
    const outputs = (name: string) => ["--log", `${name}.jsonl`, "--output", `${name}.safetensors`];
    expect((await train(...onPoints, "--steps", "12", ...outputs("whole"))).status).toBe(0);
    expect(scales("whole.jsonl")).toEqual([10, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 12].map((power) => 2 ** power));
    const parts = [...onPoints, "--checkpoint", "parts", ...outputs("parts")];
    expect((await train(...parts, "--steps", "6")).status).toBe(0);
    expect((await train(...parts, "--steps", "12", "--resume")).status).toBe(0);
    expect(logLines(place, "parts.jsonl")).toEqual(logLines(place, "whole.jsonl"));
    const file = (name: string) => readFileSync(join(folder, `${name}.safetensors`));
    expect(file("parts").equals(file("whole"))).toBe(true);
    const other = await train(
      ...onPoints,
      "--loss-scale",
      "2048",
      "--checkpoint",
      "parts",
      "--steps",
      "20",
      "--resume",
    );
    expect(other.status).toBe(1);
    expect(other.stderr).toContain("--loss-scale (1024 then, 2048 now)");
  });

  it("leaves out steps whose gradient overflows, and ends when the scale is not to blame", async () => {
    // The hidden units of the first example are so long that their squares overflow.
    const x = Float32Array.from(points, (value, k) => (k < 3 ? 1e25 * Math.abs(value) : value));
    place.write(
      "far.safetensors",
      safetensors(
        { name: "x", dtype: "f32", shape: [examples, 3], data: x },
        { name: "t", dtype: "i32", shape: [examples], data: Int32Array.from({ length: examples }, (_, k) => k % 3) },
      ),
    );
    const far = ["--data", "far.safetensors", "--log", "far.jsonl"];
    const { status } = await train(...far, "--steps", "10", "--loss-scale", "256");
    expect(status).toBe(0);
    const lines = logLines(place, "far.jsonl");
    const skipped = lines.flatMap(({ skipped: isSkipped }, k) => (isSkipped === true ? [k] : []));
    // Once in each round of five batches.
    expect(skipped).toHaveLength(2);
    expect(scales("far.jsonl").at(-1)).toBe(skipped.at(-1) === 9 ? 128 : 64);
    const stopped = await train(...far, "--steps", "10", "--loss-scale", "1");
    expect(stopped.status).toBe(1);
    expect(stopped.stderr).toContain("training stops, and that step changed nothing");
  });

  it.each([
    [["--loss-scale", "1000"], "It must be a power of two from 1 to 16777216"],
    [["--precision", "f32", "--loss-scale", "1024"], "--loss-scale belongs to --precision f16"],
    [["--precision", "f32", "--loss-scale-every", "5"], "--loss-scale-every belongs to --precision f16"],
  ])("refuses %j", async (options, message) => {
    const { status, stderr } = await train("--data", "points.safetensors", "--steps", "1", ...options);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
