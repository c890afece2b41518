/** Multiplications with additions of whole networks, counted in the graph before any pass, against those that are published. */
import { describe, expect, it } from "vitest";
import { graphNodes, operationOf } from "../../src/ir/index.ts";
import { elaborateModel, type ModelRequest } from "./compile-model.ts";

/** Billions in all products with sums that a result needs: convolutions, matrix products, attention. */
function multiplyAdds(request: ModelRequest): number {
  let flops = 0;
  for (const { op, operands, type, attributes } of graphNodes(elaborateModel(request).graph)) {
    if (op !== "contract") continue;
    const types = operands.map((operand) => operand.type);
    flops += operationOf(op).flops(types, type, attributes);
  }
  return flops / 2e9;
}

describe("billions of multiplications", () => {
  it.each([12, 20, 128])("in the layers of BERT for %i tokens", (L) => {
    const [one, two] = [1, 2].map((layers) =>
      multiplyAdds({ path: "models/bert/bert.weft", preset: "paper", entry: "encode", settings: { layers, L } }),
    ) as [number, number];
    expect(12 * (two - one)).toBeCloseTo((12 * (7_077_888 * L + 1_536 * L ** 2)) / 1e9, 9);
  });

  const jrnet = { path: "models/jrnet/jrnet.weft", entry: "segment", settings: { B: 1 } };
  const grounding = { path: "models/onestage-grounding/onestage-grounding.weft", entry: "predict" };
  const yolo = { path: "models/darknet53/darknet53.weft", model: "YOLOv3", preset: "paper", entry: "boxes" };
  const pictureAndPhrase = { settings: { B: 1, L: 20 } };

  it.each<[string, ModelRequest, number]>([
    ["JRNet at 320 × 320", { ...jrnet, preset: "paper" }, 77.09],
    ["JRNet at 448 × 448", { ...jrnet, preset: "resnet50" }, 43.65],
    ["One-Stage Visual Grounding", { ...grounding, ...pictureAndPhrase, preset: "paper" }, 17.77],
    ["its light head", { ...grounding, ...pictureAndPhrase, preset: "light" }, 14.08],
    ["YOLOv3 at 416 × 416", { ...yolo, settings: { B: 1, h: 13, v: 13 } }, 32.932],
    ["YOLOv3 at 256 × 256", { ...yolo, settings: { B: 1, h: 8, v: 8 } }, 12.4713],
  ])("in %s", (_, request, want) => {
    expect(multiplyAdds(request) / want).toBeCloseTo(1, 2);
  });
});
