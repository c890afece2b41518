/** JRNet: the counts of its checkpoints, golden values of both modules, and PyTorch's results at `tiny`. */
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/ir/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { differences, elaborateModel, evaluateModel, type Values } from "./compile-model.ts";
import { evaluateCase, graphOf, type ReferenceCase, readCases, runCase } from "./hashed-weights.ts";

const path = "models/jrnet/jrnet.weft";

describe("parameters", () => {
  const build = (preset: string) => elaborateModel({ path, preset, settings: { B: 1 } }).parameters;
  const [deepLab, resNet] = [build("paper"), build("resnet50")];
  const isStatistic = (name: string) => name.includes(".running_");
  const count = (parameters: typeof deepLab, isMeant: (path: string) => boolean) =>
    parameters.filter((each) => isMeant(each.path)).reduce((n, { type }) => n + elementCount(type.shape), 0);

  it.each([
    ["backbone", "backbone.", 42_500_160, 23_508_032],
    ["LSTM", "text_encoder.", 1_667_072, 1_667_072],
    ["level convolutions", "conv_3x3.", 16_519_680, 16_519_680],
    ["joint reasoning", "sfm.", 3_156_992, 2_632_192],
    ["fusion", "hcam.", 21_239_808, 21_239_808],
    ["pyramid", "aspp_decoder.", 8_919_040, 8_919_040],
    ["mask head", "mask_decoder.", 8_263_425, 8_263_425],
  ])("of %s", (_name, prefix, paper, resnet50) => {
    const isMeant = (name: string) => name.startsWith(prefix) && !isStatistic(name);
    expect([count(deepLab, isMeant), count(resNet, isMeant)]).toEqual([paper, resnet50]);
  });

  it("of the head, its statistics, and the tiny network", () => {
    const isHead = (name: string) => !name.startsWith("backbone.");
    expect(count(deepLab, (name) => isHead(name) && !isStatistic(name))).toBe(59_766_017);
    expect(count(resNet, (name) => isHead(name) && !isStatistic(name))).toBe(59_241_217);
    expect(count(deepLab, (name) => isHead(name) && isStatistic(name))).toBe(16_896);
    expect(count(build("tiny"), (name) => !isStatistic(name))).toBe(329_377);
  });

  it("have the names and shapes of the published checkpoint", () => {
    const shapes = new Map(deepLab.map(({ path, type }) => [path, type.shape]));
    const wanted: Readonly<Record<string, readonly number[]>> = {
      "backbone.layer4.2.bn3.bias": [2048],
      "text_encoder.lstm.weight_ih_l0": [2048, 300],
      "conv_3x3.layer3.0.weight": [512, 1024, 3, 3],
      "conv_3x3.layer4.1.running_var": [512],
      "sfm.layers.1.self_attn.in_proj_weight": [1536, 512],
      "sfm.layers.0.self_attn.out_proj.bias": [512],
      "sfm.layers.0.linear1.weight": [512, 512],
      "sfm.norm.weight": [512],
      "hcam.conv_2.0.weight": [512, 1024, 3, 3],
      "hcam.conv_3d.0.weight": [512, 512, 3, 3, 3],
      "hcam.conv_3d.1.running_mean": [512],
      "aspp_decoder.convs.0.0.weight": [512, 512, 1, 1],
      "aspp_decoder.convs.3.0.weight": [512, 512, 3, 3],
      "aspp_decoder.convs.4.1.weight": [512, 512, 1, 1],
      "aspp_decoder.convs.4.2.bias": [512],
      "aspp_decoder.project.0.weight": [512, 2560, 1, 1],
      "mask_decoder.deconv3.0.weight": [512, 512, 3, 3],
      "mask_decoder.mask_deconv.0.weight": [256, 512, 3, 3],
      "mask_decoder.mask_deconv.3.weight": [1, 256, 3, 3],
      "mask_decoder.mask_deconv.3.bias": [1],
    };
    for (const [name, shape] of Object.entries(wanted)) expect(shapes.get(name), name).toEqual(shape);
  });
});

describe("golden values", () => {
  /** v = amp sin(1 + 0.7 t + 1.3 k) for tensor t of the listing; factors of norms are 1 + v, variances 1 + |v|. */
  const weightsOf = (listing: readonly (readonly [string, ...number[]])[], amp: number) =>
    new Map<string, Values>(
      listing.map(([name, ...shape], t) => {
        const data = Array.from({ length: elementCount(shape) }, (_, k) => {
          const v = amp * Math.sin(1 + 0.7 * t + 1.3 * k);
          if (name.endsWith("running_var")) return 1 + Math.abs(v);
          return name.endsWith("weight") && shape.length === 1 ? 1 + v : v;
        });
        return [name, { shape, data }];
      }),
    );
  const filled = (shape: readonly number[], at: (k: number) => number): Values => ({
    shape,
    data: Array.from({ length: elementCount(shape) }, (_, k) => at(k)),
  });
  const total = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + Math.abs(value), 0);
  const expectClose = (got: ArrayLike<number>, want: readonly number[]) =>
    want.forEach((value, k) => {
      expect(got[k]).toBeCloseTo(value, 5);
    });

  const text = `use ./reasoning: JointReasoning, positions
use ./fusion: CrossModalFusion

model Reasoning(literal: bool = false) {
  sub sfm as "": JointReasoning(8, 2, 6, 1, 0, literal)

  entry reason<B>(X: f32[B, 7, 8], is_word: bool[B, 3]) -> (F: f32[B, 7, 8]) {
    let always[n: 4] = true
    let seen[b, :] = [always; is_word[b]]
    let F[b, :, :] = sfm(X[b], positions(2, 3, 8), seen[b], 0)
    return F
  }
}

model Fusion(self_gate: bool = false) {
  sub hcam as "": CrossModalFusion(8, 0, self_gate)

  entry fuse<B>(f: f32[3, B, 8, 2, 2], l: f32[3, B, 8]) -> (g: f32[3, B, 8, 2, 2], G: f32[B, 8, 2, 2]) {
    let g = hcam.gated(f, l, 0)
    return (g, hcam.fused(g))
  }
}

fn words() -> f32[3, 8] {
  let table = positions(2, 3, 8)
  let y[t: 3, c] = table[4 + t, c]
  return y
}
`;
  const golden = { path: "models/jrnet/golden.weft", texts: { "models/jrnet/golden.weft": text } };

  const reasoning = weightsOf(
    [
      ["layers.0.self_attn.in_proj_weight", 24, 8],
      ["layers.0.self_attn.in_proj_bias", 24],
      ["layers.0.self_attn.out_proj.weight", 8, 8],
      ["layers.0.self_attn.out_proj.bias", 8],
      ["layers.0.linear1.weight", 6, 8],
      ["layers.0.linear1.bias", 6],
      ["layers.0.linear2.weight", 8, 6],
      ["layers.0.linear2.bias", 8],
      ["layers.0.norm1.weight", 8],
      ["layers.0.norm1.bias", 8],
      ["layers.0.norm2.weight", 8],
      ["layers.0.norm2.bias", 8],
      ["norm.weight", 8],
      ["norm.bias", 8],
    ],
    0.4,
  );
  const tokens = {
    X: filled([2, 7, 8], (k) => Math.sin(0.2 + 0.9 * k)),
    is_word: { shape: [2, 3], data: [1, 1, 1, 1, 0, 0] },
  };
  const reasoned = (literal: boolean) =>
    evaluateModel({
      ...golden,
      model: "Reasoning",
      inputs: tokens,
      parameters: reasoning,
      settings: { literal },
    }).F as Float64Array;

  it("of joint reasoning", () => {
    const F = reasoned(false);
    expectClose(F, [-0.284406, -0.309324, 1.624183, 0.983685, -1.120734, -1.004294, -1.173192, 0.636684]);
    expectClose(
      F.subarray(56 + 32),
      [-1.30234, -1.428994, 0.595682, 1.205459, 1.222025, 1.036794, -0.546778, -0.244139],
    );
    expect(total(F.subarray(0, 56))).toBeCloseTo(48.340772, 5);
    expect(total(F.subarray(56, 56 + 40))).toBeCloseTo(32.692686, 5);
  });

  it("of joint reasoning as the slides print it", () => {
    expectClose(reasoned(true), [-0.198709, 0.098667, 0.344943, 0.074965, -0.399461, -0.287975, 0.340094, 0.479444]);
  });

  it("of the positions of words", () => {
    const { words } = evaluateModel({ ...golden, entry: "words" });
    expectClose(
      (words as Float64Array).subarray(16),
      [0.909297, -0.416147, 0.198669, 0.980067, 0.019999, 0.9998, 0.002, 0.999998],
    );
  });

  it("of the positions of places", () => {
    const [positions] = Object.values(
      evaluateModel({ path: "models/jrnet/reasoning.weft", entry: "positions", settings: { H: 2, T: 1, C: 8 } }),
    );
    // Row 1, column 0: the third token.
    expectClose((positions as Float64Array).subarray(16, 24), [0, 1, 0, 1, 0.841471, 0.540302, 0.01, 0.99995]);
  });

  it("of doubling in the corner convention", () => {
    const x = { shape: [1, 2, 2], data: [0, 1, 2, 3] };
    const request = { path: "std/resize.weft", entry: "resize_bilinear_corners", settings: { height: 4, width: 4 } };
    const [doubled] = Object.values(evaluateModel({ ...request, inputs: { x } }));
    expectClose((doubled as Float64Array).subarray(0, 4), [0, 1 / 3, 2 / 3, 1]);
  });

  const convolutions = ["conv_1", "conv_2", "conv_3", "conv_3d"].flatMap((name): [string, ...number[]][] => [
    name === "conv_3d" ? [`${name}.0.weight`, 8, 8, 3, 3, 3] : [`${name}.0.weight`, 8, 16, 3, 3],
    ...["0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"].map((part): [string, number] => [
      `${name}.${part}`,
      8,
    ]),
  ]);
  const levels = {
    f: filled([3, 2, 8, 2, 2], (k) => Math.sin(0.1 + 0.7 * k)),
    l: filled([3, 2, 8], (k) => Math.cos(0.4 + 1.7 * k)),
  };

  it.each([
    {
      self_gate: false,
      g: [1.139247, -0.497813, -0.082422],
      first: [-1.466183, -3.932266, 3.577335, 0.667906],
      last: [-5.464884, 3.537569, 1.680906, -5.818932],
      sum: 223.014121,
    },
    {
      self_gate: true,
      g: [0.216332, 0.470652, -1.021882],
      first: [-2.329393, -5.349727, 5.12341, 0.830185],
      last: [],
      sum: 309.99816,
    },
  ])("of the fusion, self_gate $self_gate", ({ self_gate, g, first, last, sum }) => {
    const outputs = evaluateModel({
      ...golden,
      model: "Fusion",
      inputs: levels,
      parameters: weightsOf(convolutions, 0.2),
      settings: { self_gate },
    });
    const pixel = (values: ArrayLike<number>, start: number) =>
      Array.from({ length: 4 }, (_, c) => values[start + 4 * c] as number);
    expectClose(pixel(outputs.g as Float64Array, 0), g);
    expectClose(pixel(outputs.G as Float64Array, 0), first);
    expectClose(pixel(outputs.G as Float64Array, 32 + 3), last);
    expect(total(outputs.G as Float64Array)).toBeCloseTo(sum, 4);
  });
});

describe.each(readCases("test/fixtures/jrnet.json"))("PyTorch's results for $name", (each) => {
  const graph = graphOf(path, each);

  // The tiny network takes the evaluator long; its modules have golden values above.
  it.skipIf(each.name.startsWith("tiny"))("in float64", () => {
    expectOutputs(evaluateCase(graph, each.inputs), each, 1e-6);
  });

  it.runIf(device !== undefined && each.name.startsWith("tiny"))("on the device", async () => {
    expectOutputs(await runCase(theDevice(), graph, each.inputs), each, 1e-4);
  });
});

function expectOutputs(got: Readonly<Record<string, ArrayLike<number>>>, { outputs }: ReferenceCase, most: number) {
  expect(Object.keys(got).sort()).toEqual(Object.keys(outputs).sort());
  for (const [name, { data }] of Object.entries(outputs)) {
    const found = got[name];
    if (found === undefined) throw new Error(`no ${name}`);
    expect(differences(found, data).relative, name).toBeLessThan(most);
  }
}
