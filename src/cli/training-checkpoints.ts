/** Checkpoints of a training: one .safetensors file each, complete or not there at all, the last few kept. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { TensorToStore } from "../runtime/index.ts";
import { openWeights, type WeightsFile, writeWeights } from "../runtime/node.ts";
import { InputProblems } from "./exit-status.ts";
import type { Terminal } from "./terminal.ts";

/** Where a training stands. */
export interface TrainingPosition {
  /** Steps of the optimiser done. */
  readonly step: number;
  /** Batches used: the number of the next one. */
  readonly batches: number;
  readonly best?: { readonly loss: number; readonly step: number };
  /** Measurements since the best one. */
  readonly withoutBetter: number;
}

/** What must be the same for a training to be taken up; the names are shown where they are not. */
export type TrainingIdentity = Readonly<Record<string, string | number>>;

export interface Checkpoint {
  readonly path: string;
  readonly position: TrainingPosition;
  readonly weights: WeightsFile;
}

const format = "weft-training-1";

const fileName = (step: number) => `step-${String(step).padStart(8, "0")}.safetensors`;
const isCheckpoint = (name: string) => /^step-\d{8,}\.safetensors$/.test(name);

/**
 * Makes the folder ready; what a killed process left half written is removed.
 *
 * @throws InputProblems when there can be no such folder, or it holds checkpoints and the training is not to go on from them
 */
export function openCheckpointFolder(folder: string, resume: boolean): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new InputProblems([`${folder} cannot be made a folder for checkpoints: ${(error as Error).message}`]);
  }
  for (const name of readdirSync(folder))
    if (/^\.(step-\d+|best)\.safetensors\..*\.tmp$/.test(name)) rmSync(join(folder, name), { force: true });
  if (!resume && checkpointFiles(folder).length > 0)
    throw new InputProblems([
      `${folder} already holds checkpoints of a training; go on with --resume, or choose another folder`,
    ]);
}

function checkpointFiles(folder: string): string[] {
  return existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder).filter(isCheckpoint).sort() : [];
}

/** Hash of contents, so that a file that was changed or half lost is not taken for whole. */
function contentHash(tensors: readonly TensorToStore[]): string {
  const hash = createHash("sha256");
  for (const { name, data } of [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1)))
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest("hex");
}

/**
 * Writes a checkpoint and removes those beyond the last `keep`.
 *
 * @throws WeightsError when it cannot be written; the earlier ones are still there
 */
export async function saveCheckpoint(
  folder: string,
  keep: number,
  tensors: readonly TensorToStore[],
  position: TrainingPosition,
  identity: TrainingIdentity,
): Promise<string> {
  const path = join(folder, fileName(position.step));
  await writeWeights(path, tensors, {
    format,
    position: JSON.stringify(position),
    identity: JSON.stringify(identity),
    sha256: contentHash(tensors),
  });
  // The name is safe only once the folder is.
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  for (const name of checkpointFiles(folder).slice(0, -keep)) rmSync(join(folder, name), { force: true });
  return path;
}

/**
 * The newest checkpoint that is whole; damaged ones are passed over, and said so. `undefined` when there is none at all.
 *
 * @throws InputProblems when all are damaged, or the training that made it was another
 */
export async function newestCheckpoint(
  folder: string,
  identity: TrainingIdentity,
  terminal: Terminal,
): Promise<Checkpoint | undefined> {
  const files = checkpointFiles(folder).reverse();
  for (const name of files) {
    const path = join(folder, name);
    let checkpoint: Checkpoint & { readonly identity: TrainingIdentity };
    try {
      checkpoint = await readCheckpoint(path);
    } catch (error) {
      terminal.note(`${path} is damaged and passed over: ${(error as Error).message}`);
      continue;
    }
    const different = differences(checkpoint.identity, identity);
    if (different.length === 0) return checkpoint;
    await checkpoint.weights.close();
    throw new InputProblems([
      `${path} is of another training, so that going on from it would give what no training gives; different: ${different.join("; ")}`,
    ]);
  }
  if (files.length > 0) throw new InputProblems([`none of the ${files.length} checkpoints in ${folder} can be read`]);
  return undefined;
}

function differences(saved: TrainingIdentity, now: TrainingIdentity): string[] {
  const names = [...new Set([...Object.keys(saved), ...Object.keys(now)])];
  const short = (value: string | number | undefined) => String(value).slice(0, 60);
  return names
    .filter((name) => saved[name] !== now[name])
    .map((name) => `${name} (${short(saved[name])} then, ${short(now[name])} now)`);
}

async function readCheckpoint(path: string): Promise<Checkpoint & { readonly identity: TrainingIdentity }> {
  const weights = await openWeights(path);
  try {
    const { metadata } = weights;
    if (metadata.format !== format) throw new Error("it is no checkpoint of a training");
    const tensors: TensorToStore[] = [];
    for (const [name, { type, shape }] of weights.tensors) {
      const dtype = storedDtypes[type];
      if (dtype === undefined) throw new Error(`${name} is ${type}`);
      tensors.push({ name, dtype, shape, data: (await weights.read(name, dtype)).data });
    }
    if (contentHash(tensors) !== metadata.sha256) throw new Error("its contents are not those that were written");
    const position = JSON.parse(metadata.position ?? "") as TrainingPosition;
    return { path, position, weights, identity: JSON.parse(metadata.identity ?? "") as TrainingIdentity };
  } catch (error) {
    await weights.close();
    throw error;
  }
}

const storedDtypes: Readonly<Record<string, TensorToStore["dtype"] | undefined>> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  I32: "i32",
  U32: "u32",
  BOOL: "bool",
};
