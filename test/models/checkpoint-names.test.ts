/** Checkpoints of other programs become files with the paths of mask-rcnn.weft and jrnet.weft. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { presentName as jrnetName } from "../../models/jrnet/checkpoint-names.ts";
import { presentName } from "../../models/mask-rcnn/checkpoint-names.ts";
import { convertCheckpoint } from "../../scripts/convert-checkpoint.ts";
import { openWeights, writeWeights } from "../../src/runtime/node.ts";
import { elaborateModel } from "./compile-model.ts";

const both = ["weight", "bias"];
const named = (prefixes: readonly string[]) =>
  prefixes.flatMap((prefix) => both.map((tensor) => `${prefix}.${tensor}`));
const count = <T>(length: number, of: (k: number) => T) => Array.from({ length }, (_, k) => of(k));

/** All names of the detector of NS-VQA, ResNet-50. */
const detectron = [
  "Conv_Body.conv_body.res1.conv1.weight",
  ...named(["Conv_Body.conv_body.res1.bn1"]),
  ...[3, 4, 6, 3].flatMap((blocks, stage) =>
    count(blocks, (block) => `Conv_Body.conv_body.res${stage + 2}.${block}`).flatMap((place, block) => [
      ...[1, 2, 3].flatMap((layer) => [`${place}.conv${layer}.weight`, ...named([`${place}.bn${layer}`])]),
      ...(block > 0 ? [] : [`${place}.downsample.0.weight`, ...named([`${place}.downsample.1`])]),
    ]),
  ),
  ...named([
    "Conv_Body.conv_top",
    ...count(3, (level) => `Conv_Body.topdown_lateral_modules.${level}.conv_lateral`),
    ...count(4, (level) => `Conv_Body.posthoc_modules.${level}`),
    ...["conv", "cls_score", "bbox_pred"].map((layer) => `RPN.FPN_RPN_${layer}`),
    ...["Box_Head.fc1", "Box_Head.fc2", "Box_Outs.cls_score", "Box_Outs.bbox_pred"],
    ...count(4, (layer) => `Mask_Head.conv_fcn.${2 * layer}`),
    ...["Mask_Head.upconv", "Mask_Outs.classify"],
  ]),
];

const shapes = (path: string, preset: string, entry: string, settings: Readonly<Record<string, number>>) =>
  new Map(elaborateModel({ path, preset, entry, settings }).parameters.map(({ path, type }) => [path, type.shape]));

const scratch = () => mkdtempSync(join(tmpdir(), "weft-"));
const tensor = (name: string, shape: readonly number[], value: number) => ({
  name,
  dtype: "f32" as const,
  shape,
  data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)).fill(value),
});

describe("the detector", () => {
  const detector = shapes("models/mask-rcnn/mask-rcnn.weft", "clevr", "detect", { B: 1, H: 64, W: 64 });

  it("has each of Detectron's tensors, and only statistics besides", () => {
    const given = detectron.map(presentName);
    expect(new Set(given).size).toBe(detectron.length);
    const wanted = [...detector.keys()].filter((path) => !/running_(mean|var)$/.test(path));
    expect([...given].sort()).toEqual([...wanted].sort());
  });

  it("counts stages and levels as the pyramid of the paper does", () => {
    const wanted: Readonly<Record<string, string>> = {
      "Conv_Body.conv_body.res5.2.conv3.weight": "backbone.body.layer4.2.conv3.weight",
      "Conv_Body.topdown_lateral_modules.0.conv_lateral.bias": "backbone.fpn.inner_blocks.2.0.bias",
      "Conv_Body.posthoc_modules.0.weight": "backbone.fpn.layer_blocks.3.0.weight",
      "Mask_Head.conv_fcn.6.bias": "roi_heads.mask_head.3.0.bias",
    };
    for (const [old, present] of Object.entries(wanted)) expect(presentName(old)).toBe(present);
    // Channels of the stages from the coarsest on: 2048, 1024, 512, 256.
    const channels = ["Conv_Body.conv_top", ...count(3, (k) => `Conv_Body.topdown_lateral_modules.${k}.conv_lateral`)];
    const read = channels.map((name) => detector.get(presentName(`${name}.weight`) ?? "")?.[1]);
    expect(read).toEqual([2048, 1024, 512, 256]);
  });

  it("gets the statistics that Detectron's file lacks", async () => {
    const folder = scratch();
    const [from, to] = ["old", "new"].map((name) => join(folder, `${name}.safetensors`)) as [string, string];
    await writeWeights(from, [
      tensor("Conv_Body.conv_body.res1.bn1.weight", [3], 2),
      tensor("Conv_Body.conv_body.res1.bn1.bias", [3], 5),
      tensor("Box_Outs.cls_score.weight", [2, 4], 7),
    ]);
    expect(await convertCheckpoint("mask-rcnn", [from], to)).toEqual({ written: 5, leftOut: 0 });
    const written = await openWeights(to);
    const valuesIn = async (path: string) => Array.from((await written.read(path, "f32")).data).slice(0, 3);
    expect(await valuesIn("backbone.body.bn1.weight")).toEqual([2, 2, 2]);
    expect(await valuesIn("backbone.body.bn1.running_mean")).toEqual([0, 0, 0]);
    expect(await valuesIn("backbone.body.bn1.running_var")).toEqual([1, 1, 1]);
    expect(written.tensors.get("roi_heads.box_predictor.cls_score.weight")?.shape).toEqual([2, 4]);
    await written.close();
  });
});

describe("JRNet", () => {
  it("is put together from its head and a backbone", async () => {
    const folder = scratch();
    const paths = ["deeplab", "head", "jrnet"].map((name) => join(folder, `${name}.safetensors`));
    const [backbone, head, to] = paths as [string, string, string];
    await writeWeights(backbone, [
      tensor("backbone.layer4.2.bn3.bias", [4], 1),
      tensor("classifier.4.bias", [21], 1),
      tensor("backbone.bn1.num_batches_tracked", [1], 1),
    ]);
    await writeWeights(head, [tensor("module.sfm.norm.weight", [4], 3)]);
    expect(await convertCheckpoint("jrnet", [backbone, head], to)).toEqual({ written: 2, leftOut: 2 });
    const written = await openWeights(to);
    expect([...written.tensors.keys()].sort()).toEqual(["backbone.layer4.2.bn3.bias", "sfm.norm.weight"]);
    await written.close();
  });

  it("has the names of torchvision's ResNet behind its own", () => {
    const paths = shapes("models/jrnet/jrnet.weft", "resnet50", "segment", { B: 1 });
    const names = [...paths.keys()].filter((path) => path.startsWith("backbone."));
    // 53 convolutions, each with the four vectors of its normalisation.
    expect(names.length).toBe(5 * 53);
    for (const path of names) expect(jrnetName(path.slice("backbone.".length))).toBe(path);
    expect(["fc.weight", "aux_classifier.0.weight"].map(jrnetName)).toEqual([undefined, undefined]);
    expect(jrnetName("conv_3x3.layer2.0.weight")).toBe("conv_3x3.layer2.0.weight");
  });
});

it("refuses systems that it does not know, and names that collide", async () => {
  const folder = scratch();
  const [from, to] = ["old", "new"].map((name) => join(folder, `${name}.safetensors`)) as [string, string];
  await writeWeights(from, [tensor("rpn.head.conv.weight", [1], 0), tensor("rpn.head.conv.0.0.weight", [1], 0)]);
  await expect(convertCheckpoint("tap", [from], to)).rejects.toThrow("there is no tap; there are mask-rcnn, jrnet");
  await expect(convertCheckpoint("mask-rcnn", [from], to)).rejects.toThrow(/are both rpn\.head\.conv\.0\.0\.weight/);
});
