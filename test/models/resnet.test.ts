/** Residual networks: what torchvision's checkpoints hold, and the shapes of a whole network. */
import { describe, expect, it } from "vitest";
import { countOf, elaborateModel } from "./compile-model.ts";

const path = "models/resnet/resnet.weft";
const build = (model: string, [height, width]: readonly [number, number] = [64, 64], settings = {}) =>
  elaborateModel({ path, model, settings: { B: 1, H: height, W: width, ...settings } });

describe("residual networks", () => {
  // Counts of torchvision 0.14: sum(p.numel() for p in resnetNN().parameters()), and two statistics for each normalised channel.
  it.each([
    ["ResNet34", 21_797_672, 2 * 8_512],
    ["ResNet50", 25_557_032, 2 * 26_560],
    ["ResNet101", 44_549_160, 2 * 52_672],
  ])("%s has the parameters of its checkpoint", (model, parameters, statistics) => {
    const program = build(model);
    expect(countOf(program, "param")).toBe(parameters);
    expect(countOf(program, "buffer")).toBe(statistics);
  });

  it("names them as the checkpoint does", () => {
    const names = new Set(build("ResNet50").parameters.map((each) => each.path));
    for (const name of [
      "conv1.weight",
      "bn1.running_var",
      "layer1.0.downsample.0.weight",
      "layer1.0.downsample.1.running_mean",
      "layer2.3.conv3.weight",
      "layer4.2.bn3.bias",
      "fc.bias",
    ]) {
      expect(names, name).toContain(name);
    }
    expect(names).not.toContain("layer1.1.downsample.0.weight");
    expect(names.size).toBe(267);
  });

  it("has frozen statistics as buffers", () => {
    const program = build("ResNet34", [33, 65], { frozen: true });
    expect(countOf(program, "buffer")).toBe(4 * 8_512);
    expect(countOf(program, "param")).toBe(21_797_672 - 2 * 8_512);
  });

  it.each([
    [1, 1],
    [31, 33],
    [224, 224],
  ] as const)("takes images of %i × %i", (height, width) => {
    const { graph } = build("ResNet34", [height, width]);
    expect(graph.outputs.map(({ node }) => node.type.shape)).toEqual([[1, 1000]]);
  });
});
