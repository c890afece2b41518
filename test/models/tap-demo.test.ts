/** `weft demo tap` from files to an answer, on the reference evaluator. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { pngBytes, readPicture } from "../../models/shared/pictures.ts";
import { demo } from "../../models/tap/demo.ts";
import { pixels } from "../../models/tap/world/pictures.ts";
import { drawScene, drawScenePicture, worldAnswers } from "../../models/tap/world.ts";
import type { DemoContext } from "../../src/demo.ts";
import type { Values } from "./compile-model.ts";
import { evaluateTap, tapGraph } from "./tap-reference.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-tap-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the demo; what it printed and reported. */
async function run(options: DemoContext["options"], preset = "tiny") {
  const lines: string[] = [];
  const values: Record<string, unknown> = {};
  const path = join(folder, "answer.png");
  await demo.run({
    preset,
    seed: 0,
    trained: false,
    options,
    outputPath: () => path,
    readFile: (name) => readFileSync(name),
    compile: async ({ entry }) => ({
      outputs: {},
      parameters: [],
      dispatches: 0,
      run: async (_, inputs) => {
        const given = inputs as Readonly<Record<string, Values>>;
        const results = evaluateTap(tapGraph(entry, given), given);
        return Object.fromEntries(Object.entries(results).map(([name, data]) => [name, Float32Array.from(data)]));
      },
    }),
    stage: async (_, work) => work(),
    print: (line) => lines.push(line),
    report: (name, value) => {
      values[name] = value;
    },
  });
  return { lines, values, picture: readPicture("answer.png", readFileSync(path)) };
}

it("answers a question about a synthetic scene, in both ways of decoding alike", async () => {
  const { values, lines, picture } = await run({});
  const cached = await run({ cached: true });
  expect(cached.values.indices).toEqual(values.indices);
  expect(lines.map((line) => line.split(" ")[0])).toEqual(["question", "tokens", "answer", "right", "picture"]);
  expect(picture.height).toBeGreaterThan(drawScenePicture(drawScene(0, "demo")).height);
});

it("answers a question about a picture and its detections in files as about the scene itself", async () => {
  const scene = drawScene(0, "demo");
  const image = drawScenePicture(scene);
  const file = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const regionOf = ({ box, fc6 }: { box: readonly number[]; fc6: Float32Array }) => ({
    box: pixels(box as [number, number, number, number], image),
    fc6: [...fc6],
  });
  const regions = file(
    "regions.json",
    JSON.stringify({
      objects: scene.objects.map((each) => ({ name: each.name, ...regionOf(each) })),
      tokens: scene.tokens.map((each) => ({ text: each.text, ...regionOf(each) })),
    }),
  );
  const question = "which object has the word nak ?";
  const fromFiles = await run({ image: file("scene.png", pngBytes(image)), regions, question });
  const fromWorld = await run({ question });
  expect(fromFiles.values.indices).toEqual(fromWorld.values.indices);
  expect(fromFiles.values.right).toBeUndefined();
  await expect(run({ image: file("bad.png", "no picture"), regions, question })).rejects.toThrow(/bad.png is neither/);
  await expect(run({ image: file("empty.png", ""), regions, question })).rejects.toThrow(/empty.png is empty/);
});

it.each<[string, DemoContext["options"], string, RegExp]>([
  ["an empty question", { question: " " }, "tiny", /the question is empty/],
  [
    "a question that is too long",
    { question: "what ".repeat(11) },
    "tiny",
    /has 11 word pieces, and the network reads 10/,
  ],
  ["an image alone", { image: "x.png" }, "tiny", /give --regions.*\n.*give --question/],
  ["regions alone", { regions: "x.json", question: "what ?" }, "tiny", /give --image/],
  ["the synthetic world for the full network", {}, "paper", /of preset tiny; give --image/],
  ["no vocabulary", { image: "x.png", regions: "x.json", question: "what ?" }, "paper", /give --vocabulary/],
  ["an unknown preset", {}, "huge", /there is no preset huge; there are paper and tiny/],
])("refuses %s", async (_name, options, preset, message) => {
  await expect(run(options, preset)).rejects.toThrow(message);
});

it("has answers for all classes", () => expect(worldAnswers.slice(6)).toHaveLength(12));
