/** The rows of the table of models/README.md: an entry of each system, and of what several share, at the presets `tiny` and `paper`. */
import type { EntryRequest } from "../src/compile.ts";

export interface SystemCase extends EntryRequest {
  /** Unique; names the measurement. */
  readonly name: string;
  readonly title: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly preset: string;
  /** The sizes in words. */
  readonly size: string;
  /** Inputs that random numbers would make no sense of, repeated to their length. */
  readonly values?: Readonly<Record<string, readonly number[]>>;
  /** True when a software device takes more than three minutes. */
  readonly slow?: boolean;
}

interface Sizes extends Pick<SystemCase, "size" | "values" | "slow"> {
  readonly preset?: string;
  readonly entry?: string;
  readonly settings?: EntryRequest["settings"];
}

interface System extends Pick<SystemCase, "title" | "file" | "model" | "entry"> {
  readonly tiny: Sizes;
  readonly paper: Sizes;
}

const file = (name: string) => `models/${name}/${name}.weft`;
const detected = (H: number, W: number, size: string, shown: readonly [number, number]): Sizes => ({
  size,
  settings: { B: 1, H, W },
  values: { sizes: shown },
});
const clip = (n: number, H: number, W: number): Sizes => ({
  size: `${n} frames of ${W} × ${H}`,
  settings: { n, H, W, H0: H, W0: W },
  values: { frameIndex: Array.from({ length: n }, (_, k) => k), keyValid: [1], labels: [0, 1, 2] },
});

const systems: readonly System[] = [
  {
    title: "Performer",
    file: file("performer"),
    entry: "logits",
    tiny: { size: "32 tokens", settings: { L: 32 } },
    paper: { size: "1,024 tokens", settings: { L: 1024 } },
  },
  {
    title: "TAP",
    file: file("tap"),
    entry: "answer",
    tiny: { size: "an answer" },
    paper: { size: "an answer of 12 steps" },
  },
  {
    title: "NS-VQA: question parser",
    file: file("ns-vqa"),
    model: "QuestionParser",
    entry: "parse",
    tiny: { size: "20 words", settings: { B: 1, L: 22 } },
    paper: { size: "44 words", settings: { B: 1, L: 46 } },
  },
  {
    title: "NS-VQA: attribute network",
    file: file("ns-vqa"),
    model: "AttributeNetwork",
    entry: "scores",
    tiny: { size: "5 objects", settings: { B: 5, H: 96, W: 144 } },
    paper: { size: "5 objects", settings: { B: 5, H: 224, W: 224 } },
  },
  {
    title: "HULANet",
    file: file("hulanet"),
    entry: "segment_present",
    tiny: { size: "4 categories found", settings: { B: 1, K: 4 } },
    paper: { size: "20 categories found", settings: { B: 1, K: 20 } },
  },
  {
    title: "JRNet",
    file: file("jrnet"),
    tiny: { size: "64 × 64", entry: "segment_ids", settings: { B: 1 } },
    paper: { size: "320 × 320", entry: "segment", settings: { B: 1 } },
  },
  {
    title: "One-Stage Visual Grounding",
    file: file("onestage-grounding"),
    entry: "ground",
    tiny: { size: "64 × 64, 12 pieces", settings: { B: 1, L: 12 }, values: { attention_mask: [1] } },
    paper: { size: "256 × 256, 20 pieces", settings: { B: 1, L: 20 }, values: { attention_mask: [1] } },
  },
  {
    title: "SSTVOS",
    file: file("sstvos"),
    entry: "segment",
    tiny: clip(3, 65, 65),
    paper: { ...clip(4, 465, 465), slow: true },
  },
  {
    title: "Mask R-CNN",
    file: file("mask-rcnn"),
    entry: "detect",
    tiny: detected(96, 160, "144 × 96", [96, 144]),
    paper: detected(800, 1216, "1200 × 800", [800, 1200]),
  },
  {
    title: "BERT",
    file: file("bert"),
    entry: "encode",
    tiny: { size: "12 tokens", settings: { L: 12 }, values: { attention_mask: [1] } },
    paper: { size: "128 tokens", settings: { L: 128 }, values: { attention_mask: [1] } },
  },
  {
    title: "ResNet-34",
    file: file("resnet"),
    model: "ResNet34",
    entry: "logits",
    tiny: { size: "64 × 64", settings: { B: 1, H: 64, W: 64 } },
    paper: { size: "224 × 224", settings: { B: 1, H: 224, W: 224 } },
  },
  {
    title: "ResNet-50",
    file: file("resnet"),
    model: "ResNet50",
    entry: "logits",
    tiny: { size: "64 × 64", settings: { B: 1, H: 64, W: 64 } },
    paper: { size: "224 × 224", settings: { B: 1, H: 224, W: 224 } },
  },
  {
    title: "YOLOv3 on Darknet-53",
    file: file("darknet53"),
    model: "YOLOv3",
    entry: "boxes",
    tiny: { size: "64 × 64", settings: { B: 1, h: 2, v: 2 } },
    paper: { size: "416 × 416", settings: { B: 1, h: 13, v: 13 } },
  },
];

/** Every system at both presets. */
export const systemCases: readonly SystemCase[] = systems.flatMap(({ tiny, paper, ...system }) =>
  (["tiny", "paper"] as const).map((preset) => {
    const sizes = preset === "tiny" ? tiny : paper;
    return { preset, ...system, ...sizes, name: `${system.title}, ${preset}` };
  }),
);
