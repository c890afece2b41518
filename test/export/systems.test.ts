/** Whole systems in their tiny configurations: onnxruntime against the reference evaluator. */
import { describe, it } from "vitest";
import { elaborateModel, type ModelRequest } from "../models/compile-model.ts";
import { expectAgreement } from "./system-agreement.ts";

const system = (name: string) => `models/${name}/${name}.weft`;
const requests: readonly ModelRequest[] = [
  { path: system("bert"), entry: "encode", settings: { L: 12 } },
  { path: system("bert"), entry: "pretraining_loss", settings: { L: 12 } },
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
  { path: system("sstvos"), settings: { n: 3, H: 32, W: 32, H0: 32, W0: 32 } },
];

describe("systems in onnxruntime", () => {
  it.each(requests.map((request) => ({ preset: "tiny", ...request })))("$path $model $entry", async (request) => {
    const program = elaborateModel(request);
    await expectAgreement(program, program.graph, program.graph);
  });
});
