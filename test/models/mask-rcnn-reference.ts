/** The tiny Mask R-CNN with its weights, and the cases that scripts/compare-mask-rcnn.py computed with torchvision. */
import { checkSource, elaborateProgram, withGradients } from "../../src/compile.ts";
import type { CheckedProgram } from "../../src/frontend/index.ts";
import { type DType, elementCount, type Graph, type Shape } from "../../src/ir/index.ts";
import type { WeftDevice } from "../../src/runtime/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import { sourceReader, type Values } from "./compile-model.ts";
import { evaluateWith, type NamedValues, type Results, runWith } from "./run-graph.ts";

export const path = "models/mask-rcnn/mask-rcnn.weft";

/** A case: what torchvision gives for an entry, or for host work where `entry` is empty. */
export interface DetectorCase {
  readonly name: string;
  readonly entry: string;
  readonly training?: boolean;
  readonly box?: readonly [number, number, number, number];
  readonly outputs: Readonly<Record<string, Values>>;
}

type CaseRecord = Omit<DetectorCase, "outputs"> & { readonly outputs: Readonly<Record<string, string>> };

const hostTypes: Readonly<Record<string, DType>> = { F32: "f32", I32: "i32" };

export async function readDetectorCases(): Promise<ReadonlyMap<string, DetectorCase>> {
  const file = await openWeights("test/fixtures/mask-rcnn/torch.safetensors");
  try {
    const tensors = new Map<string, Values>();
    for (const [name, { type }] of file.tensors) tensors.set(name, await file.read(name, hostTypes[type] as DType));
    const records = JSON.parse(file.metadata.cases as string) as readonly CaseRecord[];
    return new Map(
      records.map((record) => {
        const named = Object.entries(record.outputs).map(([key, name]) => [key, tensors.get(name) as Values]);
        return [record.name, { ...record, outputs: Object.fromEntries(named) }];
      }),
    );
  } finally {
    await file.close();
  }
}

/** Numbers in [-1, 1): FNV-1a of the name, then the finaliser of MurmurHash3 for each element. */
export function hashed(name: string, count: number): readonly number[] {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return Array.from({ length: count }, (_, k) => {
    let h = (seed + Math.imul(k, 0x9e3779b9)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** The weights of compare-mask-rcnn.py. */
export function weightOf(name: string, shape: Shape): Values {
  const values = hashed(name, elementCount(shape));
  const data = values.map((value) => Math.fround(scaled(name, shape, value)));
  return { shape, data };
}

function scaled(name: string, shape: Shape, value: number): number {
  if (name.endsWith("running_var")) return 1 + 0.5 * value;
  if (shape.length === 1) {
    const isGain = (name.includes("bn") || name.includes("downsample.1")) && name.endsWith("weight");
    return (isGain ? 1 : 0) + 0.2 * value;
  }
  const fanIn = name.includes("conv5_mask") ? (shape[0] as number) : elementCount(shape.slice(1));
  return value * Math.sqrt(6 / fanIn) * loudnessOf(name);
}

function loudnessOf(name: string): number {
  if (name.includes("rpn.head.bbox_pred")) return 0.05;
  if (name.includes("cls_score")) return 0.1;
  return ["cls_logits", "box_predictor.bbox_pred", "mask_fcn_logits"].some((part) => name.includes(part)) ? 0.1 : 1;
}

const [height, width] = [96, 160];
const sizes: readonly (readonly [number, number])[] = [
  [96, 144],
  [84, 126],
];

/** Two pictures with their sizes: squares of 8 × 8 pixels, and zeros where the pictures end. */
export const pictures: Readonly<Record<"images" | "sizes", Values>> = {
  images: {
    shape: [2, 3, height, width],
    data: sizes.flatMap(([rows, columns], b) => {
      const cells = hashed(`picture ${b}`, 3 * 12 * 20).map((value) => 2 * Math.fround(value));
      return Array.from({ length: 3 * height * width }, (_, k) => {
        const [channel, y, x] = [Math.floor(k / (height * width)), Math.floor(k / width) % height, k % width];
        const cell = (channel * 12 + Math.floor(y / 8)) * 20 + Math.floor(x / 8);
        return y < rows && x < columns ? (cells[cell] as number) : 0;
      });
    }),
  },
  sizes: { shape: [2, 2], data: sizes.flat() },
};

const boxes = [
  [20.25, 30.5, 61, 72.75],
  [90, 8, 118.5, 40],
  [0, 0, 0, 0],
  [60.5, 33, 126, 84],
  [0, 0, 0, 0],
  [0, 0, 0, 0],
] as const;
const labels = [1, 3, 0, 2, 0, 0];

/** What stands in the pictures, ellipses, and the numbers that decide which anchors and regions are asked. */
export const objects: Readonly<Record<string, Values>> = {
  objects: { shape: [2, 3, 4], data: boxes.flat() },
  labels: { shape: [2, 3], data: labels },
  object_masks: {
    shape: [2, 3, height, width],
    data: boxes.flatMap(([x1, y1, x2, y2], object) => {
      const [rows, columns] = sizes[Math.floor(object / 3)] as readonly [number, number];
      return Array.from({ length: height * width }, (_, k) => {
        const [y, x] = [Math.floor(k / width), k % width];
        if (labels[object] === 0 || y >= rows || x >= columns) return 0;
        const across = (2 * (x + 0.5) - x1 - x2) / (x2 - x1);
        const down = (2 * (y + 0.5) - y1 - y2) / (y2 - y1);
        return across ** 2 + down ** 2 <= 1 ? 1 : 0;
      });
    }),
  },
  anchor_keys: keysOf("anchor keys", [2, 3843]),
  region_keys: keysOf("region keys", [2, 103]),
};

function keysOf(name: string, shape: Shape): Values {
  return { shape, data: hashed(name, elementCount(shape)).map((value) => Math.fround((value + 1) / 2)) };
}

const checked = new Map<string, CheckedProgram>();

/** The graph of an entry of the tiny network, with gradients of the sum of its outputs by the named parameters. */
export function detectorGraph(
  entry: string,
  inputs: Readonly<Record<string, Values>>,
  { training = false, gradient = [] as readonly string[], loss = undefined as string | undefined } = {},
): Graph {
  const program = checked.get(path) ?? checkSource(path, sourceReader());
  checked.set(path, program);
  const inputShapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const { value, diagnostics } = elaborateProgram(program, { preset: "tiny", entry, inputShapes, training });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  return gradient.length === 0 ? value.graph : withGradients(value, { gradient, loss }, undefined);
}

/** Results of a graph in float64, before any pass. */
export function evaluateDetector(graph: Graph, inputs: NamedValues): Results {
  return evaluateWith(graph, inputs, weightOf);
}

/** Results of a graph on a device. */
export function runDetector(device: WeftDevice, graph: Graph, inputs: NamedValues): Promise<Results> {
  return runWith(device, graph, inputs, weightOf);
}
