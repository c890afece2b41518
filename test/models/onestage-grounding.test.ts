/** One-stage grounding: counts and names of the published model, its golden values, and the tiny one against PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/index.ts";
import { type DType, elementCount } from "../../src/ir/index.ts";
import { hostArrayFromNumbers } from "../../src/runtime/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import {
  countOf,
  deviceModel,
  differences,
  elaborateModel,
  evaluateModel,
  type ModelRequest,
  sourceReader,
  type Values,
} from "./compile-model.ts";
import { drawnImages, drawnWeights } from "./drawn-weights.ts";

const path = "models/onestage-grounding/onestage-grounding.weft";
const torch = JSON.parse(readFileSync(new URL("../fixtures/onestage-grounding.json", import.meta.url), "utf8"))
  .grounding as {
  readonly ids: readonly (readonly number[])[];
  readonly boxes: readonly (readonly number[])[];
  readonly outs: readonly (readonly number[])[];
  readonly box: readonly (readonly number[])[];
  readonly losses: readonly [number, number];
  readonly trainingLosses: readonly [number, number];
  readonly inCode: readonly (readonly number[])[];
  readonly light: readonly (readonly number[])[];
  readonly lstm: readonly (readonly number[])[];
  /** Sums of the absolute gradients of the training loss. */
  readonly slopes: Readonly<Record<string, number>>;
  readonly parameters: readonly string[];
  readonly targets: readonly (readonly [number, number, number, number, readonly number[]])[];
};

const request = (entry: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  path,
  preset: "tiny",
  entry,
  ...more,
});
const phrases: Readonly<Record<string, Values>> = {
  image: drawnImages(1001, 3),
  input_ids: { shape: [3, 12], data: torch.ids.flat() },
  attention_mask: { shape: [3, 12], data: torch.ids.flat().map((id) => (id > 0 ? 1 : 0)) },
};
const withBoxes = {
  ...phrases,
  box: { shape: [3, 4], data: torch.boxes.flat() },
  seed: { shape: [], data: [0] },
};

const hostTensor = ({ shape, data }: Values, dtype: DType) => ({ shape, data: hostArrayFromNumbers(dtype, data) });

async function onDevice(given: ModelRequest): Promise<Record<string, ArrayLike<number>>> {
  const parameters = drawnWeights(elaborateModel(given));
  const model = await deviceModel(theDevice(), { ...given, parameters });
  try {
    return await model.run(given.inputs ?? {});
  } finally {
    model.dispose();
  }
}

/** f32 sums of up to 600 products, about 30 layers deep. */
const tolerance = 1e-4;
const close = (got: ArrayLike<number> | undefined, want: ArrayLike<number>) =>
  expect(differences(got ?? [], want).relative).toBeLessThanOrEqual(tolerance);

describe("parameters", () => {
  const inputs = { image: { shape: [1, 3, 256, 256], data: [] }, input_ids: { shape: [1, 20], data: [] } };
  const build = (preset: string) => elaborateModel({ path, preset, entry: "predict", inputs });
  const paper = build("paper");
  const count = (prefix: string) =>
    paper.parameters
      .filter((each) => each.role === "param" && each.path.startsWith(prefix))
      .reduce((sum, { type }) => sum + elementCount(type.shape), 0);

  it.each([
    ["visumodel.", 61_949_149],
    ["textmodel.", 109_482_240],
    ["mapping_visu.", 920_576],
    ["mapping_lang.", 658_432],
    ["fcn_emb.", 9_458_688],
    ["fcn_out.", 406_317],
    ["", 182_875_402],
  ])("%s… has %i", (prefix, want) => expect(count(prefix)).toBe(want));

  it("are named and shaped as in the published checkpoint", () => {
    const shapes = new Map(paper.parameters.map(({ path, type }) => [path, type.shape.join("×")]));
    expect(
      Object.fromEntries([...shapes].filter(([name]) => /^(mapping_visu\.0|fcn_(emb|out)\.2)/.test(name))),
    ).toEqual({
      "mapping_visu.0.conv.weight": "512×1024×1×1",
      ...bn("mapping_visu.0.bn", "512"),
      "fcn_emb.2.0.conv.weight": "512×1032×1×1",
      ...bn("fcn_emb.2.0.bn", "512"),
      "fcn_emb.2.1.conv.weight": "512×512×3×3",
      ...bn("fcn_emb.2.1.bn", "512"),
      "fcn_emb.2.2.conv.weight": "512×512×1×1",
      ...bn("fcn_emb.2.2.bn", "512"),
      "fcn_out.2.0.conv.weight": "256×512×1×1",
      ...bn("fcn_out.2.0.bn", "256"),
      "fcn_out.2.1.weight": "15×256×1×1",
      "fcn_out.2.1.bias": "15",
    });
    expect(shapes.get("visumodel.module_list.105.conv_105.bias")).toBe("255");
    expect(shapes.get("visumodel.module_list.61.conv_61.weight")).toBeUndefined(); // A sum has no weights.
    expect(shapes.get("visumodel.module_list.102.batch_norm_102.running_var")).toBe("256");
    expect(shapes.get("textmodel.encoder.layer.11.output.LayerNorm.weight")).toBe("768");
    expect(shapes.get("mapping_lang.4.weight")).toBe("512×512");
    expect(shapes.get("mapping_lang.5.running_mean")).toBe("512");
  });

  it("of the light model are 174,621,706", () => expect(countOf(build("light"), "param")).toBe(174_621_706));

  it("of the LSTM's model are named and shaped as in the published code", () => {
    const model = elaborateModel({ path, preset: "lstm", entry: "predict", settings: { vocab: 1000 }, inputs });
    expect(countOf(model, "param")).toBe(77_989_386 + 512 * 1000);
    const text = model.parameters.filter((each) => each.path.startsWith("textmodel."));
    const shapes = Object.fromEntries(text.map(({ path, type }) => [path.slice(10), type.shape.join("×")]));
    const direction = (ending: string) => ({
      [`rnn.weight_ih_l0${ending}`]: "2048×512",
      [`rnn.weight_hh_l0${ending}`]: "2048×512",
      [`rnn.bias_ih_l0${ending}`]: "2048",
      [`rnn.bias_hh_l0${ending}`]: "2048",
    });
    expect(shapes).toEqual({
      "embedding.weight": "1000×512",
      "mlp.0.weight": "512×512",
      "mlp.0.bias": "512",
      ...direction(""),
      ...direction("_reverse"),
    });
    expect(model.parameters.find((each) => each.path === "mapping_lang.0.weight")?.type.shape).toEqual([512, 1024]);
  });

  it("of the tiny model are those of the transcription", () => {
    const tiny = elaborateModel(request("predict", { inputs: phrases }));
    expect(countOf(tiny, "param")).toBe(394_613);
    expect(tiny.parameters.map((each) => each.path).sort()).toEqual(torch.parameters);
  });
});

const bn = (name: string, channels: string) =>
  Object.fromEntries(["weight", "bias", "running_mean", "running_var"].map((part) => [`${name}.${part}`, channels]));

// ── Golden values of the head alone, from a float64 computation independent of this project and of PyTorch ──

const headText = `
use ../../models/onestage-grounding/layers: Fusion, LanguageMapping, Prediction, VisualMapping, fused, spatial_feature, spatial_feature_of_code

model Head(as_in_code: bool = false) {
  sub visual as "mapping_visu.0": VisualMapping(6, 4)
  sub mapping_lang: LanguageMapping(5, 4, 0.1)
  sub fcn_emb: Fusion(4, false)[1]
  sub fcn_out: Prediction(4, false)[1]

  entry run<B>(feature: f32[B, 6, 2, 2], text: f32[B, 5]) -> (T: f32[B, 4], Z: f32[B, 16, 2, 2], out: f32[B, 15, 2, 2]) {
    let P = spatial_feature(2, 2)
    if as_in_code { P = spatial_feature_of_code(2, 2) }
    let T = mapping_lang(text)
    let Z = fused(visual(feature), T, P)
    return (T, Z, fcn_out[0](fcn_emb[0](Z)))
  }
}`;

/** Weights in the order of declaration, which is the order of the golden values: 0.6 sin(1 + 0.7 t + 1.3 k), shifted by what they are. */
function runHead(asInCode: boolean): Record<string, Float64Array> {
  const given: ModelRequest = {
    path: "test/models/head.weft",
    texts: { "test/models/head.weft": headText },
    settings: { as_in_code: asInCode },
    inputs: {
      feature: { shape: [2, 6, 2, 2], data: Array.from({ length: 48 }, (_, k) => Math.sin(0.5 + 0.9 * k)) },
      text: { shape: [2, 5], data: Array.from({ length: 10 }, (_, k) => Math.cos(0.3 + 1.1 * k)) },
    },
  };
  const { parameters } = elaborateModel(given);
  const values = parameters.map(({ path: name, type: { shape } }, t): [string, Values] => {
    const data = Array.from({ length: elementCount(shape) }, (_, k) => {
      const v = 0.6 * Math.sin(1 + 0.7 * t + 1.3 * k);
      if (name.endsWith("running_var")) return 1 + Math.abs(v);
      if (name.endsWith("bias")) return 0.5 + v;
      const isGain = shape.length === 1 && name.endsWith("weight");
      return isGain ? 1 + v : v;
    });
    return [name, { shape, data }];
  });
  expect(values.length).toBe(39);
  return evaluateModel({ ...given, parameters: new Map(values) });
}

describe("the head", () => {
  const near = (got: ArrayLike<number>, want: readonly number[]) =>
    expect(differences(Array.from(got), want).absolute).toBeLessThanOrEqual(2e-6);
  const columnOf = (Z: Float64Array, b: number, j: number, i: number) =>
    Array.from({ length: 16 }, (_, c) => Z[((b * 16 + c) * 2 + j) * 2 + i] as number);
  const firstAnchor = (out: Float64Array, b: number, j: number, i: number) =>
    Array.from({ length: 5 }, (_, c) => out[((b * 15 + c) * 2 + j) * 2 + i] as number);
  const total = (out: Float64Array) => out.reduce((sum, v) => sum + Math.abs(v), 0);

  it("gives the golden values with the paper's spatial feature", () => {
    const { T, Z, out } = runHead(false) as Record<"T" | "Z" | "out", Float64Array>;
    near(T, [0.100065, 0.012005, 0.240226, 0.965471, 0.007186, 0, 0.160121, 0.987071]);
    near(
      columnOf(Z, 0, 1, 0),
      [0.872952, 0.477795, 0, 0.098322].concat(Array.from(T.slice(0, 4)), [0, 0.5, 0.25, 0.75, 0.5, 1, 0.5, 0.5]),
    );
    near(firstAnchor(out, 0, 0, 0), [1.017314, -0.014716, 0.074614, 0.478537, 1.075472]);
    near(firstAnchor(out, 1, 1, 0), [1.014105, -0.060494, 0.156277, 0.384364, 1.155201]);
    expect(total(out)).toBeCloseTo(67.695603, 5);
  });

  it("gives the golden values with the published code's", () => {
    const { Z, out } = runHead(true) as Record<"Z" | "out", Float64Array>;
    near(columnOf(Z, 0, 1, 0).slice(8), [0, -1, 1, 0, 0.5, -0.5, 0.5, 0.5]);
    near(firstAnchor(out, 0, 0, 0), [1.040024, -0.01008, 0.043959, 0.526438, 1.024036]);
    expect(total(out)).toBeCloseTo(68.736439, 5);
  });
});

describe("targets", () => {
  const boxes = [
    { box: [30, 40, 230, 200], place: 28, t: [0.0625, 0.75, -0.137753, -0.226216] },
    { box: [100, 100, 150, 160], place: 163, t: [0.90625, 0.0625, -0.356059, 0.080043] },
    { box: [10, 200, 30, 215], place: 1762, t: [0.5, 0.9375, -0.015267, 0.058064] },
    { box: [120, 64, 200, 192], place: 101, t: [0, 0, -0.182322, 0.049271] },
  ];

  it("are the golden ones", () => {
    const inputs = { box: { shape: [4, 4], data: boxes.flatMap(({ box }) => box) } };
    const { place, t } = evaluateModel({ path, entry: "targets", inputs });
    expect(Array.from(place!)).toEqual(boxes.map((each) => each.place));
    boxes
      .flatMap((each) => each.t)
      .forEach((want, k) => {
        expect(t![k]).toBeCloseTo(want, 5);
      });
  });

  it("mean the boxes they came from", () => {
    const text = `
use ../../models/onestage-grounding/boxes: all_boxes, target
use ../../models/darknet53/yolo: coco_anchors

/// A network that says at every place what it should say for this box.
fn there_and_back(box: f32[4]) -> f32[4] {
  let anchors = coco_anchors() * (256 / 416)
  let (place, t) = target(box, anchors, 8)
  let said = [log(t[0] / (1 - t[0])), log(t[1] / (1 - t[1])), t[2], t[3], 0]
  let out0[(n: 3 k), j: 8, i: 8] = said[k]
  let out1[(n: 3 k), j: 16, i: 16] = said[k]
  let out2[(n: 3 k), j: 32, i: 32] = said[k]
  let boxes = all_boxes(out0, out1, out2, anchors)
  return boxes[place] else 0
}`;
    for (const { box } of boxes.slice(0, 3)) {
      const got = evaluateModel({
        path: "test/models/back.weft",
        texts: { "test/models/back.weft": text },
        entry: "there_and_back",
        inputs: { box: { shape: [4], data: box } },
      });
      got.there_and_back!.forEach((edge, k) => {
        expect(Math.abs(edge - box[k]!)).toBeLessThan(1e-4);
      });
    }
  });
});

/** The evaluator knows the same equations in float64: what is left are the roundings of weights and constants to f32. */
const exact = (got: ArrayLike<number> | undefined, want: ArrayLike<number>) =>
  expect(differences(got ?? [], want).relative).toBeLessThanOrEqual(1e-6);

describe("the tiny network", () => {
  const evaluated = (given: ModelRequest) =>
    evaluateModel({ ...given, parameters: drawnWeights(elaborateModel(given)) });

  it("grounds what PyTorch does", () => {
    const { box, place, confidence } = evaluated(request("ground", { inputs: phrases }));
    exact(box, torch.box.flat());
    const confidences = torch.ids.map((_, b) => {
      const scores = torch.outs.flatMap((out, level) => {
        const cells = 4 ** (level + 1);
        return [0, 1, 2].flatMap((n) => out.slice((b * 15 + 5 * n + 4) * cells, (b * 15 + 5 * n + 5) * cells));
      });
      const best = Math.max(...scores);
      expect(place![b]).toBe(scores.indexOf(best));
      return Math.exp(best) / scores.reduce((sum, score) => sum + Math.exp(score), 0);
    });
    exact(confidence, confidences);
  });

  it("loses what PyTorch does", () => {
    const { regression, classification } = evaluated(request("losses", { inputs: withBoxes }));
    exact(regression, [torch.losses[0]]);
    exact(classification, [torch.losses[1]]);
  });

  it("has PyTorch's gradients while training", async () => {
    const weights = drawnWeights(elaborateModel(request("loss", { inputs: withBoxes })));
    const names = ["fcn_emb.0.0.conv.weight", "mapping_lang.0.weight", "mapping_visu.2.bn.weight", "fcn_out.1.1.bias"];
    const program = await compile(sourceReader()(path)!, {
      path,
      readSource: sourceReader(),
      preset: "tiny",
      entry: "loss",
      training: true,
      inputShapes: Object.fromEntries(Object.entries(withBoxes).map(([name, { shape }]) => [name, shape])),
      gradient: names,
      device: "reference",
      parameters: (name) => hostTensor(weights.get(name)!, "f32"),
    });
    const types: Readonly<Record<string, DType>> = { input_ids: "i32", attention_mask: "bool", seed: "u32" };
    const given = Object.entries(withBoxes).map(([name, values]) => [name, hostTensor(values, types[name] ?? "f32")]);
    const results = await program.run(Object.fromEntries(given));
    for (const name of names) {
      const gradient = Array.from(results[`gradient(${name})`] as Float32Array);
      const total = gradient.reduce((sum, slope) => sum + Math.abs(slope), 0);
      expect(Math.abs(total / torch.slopes[name]! - 1), name).toBeLessThan(1e-6);
    }
  });

  it("reads phrases with an LSTM as PyTorch does, whatever stands in the padding", () => {
    const given = request("predict", { inputs: phrases, settings: { lstm: true } });
    exact(evaluated(given).out0, torch.lstm[0]!);
    const ids = torch.ids.flat().map((id) => (id > 0 ? id : 7));
    const inputs = { ...phrases, input_ids: { shape: [3, 12], data: ids } };
    exact(evaluated({ ...given, inputs }).out0, torch.lstm[0]!);
  });

  it.each([false, true])(
    "drops out inside of BERT or of the LSTM's words while training, by seed (LSTM: %s)",
    (lstm) => {
      const first = (values: Values, length: number) => ({
        shape: [2, ...values.shape.slice(1)],
        data: Array.from(values.data).slice(0, length),
      });
      const inputs = {
        image: first(phrases.image!, 2 * 3 * 64 * 64),
        input_ids: first(phrases.input_ids!, 24),
        attention_mask: first(phrases.attention_mask!, 24),
        box: first(withBoxes.box, 8),
      };
      // Nothing else is dropped in the tiny model.
      const settings = { lstm, bert_dropout: 0.3, word_dropout: 0.3 };
      const [one, two] = [1, 2].map((seed) => {
        const given = { ...inputs, seed: { shape: [], data: [seed] } };
        return evaluated(request("loss", { inputs: given, settings, training: true })).loss![0] as number;
      });
      expect(Math.abs(one! - two!)).toBeGreaterThan(1e-6);
    },
  );

  it("has the other spatial feature and the light head", () => {
    const inCode = evaluated(request("predict", { inputs: phrases, settings: { as_in_code: true } }));
    exact(inCode.out0, torch.inCode[0]!);
    const light = evaluated(request("predict", { inputs: phrases, settings: { light: true } }));
    exact(light.out0, torch.light[0]!);
  });
});

describe.skipIf(device === undefined)("the tiny network on the device", () => {
  it("predicts what PyTorch does", async () => {
    const { out0, out1, out2 } = await onDevice(request("predict", { inputs: phrases }));
    close(out0, torch.outs[0]!);
    close(out1, torch.outs[1]!);
    close(out2, torch.outs[2]!);
  });

  it("loses what PyTorch does while training", async () => {
    const { loss } = await onDevice(request("loss", { inputs: withBoxes, training: true }));
    close(loss, [5 * torch.trainingLosses[0] + torch.trainingLosses[1]]);
  });
});
