/** Every function of the program executor of NS-VQA on a scene made by hand, and every way in which a program can be wrong. */
import { describe, expect, it } from "vitest";
import { answerCandidates, answerOrGuess, answerText, execute, executeProgram } from "../../models/ns-vqa/executor.ts";
import { apply, postfixTokens, prefixTokens, programOfPostfix, programOfPrefix } from "../../models/ns-vqa/program.ts";
import { type Scene, sceneBytes } from "../../models/ns-vqa/scene.ts";
import {
  answerWords,
  arity,
  decode,
  encode,
  functionTokens,
  programWords,
  questionTokens,
  questionWords,
} from "../../models/ns-vqa/vocabulary.ts";

/** From left to right a, b, c, d; from behind to front d, a, c, b. */
const scene: Scene = [
  { id: "a", position: [-2, -1, 0.7], color: "red", material: "rubber", shape: "cube", size: "large" },
  { id: "b", position: [-1, 2, 0.4], color: "blue", material: "metal", shape: "sphere", size: "small" },
  { id: "c", position: [1, 1, 0.7], color: "red", material: "metal", shape: "cylinder", size: "large" },
  { id: "d", position: [2, -2, 0.4], color: "green", material: "rubber", shape: "sphere", size: "small" },
];

const run = (program: string) => answerText(executeProgram(program.split(" "), scene));
const one = { a: "unique filter_shape[cube] scene", b: "unique filter_color[blue] scene" };

describe("functions", () => {
  it.each([
    ["scene", "[a, b, c, d]"],
    ["filter_color[red] scene", "[a, c]"],
    ["filter_material[metal] scene", "[b, c]"],
    ["filter_shape[sphere] scene", "[b, d]"],
    ["filter_size[small] scene", "[b, d]"],
    ["filter_color[yellow] scene", "[]"],
    ["unique filter_shape[cube] scene", "{a}"],
    ["unique filter_shape[sphere] scene", "{b}"],
    [`relate[left] ${one.b}`, "[a]"],
    [`relate[right] ${one.b}`, "[c, d]"],
    [`relate[behind] ${one.a}`, "[d]"],
    [`relate[front] ${one.a}`, "[b, c]"],
    [`same_color ${one.a}`, "[c]"],
    [`same_material ${one.a}`, "[d]"],
    [`same_shape ${one.b}`, "[d]"],
    [`same_size ${one.b}`, "[d]"],
    ["intersect filter_color[red] scene filter_material[metal] scene", "[c]"],
    ["union filter_color[red] scene filter_material[metal] scene", "[b, c, a]"],
    ["count scene", "4"],
    ["count filter_color[yellow] scene", "0"],
    ["exist scene", "yes"],
    ["exist filter_color[yellow] scene", "no"],
    [`query_color ${one.a}`, "red"],
    [`query_material ${one.a}`, "rubber"],
    [`query_shape ${one.a}`, "cube"],
    [`query_size ${one.a}`, "large"],
    [`equal_color query_color ${one.a} query_color ${one.b}`, "no"],
    [`equal_color query_color ${one.a} query_color unique filter_shape[cylinder] scene`, "yes"],
    [`equal_material query_material ${one.a} query_material ${one.b}`, "no"],
    [`equal_shape query_shape ${one.b} query_shape unique filter_color[green] scene`, "yes"],
    [`equal_size query_size ${one.a} query_size ${one.b}`, "no"],
    ["equal_integer count scene count scene", "yes"],
    ["equal_integer count scene count filter_color[red] scene", "no"],
    // The first operand is the one written first.
    ["less_than count filter_color[blue] scene count filter_color[red] scene", "yes"],
    ["less_than count filter_color[red] scene count filter_color[blue] scene", "no"],
    ["less_than count scene count scene", "no"],
    ["greater_than count filter_color[red] scene count filter_color[blue] scene", "yes"],
    ["greater_than count filter_color[blue] scene count filter_color[red] scene", "no"],
  ])("%s gives %s", (program, answer) => {
    expect(run(program)).toBe(answer);
  });

  it("filters by every value", () => {
    for (const token of functionTokens.filter((name) => name.startsWith("filter_"))) {
      const [, attribute, value] = /^filter_(\w+)\[(\w+)\]$/.exec(token) as unknown as [string, "color", string];
      const kept = scene.filter((object) => object[attribute] === value).map(({ id }) => id);
      expect(run(`${token} scene`)).toBe(`[${kept.join(", ")}]`);
    }
  });

  it("compares coordinates strictly", () => {
    const twins = scene.map((object) => ({ ...object, position: [0, 0, 0] as const }));
    for (const relation of ["left", "right", "front", "behind"]) {
      expect(answerText(executeProgram(["count", `relate[${relation}]`, "unique", "scene"], twins))).toBe("0");
    }
  });
});

describe("errors", () => {
  const notSets = [one.a, "count scene", `query_color ${one.a}`];
  const notObjects = ["scene", "count scene", `query_color ${one.a}`];
  const unaryOnSets = functionTokens.filter((name) => /^(filter_.*|unique|count|exist)$/.test(name));
  const unaryOnObjects = functionTokens.filter((name) => /^(relate|same_|query_)/.test(name));

  it("are given for inputs of another kind", () => {
    for (const token of unaryOnSets) for (const input of notSets) expect(run(`${token} ${input}`)).toBe("error");
    for (const token of unaryOnObjects) for (const input of notObjects) expect(run(`${token} ${input}`)).toBe("error");
    for (const token of ["intersect", "union"]) {
      for (const input of notSets) {
        expect(run(`${token} ${input} scene`)).toBe("error");
        expect(run(`${token} scene ${input}`)).toBe("error");
      }
    }
    for (const token of ["equal_integer", "less_than", "greater_than"]) {
      expect(run(`${token} count scene scene`)).toBe("error");
      expect(run(`${token} scene count scene`)).toBe("error");
    }
  });

  it("are given for functions without any input", () => {
    for (const token of functionTokens.filter((name) => name !== "scene")) expect(run(token)).toBe("error");
    for (const token of functionTokens.filter((name) => arity(name) === 2)) expect(run(`${token} scene`)).toBe("error");
  });

  it("are given for words of another attribute", () => {
    for (const attribute of ["material", "shape", "size"]) {
      expect(run(`equal_color query_${attribute} ${one.a} query_color ${one.b}`)).toBe("error");
      expect(run(`equal_color query_color ${one.a} query_${attribute} ${one.b}`)).toBe("error");
      expect(run(`equal_${attribute} query_color ${one.a} query_color ${one.b}`)).toBe("error");
    }
    expect(run("equal_color exist scene exist scene")).toBe("error");
  });

  it("name the place of the first one", () => {
    expect(run("unique filter_color[yellow] scene")).toBe("error");
    expect(executeProgram(["count", "unique", "filter_color[yellow]", "scene"], scene)).toEqual({
      kind: "error",
      position: 1,
      reason: "unique cannot take a set, with nothing beside it",
    });
  });

  it("are given for a third scene, since the second register is never emptied", () => {
    expect(run("count union union scene scene scene")).toBe("error");
    expect(executeProgram(["scene", "scene", "scene"], scene)).toMatchObject({ kind: "error", position: 0 });
  });

  it("are given for a program without <END>, and nothing after it is read", () => {
    expect(answerText(execute(["count", "scene"], scene))).toBe("error");
    expect(answerText(execute(["count", "scene", "<END>", "unique", "<END>"], scene))).toBe("4");
    expect(answerText(execute(["<START>", "count", "<UNK>", "scene", "<NULL>", "<END>"], scene))).toBe("4");
    expect(answerText(execute(["<END>"], scene))).toBe("None");
  });
});

describe("guesses after an error", () => {
  const guesses = (program: string) =>
    new Set(
      Array.from({ length: 100 }, (_, i) => answerOrGuess([...program.split(" "), "<END>"], scene, (i + 0.5) / 100)),
    );

  it("are among the answers of the first token", () => {
    expect(guesses("count count scene").size).toBe(11);
    expect(guesses("exist count scene")).toEqual(new Set(["yes", "no"]));
    expect(guesses("same_size scene")).toEqual(new Set(["yes", "no"]));
    expect(guesses("query_shape scene")).toEqual(new Set(["cube", "cylinder", "sphere"]));
    for (const answer of functionTokens.flatMap((token) => answerCandidates(token) ?? []))
      expect(answerWords).toContain(answer);
  });

  it("are not made for other tokens, without an error, or without <END>", () => {
    expect(guesses("unique count scene")).toEqual(new Set(["error"]));
    expect(guesses("<START> count count scene")).toEqual(new Set(["error"]));
    expect(guesses("count scene")).toEqual(new Set(["4"]));
    expect(answerOrGuess(["count", "count", "scene"], scene, 0.5)).toBe("error");
  });
});

describe("programs", () => {
  const tree = apply(
    "union",
    apply("filter_size[large]", apply("scene")),
    apply("same_size", apply("unique", apply("scene"))),
  );

  it("go to tokens and back", () => {
    expect(prefixTokens(tree).join(" ")).toBe("union filter_size[large] scene same_size unique scene");
    expect(postfixTokens(tree).join(" ")).toBe("scene filter_size[large] scene unique same_size union");
    expect(programOfPrefix(prefixTokens(tree))).toEqual(tree);
    expect(programOfPostfix(postfixTokens(tree))).toEqual(tree);
  });

  it.each([["count"], ["count scene scene"], ["number scene"], ["union scene"], [""]])("refuse %j", (text) => {
    const tokens = text === "" ? [] : text.split(" ");
    expect(() => programOfPrefix(tokens)).toThrow(expect.objectContaining({ name: "ProgramError" }));
    expect(() => programOfPostfix(tokens.toReversed())).toThrow(expect.objectContaining({ name: "ProgramError" }));
  });
});

describe("vocabularies", () => {
  it("have the sizes and ids of the published code", () => {
    expect([questionWords.length, programWords.length, answerWords.length]).toEqual([93, 44, 32]);
    const ids = {
      count: 4,
      exist: 10,
      "filter_color[blue]": 11,
      "filter_size[small]": 25,
      intersect: 27,
      "relate[behind]": 33,
    };
    for (const [word, id] of Object.entries({ ...ids, scene: 41, union: 42, unique: 43 })) {
      expect(programWords.indexOf(word)).toBe(id);
    }
    expect(questionWords.indexOf("yellow")).toBe(92);
    expect(answerWords.slice(4, 8)).toEqual(["0", "1", "10", "2"]);
  });

  it("split and encode questions", () => {
    const words = questionTokens("There is a cube; what is its color?");
    expect(words).toEqual(["There", "is", "a", "cube", ";", "what", "is", "its", "color"]);
    const ids = encode(words, questionWords, 14);
    expect(decode(ids, questionWords)).toEqual(["<START>", ...words, "<END>", "<NULL>", "<NULL>", "<NULL>"]);
    expect(decode(encode(["zebra"], questionWords, 3), questionWords)).toEqual(["<START>", "<UNK>", "<END>"]);
    expect(() => encode(words, questionWords, 10)).toThrow(RangeError);
  });
});

it("keeps less than a thousandth of the bytes of a feature map", () => {
  expect(sceneBytes(10)).toBe(160);
  expect(sceneBytes(10) / (14 * 14 * 1024 * 4)).toBeLessThan(0.001);
});
