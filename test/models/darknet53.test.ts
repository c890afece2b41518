/** Darknet-53 and YOLOv3: counts and names of the published files, the tiny network against PyTorch, boxes by hand. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readDarknetWeights } from "../../models/darknet53/weights-file.ts";
import { elementCount } from "../../src/ir/index.ts";
import { countOf, differences, elaborateModel, evaluateModel, type ModelRequest } from "./compile-model.ts";
import { drawnImages, drawnWeights } from "./drawn-weights.ts";

const path = "models/darknet53/darknet53.weft";
const torch = JSON.parse(readFileSync(new URL("../fixtures/onestage-grounding.json", import.meta.url), "utf8"))
  .yolo as {
  readonly heads: readonly (readonly number[])[];
  readonly taps: readonly number[];
  readonly parameters: readonly string[];
};
const build = (model: string, preset = "paper") =>
  elaborateModel({ path, model, preset, inputs: { images: { shape: [1, 3, 64, 64], data: [] } } });

describe("parameters", () => {
  it.each([
    ["Darknet53", "paper", 40_584_928, 35_712],
    ["YOLOv3", "paper", 61_949_149, 52_608],
    ["Darknet53", "tiny", 167_192, 1_216],
  ])("%s (%s) has %i and %i statistics", (model, preset, parameters, statistics) => {
    const program = build(model, preset);
    expect(countOf(program, "param")).toBe(parameters);
    expect(countOf(program, "buffer")).toBe(statistics);
  });

  it("are 75 convolutions, numbered as in the configuration file and in its order", () => {
    const layers = build("YOLOv3")
      .parameters.flatMap(({ path }) => /conv_(\d+)\.weight$/.exec(path)?.[1] ?? [])
      .map(Number);
    expect(layers.length).toBe(75);
    expect(layers).toEqual([...layers].sort((a, b) => a - b));
    const sums = [4, 8, 11, 15, 18, 21, 24, 27, 30, 33, 36, 40, 43, 46, 49, 52, 55, 58, 61, 65, 68, 71, 74];
    const routes = [82, 83, 85, 86, 94, 95, 97, 98, 106];
    expect(Array.from({ length: 107 }, (_, k) => k).filter((k) => !layers.includes(k))).toEqual([...sums, ...routes]);
  });
});

describe("the tiny network", () => {
  const given: ModelRequest = {
    path,
    model: "YOLOv3",
    preset: "tiny",
    entry: "detect",
    inputs: { images: drawnImages(1000, 1) },
  };
  const program = elaborateModel(given);
  const parameters = drawnWeights(program);

  it("detects what PyTorch does", () => {
    expect(program.parameters.map((each) => each.path).sort()).toEqual(torch.parameters);
    const { at32, at16, at8 } = evaluateModel({ ...given, parameters });
    [at32, at16, at8].forEach((got, level) => {
      expect(differences(got!, torch.heads[level]!).relative).toBeLessThanOrEqual(1e-6);
    });
  });

  it("has the same feature maps before its heads", () => {
    const { at32, at16, at8 } = evaluateModel({ ...given, entry: "taps", parameters });
    [at32, at16, at8].forEach((got, level) => {
      expect(got!.reduce((sum, v) => sum + Math.abs(v), 0) / torch.taps[level]! - 1).toBeCloseTo(0, 6);
    });
  });

  it("gives boxes, confidences and classes of all 252 predictions", () => {
    const { corners, objectness, scores } = evaluateModel({ ...given, entry: "boxes", parameters });
    expect([corners!.length, objectness!.length, scores!.length]).toEqual([4 * 252, 252, 3 * 252]);
    const logistic = (x: number) => 1 / (1 + Math.exp(-x));
    // Level 1, anchor 2 (30 × 61), row 1, column 3 of a grid of 4 × 4.
    const at = (channel: number) => torch.heads[1]![(2 * 8 + channel) * 16 + 1 * 4 + 3]!;
    const place = 12 + 2 * 16 + 1 * 4 + 3;
    const [x, y] = [(logistic(at(0)) + 3) * 16, (logistic(at(1)) + 1) * 16];
    const [w, h] = [30 * Math.exp(at(2)), 61 * Math.exp(at(3))];
    const want = [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
    expect(differences(corners!.slice(4 * place, 4 * place + 4), want).relative).toBeLessThan(1e-6);
    expect(objectness![place]).toBeCloseTo(logistic(at(4)), 6);
    expect(scores![3 * place + 2]).toBeCloseTo(logistic(at(7)), 6);
  });
});

describe("files of the Darknet program", () => {
  const { parameters } = build("YOLOv3", "tiny");
  const total = parameters.reduce((sum, { type }) => sum + elementCount(type.shape), 0);
  /** A file whose numbers count up, with a header of five i32 (version 0.2) or four (version 0.1). */
  const fileOf = (numbers: number, minor: number) => {
    const header = minor >= 2 ? 5 : 4;
    const view = new DataView(new ArrayBuffer(4 * (header + numbers)));
    view.setInt32(4, minor, true);
    for (let k = 0; k < numbers; k++) view.setFloat32(4 * (header + k), k, true);
    return new Uint8Array(view.buffer);
  };

  it.each([1, 2])("of version 0.%i are read layer by layer, kernels last", (minor) => {
    const values = readDarknetWeights("a.weights", fileOf(total, minor), parameters);
    expect(values.size).toBe(parameters.length);
    const range = (path: string) => [values.get(path)![0], values.get(path)!.at(-1)];
    expect(range("module_list.0.batch_norm_0.bias")).toEqual([0, 7]);
    expect(range("module_list.0.batch_norm_0.weight")).toEqual([8, 15]);
    expect(range("module_list.0.batch_norm_0.running_mean")).toEqual([16, 23]);
    expect(range("module_list.0.batch_norm_0.running_var")).toEqual([24, 31]);
    expect(range("module_list.0.conv_0.weight")).toEqual([32, 32 + 8 * 27 - 1]);
    // The last layer has a bias and no normalisation: 24 outputs of 64 channels.
    expect(range("module_list.51.conv_51.bias")).toEqual([total - 24 * 65, total - 24 * 64 - 1]);
    expect(range("module_list.51.conv_51.weight")).toEqual([total - 24 * 64, total - 1]);
  });

  it("are refused when they end elsewhere", () => {
    expect(() => readDarknetWeights("a.weights", fileOf(total - 1, 2), parameters)).toThrow(
      /a\.weights holds 302,623 numbers after its header, and the model takes 302,624: .* cut off/,
    );
    expect(() => readDarknetWeights("a.weights", fileOf(total + 1, 2), parameters)).toThrow(/another network/);
    expect(() => readDarknetWeights("a.weights", new Uint8Array(3), parameters)).toThrow(
      /3 bytes, fewer than a header/,
    );
  });

  it("fill the published network with the published number of numbers", () => {
    const paper = build("YOLOv3").parameters;
    expect(paper.reduce((sum, { type }) => sum + elementCount(type.shape), 0)).toBe(62_001_757);
  });
});
