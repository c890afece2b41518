/** HULANet: the counts of its parts, golden values of the whole network, and PyTorch's results at `tiny`. */
import { describe, expect, it } from "vitest";
import { hostProfile } from "../../src/compile.ts";
import { elementCount } from "../../src/ir/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { compileOnly, differences, elaborateModel, evaluateModel, type Values } from "./compile-model.ts";
import { evaluateCase, graphOf, type ReferenceCase, readCases, runCase } from "./hashed-weights.ts";

const path = "models/hulanet/hulanet.weft";

describe("parameters", () => {
  const build = (preset: string) => elaborateModel({ path, preset, entry: "segment", settings: { B: 1 } }).parameters;
  const count = (parameters: ReturnType<typeof build>, prefix: string) =>
    parameters.filter(({ path }) => path.startsWith(prefix)).reduce((n, { type }) => n + elementCount(type.shape), 0);
  const [paper, tiny] = [build("paper"), build("tiny")];

  it.each([
    ["embed.", 12_000 * 300, 400],
    ["enc_cat.", 1_142_784, 4_352],
    ["enc_att.", 1_142_784, 4_352],
    ["enc_rel.", 1_142_784, 4_352],
    ["cat.", 915_194, 1_256],
    ["att.", 378_083, 1_256],
    ["rel.", 1_611_971, 26_675],
    ["mix.", 15_370, 970],
    ["attcls.", 640_225, 0],
    ["", 6_348_970 + 640_225 + 12_000 * 300, 43_613],
  ])("of %s", (prefix, full, small) => expect([count(paper, prefix), count(tiny, prefix)]).toEqual([full, small]));

  it("have the names and shapes that are published for it", () => {
    const shapes = new Map(paper.map(({ path, type }) => [path, type.shape]));
    const wanted: Readonly<Record<string, readonly number[]>> = {
      "enc_rel.lstm.weight_hh_l0_reverse": [1024, 256],
      "cat.f.2.weight": [1272, 512],
      "att.f.2.bias": [225],
      "rel.conv1.weight": [64, 513, 7, 7],
      "rel.conv2.bias": [1],
      "mix.weight": [10, 1536],
      "attcls.0.weight": [512, 1024],
    };
    for (const [name, shape] of Object.entries(wanted)) expect(shapes.get(name), name).toEqual(shape);
  });

  it("start where the specification says", () => {
    const starts = new Map(paper.map(({ path, initialiser }) => [path, initialiser]));
    expect(starts.get("cat.a")).toMatchObject({ name: "ones" });
    expect(starts.get("rel.b")).toMatchObject({ name: "constant", arguments: { value: -1 } });
  });
});

it("never writes the normalised maps of all categories", () => {
  const request = { path, preset: "paper", entry: "segment", settings: { B: 1 } };
  const { plan } = compileOnly({ profile: hostProfile }, request);
  const stored = plan.steps.flatMap(({ slices }) => slices.filter(({ buffer }) => buffer.kind === "arena"));
  const maps = 4 * 1272 * 128 * 128;
  expect(Math.max(...stored.map(({ size }) => size))).toBeLessThan(maps / 100);
});

describe("golden values", () => {
  const lstm = (part: string): (readonly [string, ...number[]])[] =>
    ["", "_reverse"].flatMap((suffix): [string, ...number[]][] => [
      [`enc_${part}.lstm.weight_ih_l0${suffix}`, 8, 3],
      [`enc_${part}.lstm.weight_hh_l0${suffix}`, 8, 2],
      [`enc_${part}.lstm.bias_ih_l0${suffix}`, 8],
      [`enc_${part}.lstm.bias_hh_l0${suffix}`, 8],
    ]);
  const attention = (part: string, channels: number): (readonly [string, ...number[]])[] => [
    [`${part}.a`, 1],
    [`${part}.b`, 1],
    [`${part}.f.0.weight`, 5, 4],
    [`${part}.f.0.bias`, 5],
    [`${part}.f.2.weight`, channels, 5],
    [`${part}.f.2.bias`, channels],
  ];
  const listing: readonly (readonly [string, ...number[]])[] = [
    ["embed.weight", 7, 3],
    ...lstm("cat"),
    ...lstm("att"),
    ...lstm("rel"),
    ...attention("cat", 3),
    ...attention("att", 2),
    ["rel.a", 1],
    ["rel.b", 1],
    ["rel.conv1.weight", 2, 5, 7, 7],
    ["rel.conv1.bias", 2],
    ["rel.conv2.weight", 1, 2, 7, 7],
    ["rel.conv2.bias", 1],
    ["mix.weight", 10, 12],
    ["mix.bias", 10],
  ];
  const parameters = new Map<string, Values>(
    listing.map(([name, ...shape], t) => {
      const factor = name.startsWith("mix.") ? 4 : 1;
      const offset = name.endsWith(".a") ? 1 : name === "rel.conv1.bias" ? 0.5 : 0;
      const at = (k: number) => offset + factor * 0.5 * Math.sin(1 + 0.7 * t + 1.3 * k);
      return [name, { shape, data: Array.from({ length: elementCount(shape) }, (_, k) => at(k)) }];
    }),
  );
  const channels = (count: number, start: number): Values => {
    const one = Array.from({ length: 64 * count }, (_, k) => Math.max(0, Math.sin(start + 0.8 * k)));
    return { shape: [2, count, 8, 8], data: [...one, ...one] };
  };
  const outputs = () =>
    evaluateModel({
      path,
      entry: "explain",
      parameters,
      inputs: {
        C: channels(3, 0.3),
        Catt: channels(2, 0.9),
        cat_ids: { shape: [2, 1], data: [4, 5] },
        att_ids: { shape: [2, 2], data: [2, 3, 0, 0] },
        rel_ids: { shape: [2, 2], data: [6, 1, 0, 0] },
        sup_ids: { shape: [2, 1], data: [5, 0] },
      },
      settings: {
        ...{ vocabulary: 7, word: 3, h: 2, hidden: 5, categories: 3, attributes: 2, height: 8, width: 8, shrink: 1 },
        ...{ category_words: 1, attribute_words: 2, relation_words: 2, support_words: 1, filters: 2, feature: 0 },
      },
    });

  it("of the whole network", () => {
    const found = outputs();
    const expectClose = (name: string, start: number, want: readonly number[]) =>
      want.forEach((value, k) => {
        expect(found[name]?.[start + k], `${name}[${start + k}]`).toBeCloseTo(value, 5);
      });
    expectClose("A_cat", 0, [0.598487, 0.470051, 0.512866, 0.580627, 0.448365, 0.488677]);
    expectClose("P_c", 0, [0.785709, 0.786868, 0.645493, 0.406974]);
    expectClose("P_a", 0, [0.661959, 0.598872, 0.368187, 0.231466]);
    expectClose("P_s", 0, [0.776631, 0.780071, 0.644095, 0.413731]);
    expectClose("P_r", 0, [0.725616, 0.413662, 0.385016, 0.587317]);
    expectClose(
      "w",
      0,
      [0.001064, 0.696355, 0.000705, 0.014218, 0.000164, 0.221812, 0.005113, 0.046583, 0.000156, 0.013828],
    );
    expectClose("w", 10, [0.082986, 0.372243, 0.049119, 0.009004]);
    expectClose("O", 0, [0.636156, 0.526465, 0.339585, 0.237907]);
    expectClose("O", 64 + 24, [0.099061, 0.091951, 0.072044, 0.053263]);
    expect(Array.from(found.O ?? []).reduce((sum, value) => sum + value, 0)).toBeCloseTo(27.11795, 5);
    // Absent parts speak nowhere.
    expect(found.P_a?.subarray(64).every((value) => value === 0)).toBe(true);
    expect(found.P_r?.subarray(64).every((value) => value === 0)).toBe(true);
  });
});

describe.each(readCases("test/fixtures/hulanet.json"))("PyTorch's results for $name", (each) => {
  const graph = graphOf(path, each);

  it("in float64", () => expectOutputs(evaluateCase(graph, each.inputs), each, 1e-6), 20_000);

  it.runIf(device !== undefined && each.name.match(/tiny|number/) !== null)("on the device", async () => {
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
