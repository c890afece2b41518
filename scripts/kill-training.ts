/**
 * Kills a training at random moments, takes it up again each time, and compares what comes out with a training that was left alone.
 *
 *     npx tsx scripts/kill-training.ts [kills] [seed]
 *
 * Checkpoints are written after every step, so that many kills hit a file being written or renamed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "../src/ir/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const model = `use std/nn: Linear
use std/loss: cross_entropy
use std/dropout: Dropout
model Bytes(h: size = 8) {
  param table: f32[256, h] = normal(0, 1)
  sub drop: Dropout(0.1)
  sub out: Linear(h, 256)
  entry loss<L>(tokens: idx<256>[L], targets: idx<256>[L], seed: u32) -> f32 {
    let x[i, c] = table[tokens[i], c]
    let l = cross_entropy(out(drop(x, seed)), targets)
    return mean[i] l[i]
  }
}
`;

/** A training that has begun is killed within this time: a few steps, each with its checkpoint. */
const longestLifeMs = 60;

export interface KillReport {
  readonly kills: number;
  /** Kills after which a half-written file lay in the folder. */
  readonly hitWrites: number;
  /** Lines of the command that speak of damaged checkpoints; there must be none. */
  readonly damaged: readonly string[];
  /** Are weights and log those of the training that was left alone? */
  readonly equalWeights: boolean;
  readonly equalLog: boolean;
}

/**
 * @param kills   how often to kill
 * @param steps   steps of the training
 * @param device  as `--device`
 */
export async function killTraining(kills: number, steps: number, seed: number, device = "auto"): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), "weft-kill-"));
  try {
    writeFileSync(join(folder, "bytes.weft"), model);
    writeFileSync(join(folder, "text.txt"), "a stitch in time saves nine; ".repeat(30));
    const start = (name: string, ...more: string[]) => startTraining(folder, name, steps, device, more);
    const whole = await finished(start("whole"));
    if (whole.status !== 0) throw new Error(whole.stderr);
    const moments = randomStream(seed, "kills").uniform(kills);
    let hitWrites = 0;
    let output = "";
    for (const moment of moments) {
      const child = start("parts", "--resume");
      const end = finished(child);
      const before = newest(folder);
      // Until it gets on, there is nothing to hit.
      while (newest(folder) === before && child.exitCode === null) await after(2);
      await after(moment * longestLifeMs);
      child.kill("SIGKILL");
      output += (await end).stderr;
      if (readdirSync(join(folder, "parts")).some((name) => name.endsWith(".tmp"))) hitWrites++;
    }
    const last = await finished(start("parts", "--resume"));
    output += last.stderr;
    if (last.status !== 0) throw new Error(last.stderr);
    const file = (name: string) => readFileSync(join(folder, name));
    return {
      kills,
      hitWrites,
      damaged: output.split("\n").filter((line) => line.includes("damaged")),
      equalWeights: file("parts.safetensors").equals(file("whole.safetensors")),
      equalLog: withoutTimes(file("parts.jsonl")) === withoutTimes(file("whole.jsonl")),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function startTraining(folder: string, name: string, steps: number, device: string, more: readonly string[]) {
  const options = ["--data", "text.txt", "--window", "8", "--batch", "4", "--steps", String(steps), "--device", device];
  const files = ["--checkpoint", name, "--every", "1", "--log", `${name}.jsonl`, "--output", `${name}.safetensors`];
  return spawn(
    process.execPath,
    [join(root, "bin", "weft.mjs"), "train", "bytes.weft", ...options, ...files, ...more],
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
}

function finished(child: ChildProcess): Promise<{ readonly status: number | null; readonly stderr: string }> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stderr }));
  });
}

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Name of the newest checkpoint. */
function newest(folder: string): string | undefined {
  const parts = join(folder, "parts");
  return existsSync(parts)
    ? readdirSync(parts)
        .filter((name) => name.startsWith("step-"))
        .sort()
        .at(-1)
    : undefined;
}

const withoutTimes = (log: Buffer) => log.toString("utf8").replace(/,"seconds":[\d.]+/g, "");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kills = 50, seed = 0] = process.argv.slice(2).map(Number);
  const report = await killTraining(kills, 100 + 30 * kills, seed);
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (report.damaged.length > 0 || !report.equalWeights || !report.equalLog) process.exitCode = 1;
}
