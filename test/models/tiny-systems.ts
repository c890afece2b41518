/** The systems and what they share, each with the sizes that its preset `tiny` leaves open. */
import type { ModelRequest } from "./compile-model.ts";

export const system = (name: string) => `models/${name}/${name}.weft`;

/** Three frames of a clip and their size before they were resized. */
export const clip = { n: 3, H: 32, W: 32, H0: 32, W0: 32 };

/** What each answers with. */
export const tinySystems: readonly ModelRequest[] = [
  { path: system("bert"), entry: "encode", settings: { L: 12 } },
  { path: system("performer"), entry: "logits", settings: { L: 16 } },
  { path: "models/performer/encoder-decoder.weft", settings: { L: 8, S: 9 } },
  { path: system("resnet"), model: "ResNet34", settings: { B: 2, H: 33, W: 32 } },
  { path: system("resnet"), model: "ResNet50", settings: { B: 1, H: 32, W: 32 } },
  { path: system("ns-vqa"), model: "QuestionParser", entry: "parse", settings: { B: 2, L: 6 } },
  { path: system("ns-vqa"), model: "AttributeNetwork", settings: { B: 2, H: 16, W: 16 } },
  { path: system("darknet53"), model: "YOLOv3", settings: { B: 1, h: 1, v: 1 } },
  { path: system("onestage-grounding"), entry: "ground", settings: { B: 1, L: 5 } },
  { path: system("tap") },
  { path: system("hulanet"), settings: { B: 1 } },
  { path: system("jrnet"), settings: { B: 1 } },
  { path: system("mask-rcnn"), settings: { B: 1, H: 32, W: 32 } },
  { path: system("sstvos"), settings: clip },
];
