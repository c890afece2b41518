/** Constant folding, common subexpressions, and the splitting of long reductions. */
import { describe, expect, it } from "vitest";
import { graphNodes } from "../../src/ir/index.ts";
import { commonSubexpressions, defaultContext, foldConstants, splitReductions } from "../../src/passes/index.ts";
import { expectSameValues, graphOf, operationCounts, textOf } from "./graphs.ts";

describe("constant folding", () => {
  const fold = (lines: string, foldedElements = 65_536) =>
    foldConstants.run(graphOf(lines), { ...defaultContext, foldedElements });

  it("computes in float64 and rounds to f32 once, at the end", () => {
    const { graph, rewrites } = fold(`%a: f32 = constant values=[3]
  %b: f32 = sqrt %a
  %c: f32 = mul %b, %b
  %d: f32 = sub %c, %a
  %x: f32[2] = input "x"
  %y: f32[2] = mul %x, %d
  return y = %y`);
    // sqrt(3)^2 - 3 is -4.4e-16 in float64, but 2.4e-7 or 0 when every step rounds to f32.
    const [, constant] = graph.outputs[0]!.node.operands;
    expect(constant!.attributes.values).toEqual([Math.fround(Math.sqrt(3) ** 2 - 3)]);
    expect(rewrites).toHaveLength(1);
  });

  it("keeps one value for a filled result of any size", () => {
    const { graph } = fold(`%a: f32 = constant values=[3]
  %b: f32[4096, 4096] = broadcast %a shape=[4096, 4096] axes=[]
  %c: f32[4096, 4096] = exp %b
  return c = %c`);
    expect(graph.outputs[0]?.node.attributes.values).toEqual([Math.fround(Math.exp(3))]);
  });

  it("folds tables up to the limit and no further", () => {
    const lines = `%a: i32[4] = constant values=[4, 1, 3, 2]
  %b: i32[4] = mul %a, %a
  %x: i32[4] = input "x"
  %y: i32[4] = add %x, %b
  return y = %y`;
    expect(textOf(fold(lines).graph)).toContain("values=[16, 1, 9, 4]");
    expect(operationCounts(fold(lines, 3).graph)).toMatchObject({ mul: 1 });
  });

  it("leaves positions alone, which cost nothing and carry meaning", () => {
    const graph = graphOf(`%p: idx<4>[4] = iota size=4
  %m: bool[4] = le %p, %p
  return m = %m`);
    expect(foldConstants.run(graph, defaultContext).graph).toBe(graph);
  });

  it("leaves alone what has no finite value", () => {
    const graph = graphOf(`%a: f32 = constant values=[0]
  %b: f32 = log %a
  return b = %b`);
    expect(foldConstants.run(graph, defaultContext).graph).toBe(graph);
  });
});

describe("common subexpressions", () => {
  const share = (lines: string) => commonSubexpressions.run(graphOf(lines), defaultContext);

  it("merges values and their origins, whatever their indices are called and in which order they commute", () => {
    const { graph, rewrites } = share(`%x: f32[3, 4] = input "x" ; m.weft:1:1+1@0
  %y: f32[4, 5] = input "y" ; m.weft:1:2+1@1
  %a: f32[3, 5] = contract "i k, k j -> i j" %x, %y ; m.weft:2:1+1@10
  %b: f32[3, 5] = contract "a b, b c -> a c" %x, %y ; m.weft:3:1+1@20
  %c: f32[3, 5] = add %a, %b ; m.weft:4:1+1@30
  %d: f32[3, 5] = exp %a ; m.weft:5:1+1@40
  %e: f32[3, 5] = add %c, %d ; m.weft:6:1+1@50
  %f: f32[3, 5] = exp %b ; m.weft:7:1+1@60
  %g: f32[3, 5] = add %f, %c ; m.weft:8:1+1@70
  return e = %e, g = %g`);
    expect(operationCounts(graph)).toEqual({ input: 2, contract: 1, add: 2, exp: 1 });
    const contraction = graphNodes(graph).find((node) => node.op === "contract");
    expect(contraction?.origins.map((span) => span.start)).toEqual([10, 20]);
    expect(graph.outputs[0]?.node).toBe(graph.outputs[1]?.node);
    expect(rewrites).toHaveLength(3);
  });

  it("keeps apart what differs in type, attributes, indices or condition", () => {
    const graph = graphOf(`%x: f32[3, 3] = input "x"
  %a: f32[3] = sum "i j -> i" %x
  %b: f32[3] = sum "i j -> j" %x
  %c: f32[3] = sum "i j -> i" %x where="j <= i"
  %d: f32[3] = sum "i j -> i" %x where="i <= j"
  %e: i32 = constant values=[1]
  %f: f32 = constant values=[1]
  %g: f32 = constant values=[-0]
  %h: f32 = constant values=[0]
  return a = %a, b = %b, c = %c, d = %d, e = %e, f = %f, g = %g, h = %h`);
    expect(commonSubexpressions.run(graph, defaultContext).graph).toBe(graph);
  });
});

describe("splitting reductions", () => {
  const split = (lines: string, parallelism = 16_384) =>
    splitReductions.run(graphOf(lines), { ...defaultContext, parallelism }).graph;

  it("makes two steps of a long reduction, by views alone where the length has a divisor", () => {
    const before = graphOf(`%x: f32[2, 8192] = input "x"
  %y: f32[2] = sum "i j -> i" %x
  return y = %y`);
    const after = splitReductions.run(before, defaultContext).graph;
    expect(operationCounts(after)).toEqual({ input: 1, reshape: 1, sum: 2 });
    expectSameValues(after, before);
    expect(splitReductions.run(after, defaultContext).graph).toBe(after);
  });

  it("pads a prime length with the identity, whatever the reducer", () => {
    for (const reducer of ["sum", "maximum", "minimum", "product"]) {
      const before = graphOf(`%x: f32[8191] = input "x"
  %y: f32 = ${reducer} "j -> " %x
  return y = %y`);
      const after = splitReductions.run(before, defaultContext).graph;
      expect(operationCounts(after)).toMatchObject({ pad: 1, reshape: 1, [reducer]: 2 });
      expectSameValues(after, before);
    }
  });

  it("splits the longest of several reduced axes", () => {
    const before = graphOf(`%x: f32[3, 4, 4096] = input "x"
  %y: f32[4] = maximum "a b c -> b" %x
  return y = %y`);
    const after = splitReductions.run(before, defaultContext).graph;
    expect(operationCounts(after)).toMatchObject({ maximum: 2 });
    expectSameValues(after, before);
  });

  it("leaves short, plentiful, positional and conditioned reductions alone", () => {
    const unchanged = (lines: string, parallelism?: number) =>
      expect(textOf(split(lines, parallelism))).toBe(textOf(graphOf(lines)));
    unchanged(`%x: f32[2, 1024] = input "x"
  %y: f32[2] = sum "i j -> i" %x
  return y = %y`);
    unchanged(`%x: f32[1024, 8192] = input "x"
  %y: f32[1024] = sum "i j -> i" %x
  return y = %y`);
    unchanged(`%x: f32[8192] = input "x"
  %y: idx<8192> = argmax "j -> " %x
  return y = %y`);
    unchanged(`%x: f32[8192] = input "x"
  %y: f32 = sum "j -> " %x where="j <= 6000"
  return y = %y`);
    unchanged(
      `%x: f32[2, 8192] = input "x"
  %y: f32[2] = sum "i j -> i" %x
  return y = %y`,
      32,
    );
  });
});
