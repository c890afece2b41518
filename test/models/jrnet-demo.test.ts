/** `weft demo jrnet`: what it tells and draws, and the mistakes of its user. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { demo } from "../../models/jrnet/demo.ts";
import { worldBatch } from "../../models/jrnet/world.ts";
import { maskScores, overlapAbove } from "../../models/shared/mask-scores.ts";
import { blankPicture, pngBytes, readPicture } from "../../models/shared/pictures.ts";
import { type DemoContext, DemoInputError } from "../../src/demo.ts";
import { type DemoAnswer, type DemoSetting, demoContext } from "./demo-context.ts";

/** A network that marks the left half of every picture. */
const answers: DemoSetting["answers"] = ({ entry, settings }): DemoAnswer => {
  const [batch, height, width] = [settings?.B, settings?.H, settings?.W].map(Number) as [number, number, number];
  if (entry !== "enlarged") {
    const S = { dtype: "f32", shape: [batch, 32, 32] };
    return { outputs: { S }, results: { S: new Float32Array(batch * 32 * 32) } };
  }
  const marked = Float32Array.from({ length: batch * height * width }, (_, k) => (k % width < width / 2 ? 0.75 : 0.35));
  return { outputs: {}, results: { enlarged: marked } };
};
const photo = pngBytes(blankPicture(128, 64, [200, 200, 200]));
const halfOf64 = Array.from({ length: 64 * 64 }, (_, k) => (k % 64 < 32 ? 0.75 : 0.35));

describe("the demo", () => {
  it("draws its own sample, and knows its truth", async () => {
    const { context, values } = demoContext({ options: { sample: "4" }, answers });
    await demo.run(context);
    const { samples } = worldBatch(2, [4]);
    expect(values.get("phrase")).toBe(samples[0]?.phrase);
    expect(values.get("covered")).toBe(32 * 64);
    const { intersection, union } = overlapAbove(halfOf64, 0.4, samples[0]?.mask ?? []);
    expect(values.get("overlap")).toBe(intersection / union);
  });

  it("draws picture, map and mask side by side", async () => {
    const options = { image: "a.png", phrase: "red circle" };
    const { context, said, folder } = demoContext({ options, files: { "a.png": photo }, answers });
    await demo.run(context);
    expect(said.join("\n")).toContain('"red circle" covers 4096 of 8192 pixels');
    const drawn = readPicture("out", readFileSync(join(folder, "jrnet.png")));
    expect([drawn.width, drawn.height]).toEqual([3 * 256 + 8, 128]);
    const at = (x: number, y: number) =>
      Array.from(drawn.rgb.slice(3 * (y * drawn.width + x), 3 * (y * drawn.width + x) + 3));
    expect([at(10, 10), at(260 + 10, 60), at(260 + 200, 60), at(520 + 200, 60)]).toEqual([
      [200, 200, 200],
      [191, 191, 191],
      [89, 89, 89],
      [200, 200, 200],
    ]);
    expect(at(520 + 60, 60)).toEqual([215, 130, 120]);
  });

  it("takes word vectors where the network does", async () => {
    const rows = ["left", "man"].map((word, k) => `${word}${` ${k + 1}`.repeat(300)}`).join("\n");
    const files = { "a.png": photo, "glove.txt": new TextEncoder().encode(rows) };
    const options = { image: "a.png", phrase: "the left man", wordVectors: "glove.txt" };
    const { context, said, inputs, requests } = demoContext({
      options,
      files,
      preset: "paper",
      trained: true,
      answers,
    });
    await demo.run(context);
    expect(requests.map(({ entry }) => entry)).toEqual(["segment", "enlarged"]);
    expect(said.join("\n")).toContain("Without a vector, and therefore zero: the.");
    const { x, is_word } = inputs[0] as unknown as { x: { data: Float32Array }; is_word: { data: Uint8Array } };
    expect([x.data[0], x.data[300], x.data[600], x.data[900]]).toEqual([0, 1, 2, 0]);
    expect(Array.from(is_word.data.subarray(0, 4))).toEqual([1, 1, 1, 0]);
  });

  it("tells how many words it leaves out", async () => {
    const options = { image: "a.png", phrase: "very ".repeat(32) };
    const { context, said } = demoContext({ options, files: { "a.png": photo }, preset: "paper", answers });
    await demo.run(context);
    expect(said.join("\n")).toContain("The last 2 words are left out: the network reads 30.");
  });

  it("scores as many samples as are asked for", async () => {
    const { context, values } = demoContext({ options: { test: "30" }, answers });
    await demo.run(context);
    const numbers = Array.from({ length: 30 }, (_, k) => k);
    const overlaps = worldBatch(2, numbers).samples.map(({ mask }) => overlapAbove(halfOf64, 0.4, mask));
    expect(values.get("scores")).toMatchObject({ all: maskScores(overlaps) });
  });

  it.each<[string, DemoContext["options"], RegExp, string?]>([
    ["a picture without a phrase", { image: "a.png" }, /say which thing is meant/],
    ["an empty picture", { image: "empty.png", phrase: "x" }, /empty\.png is empty/],
    ["a damaged picture", { image: "cut.png", phrase: "x" }, /cut\.png is a damaged PNG/],
    ["an empty phrase", { phrase: "" }, /"" has no words/],
    ["words that it does not know", { phrase: "purple cow" }, /does not know "purple", "cow"; its words are/],
    ["a long phrase", { phrase: "circle ".repeat(40) }, /40 word pieces/],
    ["a sample that is no number", { sample: "-1" }, /--sample takes a whole number from 0/],
    ["no samples", { test: "0" }, /--test takes a whole number from 1/],
    ["two pictures", { image: "a.png", sample: "1", phrase: "x" }, /leave one out/],
    ["word vectors where it has its own", { wordVectors: "a.png" }, /has its own word vectors/],
    [
      "word vectors that are none",
      { image: "a.png", phrase: "x", wordVectors: "a.png" },
      /a\.png has none of the words/,
      "paper",
    ],
    ["trained weights without word vectors", { image: "a.png", phrase: "x" }, /--word-vectors/, "paper"],
    ["a test of a large network", { test: "3" }, /--test goes with --preset tiny/, "paper"],
    ["a preset that is none", {}, /no preset huge/, "huge"],
  ])("refuses %s", async (_, options, message, preset) => {
    const files = { "a.png": photo, "empty.png": new Uint8Array(), "cut.png": photo.slice(0, 90) };
    const { context } = demoContext({ options, files, answers, trained: true, ...(preset && { preset }) });
    const error = await demo.run(context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
  });
});
