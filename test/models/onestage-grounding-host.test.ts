/** What goes into the grounding network and comes out of it: preparation, scores, and the demo with mistakes of the user. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readVocabulary } from "../../models/bert/wordpiece.ts";
import { demo } from "../../models/onestage-grounding/demo.ts";
import { inputForm, prepare, smallVocabulary } from "../../models/onestage-grounding/preparation.ts";
import { groundingScores, intersectionOverUnion, worldBatch } from "../../models/onestage-grounding/scores.ts";
import { blankPicture, pngBytes, readPicture } from "../../models/shared/pictures.ts";
import { uniqueSample } from "../../models/shared/refworld/unique.ts";
import { type DemoContext, DemoInputError } from "../../src/demo.ts";

describe("preparation", () => {
  it("letterboxes, normalises and encodes as published", () => {
    const inputs = prepare(
      blankPicture(512, 256, [124, 116, 104]),
      "Square above the green square",
      smallVocabulary(),
      {
        ...inputForm("paper"),
        length: 12,
      },
    );
    expect(inputs.image.shape).toEqual([1, 3, 256, 256]);
    expect(inputs.image.data[0]).toBeCloseTo((124 / 255 - 0.485) / 0.229, 6);
    expect(Array.from(inputs.input_ids.data)).toEqual([2, 8, 21, 5, 14, 8, 3, 0, 0, 0, 0, 0]);
    expect(Array.from(inputs.attention_mask.data)).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
    expect(inputs.unknown).toEqual([]);
  });

  it("leaves pictures of the synthetic world as they are", () => {
    const { picture, phrase } = uniqueSample(1, 0);
    const { image, box } = prepare(picture, phrase, smallVocabulary(), inputForm("tiny"));
    expect(box.picture).toEqual(picture);
    expect(Array.from(image.data)).toEqual(Array.from(worldBatch(1, [0]).image));
    expect(image.data[0]).toBeCloseTo((picture.rgb[0]! / 255 - 0.5) / 0.25, 6);
  });

  it("tells unknown words, and refuses phrases that are empty or too long", () => {
    const picture = blankPicture(9, 9, [0, 0, 0]);
    const of = (phrase: string) => prepare(picture, phrase, smallVocabulary(), inputForm("tiny"));
    expect(of("purple circle above purple square").unknown).toEqual(["purple"]);
    for (const empty of ["", "  \t"]) expect(() => of(empty)).toThrow(/the phrase is empty/);
    expect(() => of("the ".repeat(11))).toThrow(/11 word pieces and the network takes 10/);
    expect(() => of("the ".repeat(11))).toThrow(DemoInputError);
    expect(of("the ".repeat(10)).input_ids.data.length).toBe(12);
  });
});

describe("scores", () => {
  it("measure overlap", () => {
    expect(intersectionOverUnion([0, 0, 2, 2], [1, 0, 3, 2])).toBeCloseTo(1 / 3, 12);
    expect(intersectionOverUnion([0, 0, 2, 2], [2, 0, 3, 2])).toBe(0);
    expect(intersectionOverUnion([1, 1, 1, 1], [1, 1, 1, 1])).toBe(0);
    expect(intersectionOverUnion([3, 3, 1, 1], [0, 0, 4, 4])).toBe(0);
  });

  it("count boxes with more than half, by the kind of the phrase", () => {
    const { samples, box } = worldBatch(2, [0, 1, 2, 3, 4, 5, 6, 7]);
    const perfect = groundingScores(samples, box);
    expect(perfect).toEqual({ accuracy: 1, attributeAccuracy: 1, relationAccuracy: 1, meanOverlap: 1 });
    const relation = samples.findIndex(({ kind }) => kind === "relation");
    const relations = samples.filter(({ kind }) => kind === "relation").length;
    const missed = box.map((edge, k) => (Math.floor(k / 4) === relation ? 0 : edge));
    const scores = groundingScores(samples, missed);
    expect(scores.accuracy).toBe(7 / 8);
    expect(scores.attributeAccuracy).toBe(1);
    expect(scores.relationAccuracy).toBeCloseTo(1 - 1 / relations, 12);
  });
});

describe("the demo", () => {
  /** A context whose network says one box, in pixels of its own picture. */
  function contextOf(
    options: DemoContext["options"],
    files: Readonly<Record<string, Uint8Array>> = {},
    preset = "tiny",
  ) {
    const said: string[] = [];
    const values = new Map<string, unknown>();
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    const context: DemoContext = {
      preset,
      seed: 0,
      trained: true,
      options,
      outputPath: (name) => join(folder, name),
      readFile: (path) => {
        const bytes = files[path];
        if (bytes === undefined) throw new Error(`cannot read ${path}`);
        return bytes;
      },
      compile: async ({ settings }) => {
        const batch = Number(settings?.B);
        return {
          outputs: {},
          parameters: [
            {
              path: "textmodel.embeddings.word_embeddings.weight",
              role: "param",
              type: { dtype: "f32", shape: [25, 64] },
              initialiser: { kind: "none" },
              origins: [],
            },
          ],
          dispatches: 1,
          run: async () => ({
            box: Float32Array.from({ length: 4 * batch }, (_, k) => [16, 16, 48, 32][k % 4]!),
            confidence: new Float32Array(batch).fill(0.5),
          }),
        };
      },
      stage: async (_, work) => work(),
      print: (line) => said.push(line),
      report: (name, value) => values.set(name, value),
    };
    return { context, said, values, folder };
  }
  const photo = pngBytes(blankPicture(128, 64, [200, 200, 200]));

  it("gives the box in pixels of the picture, and draws it", async () => {
    const { context, said, values, folder } = contextOf({ image: "a.png", phrase: "red circle" }, { "a.png": photo });
    await demo.run(context);
    // 64 pixels for 128, and a border of 16 above: (16, 16) is (32, 0), (48, 32) is (96, 32).
    expect(values.get("box")).toEqual([32, 0, 96, 32]);
    expect(said.join("\n")).toMatch(/"red circle" is at \(32\.0, 0\.0, 96\.0, 32\.0\)/);
    const drawn = readPicture("out", readFileSync(join(folder, "onestage-grounding.png")));
    expect([drawn.width, drawn.height]).toEqual([384, 192]);
    const at = (x: number, y: number) => Array.from(drawn.rgb.slice(3 * (y * 384 + x), 3 * (y * 384 + x) + 3));
    expect(at(96, 50)).toEqual([230, 60, 40]);
    expect(at(90, 50)).toEqual([200, 200, 200]);
  });

  it("draws its own sample, and knows its truth", async () => {
    const { context, values } = contextOf({ sample: "4" });
    await demo.run(context);
    const sample = uniqueSample(2, 4);
    expect(values.get("phrase")).toBe(sample.phrase);
    expect(values.get("overlap")).toBe(intersectionOverUnion([16, 16, 48, 32], sample.box));
  });

  it("scores as many samples as are asked for", async () => {
    const { context, values } = contextOf({ test: "60" });
    await demo.run(context);
    const { samples } = worldBatch(
      2,
      Array.from({ length: 60 }, (_, k) => k),
    );
    const boxes = samples.flatMap(() => [16, 16, 48, 32]);
    expect(values.get("scores")).toEqual(groundingScores(samples, boxes));
  });

  const long = readVocabulary(
    Array.from({ length: 30 }, (_, k) => ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"][k] ?? `w${k}`).join("\n"),
  );
  const vocab = Buffer.from(long.pieces.join("\n"));
  it.each<[string, DemoContext["options"], RegExp]>([
    ["a picture without a phrase", { image: "a.png" }, /say which thing is meant/],
    ["an empty picture", { image: "empty.png", phrase: "x" }, /empty\.png is empty/],
    ["a damaged picture", { image: "cut.png", phrase: "x" }, /cut\.png is a damaged PNG/],
    ["an empty phrase", { phrase: "" }, /the phrase is empty/],
    ["a long phrase", { phrase: "circle ".repeat(40) }, /40 word pieces and the network takes 10/],
    ["a sample that is no number", { sample: "-1" }, /--sample takes a whole number from 0/],
    ["no samples", { test: "0" }, /--test takes a whole number from 1/],
    ["two pictures", { image: "a.png", sample: "1", phrase: "x" }, /leave one out/],
    ["a vocabulary that is none", { vocab: "a.png" }, /^a\.png: /],
    [
      "a vocabulary of another model",
      { vocab: "long.txt" },
      /has 30 pieces and the model \(preset tiny\) a table of 25/,
    ],
  ])("refuses %s", async (_, options, message) => {
    const files = { "a.png": photo, "empty.png": new Uint8Array(), "cut.png": photo.slice(0, 90), "long.txt": vocab };
    const { context } = contextOf(options, files);
    const error = await demo.run(context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
  });
});
