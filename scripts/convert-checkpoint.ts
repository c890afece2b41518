/**
 * Rewrites checkpoints of other programs as one safetensors file with the paths of a system here. All are safetensors already:
 * `safetensors.torch.save_file(state, "…")` makes one of a state dictionary.
 *
 *     npx tsx scripts/convert-checkpoint.ts mask-rcnn maskrcnn_resnet50_fpn.safetensors coco.safetensors
 *     npx tsx scripts/convert-checkpoint.ts jrnet deeplab.safetensors head.safetensors jrnet.safetensors
 *
 * Names that the system does not have are listed and kept, so that `--weights` tells of them. Detectron's normalisation has no
 * statistics: 0 and 1 are added, which leave it as it is with `--set eps=0`.
 */
import { fileURLToPath } from "node:url";
import { presentName as jrnetName } from "../models/jrnet/checkpoint-names.ts";
import { presentName as detectorName, impliedValue } from "../models/mask-rcnn/checkpoint-names.ts";
import type { TensorToStore } from "../src/runtime/index.ts";
import { openWeights, writeWeights } from "../src/runtime/node.ts";

interface Naming {
  readonly nameOf: (name: string) => string | undefined;
  /** Tensors of one value that are added beside a converted one, by what they end with. */
  readonly implied: readonly string[];
}

const systems: Readonly<Record<string, Naming>> = {
  "mask-rcnn": { nameOf: detectorName, implied: ["running_mean", "running_var"] },
  jrnet: { nameOf: jrnetName, implied: [] },
};

/**
 * Converts files, later ones over earlier ones.
 *
 * @returns how many tensors were written, and how many were left out
 * @throws Error for an unknown system, and two names of one file that become the same; WeightsError for damaged files
 */
export async function convertCheckpoint(
  system: string,
  files: readonly string[],
  to: string,
): Promise<{ readonly written: number; readonly leftOut: number }> {
  const naming = systems[system];
  if (naming === undefined) throw new Error(`there is no ${system}; there are ${Object.keys(systems).join(", ")}`);
  const tensors = new Map<string, TensorToStore>();
  let leftOut = 0;
  for (const file of files) {
    const weights = await openWeights(file);
    const from = new Map<string, string>();
    try {
      for (const old of weights.tensors.keys()) {
        const name = naming.nameOf(old);
        if (name === undefined) {
          leftOut++;
          continue;
        }
        if (from.has(name)) throw new Error(`${file}: ${from.get(name)} and ${old} are both ${name}`);
        from.set(name, old);
        const { shape, data } = await weights.read(old, "f32");
        tensors.set(name, { name, dtype: "f32", shape, data });
      }
    } finally {
      await weights.close();
    }
  }
  for (const each of [...tensors.values()]) addImplied(tensors, each, naming.implied);
  await writeWeights(to, [...tensors.values()]);
  return { written: tensors.size, leftOut };
}

/** The statistics of a normalisation, found by its bias of the shape of its weight. */
function addImplied(
  tensors: Map<string, TensorToStore>,
  { name, shape }: TensorToStore,
  implied: readonly string[],
): void {
  if (!/(?:^|\.)(?:bn\d|downsample\.1)\.weight$/.test(name)) return;
  for (const ending of implied) {
    const path = name.replace(/weight$/, ending);
    const value = impliedValue(path);
    if (value === undefined || tensors.has(path)) continue;
    const count = shape.reduce((product, extent) => product * extent, 1);
    tensors.set(path, { name: path, dtype: "f32", shape, data: new Float32Array(count).fill(value) });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [system, ...files] = process.argv.slice(2);
  const to = files.pop();
  if (system === undefined || to === undefined || files.length === 0) {
    throw new Error("name a system, the files to read, and the file to write");
  }
  const { written, leftOut } = await convertCheckpoint(system, files, to);
  console.log(`${to}: ${written} tensors${leftOut === 0 ? "" : `, ${leftOut} of no use left out`}`);
}
