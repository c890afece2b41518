/** The tiny networks of NS-VQA, their losses and gradients, and the published preparation, against scripts/compare-ns-vqa.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishedInput } from "../../models/ns-vqa/objects.ts";
import type { Picture } from "../../models/shared/pictures.ts";
import { resizeSmooth } from "../../models/shared/resizing.ts";
import { checkSource, elaborateProgram, withGradients } from "../../src/compile.ts";
import { elementCount } from "../../src/ir/index.ts";
import { testDevice } from "../codegen/on-device.ts";
import { differences, sourceReader, type Values } from "./compile-model.ts";
import { evaluateCase, hashed, runCase } from "./hashed-weights.ts";

type Stored = { readonly shape: readonly number[]; readonly data?: readonly number[]; readonly hashed?: string };

interface Fixture {
  readonly cases: readonly {
    readonly name: string;
    readonly entry: string;
    readonly training: boolean;
    readonly inputs: Readonly<Record<string, Stored>>;
    readonly outputs: Readonly<Record<string, Values>>;
  }[];
  readonly preparation: {
    readonly width: number;
    readonly height: number;
    readonly places: readonly number[];
    readonly values: readonly number[];
    readonly shrunk: { readonly width: number; readonly height: number; readonly rgb: readonly number[] };
  };
}

const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/ns-vqa.json"), "utf8"),
) as unknown as Fixture;
const program = checkSource("models/ns-vqa/ns-vqa.weft", sourceReader());
const device = await testDevice();

/** The graph of a case with its gradients, and its inputs. */
function prepared({ entry: path, training, inputs: stored, outputs }: Fixture["cases"][number]) {
  const [model, entry] = path.split(".") as [string, string];
  const inputs = Object.fromEntries(
    Object.entries(stored).map(([name, { shape, data, hashed: from }]) => [
      name,
      { shape, data: data ?? hashed(from ?? "", elementCount(shape)) },
    ]),
  );
  const inputShapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const request = { model, preset: "tiny", entry, inputShapes, training, withWritten: training };
  const { value, diagnostics } = elaborateProgram(program, request);
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  const gradient = Object.keys(outputs).flatMap((name) => name.match(/^gradient\((.*)\)$/)?.[1] ?? []);
  const loss = value.graph.outputs[0]?.name;
  return { inputs, graph: gradient.length === 0 ? value.graph : withGradients(value, { gradient, loss }) };
}

describe.each(fixture.cases)("$name", (each) => {
  it("is what PyTorch computes", () => {
    const { graph, inputs } = prepared(each);
    const results = evaluateCase(graph, inputs);
    for (const [name, { data }] of Object.entries(each.outputs)) {
      expect(differences(results[name] ?? [], data).relative, name).toBeLessThan(1e-5);
    }
  });
});

describe.runIf(device)("on the device", () => {
  it.each(fixture.cases.filter(({ name }) => name === "scores" || name === "parse"))("$name agrees", async (each) => {
    const { graph, inputs } = prepared(each);
    if (device === undefined) return;
    const results = await runCase(device, graph, inputs);
    for (const [name, { data }] of Object.entries(each.outputs)) {
      expect(differences(results[name] ?? [], data).relative, name).toBeLessThan(1e-4);
    }
  });
});

describe("the published preparation", () => {
  const { width, height, places, values, shrunk } = fixture.preparation;
  const rgb = Uint8Array.from(hashed("picture", 3 * width * height), (value) => Math.floor((value + 1) * 127.5));
  const picture: Picture = { width, height, rgb };

  it("shrinks pictures as Pillow does", () => {
    const got = resizeSmooth(picture, shrunk.width, shrunk.height);
    expect(Array.from(got.rgb)).toEqual(shrunk.rgb);
  });

  it("puts the masked and the whole picture on the canvas", () => {
    const mask = Uint8Array.from({ length: width * height }, (_, pixel) => {
      const [row, column] = [Math.floor(pixel / width), pixel % width];
      return Number(row >= 8 && row < 30 && column >= 20 && column < 45);
    });
    const { shape, data } = publishedInput(picture, [{ box: [20, 8, 45, 30], mask }]);
    expect(shape).toEqual([1, 6, 224, 224]);
    places.forEach((place, k) => {
      expect(data[place]).toBeCloseTo(values[k] as number, 5);
    });
  });
});
