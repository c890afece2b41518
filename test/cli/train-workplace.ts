/** A small network and its data in files, for tests of `weft train`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { reportFailure } from "../../src/cli/failure.ts";
import { makeTerminal } from "../../src/cli/terminal.ts";
import { trainVerb } from "../../src/cli/verbs/train.ts";
import { safetensorsPieces, type TensorToStore } from "../../src/runtime/index.ts";
import type { Outcome, Workplace } from "./command.ts";

/** Two layers; an entry for training, and one with dropout. */
export const net = `use std/nn: Linear
use std/loss: cross_entropy
use std/dropout: Dropout

model Net(n: size = 3, h: size = 6, k: size = 3, p: f32 = 0.5) {
  sub a: Linear(n, h)
  sub b: Linear(h, k)
  sub drop: Dropout(p)
  entry loss(x: f32[n], t: idx<k>) -> f32 = cross_entropy(b(relu(a(x))), t)
  entry dropped(x: f32[n], t: idx<k>, seed: u32) -> f32 = cross_entropy(b(drop(relu(a(x)), seed)), t)
}
`;

/** A bigram model of bytes. */
export const bigram = `use std/loss: cross_entropy
model Bigram() {
  param table: f32[256, 256] = zeros()
  entry loss<L>(tokens: idx<256>[L], targets: idx<256>[L]) -> f32 {
    let l[i] = cross_entropy[v](table[tokens[i], v], targets[i])
    return mean[i] l[i]
  }
  entry rows<L>(tokens: idx<256>[L], targets: idx<256>[L]) -> f32[L, 256] {
    let y[i, v] = table[tokens[i], v] + f32(targets[i])
    return y
  }
}
`;

export const examples = 40;
const points = Float32Array.from({ length: 3 * examples }, (_, k) => Math.sin(1.7 * k + 0.3));
/** The class is where the point is greatest. */
const classes = Int32Array.from({ length: examples }, (_, k) => {
  const point = [...points.subarray(3 * k, 3 * k + 3)];
  return point.indexOf(Math.max(...point));
});

/** Runs `weft train` in this process, which stands in the workplace's folder: many short trainings without many starts of Node. */
export async function trainHere(...given: readonly string[]): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    ({
      isTTY: false,
      write: (text: string) => {
        written[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  const terminal = makeTerminal(given.includes("--json"), { stdout: stream("stdout"), stderr: stream("stderr") });
  const command = new Command("train").option("--json").exitOverride().configureOutput({ writeErr: terminal.note });
  trainVerb.describe(command);
  try {
    command.parse([...given], { from: "user" });
    const status = await trainVerb.execute(command.args, command.opts(), terminal);
    return { status, ...written };
  } catch (error) {
    const status = error instanceof CommanderError ? 2 : reportFailure(error, terminal);
    return { status, ...written };
  }
}

export function safetensors(...tensors: TensorToStore[]): Uint8Array {
  return Buffer.concat(safetensorsPieces(tensors));
}

/** `points.safetensors`: the examples as x and t. */
export function writeData(
  { write }: Workplace,
  name = "points.safetensors",
  t: Int32Array<ArrayBuffer> = classes,
): string {
  return write(
    name,
    safetensors(
      { name: "x", dtype: "f32", shape: [examples, 3], data: points },
      { name: "t", dtype: "i32", shape: [examples], data: t },
    ),
  );
}

export { classes, points };

/** Lines of a log without what differs from run to run. */
export function logLines({ folder }: Workplace, name: string): Record<string, unknown>[] {
  return readFileSync(join(folder, name), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { seconds: _, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return rest;
    });
}
