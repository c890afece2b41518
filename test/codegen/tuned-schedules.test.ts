/** Tuned schedules: which kernel finds which, and what becomes of files that do not fit. */
import { describe, expect, it } from "vitest";
import {
  baselineProfile,
  chooseTuned,
  kernelKey,
  makePlan,
  readTunedSchedules,
  type TunedSchedules,
  tuningCases,
} from "../../src/codegen/index.ts";
import { type Graph, makeBuilder, makeNode, parseGraph, tensorType } from "../../src/ir/index.ts";

const profile = baselineProfile;

const product = ({ i = "i", j = "j", k = "k", a = "a", size = 64, then = "abs" }) => `
graph case {
  %0: f32[64, ${size}] = input "${a}"
  %1: f32[${size}, 64] = parameter "${a}.weight"
  %2: f32[64, 64] = contract "${i} ${k}, ${k} ${j} -> ${i} ${j}" %0, %1 where="${k} <= ${i}"
  %3: f32[64, 64] = ${then} %2
  return y = %3
}`;

const convolution = ({ y = "y", x = "x", ky = "ky", kx = "kx", pad = 1 }) => `
graph case {
  %0: f32[6, 9, 9] = input "picture"
  %1: f32[8, 6, 3, 3] = parameter "weight"
  %2: f32[6, 3, 3, 9, 9] = window "c, ${y} + ${ky} - ${pad}, ${x} + ${kx} - ${pad} -> c ${ky} ${kx} ${y} ${x}" %0 shape=[6, 3, 3, 9, 9]
  %3: f32[8, 9, 9] = contract "o c ${ky} ${kx}, c ${ky} ${kx} ${y} ${x} -> o ${y} ${x}" %1, %2
  return y = %3
}`;

const keysOf = (text: string) => makePlan(parseGraph(text), profile).kernels.map(({ group }) => kernelKey(group));

describe("the key of a kernel", () => {
  it("does not depend on names of tensors and indices", () => {
    expect(keysOf(product({ i: "row", j: "col", k: "inner", a: "x" }))).toEqual(keysOf(product({})));
    expect(keysOf(convolution({ y: "v", x: "u", ky: "down", kx: "across" }))).toEqual(keysOf(convolution({})));
  });

  it("depends on all that the kernel computes", () => {
    const texts = [
      product({}),
      product({ size: 32 }),
      product({ then: "exp" }),
      product({}).replace("k <= i", "k <= j"),
      convolution({}),
      convolution({ pad: 0 }),
      // The same names at other places.
      convolution({ y: "x", x: "y" })
        .replace("-> o x y", "-> o y x")
        .replace("f32[8, 9, 9] = contract", "f32[8, 9, 9] = contract"),
    ];
    const keys = texts.map((text) => keysOf(text).join());
    expect(new Set(keys).size).toBe(texts.length);
  });
});

/** The schedules of a file in which every kernel of a graph has the candidate at a position. */
function fileFor(text: string, position: number): TunedSchedules {
  const { cases } = tuningCases(makePlan(parseGraph(text), profile).kernels, profile);
  const kernels = cases.map(({ key, label, candidates }) => {
    const schedule = candidates[position]?.stored ?? {};
    return [key, { label, schedule, ms: 1, defaultMs: 2 }] as const;
  });
  const { vendor, architecture, description } = profile;
  const date = "2026-01-31T12:00:00.000Z";
  return {
    format: 1,
    adapter: { vendor, architecture, description },
    date,
    weft: "1",
    kernels: Object.fromEntries(kernels),
  };
}

function planWith(text: string, given: TunedSchedules | string, anyAdapter = false) {
  const tuned = chooseTuned(given, anyAdapter ? undefined : profile);
  const { kernels } = makePlan(parseGraph(text), profile, { choose: tuned.choose });
  return { kernels, notes: tuned.notes() };
}

describe("a choice by measurements", () => {
  it("gives a kernel its schedule under other names, and says so", () => {
    const renamed = product({ i: "row", j: "col", k: "inner", a: "x" });
    const candidates = tuningCases(makePlan(parseGraph(renamed), profile).kernels, profile).cases[0]?.candidates ?? [];
    expect(candidates.length).toBeGreaterThan(4);
    for (const position of [1, 4, candidates.length - 1]) {
      const { kernels, notes } = planWith(renamed, fileFor(product({}), position));
      expect(notes).toEqual([]);
      expect(kernels[0]?.choice).toEqual({ schedule: candidates[position]?.schedule, by: "measurement" });
    }
  });

  it("leaves kernels that nobody measured to the model", () => {
    const { kernels, notes } = planWith(product({ then: "exp" }), fileFor(product({}), 1));
    expect(notes).toEqual([]);
    expect(kernels[0]?.choice?.by).toBe("model");
  });

  it("leaves a schedule aside that the kernel cannot have, with a note", () => {
    const file = fileFor(product({}), 1);
    const [key = ""] = Object.keys(file.kernels);
    const kernel = { label: "y", schedule: { rows: 3, vectors: 7, turn: {} }, ms: 1, defaultMs: 2 };
    const { kernels, notes } = planWith(product({}), { ...file, kernels: { [key]: kernel } });
    expect(kernels[0]?.choice?.by).toBe("model");
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(key);
  });

  it("takes nothing from another adapter unless it may", () => {
    const file = fileFor(product({}), 1);
    const foreign = { ...file, adapter: { ...file.adapter, architecture: "other" } };
    const refused = planWith(product({}), foreign);
    expect(refused.kernels[0]?.choice?.by).toBe("model");
    expect(refused.notes.join()).toMatch(/measured on .*other/);
    expect(planWith(product({}), foreign, true).kernels[0]?.choice?.by).toBe("measurement");
  });

  it("leaves bodies of loops to the model", () => {
    const looped = matrixRecurrence(4, 96);
    const inBodies: boolean[] = [];
    const { kernels } = makePlan(looped, profile, {
      choose: (_, candidates, wider) => {
        inBodies.push(wider === undefined);
        return wider === undefined ? undefined : candidates[0];
      },
    });
    expect(inBodies).toContain(true);
    expect(kernels.filter(({ group, choice }) => group.kind === "loop" && choice?.by === "measurement")).toEqual([]);
    expect(kernels.some(({ group, choice }) => group.kind === "loop" && choice?.by === "model")).toBe(true);
    const { cases, loops } = tuningCases(kernels, profile);
    expect(loops).toHaveLength(1);
    expect(cases.every(({ group }) => group.kind !== "loop")).toBe(true);
  });
});

/** `s[t] = s[t-1] W`, large enough to be dispatched step by step. */
function matrixRecurrence(steps: number, size: number): Graph {
  const b = makeBuilder();
  const matrix = tensorType("f32", [size, size]);
  const [start, w] = [b.input("start", matrix), b.parameter("w", matrix)];
  const inputs = [b.input("s", matrix), b.input("w", matrix), b.input("step", tensorType("i32", [], steps))] as const;
  const next = b.contract("i k, k j -> i j", [inputs[0], inputs[1]]);
  const outputs = ["s", "row"].map((name) => ({ name, node: next }));
  const body: Graph = { name: "body", inputs, parameters: [], outputs };
  const loop = makeNode("loop", [start, w], { steps, carried: 1 }, { regions: [body], name: "s" });
  return { name: "powers", inputs: [start], parameters: [w], outputs: [{ name: "s", node: loop }] };
}

describe("a file of tuned schedules", () => {
  const file = fileFor(product({}), 1);

  it("is read back as it is written", () => {
    expect(readTunedSchedules(JSON.stringify(file))).toEqual({ kind: "schedules", schedules: file });
  });

  it.each([
    ["no JSON", "{ format: 1", /no JSON/],
    ["a list", "[]", /no object/],
    ["another format", JSON.stringify({ ...file, format: 2 }), /format is 2/],
    ["no adapter", JSON.stringify({ ...file, adapter: "mesa" }), /adapter/],
    ["no date", JSON.stringify({ ...file, date: 5 }), /date/],
    ["a list of kernels", JSON.stringify({ ...file, kernels: [] }), /kernels/],
    ["a kernel without times", JSON.stringify({ ...file, kernels: { k: { label: "y", schedule: {} } } }), /kernel k/],
    [
      "a kernel whose schedule is a text",
      JSON.stringify({ ...file, kernels: { k: { label: "y", schedule: "4 × 2", ms: 1, defaultMs: 1 } } }),
      /kernel k/,
    ],
  ])("with %s is left aside with a note", (_, text, reason) => {
    const read = readTunedSchedules(text);
    expect(read.kind === "refused" && read.reason).toMatch(reason);
    const { kernels, notes } = planWith(product({}), text);
    expect(kernels[0]?.choice?.by).toBe("model");
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(reason);
  });
});
