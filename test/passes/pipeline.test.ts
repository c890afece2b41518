/** The pipeline: choosing passes, checking them, and what all of them must keep on random graphs. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  evaluateGraph,
  type Graph,
  graphNodes,
  makeNode,
  type TensorType,
  tensorType,
  verifyGraph,
} from "../../src/ir/index.ts";
import {
  canonicalise,
  commonSubexpressions,
  defaultContext,
  foldConstants,
  type Pass,
  PassFailure,
  PassSelectionError,
  passNames,
  pipeline,
  runPipeline,
  splitReductions,
} from "../../src/passes/index.ts";
import { randomGraphs, randomValues } from "../ir/random-graph.ts";
import { expectSameValues, flopsOf, graphOf, textOf } from "./graphs.ts";

const sample = graphOf(`%x: f32[4, 3] = input "x"
  %z: f32[4, 3] = input "z"
  %one: f32 = constant values=[1]
  %a: f32[4, 3] = mul %x, %one
  %b: f32[4, 3] = mul %a, %z
  %y: f32[4] = sum "i k -> i" %b
  return y = %y`);

describe("choosing passes", () => {
  it("gives every pass a sentence and runs each in order, telling before", () => {
    for (const pass of pipeline) expect(pass.summary).toMatch(/^[A-Z].*\.$/);
    const told: string[] = [];
    const { stages } = runPipeline(sample, { onPass: (name) => told.push(name) });
    expect(told).toEqual(pipeline.map((pass) => pass.name));
    expect(stages.map((stage) => stage.name)).toEqual(told);
  });

  it("leaves the graph alone without optimisation", () => {
    const result = runPipeline(sample, { optimise: false });
    expect(result.graph).toBe(sample);
    expect(result.stages).toEqual([]);
  });

  it("runs only what is asked for, and not what is disabled", () => {
    expect(runPipeline(sample, { only: ["canonicalise"] }).stages.map(({ name }) => name)).toEqual([
      "canonicalise",
      "canonicalise",
    ]);
    const disabled = runPipeline(sample, { disable: ["canonicalise"] });
    expect(disabled.stages.some(({ name }) => name === "canonicalise")).toBe(false);
  });

  it("names the passes that there are when one is unknown", () => {
    const run = () => runPipeline(sample, { disable: ["canonicalize"], only: ["fuse"] });
    expect(run).toThrow(PassSelectionError);
    expect(run).toThrow(`there is no pass canonicalize or fuse; the passes are ${passNames.join(", ")}`);
    expect(() => runPipeline(sample, { optimise: false, only: ["fuse"] })).toThrow(PassSelectionError);
  });

  it("says which stages changed the graph, how long they took and what was rewritten", () => {
    let time = 0;
    const { stages, rewrites } = runPipeline(sample, { only: ["canonicalise"], now: () => time++ });
    expect(stages.map(({ changed, ms }) => ({ changed, ms }))).toEqual([
      { changed: true, ms: 1 },
      { changed: false, ms: 1 },
    ]);
    expect(rewrites).toContainEqual({
      pass: "canonicalise",
      rule: "sum of a product",
      count: 1,
      flopsBefore: 24,
      flopsAfter: 24,
      bytesBefore: 208,
      bytesAfter: 112,
    });
  });
});

describe("checking passes", () => {
  const broken = (build: Pass["run"]): Pass => ({ name: "broken", summary: "A test.", run: build });
  const values = {
    inputs: {
      x: { type: sample.inputs[0]!.type, data: new Float64Array(12).fill(2) },
      z: { type: sample.inputs[1]!.type, data: new Float64Array(12).fill(3) },
    },
    parameters: {},
  };
  const verify = { values, origins: false };

  it("finds a pass that changes what is computed", () => {
    const negate = broken((graph) => ({
      graph: { ...graph, outputs: graph.outputs.map((o) => ({ ...o, node: makeNode("neg", [o.node]) })) },
      rewrites: [],
    }));
    const run = () => runPipeline(sample, { passes: [negate], verify });
    expect(run).toThrow(PassFailure);
    expect(run).toThrow(/broken: element 0 of the output y is -18 and was 18/);
    expect(() => runPipeline(sample, { passes: [negate] })).not.toThrow();
    expect(() => runPipeline(sample, { passes: [negate], verify: { ...verify, maximumOperations: 1 } })).not.toThrow();
  });

  it("finds a pass that builds an ill-formed graph", () => {
    const lose = broken((graph) => ({ graph: { ...graph, inputs: [] }, rewrites: [] }));
    expect(() => runPipeline(sample, { passes: [lose], verify })).toThrow(/broken: .*interface/s);
  });

  it("passes on what a pass throws, with the graph it was given", () => {
    const fail = broken(() => {
      throw new RangeError("out of cheese");
    });
    try {
      runPipeline(sample, { passes: [fail] });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(PassFailure);
      expect((error as PassFailure).message).toBe("broken: out of cheese");
      expect((error as PassFailure).graph).toBe(sample);
    }
  });

  it("accepts every pass of the pipeline", () => {
    expect(() => runPipeline(sample, { verify })).not.toThrow();
  });
});

describe("bodies of loops", () => {
  it("are rewritten like any other graph", () => {
    // carried h, invariant x: h' = tanh(h * 1) + sum(x * x), row = h'. The sum is the same in every step.
    const vector = tensorType("f32", [3]);
    const [h, x] = [source("h", tensorType("f32", [])), source("x", vector)];
    const step = source("step", tensorType("i32", [], 5));
    const one = makeNode("constant", [], { values: [1] }, { declared: tensorType("f32", []) });
    const square = makeNode("sum", [makeNode("mul", [x, x])], { spec: "i -> " });
    const next = makeNode("add", [makeNode("tanh", [makeNode("mul", [h, one])]), square]);
    const body: Graph = {
      name: "body",
      inputs: [h, x, step],
      parameters: [],
      outputs: [
        { name: "h", node: next },
        { name: "row", node: next },
      ],
    };
    const [h0, x0] = [source("h0", tensorType("f32", [])), source("x0", vector)];
    const loop = makeNode("loop", [h0, x0], { steps: 5, carried: 1 }, { regions: [body] });
    const graph: Graph = { name: "test", inputs: [h0, x0], parameters: [], outputs: [{ name: "y", node: loop }] };
    const values = randomValues(graph, 3);
    const result = runPipeline(graph, { verify: { values, origins: false } });
    const rewritten = graphNodes(result.graph.outputs[0]!.node.regions![0]!).map(({ op }) => op);
    expect(rewritten).toEqual(["input", "input", "input", "tanh", "add"]);
    const rules = result.rewrites.map(({ rule }) => rule);
    expect(rules).toContain("sum of a product");
    expect(rules).toContain("the same in every step");
    expectSameValues(result.graph, graph, 1e-12, values);
  });

  const source = (name: string, type: TensorType) => makeNode("input", [], { name }, { declared: type });
});

describe("random graphs", () => {
  it("compute the same after every pass", () => {
    fc.assert(
      fc.property(randomGraphs({ maximumInstructions: 16 }), ({ graph, values }) => {
        runPipeline(graph, { verify: { values } });
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it("compute exactly the same from whole numbers, without division and roots", () => {
    fc.assert(
      fc.property(
        randomGraphs({ maximumInstructions: 16, integers: true, discontinuous: false }),
        ({ graph, values }) => {
          const want = evaluateGraph(graph, values);
          const exact = Object.values(want).every((tensor) =>
            tensor.data.every((x) => Number.isInteger(x) && Math.abs(x) < 2 ** 50),
          );
          if (!exact) return;
          let before = graph;
          for (const stage of runPipeline(graph).stages) {
            expectSameValues(stage.graph, before, 1e-15, values);
            before = stage.graph;
          }
        },
      ),
      { numRuns: 300 },
    );
  }, 120_000);

  it("come out the same every time, well formed, and no costlier when run through again", () => {
    fc.assert(
      fc.property(randomGraphs({ maximumInstructions: 16 }), ({ graph }) => {
        const once = runPipeline(graph).graph;
        expect(verifyGraph(once)).toEqual([]);
        expect(textOf(runPipeline(graph).graph)).toBe(textOf(once));
        expect(flopsOf(runPipeline(once).graph)).toBeLessThanOrEqual(flopsOf(once));
      }),
      { numRuns: 200 },
    );
  }, 120_000);

  for (const pass of [canonicalise, commonSubexpressions, foldConstants, splitReductions]) {
    it(`are left alone by ${pass.name} the second time`, () => {
      fc.assert(
        fc.property(randomGraphs({ maximumInstructions: 16 }), ({ graph }) => {
          const once = pass.run(graph, defaultContext).graph;
          expect(pass.run(once, defaultContext).graph).toBe(once);
        }),
        { numRuns: 200 },
      );
    }, 120_000);
  }
});
