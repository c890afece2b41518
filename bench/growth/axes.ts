/** The axes along which cost grows: what is computed at each size, and which sizes. */
import { doublings } from "../../models/performer/scaling.ts";
import type { InputTensor, Shape, Workload } from "../workload.ts";

export interface GrowthAxis {
  /** Short, for `--axis`. */
  readonly name: string;
  readonly title: string;
  /** What the size counts, as "places". */
  readonly unit: string;
  /** What the lines teach, in a sentence or two. */
  readonly remark: string;
  /** Rising by doublings; `--quick` takes the first three. */
  readonly sizes: readonly number[];
  /** More sizes for a device with the rate and the memory of a GPU. */
  readonly largeSizes?: readonly number[];
  readonly workload: (size: number) => GrowthWorkload;
  /** Planned as written, without any pass, and not run. */
  readonly asWritten?: boolean;
}

export type GrowthWorkload = Pick<Workload, "name" | "weft" | "inputs">;

const heads = 8;
const channels = 64;
const features = 256;
const reach = 64;
const neighbours = 64;
const stride = 16;

function attention(
  entry: string,
  places: number,
  settings: Readonly<Record<string, number>>,
  more: readonly InputTensor[] = [],
  shape: Shape = [heads, places, channels],
): GrowthWorkload {
  return {
    name: `${entry}, ${places} places`,
    weft: { file: "attention.weft", entry, settings: { d: channels, ...settings } },
    inputs: [...["Q", "K", "V"].map((name) => ({ name, shape })), ...more],
  };
}

const ofHeads = (entry: string, settings: Readonly<Record<string, number>> = {}) => {
  const more = "m" in settings ? [{ name: "W", shape: [features, channels], weight: true }] : [];
  return (places: number) => attention(entry, places, { H: heads, L: places, ...settings }, more);
};

function images(batch: number): GrowthWorkload {
  const shape = [batch, 3, 64, 64];
  return {
    name: `ResNet-34, ${batch} pictures`,
    weft: {
      file: "../../models/resnet/resnet.weft",
      model: "ResNet34",
      entry: "logits",
      settings: { B: batch, H: 64, W: 64 },
    },
    inputs: [{ name: "images", shape }],
  };
}

function sequences(batch: number): GrowthWorkload {
  return {
    name: `BERT-base layer, ${batch} sequences`,
    weft: { file: "networks.weft", model: "BertLayer", entry: "encode_batch", settings: { B: batch, L: 64 } },
    inputs: [{ name: "x", shape: [batch, 64, 768] }],
  };
}

const eight = `${heads} heads of ${channels} channels`;

export const growthAxes: readonly GrowthAxis[] = [
  {
    name: "favor",
    title: `FAVOR+ attention: ${eight}, ${features} features`,
    unit: "places",
    remark:
      "Written with an L × L matrix, computed in the order that is linear in L. Where a tensor exceeds the device's largest binding, kernels " +
      "run in parts, one dispatch each.",
    sizes: doublings(2048, 65_536),
    largeSizes: doublings(131_072, 1_048_576),
    workload: ofHeads("performer", { m: features }),
  },
  {
    name: "favor-causal",
    title: `Causal FAVOR+ attention: ${eight}, ${features} features`,
    unit: "places",
    remark: "The restricted sum becomes a prefix sum over chunks.",
    sizes: doublings(2048, 16_384),
    largeSizes: doublings(32_768, 262_144),
    workload: ofHeads("performer_causal", { m: features }),
  },
  {
    name: "windowed",
    title: `Softmax attention to the ${2 * reach + 1} nearest places: ${eight}`,
    unit: "places",
    remark: "A condition `j >= i - w and j <= i + w`; the kernel walks what it leaves.",
    sizes: doublings(2048, 65_536),
    largeSizes: doublings(131_072, 1_048_576),
    workload: ofHeads("windowed", { w: reach }),
  },
  {
    name: "strided",
    title: `Softmax attention to ${neighbours} places at a stride of ${stride}: ${eight}`,
    unit: "places",
    remark: "Sparse attention as in SSTVOS: keys are read where the stride leads.",
    sizes: doublings(2048, 65_536),
    largeSizes: doublings(131_072, 1_048_576),
    workload: ofHeads("strided", { n: neighbours, s: stride }),
  },
  {
    name: "gathered",
    title: `Softmax attention to ${neighbours} chosen places: one head of ${channels} channels`,
    unit: "places",
    remark:
      "Keys and values are gathered inside the kernel and never stored. The places are drawn from the whole sequence, so caches hold ever less " +
      "of what is read, and time grows faster than the work.",
    sizes: doublings(2048, 65_536),
    largeSizes: doublings(131_072, 1_048_576),
    workload: (places) =>
      attention(
        "gathered",
        places,
        { P: places, S: places, n: neighbours },
        [{ name: "I", shape: [places, neighbours], below: places }],
        [places, channels],
      ),
  },
  {
    name: "exact",
    title: `Softmax attention to every place: ${eight}`,
    unit: "places",
    remark: "Time grows by four, as it must; memory by two, since scores are not stored.",
    sizes: doublings(512, 8192),
    largeSizes: doublings(16_384, 65_536),
    workload: ofHeads("dense"),
  },
  {
    name: "exact-written",
    title: `The same as written, every value stored: ${eight}`,
    unit: "places",
    remark: "For contrast, from the plan at `-O0`; it is not run.",
    sizes: doublings(512, 8192),
    workload: ofHeads("dense"),
    asWritten: true,
  },
  {
    name: "batch-bert",
    title: "A layer of BERT-base: sequences of 64 tokens",
    unit: "sequences",
    remark: "All sequences share the weights, so memory grows slower than the batch.",
    sizes: doublings(1, 64),
    largeSizes: doublings(128, 1024),
    workload: sequences,
  },
  {
    name: "batch-resnet",
    title: "ResNet-34: pictures of 64 × 64",
    unit: "pictures",
    remark: "All pictures share the weights, so memory grows slower than the batch.",
    sizes: doublings(1, 64),
    largeSizes: doublings(128, 1024),
    workload: images,
  },
];
