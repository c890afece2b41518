/** From attribute scores and detector classes to scene tables, the data that training reads, and the demo with its users' mistakes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { clevrNames, shapeNames } from "../../models/mask-rcnn/class-names.ts";
import { attributeTargets, looksOfClass, sceneOf } from "../../models/ns-vqa/attributes.ts";
import { cutoutBatches, cutoutSide } from "../../models/ns-vqa/cutout-data.ts";
import { demo } from "../../models/ns-vqa/demo.ts";
import { objectBatches } from "../../models/ns-vqa/object-data.ts";
import { plainInput, withoutDuplicates } from "../../models/ns-vqa/objects.ts";
import { questionBatches, questionTable } from "../../models/ns-vqa/question-data.ts";
import { decode, encode, programWords, wordId } from "../../models/ns-vqa/vocabulary.ts";
import {
  drawPicture,
  drawScene,
  drawWorld,
  objectInputs,
  questionPlaces,
  worldQuestionWords,
} from "../../models/ns-vqa/world.ts";
import { blankPicture, pngBytes } from "../../models/shared/pictures.ts";
import { type DemoContext, DemoInputError } from "../../src/demo.ts";
import type { Batch } from "../../src/train/index.ts";
import { type DemoAnswer, type DemoSetting, demoContext } from "./demo-context.ts";

const scenes = Array.from({ length: 6 }, (_, number) => drawScene(7, "test", number));

describe("attributes", () => {
  it("are read back from their targets", () => {
    for (const scene of scenes) {
      const scores = scene.flatMap((object) => Array.from(attributeTargets(object)));
      const rows = scene.map(({ angle: _, ...object }, k) => ({
        ...object,
        id: `3-${k}`,
        position: object.position.map(Math.fround),
      }));
      expect(sceneOf(scores, 3)).toEqual(rows);
    }
  });

  it("have the published places", () => {
    const object = {
      position: [1.5, -2, 0.5],
      color: "yellow",
      material: "metal",
      shape: "cube",
      size: "small",
    } as const;
    expect(Array.from(attributeTargets(object))).toEqual([0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1.5, -2, 0.5]);
  });

  it("give way to what the detector says", () => {
    const object = { position: [0, 0, 0], color: "red", material: "metal", shape: "cube", size: "small" } as const;
    const scores = attributeTargets(object);
    expect(sceneOf(scores, 0, [{ shape: "sphere" }])).toEqual([{ ...object, id: "0-0", shape: "sphere" }]);
    const looks = { color: "blue", material: "rubber", shape: "cylinder" } as const;
    expect(sceneOf(scores, 0, [looks])).toEqual([{ ...object, id: "0-0", ...looks }]);
    expect(() => sceneOf(scores, 0, [])).toThrow(RangeError);
    expect(() => sceneOf(scores.subarray(1))).toThrow(RangeError);
  });

  it("of the detector's classes have their names", () => {
    for (let label = 1; label <= 48; label++) {
      const { color, material, shape } = looksOfClass(label, 49);
      expect(`${color} ${material} ${shape}`).toBe(clevrNames[label]);
    }
    for (let label = 1; label <= 3; label++) expect(looksOfClass(label, 4)).toEqual({ shape: shapeNames[label] });
    for (const [label, classes] of [
      [0, 49],
      [49, 49],
      [4, 4],
      [1, 91],
    ] as const) {
      expect(() => looksOfClass(label, classes)).toThrow(RangeError);
    }
  });
});

describe("objects", () => {
  it("become the same input from a picture as in training, but for 8 bits", () => {
    const [scene] = scenes as [(typeof scenes)[0]];
    const { pixels, masks, boxes } = drawPicture(scene, 7, "test0");
    const rgb = new Uint8Array(pixels.length);
    const plane = pixels.length / 3;
    pixels.forEach((value, place) => {
      rgb[3 * (place % plane) + Math.floor(place / plane)] = Math.round(255 * value);
    });
    const seen = masks.map((mask, k) => {
      const box = boxes[k] as (typeof boxes)[0];
      return { box: [box.left, box.top, box.right, box.bottom] as const, mask };
    });
    const { shape, data } = plainInput({ width: 144, height: 96, rgb }, seen);
    expect(shape).toEqual([scene.length, 6, 96, 144]);
    const inputs = objectInputs({ size: { width: 144, height: 96 }, pixels, masks, boxes });
    inputs.forEach((input, k) => {
      const off = input.map((value, place) => Math.abs(value - (data[k * input.length + place] as number)));
      expect(
        Math.max(
          ...off.subarray(0, 5000),
          off.reduce((a, b) => Math.max(a, b), 0),
        ),
      ).toBeLessThan(0.5 / 255 + 1e-6);
    });
  });

  it("are kept once", () => {
    const mask = (from: number, to: number) => Uint8Array.from({ length: 10 }, (_, k) => Number(k >= from && k < to));
    const box = [0, 0, 10, 1] as const;
    const [large, inside, beside, half] = [mask(0, 6), mask(1, 3), mask(6, 9), mask(4, 8)].map((m) => ({
      box,
      mask: m,
    }));
    // Half of `half` lies in `large`, which is not more than half.
    expect(withoutDuplicates([large, inside, half, beside].flatMap((each) => each ?? []))).toEqual([large, half]);
    expect(withoutDuplicates([inside, large].flatMap((each) => each ?? []))).toEqual([inside]);
  });
});

describe("training data", () => {
  it("of questions are their words and programs", () => {
    const { questions } = drawWorld({ seed: 2, split: "train", scenes: 10, questions: 20 });
    const { fields, examples } = questionTable(questions);
    expect(examples).toBe(20);
    const programs = fields.get("programs");
    questions.forEach(({ program }, row) => {
      const ids = Array.from(programs?.data.subarray(27 * row, 27 * (row + 1)) ?? []);
      const written = decode(ids, programWords).filter((word) => word !== "<NULL>");
      expect(written).toEqual(["<START>", ...program, "<END>"]);
    });
  });

  it("of objects depend on the number of the batch alone", () => {
    const batches = objectBatches(20);
    const first = batches({ seed: 4, batch: 3, from: 0 });
    first.next();
    const second = first.next().value;
    expect(batches({ seed: 4, batch: 3, from: 1 }).next().value).toEqual(second);
    expect(second?.objects.shape).toEqual([3, 6, 96, 144]);
    expect(second?.targets.shape).toEqual([3, 18]);
  }, 60_000);

  it("of cutouts hold the whole object, and no coordinates", () => {
    const request = { seed: 4, batch: 40, from: 2 };
    const cutouts = cutoutBatches(20)(request).next().value;
    const whole = objectBatches(20)(request).next().value;
    expect(cutouts?.objects.shape).toEqual([40, 6, cutoutSide, cutoutSide]);
    const targets = whole?.targets?.data.map((value: number, place: number) => (place % 18 < 15 ? value : 0));
    expect(cutouts?.targets.data).toEqual(targets);
    // The masked picture, outside of which there are zeros, is only moved: its pixels are the same in the same order.
    const seen = (data: ArrayLike<number> | undefined, row: number, plane: number) =>
      Array.from({ length: 3 * plane }, (_, place) => data?.[6 * plane * row + place]).filter((value) => value !== 0);
    for (let row = 0; row < 40; row++) {
      const found = seen(cutouts?.objects.data, row, cutoutSide ** 2);
      expect(found.length).toBeGreaterThanOrEqual(3 * 20);
      expect(found).toEqual(seen(whole?.objects.data, row, 96 * 144));
    }
  }, 60_000);

  it("of long questions have those that the short ones leave out", () => {
    const world = { seed: 1, split: "train", scenes: 30, questions: 300 } as const;
    const places = Math.max(...drawWorld(world).questions.map(({ words }) => words.length + 2));
    const longest = (most: number) => {
      const { questions } = questionBatches(most, world)({ seed: 1, batch: 300, from: 0 }).next().value as Batch;
      expect(questions?.shape).toEqual([300, most]);
      const lengths = Array.from({ length: 300 }, (_, row) =>
        Array.from(questions?.data.subarray(row * most, (row + 1) * most) ?? []).indexOf(wordId.end),
      );
      expect(Math.min(...lengths)).toBeGreaterThan(0);
      return Math.max(...lengths) + 1;
    };
    expect(places).toBeGreaterThan(34);
    expect(longest(34)).toBeLessThanOrEqual(34);
    expect(longest(questionPlaces)).toBe(places);
  });
});

/** Networks that know the demo's scene of sample 2 and write the program of its question. */
const truth = () => {
  const world = drawWorld({ seed: 0, split: "test", scenes: 20, questions: 20 });
  const question = world.questions[2] as (typeof world.questions)[0];
  return { question, scene: world.scenes[question.scene] as (typeof world.scenes)[0] };
};
const programIds = (program: readonly string[]) => encode(program, programWords, 27).slice(1);
const knowing =
  (program: readonly string[]): DemoSetting["answers"] =>
  ({ model, settings }): DemoAnswer => {
    if (model === "QuestionParser") return { outputs: {}, results: { programs: programIds(program) } };
    const { scene } = truth();
    if (model === "AttributeNetwork") {
      const scores = Float32Array.from(
        scene.slice(0, Number(settings?.B)).flatMap((o) => Array.from(attributeTargets(o))),
      );
      return { outputs: {}, results: { scores } };
    }
    const boxes = Float32Array.from([10, 10, 40, 40, 60, 20, 90, 50]);
    const masks = new Float32Array(2 * 784).fill(1);
    const count = Int32Array.of(2);
    return {
      outputs: {},
      results: { boxes, labels: Int32Array.of(1, 2), scores: Float32Array.of(0.95, 0.4), masks, count },
    };
  };

describe("the demo", () => {
  it("answers its own question from true boxes", async () => {
    const { question, scene } = truth();
    const { context, values, said, folder, inputs } = demoContext({
      options: { trueScene: true },
      answers: knowing(question.program),
    });
    await demo.run(context);
    expect(values.get("answer")).toBe(question.answer);
    expect(values.get("trueAnswer")).toBe(question.answer);
    expect(values.get("scene")).toHaveLength(scene.length);
    expect(said).toContain(`program: ${question.program.join(" ")}`);
    expect(existsSync(join(folder, "ns-vqa.png"))).toBe(true);
    const asked = (inputs[1] as unknown as { questions: { data: Int32Array } }).questions.data;
    expect(decode(asked, worldQuestionWords).filter((word) => word !== "<NULL>")).toEqual([
      "<START>",
      ...question.words,
      "<END>",
    ]);
  });

  const classBias: NonNullable<DemoAnswer["parameters"]>[number] = {
    path: "roi_heads.box_predictor.cls_score.bias",
    role: "param",
    type: { dtype: "f32", shape: [49] },
    initialiser: { kind: "none" },
    origins: [],
  };

  it("draws its scene in the size of CLEVR for the published networks, whose detector enlarges it", async () => {
    for (const [side, sizes, detectron] of [
      [undefined, [800, 1200], false],
      ["320", [320, 480], false],
      [undefined, [800, 1200], true],
    ] as const) {
      const options = { ...(side && { side }), ...(detectron && { detectron }) };
      const { context, inputs, requests } = demoContext({
        options,
        preset: "paper",
        answers: (request) => ({ ...knowing(["count", "scene"])(request), parameters: [classBias] }),
      });
      await demo.run(context);
      const [detector, attributes] = inputs as readonly Record<
        string,
        { shape: readonly number[]; data: Float32Array }
      >[];
      expect(Array.from(detector?.sizes?.data ?? [])).toEqual(sizes);
      expect(requests[0]).toMatchObject({ preset: detectron ? "detectron" : "clevr", entry: "detect" });
      expect(requests[0]?.settings?.scale).toBe(detectron ? 2.5 : undefined);
      // Of the two objects that the network gives, one is sure enough.
      expect(attributes?.objects?.shape).toEqual([1, 6, 224, 224]);
    }
  });

  it("knows the words of all its questions", async () => {
    const { questions } = drawWorld({ seed: 0, split: "test", scenes: 20, questions: 20 });
    const sample = String(questions.findIndex(({ words }) => words.includes(";")));
    for (const question of [undefined, "There is another  ball with the same size as the cube; what is its color?"]) {
      const options = { trueScene: true, sample, ...(question && { question }) };
      const { context, said } = demoContext({ options, answers: knowing(["count", "scene"]) });
      await demo.run(context);
      expect(said.join("\n")).not.toContain("does not know");
    }
  });

  it("tells the reason where a program cannot be run", async () => {
    const { context, said } = demoContext({
      options: { trueScene: true },
      answers: knowing(["count", "count", "scene"]),
    });
    await demo.run(context);
    expect(said.join("\n")).toContain("answer: error (count cannot take a number");
  });

  const photo = pngBytes(blankPicture(60, 40, [120, 120, 120]));
  const question = "how many cubes are there";

  it("reads pictures of other sizes, and words that it does not know", async () => {
    const { context, said, requests } = demoContext({
      options: { image: "a.png", question: "How many zebras are there?" },
      files: { "a.png": photo },
      answers: (request) =>
        request.model === undefined
          ? {
              outputs: {},
              results: {
                boxes: new Float32Array(0),
                labels: new Int32Array(0),
                scores: new Float32Array(0),
                count: Int32Array.of(0),
              },
            }
          : knowing(["count", "scene"])(request),
    });
    await demo.run(context);
    const text = said.join("\n");
    expect(text).toContain("made 144 × 96");
    expect(text).toContain("does not know: zebras");
    expect(text).toContain("answer: 0");
    // Nothing was seen, so there is nothing for the attribute network.
    expect(requests.map(({ model }) => model)).toEqual([undefined, "QuestionParser"]);
  });

  it.each<[string, DemoContext["options"], RegExp]>([
    ["a picture without a question", { image: "a.png" }, /say what is asked/],
    ["an empty question", { image: "a.png", question: " " }, /--question is empty/],
    ["a question that is too long", { question: "is ".repeat(60).trim() }, /has 60 words, and the parser reads 45/],
    ["a question of unknown words", { question: "wer bist du" }, /knows none of the words/],
    ["an empty picture", { image: "empty.png", question }, /empty\.png is empty/],
    ["a damaged picture", { image: "cut.png", question }, /cut\.png is a damaged PNG/],
    ["true boxes of a foreign picture", { image: "a.png", question, trueScene: true }, /--true-scene goes with/],
    ["a sample that is not there", { sample: "20" }, /--sample takes a whole number from 0 to 19/],
    ["a size for a detector that has one", { side: "320" }, /--side goes with --preset paper/],
    ["conventions of weights that it has not", { detectron: true }, /--detectron goes with --preset paper/],
    ["a score that is none", { least: "2" }, /--least takes a number from 0 to 1, not "2"/],
  ])("refuses %s", async (_, options, message) => {
    const files = { "a.png": photo, "empty.png": new Uint8Array(), "cut.png": photo.slice(0, 60) };
    const { context } = demoContext({ options, files, answers: knowing(["count", "scene"]) });
    const error = await demo.run(context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
  });
});
