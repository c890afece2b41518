/** What a text writes into buffers while training, and where it may not. */
import { describe, expect, it } from "vitest";
import { checkSource, elaborateProgram } from "../../src/compile.ts";
import { evaluateGraph, tensorOf, tensorType } from "../../src/ir/index.ts";
import { readLibrarySource } from "../../src/library.ts";

const model = (body: string) => `module Mean(n: size) {
  buffer seen: f32[n] = zeros()
  buffer steps: i32 = 0

  fn forward<batch B>(x: f32[B, n]) -> f32[B, n] {
    if training {
      steps = steps + 1
      seen[c] = 0.5 * seen[c] + 0.5 * (mean[b] x[b, c])
    }
    let y[b, c] = x[b, c] - seen[c]
    return y
  }

  fn one(x: f32[n]) -> f32[n] {
    if training { seen = x }
    return x
  }
}

model M(n: size = 2) {
  sub part: Mean(n)
  param weight: f32[n] = ones()
  ${body}
}`;

function elaborated(body: string, inputShapes: Readonly<Record<string, readonly number[]>>, training = true) {
  const text = model(body);
  const program = checkSource("m.weft", (path) => (path === "m.weft" ? text : readLibrarySource(path)));
  return elaborateProgram(program, { inputShapes, training, withWritten: training });
}

const titles = (outcome: ReturnType<typeof elaborated>) => outcome.diagnostics.map(({ code, title }) => [code, title]);

describe("a buffer that is written", () => {
  const body = "entry f<B>(x: f32[B, n]) -> f32[B, n] = part(part(x))";

  it("has one new value, and reads after it see that", () => {
    const { value } = elaborated(body, { x: [2, 2] });
    if (value === undefined) throw new Error("no graph");
    const names = value.graph.outputs.map(({ name }) => name);
    expect(names).toEqual(["f", "written(part.steps)", "written(part.seen)"]);
    const results = evaluateGraph(value.graph, {
      inputs: { x: tensorOf(tensorType("f32", [2, 2]), [1, 2, 3, 6]) },
      parameters: {
        "part.seen": tensorOf(tensorType("f32", [2]), [4, 8]),
        "part.steps": tensorOf(tensorType("i32", []), [7]),
      },
    });
    // First 4/2 + 2/2 = 3 and 8/2 + 4/2 = 6, and x becomes (-2, -4), (0, 0), whose means are -1 and -2.
    expect([...(results["written(part.seen)"]?.data ?? [])]).toEqual([1, 2]);
    expect([...(results["written(part.steps)"]?.data ?? [])]).toEqual([9]);
    expect([...(results.f?.data ?? [])]).toEqual([-3, -6, -1, -2]);
  });

  it("is left alone by a run, and no result of it", () => {
    const { value } = elaborated(body, { x: [2, 2] }, false);
    expect(value?.graph.outputs.map(({ name }) => name)).toEqual(["f"]);
    expect(value?.graph.parameters.map(({ attributes }) => attributes.name)).toEqual(["part.seen"]);
  });

  it.each([
    [
      "entry f(x: f32[n]) -> f32[n] = part.one(x)",
      { x: [3, 2] },
      "the buffer `seen` would get a value for each of 3 places",
    ],
    [
      "entry f<T>(x: f32[T, n]) -> f32[T, n] { let y[t] = part.one(x[t]) + y[t-1] where y[-1] = 0  return y }",
      { x: [3, 2] },
      "the buffer `seen` is written in every step of a recurrence",
    ],
  ])("is refused where it would have several: %s", (entry, shapes, title) => {
    expect(titles(elaborated(entry, shapes))).toEqual([["module/buffer-write", title]]);
  });

  it("changes while training only", () => {
    const body = "buffer count: f32 = zeros()  entry f(x: f32) -> f32 { count = count + x  return count }";
    expect(titles(elaborated(body, {}, false))).toEqual([
      ["module/buffer-write", "the buffer `count` changes while training only"],
    ]);
    expect(titles(elaborated(body, {}))).toEqual([]);
  });

  it("is a buffer, not a parameter", () => {
    const outcome = elaborated("entry f(x: f32[n]) -> f32[n] { if training { weight = x }  return weight }", {});
    expect(titles(outcome)).toEqual([["name/assign", "`weight` cannot be given a new value"]]);
    expect(outcome.diagnostics[0]?.help).toEqual([
      "The optimiser changes a `param`; what a training writes itself is a `buffer`.",
    ]);
  });
});
