/** Cases that scripts/compare-sstvos.py wrote: weights and inputs from hashed numbers, results from PyTorch. */
import type { DType } from "../../src/ir/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import { elaborateModel, type ModelRequest, type Values } from "./compile-model.ts";

/** A case of the file, ready to run. */
export interface SstvosCase {
  readonly name: string;
  readonly request: ModelRequest;
  /** What PyTorch computed, by output. */
  readonly outputs: ReadonlyMap<string, Values>;
}

interface CaseRecord {
  readonly name: string;
  readonly path: string;
  readonly entry: string;
  readonly settings: Readonly<Record<string, number | boolean>>;
  /** Number, height and width. */
  readonly frames: readonly [number, number, number];
  readonly picture: readonly [number, number];
  /** Numbers of the frames that are padding. */
  readonly invalid: readonly number[];
  /** Step and number of all steps. */
  readonly loss?: readonly [number, number];
}

/** Number `place` of tensor `tensor`, in [0, 1), from 32-bit integers alone. */
export function hashed(tensor: number, place: number): number {
  let h = (Math.imul(place, 2654435761) + Math.imul(tensor, 668265263) + 374761393) >>> 0;
  for (const [shift, factor] of [
    [15, 2246822519],
    [13, 3266489917],
    [16, 1],
  ] as const) {
    h = Math.imul(h ^ (h >>> shift), factor) >>> 0;
  }
  return h / 2 ** 32;
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

function filled(shape: readonly number[], value: (place: number) => number): Values {
  return { shape, data: Float32Array.from({ length: count(shape) }, (_, place) => value(place)) };
}

function drawnWeight(tensor: number, path: string, shape: readonly number[]): Values {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const u = (place: number) => hashed(tensor, place);
  if (name === "running_var") return filled(shape, (k) => 0.5 + u(k));
  if (name === "alpha" || (shape.length === 1 && (name === "weight" || name === "gamma"))) {
    return filled(shape, (k) => 0.8 + 0.4 * u(k));
  }
  if (name === "theta") return filled(shape, (k) => -1 + 1.2 * u(k));
  const isShift = ["gamma", "beta", "bg_bias", "fg_bias"].includes(name) || name.endsWith("_embeddings");
  if (shape.length === 1 || isShift) return filled(shape, (k) => 0.6 * (u(k) - 0.5));
  const reach = Math.sqrt(6 / count(shape.slice(1)));
  return filled(shape, (k) => reach * (2 * u(k) - 1));
}

/** Reads all cases of a file. */
export async function readSstvosCases(path: string): Promise<readonly SstvosCase[]> {
  const file = await openWeights(path);
  try {
    const records = JSON.parse(file.metadata.cases as string) as readonly CaseRecord[];
    return await Promise.all(
      records.map(async (record) => {
        const prefix = `${record.name}|output|`;
        const names = [...file.tensors.keys()].filter((name) => name.startsWith(prefix));
        const outputs = await Promise.all(
          names.map(async (name) => [name.slice(prefix.length), await file.read(name, "f32" as DType)] as const),
        );
        return { name: record.name, request: requestOf(record), outputs: new Map<string, Values>(outputs as never) };
      }),
    );
  } finally {
    await file.close();
  }
}

function requestOf(record: CaseRecord): ModelRequest {
  const request: ModelRequest = {
    path: record.path,
    preset: "tiny",
    entry: record.entry,
    settings: record.settings,
    inputs: inputsOf(record),
  };
  // Weights are numbered in the order of their paths.
  const { parameters } = elaborateModel(request);
  const sorted = [...parameters].sort((a, b) => (a.path < b.path ? -1 : 1));
  const drawn = sorted.map(({ path, type }, number) => [path, drawnWeight(number, path, type.shape)] as const);
  return { ...request, parameters: new Map(drawn) };
}

function inputsOf({ path, settings, frames, picture, invalid, loss }: CaseRecord): Record<string, Values> {
  const [n] = frames;
  const objects = settings.objects as number;
  const [height, width] = picture;
  const across = Math.ceil(width / 3);
  const labelAt = (k: number, y: number, x: number) =>
    Math.floor(hashed(9002, 6 * k + 3 * Math.floor(y / (height / 2)) + Math.floor(x / across)) * objects);
  const area = height * width;
  const labels = Array.from({ length: (n - 1) * area }, (_, place) => {
    const inside = place % area;
    return labelAt(Math.floor(place / area), Math.floor(inside / width), inside % width);
  });
  const [, H, W] = frames;
  const inputs: Record<string, Values> = {
    frames: filled([n, 3, H, W], (place) => 4 * hashed(9001, place) - 2),
    labels: { shape: [n - 1, height, width], data: labels },
  };
  if (path.includes("sstvos")) {
    inputs.frameIndex = { shape: [n], data: Array.from({ length: n }, (_, k) => 2 * k) };
    inputs.keyValid = { shape: [n], data: Array.from({ length: n }, (_, k) => Number(!invalid.includes(k))) };
  }
  if (loss !== undefined) {
    const target = Array.from({ length: area }, (_, place) => Math.floor(hashed(9003, place) * (objects + 1)));
    inputs.target = { shape: [height, width], data: target.map((o) => (o === objects ? 255 : o)) };
    inputs.step_number = { shape: [], data: [loss[0]] };
    inputs.total_steps = { shape: [], data: [loss[1]] };
    inputs.seed = { shape: [], data: [0] };
  }
  return inputs;
}
