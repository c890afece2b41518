/** Every rule of the canonical form: its own sample, and near misses that must stay as they are. */
import { describe, expect, it } from "vitest";
import { verifyGraph } from "../../src/ir/index.ts";
import { any, canonicalRules, op, RewriteLoopError, rewriteGraph, rule } from "../../src/passes/index.ts";
import { expectSameValues, graphOf, textOf } from "./graphs.ts";

const canonical = (lines: string) => rewriteGraph(graphOf(lines), canonicalRules, "canonicalise").graph;

/** Two positions compared along the axes of a square. */
const positions = `%p: idx<6>[6] = iota size=6
  %j: idx<6>[6, 6] = broadcast %p shape=[6, 6] axes=[1]
  %i: idx<6>[6, 6] = broadcast %p shape=[6, 6] axes=[0]
  %zero: f32 = constant values=[0]
  %x: f32[6, 6] = input "x"`;

describe("the samples of the rules", () => {
  it("have names of their own", () => {
    const names = canonicalRules.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const { name, sample } of canonicalRules) {
    it(`${name}: becomes what it says, with the same values`, () => {
      const before = graphOf(sample.before);
      const { graph, rewrites } = rewriteGraph(before, canonicalRules, "canonicalise");
      expect(textOf(graph)).toBe(textOf(graphOf(sample.after)));
      expect(rewrites.map((rewrite) => rewrite.rule)).toContain(name);
      expect(verifyGraph(graph, { origins: false })).toEqual([]);
      expectSameValues(graph, before);
    });
  }
});

describe("the driver", () => {
  it("gives back the same object when nothing fits", () => {
    const graph = graphOf(`%x: f32[4] = input "x"
  %y: f32[4] = exp %x
  return y = %y`);
    expect(rewriteGraph(graph, canonicalRules, "canonicalise")).toEqual({ graph, rewrites: [] });
    expect(rewriteGraph(graph, canonicalRules, "canonicalise").graph).toBe(graph);
  });

  it("gives new nodes the union of the origins they replace, and keeps the author's name", () => {
    const graph = graphOf(`%x: f32[4] = input "x" ; m.weft:1:1+1@0
  %a: f32[4] = neg %x ; m.weft:2:1+1@10
  %y: f32[4] = input "y" ; m.weft:1:5+1@4
  %b: f32[4] = add %y, %a ; m.weft:3:1+1@20 total
  return y = %b`);
    const [output] = rewriteGraph(graph, canonicalRules, "canonicalise").graph.outputs;
    expect(output?.node.op).toBe("sub");
    expect(output?.node.name).toBe("total");
    expect(output?.node.origins.map((span) => span.start)).toEqual([10, 20]);
  });

  it("names the rules that undo each other", () => {
    const sample = { before: "", after: "" };
    const swap = (from: string, to: string) =>
      rule({
        name: `${from} to ${to}`,
        reason: "a test",
        pattern: op(from, any("x")),
        build: ({ x }, builder) => builder.apply(to, x),
        sample,
      });
    const graph = graphOf(`%x: f32[4] = input "x"
  %y: f32[4] = sin %x
  return y = %y`);
    const run = () => rewriteGraph(graph, [swap("sin", "cos"), swap("cos", "sin")], "loop", 100);
    expect(run).toThrow(RewriteLoopError);
    expect(run).toThrow("cos to sin, sin to cos");
  });

  it("rewrites a chain of 30,000 nodes without recursion", () => {
    const lines = [`%v0: f32[4] = input "x"`];
    for (let n = 1; n <= 30_000; n++) lines.push(`  %v${n}: f32[4] = neg %v${n - 1}`);
    const { graph } = rewriteGraph(
      graphOf(`${lines.join("\n")}\n  return y = %v30000`),
      canonicalRules,
      "canonicalise",
    );
    expect(graph.outputs[0]?.node.op).toBe("input");
  });
});

describe("rules that must not fire", () => {
  const unchanged = (name: string, lines: string) =>
    it(name, () => {
      expect(textOf(canonical(lines))).toBe(textOf(graphOf(lines)));
    });

  unchanged(
    "zero times x, which is not zero for infinities and nan",
    `%x: f32[4] = input "x"
  %c: f32 = constant values=[0]
  %y: f32[4] = mul %x, %c
  return y = %y`,
  );
  unchanged(
    "zero minus x is no identity on the left",
    `%x: f32[4] = input "x"
  %c: f32 = constant values=[0]
  %y: f32[4] = sub %c, %x
  return y = %y`,
  );
  unchanged(
    "division by three, whose reciprocal is not exact",
    `%x: f32[4] = input "x"
  %c: f32 = constant values=[3]
  %y: f32[4] = div %x, %c
  return y = %y`,
  );
  unchanged(
    "two scales whose product would overflow",
    `%x: f32[4] = input "x"
  %c: f32 = constant values=[1e+30]
  %a: f32[4] = mul %x, %c
  %y: f32[4] = mul %a, %c
  return y = %y`,
  );
  unchanged(
    "integer division by a power of two",
    `%x: i32[4] = input "x"
  %c: i32 = constant values=[4]
  %y: i32[4] = div %x, %c
  return y = %y`,
  );
  unchanged(
    "a maximum of a product is no contraction",
    `%x: f32[4, 3] = input "x"
  %z: f32[4, 3] = input "z"
  %p: f32[4, 3] = mul %x, %z
  %y: f32[4] = maximum "i k -> i" %p
  return y = %y`,
  );
  unchanged(
    "a mask that depends on data",
    `%x: f32[6, 6] = input "x"
  %m: bool[6, 6] = input "m"
  %c: f32 = constant values=[0]
  %s: f32[6, 6] = select %m, %x, %c
  %y: f32[6] = sum "i j -> i" %s
  return y = %y`,
  );
  unchanged(
    "a mask that fills with something else than the identity",
    `${positions}
  %le: bool[6, 6] = le %j, %i
  %c: f32 = constant values=[1]
  %s: f32[6, 6] = select %le, %x, %c
  %y: f32[6] = sum "i j -> i" %s
  return y = %y`,
  );
  unchanged(
    "a mask of positions that is not affine",
    `${positions}
  %ne: bool[6, 6] = ne %j, %i
  %s: f32[6, 6] = select %ne, %x, %zero
  %y: f32[6] = sum "i j -> i" %s
  return y = %y`,
  );
  unchanged(
    "a positional reduction under a mask",
    `${positions}
  %le: bool[6, 6] = le %j, %i
  %low: f32 = constant values=[-3.4028234663852886e+38]
  %s: f32[6, 6] = select %le, %x, %low
  %y: idx<6>[6] = argmax "i j -> i" %s
  return y = %y`,
  );
});

describe("position masks", () => {
  const whereOf = (condition: string, select = "%m, %x, %zero") => {
    const lines = `${positions}
  ${condition}
  %s: f32[6, 6] = select ${select}
  %y: f32[6] = sum "i j -> i" %s
  return y = %y`;
    const graph = canonical(lines);
    expectSameValues(graph, graphOf(lines));
    return graph.outputs[0]?.node.attributes.where;
  };

  it("reads comparisons in every direction", () => {
    expect(whereOf("%m: bool[6, 6] = lt %j, %i")).toBe("j + 1 <= i");
    expect(whereOf("%m: bool[6, 6] = ge %i, %j")).toBe("j <= i");
    expect(whereOf("%m: bool[6, 6] = gt %i, %j")).toBe("j + 1 <= i");
    expect(whereOf("%m: bool[6, 6] = eq %i, %j")).toBe("i <= j, j <= i");
    expect(whereOf("%m: bool[6, 6] = gt %j, %i", "%m, %zero, %x")).toBe("j <= i");
  });

  it("reads distances, shifted and scaled positions, and conjunctions", () => {
    const band = `%d: i32[6, 6] = sub %i, %j
  %a: i32[6, 6] = abs %d
  %two: i32 = constant values=[2]
  %m: bool[6, 6] = le %a, %two`;
    expect(whereOf(band)).toBe("i <= j + 2, j <= i + 2");
    const strided = `%three: i32 = constant values=[3]
  %two: i32 = constant values=[2]
  %a: i32[6, 6] = mul %j, %two
  %b: i32[6, 6] = add %i, %three
  %m: bool[6, 6] = le %a, %b`;
    expect(whereOf(strided)).toBe("2 j <= i + 3");
    const both = `%one: idx<6> = constant values=[1]
  %p1: bool[6, 6] = le %j, %i
  %p2: bool[6, 6] = ge %j, %one
  %m: bool[6, 6] = and %p1, %p2`;
    expect(whereOf(both)).toBe("j <= i, 1 <= j");
    const floats = `%half: f32 = constant values=[0.5]
  %fj: f32[6, 6] = cast %j to="f32"
  %fi: f32[6, 6] = cast %i to="f32"
  %sum: f32[6, 6] = add %fi, %half
  %m: bool[6, 6] = lt %fj, %sum`;
    expect(whereOf(floats)).toBe("j <= i");
  });

  it("drops a factor of zeros and ones from a contraction", () => {
    const lines = `${positions}
  %v: f32[6, 3] = input "v"
  %le: bool[6, 6] = le %j, %i
  %tril: f32[6, 6] = cast %le to="f32"
  %a: f32[6, 6] = mul %x, %tril
  %y: f32[6, 3] = contract "i j, i j, j c -> i c" %x, %tril, %v
  return y = %y`;
    const graph = canonical(lines);
    expect(graph.outputs[0]?.node.attributes).toEqual({ spec: "i j, j c -> i c", where: "j <= i" });
    expectSameValues(graph, graphOf(lines));
  });
});
