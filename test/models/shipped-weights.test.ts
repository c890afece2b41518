/** The weights that come with the systems (models/NAME/tiny.safetensors) are those of their tiny networks, whole and finite. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { openWeights } from "../../src/runtime/node.ts";
import { elaborateModel, type ModelRequest } from "./compile-model.ts";
import { system } from "./tiny-systems.ts";

/** What each demo compiles. */
const demos: Readonly<Record<string, readonly ModelRequest[]>> = {
  jrnet: [{ path: system("jrnet"), entry: "segment_ids", settings: { B: 1 } }],
  hulanet: [{ path: system("hulanet"), entry: "segment", settings: { B: 1 } }],
  "ns-vqa": [
    { path: system("ns-vqa"), model: "QuestionParser", entry: "parse", settings: { B: 1, L: 6 } },
    { path: system("ns-vqa"), model: "AttributeNetwork", entry: "scores", settings: { B: 2, H: 64, W: 64 } },
  ],
  "onestage-grounding": [{ path: system("onestage-grounding"), entry: "ground", settings: { B: 1, L: 5 } }],
  sstvos: [
    {
      path: system("sstvos"),
      entry: "segment",
      settings: { n: 4, H: 65, W: 65, H0: 65, W0: 65 },
    },
  ],
  tap: [{ path: system("tap"), entry: "decode" }],
};

const shipped = Object.entries(demos).filter(([name]) => existsSync(`models/${name}/tiny.safetensors`));

test("some systems come with weights", () => expect(shipped.length).toBeGreaterThanOrEqual(3));

test.each(shipped)("%s", async (name, requests) => {
  const file = await openWeights(`models/${name}/tiny.safetensors`);
  try {
    const wanted = requests.flatMap((request) => elaborateModel({ preset: "tiny", ...request }).parameters);
    expect(wanted.length).toBeGreaterThan(10);
    for (const { path, type } of wanted) {
      expect(file.tensors.get(path)?.shape, path).toEqual(type.shape);
      const { data } = await file.read(path, "f32");
      expect(data.every(Number.isFinite), path).toBe(true);
    }
  } finally {
    await file.close();
  }
});
