/** Runs the built command as a child process, as users do. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const command = join(root, "bin", "weft.mjs");

/** What the command runs, without building it first. */
export const built = join(root, "dist", "weft.mjs");

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own for one test file, removed afterwards. */
export interface Workplace {
  readonly folder: string;
  /** Writes a file into the folder and returns its name. */
  readonly write: (name: string, content: string | Uint8Array) => string;
  /** Runs `weft` in the folder. */
  readonly weft: (...args: readonly string[]) => Promise<Outcome>;
  /** The same with environment variables. */
  readonly weftWith: (environment: Readonly<Record<string, string>>, ...args: readonly string[]) => Promise<Outcome>;
}

export function makeWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "weft-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const weftWith: Workplace["weftWith"] = (environment, ...args) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [command, ...args], {
        cwd: folder,
        env: { ...process.env, ...environment },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const output = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (text: string) => {
          output[name] += text;
        });
      }
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, ...output }));
    });
  return {
    folder,
    write: (name, content) => {
      writeFileSync(join(folder, name), content);
      return name;
    },
    weft: (...args) => weftWith({}, ...args),
    weftWith,
  };
}

/** Attention for one head: one bare function, four generic sizes. */
export const attention = `/// Scaled dot-product attention for one head.
fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}
`;

/** Sizes and inputs of `attention`, small. */
export const smallAttention = [
  "--set",
  "L=12",
  "--set",
  "S=10",
  "--set",
  "d=8",
  "--set",
  "e=4",
  "--input",
  "all=random",
];

/** A model with a parameter, a buffer, presets, two entries and an index input. */
export const classifier = `/// Mean of embeddings, then one linear layer.
model Classifier(vocab: size = 11, d: size = 6, classes: size = 3) {
  param embedding: f32[vocab, d] = normal(0, 1)
  param weight: f32[classes, d] = kaiming_uniform(fan_in: d)
  param bias: f32[classes] = zeros()
  buffer scale: f32[d] = ones()
  entry logits<L>(tokens: idx<vocab>[L]) -> f32[classes] {
    let mean_[c] = scale[c] * (sum[t] embedding[tokens[t], c]) / L
    let y[k] = bias[k] + sum[c] weight[k, c] * mean_[c]
    return y
  }
  entry norm<L>(tokens: idx<vocab>[L]) -> f32 {
    return sum[t, c] embedding[tokens[t], c] ^ 2
  }
}
preset small of Classifier { d = 2 }
`;
