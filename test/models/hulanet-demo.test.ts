/** `weft demo hulanet`: what it tells and draws, and the mistakes of its user. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { demo } from "../../models/hulanet/demo.ts";
import { meansBy, type TestScores } from "../../models/hulanet/held-out-scores.ts";
import { regionScores, worldBatch } from "../../models/hulanet/world.ts";
import { overlapAbove } from "../../models/shared/mask-scores.ts";
import { blankPicture, pngBytes, readPicture } from "../../models/shared/pictures.ts";
import { type DemoContext, DemoInputError } from "../../src/demo.ts";
import { type DemoAnswer, type DemoSetting, demoContext } from "./demo-context.ts";

/** The word table of a network that knows few words. */
const parameters: DemoAnswer["parameters"] = [
  {
    path: "embed.weight",
    role: "param",
    type: { dtype: "f32", shape: [25, 16] },
    initialiser: { kind: "none" },
    origins: [],
  },
];

/** A network that marks the left half of the canvas. */
const answersOn =
  (side: number): DemoSetting["answers"] =>
  ({ entry, settings }): DemoAnswer => {
    const batch = Number(settings?.B);
    const O = new Float32Array((batch * side ** 2) / 16);
    if (entry !== "enlarged")
      return {
        outputs: {},
        parameters,
        results: { O, w: new Float32Array(10 * batch).fill(0.1), A_cat: new Float32Array(6 * batch) },
      };
    const enlarged = Float32Array.from({ length: batch * side ** 2 }, (_, k) => (k % side < side / 2 ? 0.45 : 0.1));
    return { outputs: {}, results: { enlarged } };
  };
const answers = answersOn(128);
const photo = pngBytes(blankPicture(64, 32, [200, 200, 200]));
const half = Array.from({ length: 128 * 128 }, (_, k) => (k % 128 < 64 ? 0.45 : 0.1));
const detection = {
  box: [8, 8, 24, 24],
  label: 5,
  score: 0.5,
  attributes: [0, 0, 0, 0, 1, 0],
  mask: Array(784).fill(1),
};
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("the demo", () => {
  it("draws its own sample, and knows its truth", async () => {
    const { context, said, values } = demoContext({ options: { sample: "4" }, answers });
    await demo.run(context);
    const { samples } = worldBatch(2, [4]);
    expect(values.get("phrase")).toBe(samples[0]?.phrase.replace(" the ", " "));
    const { intersection, union } = overlapAbove(half, 0.4, samples[0]?.region ?? []);
    expect(values.get("overlap")).toBe(intersection / union);
    expect(said.join("\n")).toContain("mixes c 0.10, a 0.10");
  });

  it("takes another phrase, whose region is not known", async () => {
    const options = { category: "ring", attributes: "small, red", relation: "left of", support: "box" };
    const { context, values, inputs } = demoContext({ options, answers });
    await demo.run(context);
    expect(values.get("phrase")).toBe("red small ring left of box");
    expect(values.has("overlap")).toBe(false);
    const { att_ids, rel_ids } = inputs[0] as unknown as Record<"att_ids" | "rel_ids", { data: Int32Array }>;
    expect([Array.from(att_ids.data), Array.from(rel_ids.data)]).toEqual([
      [17, 13],
      [19, 6],
    ]);
  });

  it("sees a picture through its detections, on a canvas", async () => {
    const options = { image: "a.png", detections: "found.json", category: "ring", threshold: "0.2" };
    const files = { "a.png": photo, "found.json": json([detection, { ...detection, label: 2 }]) };
    const { context, said, inputs, requests, folder } = demoContext({ options, files, answers });
    await demo.run(context);
    expect(requests[0]).toMatchObject({ entry: "segment_present", settings: { B: 1, K: 2 } });
    expect(Array.from((inputs[0] as unknown as { present: { data: Int32Array } }).present.data)).toEqual([1, 4]);
    // The picture covers 128 × 64 of the canvas of 128 × 128.
    expect(said.join("\n")).toContain('"ring" covers 4096 of 8192 pixels (O above 0.2)');
    const drawn = readPicture("out", readFileSync(join(folder, "hulanet.png")));
    expect([drawn.width, drawn.height]).toEqual([3 * 256 + 8, 128]);
  });

  it("works with the sizes of the paper", async () => {
    const options = { image: "a.png", detections: "found.json", category: "Car", attributes: "with red stripes" };
    const files = {
      "a.png": photo,
      "found.json": json([{ ...detection, label: 1272, attributes: Array(225).fill(0) }]),
    };
    const { context, inputs } = demoContext({ options, files, preset: "paper", answers: answersOn(512) });
    await demo.run(context);
    const { C, cat_ids, att_ids } = inputs[0] as unknown as Record<string, { shape: number[]; data: Int32Array }>;
    expect(C?.shape).toEqual([1, 1, 128, 128]);
    expect([Array.from(cat_ids?.data ?? []), Array.from(att_ids?.data ?? [])]).toEqual([
      [4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [5, 6, 7, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  it("scores as many samples as are asked for", async () => {
    const { context, values } = demoContext({ options: { test: "12" }, answers });
    await demo.run(context);
    const numbers = Array.from({ length: 12 }, (_, k) => k);
    const { samples } = worldBatch(2, numbers);
    const scores = regionScores(
      samples,
      samples.map(() => half),
    );
    expect(values.get("scores")).toMatchObject(scores);
    const { weights, attention } = values.get("scores") as TestScores;
    expect(Object.keys(weights).sort()).toEqual(Object.keys(scores.byKind).sort());
    expect(Object.keys(attention).sort()).toEqual(
      [...new Set(samples.map((each) => each.description.head.name))].sort(),
    );
  });

  it("takes means of the rows of each group", () => {
    const rows = [
      [1, 2],
      [10, 20],
      [3, 6],
    ];
    expect(meansBy(["a", "b", "a"], rows, ["x", "y"])).toEqual({ a: { x: 2, y: 4 }, b: { x: 10, y: 20 } });
  });

  const list = { image: "a.png", detections: "found.json", category: "ring" };
  it.each<[string, DemoContext["options"], RegExp, string?]>([
    ["a picture without detections", { image: "a.png" }, /--image and --detections go together/],
    ["a picture without a phrase", { image: "a.png", detections: "found.json" }, /say what is meant/],
    ["an empty picture", { ...list, image: "empty.png" }, /empty\.png is empty/],
    ["a damaged picture", { ...list, image: "cut.png" }, /cut\.png is a damaged PNG/],
    ["detections that are none", { ...list, detections: "a.png" }, /a\.png is no JSON/],
    [
      "detections of another detector",
      list,
      /`label` must be a whole number from 1 to 1272|`attributes` must be 225/,
      "paper",
    ],
    [
      "words of a larger network",
      { ...list, detections: "full.json", vocab: "words.txt" },
      /has number 34, and the word table of the network has 25/,
      "paper",
    ],
    ["an attribute alone", { attributes: "red" }, /say what the thing is called/],
    ["a relation to nothing", { category: "ring", relation: "above" }, /go together/],
    ["an empty category", { category: "" }, /the phrase has no category/],
    ["a word that is not in the world", { category: "sofa" }, /has no "sofa"; its words are/],
    ["a category of two words", { category: "red ring" }, /has 2 words, and there are 1 places/],
    ["a threshold above 1", { threshold: "40" }, /--threshold takes a number from 0 to 1/],
    ["a sample that is no number", { sample: "x" }, /--sample takes a whole number from 0/],
    ["the synthetic world for a large network", {}, /goes with --preset tiny/, "paper"],
    ["trained weights without their words", list, /--vocab/, "paper"],
  ])("refuses %s", async (what, options, message, preset) => {
    const files = {
      "a.png": photo,
      "empty.png": new Uint8Array(),
      "cut.png": photo.slice(0, 90),
      "found.json": json([detection]),
      "full.json": json([{ ...detection, attributes: Array(225).fill(0) }]),
      "words.txt": new TextEncoder().encode([...Array(30).keys(), "ring"].join("\n")),
    };
    const trained = what.startsWith("trained");
    const { context } = demoContext({ options, files, answers, trained, ...(preset && { preset }) });
    const error = await demo.run(context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
  });
});
