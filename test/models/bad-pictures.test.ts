/** Every demo that takes a picture answers a picture it cannot use with what is wrong, and takes the unusual ones that it can. */
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { demo as hulanet } from "../../models/hulanet/demo.ts";
import { demo as jrnet } from "../../models/jrnet/demo.ts";
import { demo as maskRCNN } from "../../models/mask-rcnn/demo.ts";
import { demo as nsVqa } from "../../models/ns-vqa/demo.ts";
import { blankPicture, pngBytes } from "../../models/shared/pictures.ts";
import { type DemoContext, DemoInputError } from "../../src/demo.ts";
import { type DemoAnswer, type DemoSetting, demoContext } from "./demo-context.ts";

const file = "picture.png";
const detection = {
  box: [8, 8, 24, 24],
  label: 5,
  score: 0.5,
  attributes: Array(6).fill(0.5),
  mask: Array(784).fill(1),
};
const found = new TextEncoder().encode(JSON.stringify([detection]));

/** What networks give that see nothing anywhere. */
const nothing: DemoSetting["answers"] = ({ entry, settings }): DemoAnswer => {
  const [B, H, W] = [settings?.B ?? 1, settings?.H ?? 128, settings?.W ?? 128].map(Number) as [number, number, number];
  const count = Int32Array.of(0);
  const seen = { boxes: new Float32Array(0), labels: new Int32Array(0), scores: new Float32Array(0), count };
  if (entry === "detect") return { outputs: {}, results: seen };
  if (entry === "parse") return { outputs: {}, results: { programs: Int32Array.of(4, 41, 2) } };
  if (entry === "enlarged") return { outputs: {}, results: { enlarged: new Float32Array(B * H * W) } };
  const S = { dtype: "f32", shape: [B, 32, 32] };
  return { outputs: { S }, results: { S: new Float32Array(1024), O: new Float32Array(1024) } };
};

const demos = [
  ["jrnet", jrnet, { phrase: "red circle" }],
  ["hulanet", hulanet, { detections: "found.json", category: "ring" }],
  ["ns-vqa", nsVqa, { question: "how many cubes are there" }],
  ["mask-rcnn", maskRCNN, {}],
] as const;

function show(demo: (typeof demos)[number][1], options: DemoContext["options"], bytes: Uint8Array) {
  const setting = { options: { ...options, image: file }, files: { [file]: bytes, "found.json": found } };
  const record = demoContext({ ...setting, answers: nothing });
  return demo.run(record.context).then(() => record);
}

const whole = pngBytes(blankPicture(40, 30, [90, 100, 110]));

/** The header of a PNG file that claims a size. */
function claiming(width: number, height: number): Uint8Array {
  const bytes = Uint8Array.from(whole);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

/** A PNG file of 2 × 2 pixels in another form: color type 0 gray, 2 colours, 4 and 6 the same with transparency. */
function png(colorType: 0 | 2 | 4 | 6, bitDepth: 8 | 16): Uint8Array {
  const data = Uint8Array.from({ length: 16 }, (_, k) => (k % 4 === 3 && colorType >= 4 ? 60 : 40 * (k >> 2)));
  const samples = bitDepth === 8 ? Buffer.from(data) : Buffer.from(Uint16Array.from(data, (v) => 257 * v).buffer);
  const source = { width: 2, height: 2, data: samples } as unknown as PNG;
  return PNG.sync.write(source, { colorType, bitDepth, inputHasAlpha: true });
}

describe.each(demos)("%s", (_, demo, options) => {
  it.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(), /picture\.png is empty/],
    ["a file that is no picture", new TextEncoder().encode("GIF89a"), /picture\.png is neither a PNG nor a JPEG/],
    ["a file that ends early", whole.slice(0, 60), /picture\.png is a damaged PNG/],
    ["a file with a wrong byte", whole.map((byte, k) => (k === 45 ? byte ^ 255 : byte)), /is a damaged PNG/],
    ["20,000 × 20,000 pixels", claiming(20_000, 20_000), /20000 × 20000 pixels, more than the 50 million/],
    ["no pixels", claiming(0, 30), /0 × 30 pixels, so there is nothing to see/],
  ])("refuses %s", async (_, bytes, message) => {
    const error = await show(demo, options, bytes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
  });

  it.each([
    ["a gray picture", png(0, 8)],
    ["a gray picture of 16 bits", png(0, 16)],
    ["a picture of 16 bits", png(2, 16)],
    ["a gray picture with transparency", png(4, 8)],
    ["a picture with transparency", png(6, 8)],
    ["a picture of one pixel", pngBytes(blankPicture(1, 1, [0, 0, 0]))],
  ])("takes %s", async (_, bytes) => {
    const { inputs, said } = await show(demo, options, bytes);
    expect(said.length).toBeGreaterThan(0);
    for (const given of inputs) {
      for (const value of Object.values(given)) {
        const data = "data" in value ? value.data : value;
        expect(Array.from(data as ArrayLike<number>).every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe("mask-rcnn", () => {
  it.each<[string, DemoContext["options"], RegExp]>([
    ["a score above 1", { least: "2" }, /--least takes a number from 0 to 1, not "2"/],
    ["an empty score", { least: "" }, /--least takes a number from 0 to 1/],
    ["a picture too long for its network", { image: "long.png" }, /would become .* cut it to a less extreme shape/],
  ])("refuses %s", async (_, options, message) => {
    const long = pngBytes(blankPicture(3000, 1, [0, 0, 0]));
    const { context } = demoContext({ options, files: { "long.png": long }, answers: nothing });
    const error = await maskRCNN.run(context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
  });

  it("tells what it sees in its own scene", async () => {
    const seen = {
      boxes: Float32Array.of(10, 10, 40, 40, 60, 20, 90, 50),
      labels: Int32Array.of(1, 3),
      scores: Float32Array.of(0.95, 0.4),
      masks: new Float32Array(2 * 784).fill(1),
      count: Int32Array.of(2),
    };
    const type = { dtype: "f32", shape: [4] } as const;
    const path = "roi_heads.box_predictor.cls_score.bias";
    const parameters = [{ path, role: "param", type, initialiser: { kind: "none" }, origins: [] }] as const;
    const answers = () => ({ outputs: {}, parameters, results: seen });
    const { context, values, said } = demoContext({ options: {}, answers });
    await maskRCNN.run(context);
    expect(said.join("\n")).toContain("1 of 2 detections have a score of at least 0.5");
    const [first] = values.get("detections") as readonly { box: readonly number[]; label: number }[];
    expect(first).toMatchObject({ box: [10, 10, 40, 40], label: 1 });
  });
});
