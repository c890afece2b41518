/** TAP: names and counts of the published checkpoint, PyTorch's results at `tiny`, and what masks must not change. */
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/ir/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { differences, elaborateModel } from "./compile-model.ts";
import { evaluateTap, path, readTapCases, runTap, type TapCase, tapGraph } from "./tap-reference.ts";

const cases = await readTapCases();

describe("parameters", () => {
  const parameters = elaborateModel({ path, preset: "paper", entry: "answer" }).parameters;
  const count = (...prefixes: readonly string[]) =>
    parameters
      .filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)))
      .reduce((n, { type }) => n + elementCount(type.shape), 0);

  it.each<[string, readonly string[], number]>([
    ["text embeddings", ["text_bert.embeddings."], 23_837_184],
    ["a text layer", ["text_bert.encoder.layer.2."], 7_087_872],
    ["text encoder", ["text_bert."], 45_100_800],
    ["both fc7", ["obj_faster_rcnn_fc7.module.lc.", "ocr_faster_rcnn_fc7.module.lc."], 2 * 4_196_352],
    ["objects", ["linear_obj_", "obj_feat_", "obj_bbox_"], 1_580_544],
    ["OCR tokens", ["linear_ocr_", "ocr_feat_", "ocr_bbox_"], 2_351_616],
    ["previous answers", ["mmt.prev_pred_embeddings."], 85_248],
    ["a fusion layer", ["mmt.encoder.layer.3."], 7_087_872],
    ["fusion", ["mmt."], 28_436_736],
    ["pointer", ["ocr_ptr_net."], 1_181_184],
    ["answers", ["classifier.module."], 3_845_000],
    ["masked words", ["cls."], 622_650],
    ["matching", ["pollute_cls."], 395_265],
    ["relations", ["overlap_cls."], 788_481],
    ["all", [""], 92_694_980],
  ])("of %s", (_name, prefixes, want) => expect(count(...prefixes)).toBe(want));

  it("have the names of the published checkpoint", () => {
    const outsideOfLayers = parameters.filter(({ path }) => !path.includes(".layer."));
    expect(outsideOfLayers.map(({ path, type }) => `${path} [${type.shape}]`)).toMatchInlineSnapshot(`
      [
        "text_bert.embeddings.word_embeddings.weight [30522,768]",
        "text_bert.embeddings.position_embeddings.weight [512,768]",
        "text_bert.embeddings.token_type_embeddings.weight [2,768]",
        "text_bert.embeddings.LayerNorm.weight [768]",
        "text_bert.embeddings.LayerNorm.bias [768]",
        "obj_faster_rcnn_fc7.module.lc.weight [2048,2048]",
        "obj_faster_rcnn_fc7.module.lc.bias [2048]",
        "linear_obj_feat_to_mmt_in.weight [768,2048]",
        "linear_obj_feat_to_mmt_in.bias [768]",
        "linear_obj_bbox_to_mmt_in.weight [768,4]",
        "linear_obj_bbox_to_mmt_in.bias [768]",
        "obj_feat_layer_norm.weight [768]",
        "obj_feat_layer_norm.bias [768]",
        "obj_bbox_layer_norm.weight [768]",
        "obj_bbox_layer_norm.bias [768]",
        "ocr_faster_rcnn_fc7.module.lc.weight [2048,2048]",
        "ocr_faster_rcnn_fc7.module.lc.bias [2048]",
        "linear_ocr_feat_to_mmt_in.weight [768,3052]",
        "linear_ocr_feat_to_mmt_in.bias [768]",
        "linear_ocr_bbox_to_mmt_in.weight [768,4]",
        "linear_ocr_bbox_to_mmt_in.bias [768]",
        "ocr_feat_layer_norm.weight [768]",
        "ocr_feat_layer_norm.bias [768]",
        "ocr_bbox_layer_norm.weight [768]",
        "ocr_bbox_layer_norm.bias [768]",
        "mmt.prev_pred_embeddings.position_embeddings.weight [100,768]",
        "mmt.prev_pred_embeddings.token_type_embeddings.weight [5,768]",
        "mmt.prev_pred_embeddings.ans_layer_norm.weight [768]",
        "mmt.prev_pred_embeddings.ans_layer_norm.bias [768]",
        "mmt.prev_pred_embeddings.ocr_layer_norm.weight [768]",
        "mmt.prev_pred_embeddings.ocr_layer_norm.bias [768]",
        "mmt.prev_pred_embeddings.emb_layer_norm.weight [768]",
        "mmt.prev_pred_embeddings.emb_layer_norm.bias [768]",
        "ocr_ptr_net.query.weight [768,768]",
        "ocr_ptr_net.query.bias [768]",
        "ocr_ptr_net.key.weight [768,768]",
        "ocr_ptr_net.key.bias [768]",
        "classifier.module.weight [5000,768]",
        "classifier.module.bias [5000]",
        "cls.bias [30522]",
        "cls.transform.dense.weight [768,768]",
        "cls.transform.dense.bias [768]",
        "cls.transform.LayerNorm.weight [768]",
        "cls.transform.LayerNorm.bias [768]",
        "pollute_cls.dense.weight [512,768]",
        "pollute_cls.dense.bias [512]",
        "pollute_cls.LayerNorm.weight [512]",
        "pollute_cls.LayerNorm.bias [512]",
        "pollute_cls.decoder.weight [1,512]",
        "pollute_cls.decoder.bias [1]",
        "overlap_cls.dense.weight [512,1536]",
        "overlap_cls.dense.bias [512]",
        "overlap_cls.LayerNorm.weight [512]",
        "overlap_cls.LayerNorm.bias [512]",
        "overlap_cls.decoder.weight [1,512]",
        "overlap_cls.decoder.bias [1]",
      ]
    `);
  });

  it("are 11 · 513 more with twelve relations, and 194,353 in the tiny network", () => {
    const total = (preset: string, settings = {}) =>
      elaborateModel({ path, preset, entry: "answer", settings }).parameters.reduce(
        (n, { type }) => n + elementCount(type.shape),
        0,
      );
    expect(total("paper", { relations: 12 })).toBe(92_694_980 + 5_643);
    expect(total("paper", { tokens: 50, ocr_width: 3002 }) - 92_694_980).toBe(90_850_184 - 90_888_584);
    expect(total("tiny")).toBe(194_353);
  });
});

describe.each(cases)("PyTorch's results for $name", (each) => {
  const gradients = Object.keys(each.outputs).flatMap((name) => name.match(/^gradient\((.*)\)$/)?.[1] ?? []);
  const graph = tapGraph(each.entry, each.inputs, each.settings, gradients);

  it("in float64", () => expectOutputs(evaluateTap(graph, each.inputs), each, 1e-6));

  it.runIf(device !== undefined)("on the device", async () => {
    expectOutputs(await runTap(theDevice(), graph, each.inputs), each, 1e-4);
  });
});

function expectOutputs(got: Readonly<Record<string, ArrayLike<number>>>, { outputs }: TapCase, most: number): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(outputs).sort());
  for (const [name, { data }] of Object.entries(outputs)) {
    const { absolute, relative } = differences(got[name]!, data);
    // Where all that is wanted is 0, there is nothing to be relative to.
    expect(Number.isNaN(relative) ? absolute : relative, name).toBeLessThan(most);
  }
}
