/** Contraction order: what must be found, what must be left alone, and that nothing gets slower or larger. */
import { describe, expect, it } from "vitest";
import { type Graph, verifyGraph } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { expectSameValues, flopsOf, graphOf, largestValue, operationCounts, textOf } from "./graphs.ts";

/** Splitting long reductions is another pass's subject. */
const optimised = (graph: Graph) => runPipeline(graph, { disable: ["split-reductions"] }).graph;
const rulesOf = (graph: Graph) =>
  runPipeline(graph)
    .rewrites.filter((rewrite) => rewrite.pass === "contraction-order")
    .map((rewrite) => rewrite.rule);

interface FavorSizes {
  readonly length: number;
  readonly features: number;
  readonly channels: number;
}

/** Linear attention as the paper writes it: scores in full, then the sum with values and the sum of scores. */
function favor({ length: L, features: m, channels: e }: FavorSizes, where = ""): Graph {
  const condition = where === "" ? "" : ` where="${where}"`;
  return graphOf(`%Q: f32[${L}, ${m}] = input "Q"
  %K: f32[${L}, ${m}] = input "K"
  %V: f32[${L}, ${e}] = input "V"
  %0: f32[${L}, ${L}, ${m}] = broadcast %Q shape=[${L}, ${L}, ${m}] axes=[0, 2]
  %1: f32[${L}, ${L}, ${m}] = broadcast %K shape=[${L}, ${L}, ${m}] axes=[1, 2]
  %2: f32[${L}, ${L}, ${m}] = mul %0, %1
  %A: f32[${L}, ${L}] = sum "i j r -> i j" %2
  %3: f32[${L}, ${L}, ${e}] = broadcast %A shape=[${L}, ${L}, ${e}] axes=[0, 1]
  %4: f32[${L}, ${L}, ${e}] = broadcast %V shape=[${L}, ${L}, ${e}] axes=[1, 2]
  %5: f32[${L}, ${L}, ${e}] = mul %3, %4
  %N: f32[${L}, ${e}] = sum "i j c -> i c" %5${condition}
  %D: f32[${L}] = sum "i j -> i" %A${condition}
  %6: f32[${L}, ${e}] = broadcast %D shape=[${L}, ${e}] axes=[0]
  %Y: f32[${L}, ${e}] = div %N, %6
  return y = %Y`);
}

const lengths = [512, 1024, 2048, 4096, 8192];

describe("linear attention", () => {
  it("becomes Q(KV) over Q(K1), with linear work and memory", () => {
    const graphs = lengths.map((length) => optimised(favor({ length, features: 16, channels: 8 })));
    for (const [k, graph] of graphs.entries()) {
      expect(operationCounts(graph)).toEqual({ input: 3, contract: 3, sum: 1, broadcast: 1, div: 1 });
      const before = graphs[k - 1];
      if (before === undefined) continue;
      expect(flopsOf(graph) / flopsOf(before)).toBeGreaterThan(1.95);
      expect(flopsOf(graph) / flopsOf(before)).toBeLessThan(2.05);
      expect(largestValue(graph) / largestValue(before)).toBe(2);
    }
    expect(textOf(graphs[0]!)).toContain('contract "j r, j c -> r c"');
  });

  it("computes the same bidirectionally", () => {
    const before = favor({ length: 96, features: 5, channels: 3 });
    expect(rulesOf(before)).toEqual(["reassociated"]);
    expectSameValues(optimised(before), before);
  });

  it("becomes a chunked prefix when causal, sharing the scores within chunks, with linear work and memory", () => {
    const graphs = lengths.map((length) => optimised(favor({ length, features: 16, channels: 8 }, "j <= i")));
    for (const [k, graph] of graphs.entries()) {
      const before = graphs[k - 1];
      // Scores, scores times values, states, states read; the normaliser adds one product and two sums.
      expect(operationCounts(graph)).toMatchObject({ contract: 5, sum: 2, cumulative_sum: 2 });
      if (before === undefined) continue;
      expect(flopsOf(graph) / flopsOf(before)).toBeGreaterThan(1.95);
      expect(flopsOf(graph) / flopsOf(before)).toBeLessThan(2.1);
      expect(largestValue(graph) / largestValue(before)).toBe(2);
    }
  });

  const causalForms = ["j <= i", "j + 1 <= i", "i <= j", "i + 1 <= j"];
  for (const where of causalForms) {
    it(`computes the same in chunks where ${where}`, () => {
      // 160 is divided by 32; 150 by 30; 131 is prime and needs padding.
      for (const length of [160, 150, 131]) {
        const before = favor({ length, features: 8, channels: 8 }, where);
        // A normaliser of nothing is 0/0 in both; numerators and normalisers are compared by themselves.
        const graph: Graph = { ...before, outputs: numeratorAndNormaliser(before) };
        expect(rulesOf(graph), `length ${length}`).toContain("chunked prefix");
        expectSameValues(optimised(graph), graph, 1e-11);
      }
    });
  }

  it("keeps the direct form where it is cheaper", () => {
    const before = favor({ length: 8, features: 16, channels: 16 }, "j <= i");
    expect(rulesOf(before)).not.toContain("chunked prefix");
    expectSameValues(optimised(before), before);
  });

  it("finds the same through a mask written with positions", () => {
    const L = 192;
    const before = graphOf(`%Q: f32[${L}, 4] = input "Q"
  %K: f32[${L}, 4] = input "K"
  %V: f32[${L}, 3] = input "V"
  %p: idx<${L}>[${L}] = iota size=${L}
  %i: idx<${L}>[${L}, ${L}] = broadcast %p shape=[${L}, ${L}] axes=[0]
  %j: idx<${L}>[${L}, ${L}] = broadcast %p shape=[${L}, ${L}] axes=[1]
  %m: bool[${L}, ${L}] = ge %i, %j
  %z: f32 = constant values=[0]
  %A: f32[${L}, ${L}] = contract "i r, j r -> i j" %Q, %K
  %B: f32[${L}, ${L}] = select %m, %A, %z
  %Y: f32[${L}, 3] = contract "i j, j c -> i c" %B, %V
  return y = %Y`);
    expect(rulesOf(before)).toEqual(["chunked prefix"]);
    expectSameValues(optimised(before), before);
    expect(operationCounts(optimised(before)).select).toBeUndefined();
  });

  it("keeps heads apart", () => {
    const L = 128;
    const before = graphOf(`%Q: f32[2, ${L}, 4] = input "Q"
  %K: f32[2, ${L}, 4] = input "K"
  %V: f32[2, ${L}, 3] = input "V"
  %A: f32[2, ${L}, ${L}] = contract "h i r, h j r -> h i j" %Q, %K
  %Y: f32[${L}, 2, 3] = contract "h i j, h j c -> i h c" %A, %V where="j <= i"
  return y = %Y`);
    expect(rulesOf(before)).toEqual(["chunked prefix"]);
    expectSameValues(optimised(before), before);
  });
});

function numeratorAndNormaliser(graph: Graph): Graph["outputs"] {
  const [{ node }] = graph.outputs as readonly [Graph["outputs"][number]];
  const [numerator, normaliser] = node.operands;
  return [
    { name: "numerator", node: numerator! },
    { name: "normaliser", node: normaliser!.operands[0]! },
  ];
}

describe("prefix sums", () => {
  it("replace a restricted sum of values that do not depend on the other index", () => {
    const before = graphOf(`%V: f32[300, 4] = input "V"
  %B: f32[300, 300, 4] = broadcast %V shape=[300, 300, 4] axes=[1, 2]
  %Y: f32[300, 4] = sum "i j c -> i c" %B where="j <= i"
  return y = %Y`);
    expect(rulesOf(before)).toEqual(["prefix sum"]);
    expect(operationCounts(optimised(before))).toEqual({ input: 1, cumulative_sum: 1 });
    expectSameValues(optimised(before), before);
  });

  it("work for ranges of different lengths, in both directions", () => {
    for (const [rows, columns] of [
      [2000, 1200],
      [1200, 2000],
    ]) {
      for (const where of ["j <= i", "i <= j", "j + 1 <= i"]) {
        const before = graphOf(`%U: f32[${rows}, 2] = input "U"
  %V: f32[${columns}, 2] = input "V"
  %Y: f32[${rows}, 2] = contract "i c, j c -> i c" %U, %V where="${where}"
  return y = %Y`);
        expect(rulesOf(before)).toEqual(["prefix sum"]);
        expectSameValues(optimised(before), before);
      }
    }
  });

  it("are not used when a factor has both indices", () => {
    const before = graphOf(`%S: f32[256, 256] = input "S"
  %V: f32[256, 4] = input "V"
  %Y: f32[256, 4] = contract "i j, j c -> i c" %S, %V where="j <= i"
  return y = %Y`);
    expect(rulesOf(before)).toEqual([]);
    expect(optimised(before)).toBe(before);
  });
});

describe("products", () => {
  it("are reordered through scales, signs, views and divisions", () => {
    const before = graphOf(`%A: f32[200, 3] = input "A"
  %B: f32[3, 200] = input "B"
  %v: f32[200] = input "v"
  %e: f32[200] = input "e"
  %d: f32[200] = exp %e
  %two: f32 = constant values=[2]
  %AB: f32[200, 200] = contract "i k, k j -> i j" %A, %B
  %s: f32[200, 200] = mul %AB, %two
  %n: f32[200, 200] = neg %s
  %D: f32[200, 200] = broadcast %d shape=[200, 200] axes=[0]
  %q: f32[200, 200] = div %n, %D
  %t: f32[200, 200] = transpose %q permutation=[1, 0]
  %y: f32[200] = contract "j i, j -> i" %t, %v
  return y = %y`);
    const after = optimised(before);
    expect(flopsOf(after)).toBeLessThan(5000);
    expect(largestValue(after)).toBe(200);
    expectSameValues(after, before);
  });

  it("are reordered across a low-rank weight", () => {
    const before = graphOf(`%X: f32[64, 128] = input "X"
  %U: f32[128, 4] = parameter "U"
  %W: f32[4, 128] = parameter "W"
  %UW: f32[128, 128] = contract "a r, r b -> a b" %U, %W
  %Y: f32[64, 128] = contract "n a, a b -> n b" %X, %UW
  return y = %Y`);
    const after = optimised(before);
    expect(flopsOf(after)).toBe(2 * 2 * 64 * 128 * 4);
    expectSameValues(after, before);
  });

  it("move a softmax normaliser behind the sum over values", () => {
    const before = graphOf(`%E: f32[64, 64] = input "E"
  %V: f32[64, 8] = input "V"
  %D: f32[64] = sum "i j -> i" %E
  %B: f32[64, 64] = broadcast %D shape=[64, 64] axes=[0]
  %P: f32[64, 64] = div %E, %B
  %Y: f32[64, 8] = contract "i j, j c -> i c" %P, %V
  return y = %Y`);
    const after = optimised(before);
    expect(after.outputs[0]?.node.op).toBe("div");
    expectSameValues(after, before);
  });

  it("share what two results have in common instead of computing it twice", () => {
    // The scores are cheap and read twice: both readers use them.
    const before = graphOf(`%Q: f32[8, 64] = input "Q"
  %K: f32[8, 64] = input "K"
  %V: f32[8, 16] = input "V"
  %W: f32[8, 16] = input "W"
  %A: f32[8, 8] = contract "i r, j r -> i j" %Q, %K
  %Y: f32[8, 16] = contract "i j, j c -> i c" %A, %V
  %Z: f32[8, 16] = contract "i j, j c -> i c" %A, %W
  return y = %Y, z = %Z`);
    expect(rulesOf(before)).toEqual([]);
  });
});

describe("what must not be crossed", () => {
  const untouched = (name: string, lines: string) =>
    it(name, () => {
      const graph = graphOf(lines);
      expect(rulesOf(graph)).toEqual([]);
      expectSameValues(optimised(graph), graph);
    });
  const head = `%Q: f32[128, 4] = input "Q"
  %K: f32[128, 4] = input "K"
  %V: f32[128, 3] = input "V"
  %A: f32[128, 128] = contract "i r, j r -> i j" %Q, %K`;
  const tail = `%Y: f32[128, 3] = contract "i j, j c -> i c" %B, %V
  return y = %Y`;
  untouched("a non-linear function between the factors", `${head}\n  %B: f32[128, 128] = exp %A\n  ${tail}`);
  untouched(
    "an addition between the factors",
    `${head}\n  %b: f32[128, 128] = input "b"\n  %B: f32[128, 128] = add %A, %b\n  ${tail}`,
  );
  untouched(
    "a mask that depends on data",
    `${head}
  %m: bool[128, 128] = input "m"
  %z: f32 = constant values=[0]
  %B: f32[128, 128] = select %m, %A, %z
  ${tail}`,
  );
  untouched(
    "a maximum between the factors",
    `${head}
  %z: f32[128, 128] = input "z"
  %B: f32[128, 128] = max %A, %z
  ${tail}`,
  );
  untouched(
    "a divisor that sums over the same index",
    `%Q: f32[16, 16] = input "Q"
  %V: f32[16, 3] = input "V"
  %one: f32[16, 16] = constant values=[1]
  %B: f32[16, 16] = div %one, %Q
  %Y: f32[16, 3] = contract "i j, j c -> i c" %B, %V
  return y = %Y`,
  );
  it("half precision, where another order could overflow", () => {
    const graph = graphOf(`%Q: f16[128, 4] = input "Q"
  %K: f16[128, 4] = input "K"
  %V: f16[128, 3] = input "V"
  %A: f16[128, 128] = contract "i r, j r -> i j" %Q, %K
  %Y: f16[128, 3] = contract "i j, j c -> i c" %A, %V
  return y = %Y`);
    expect(rulesOf(graph)).toEqual([]);
  });
});

describe("the pass as a whole", () => {
  it("is idempotent, deterministic, and its graphs are well formed", () => {
    for (const where of ["", "j <= i"]) {
      const graph = favor({ length: 512, features: 16, channels: 8 }, where);
      const once = optimised(graph);
      expect(verifyGraph(once, { origins: false })).toEqual([]);
      expect(textOf(optimised(graph))).toBe(textOf(once));
      expect(textOf(optimised(once))).toBe(textOf(once));
    }
  });

  it("says what it saved, in the author's names", () => {
    const graph = favor({ length: 512, features: 16, channels: 8 });
    const stage = runPipeline(graph).stages.find((each) => each.name === "contraction-order")!;
    const [trace] = stage.rewrites;
    expect(trace?.before).toContain("sum[j] (sum[r] Q·K)·V");
    expect(trace?.after).toContain("sum[r] Q·(sum[j] K·V)");
    expect(trace!.flopsAfter).toBeLessThan(trace!.flopsBefore / 20);
    expect(trace!.bytesAfter).toBeLessThan(trace!.bytesBefore / 20);
  });

  it("takes little time for 20,000 nodes", () => {
    const lines = [`%v0: f32[8, 8] = input "x"`, `  %w: f32[8, 8] = parameter "w"`];
    for (let n = 1; n <= 10_000; n++) {
      lines.push(`  %a${n}: f32[8, 8] = contract "i k, k j -> i j" %v${n - 1}, %w`);
      lines.push(`  %v${n}: f32[8, 8] = ${n % 3 === 0 ? `exp %a${n}` : `mul %a${n}, %v${n - 1}`}`);
    }
    const graph = graphOf(`${lines.join("\n")}\n  return y = %v10000`);
    // Processor time of this process, so that a busy machine does not count.
    const milliseconds = () => process.cpuUsage().user / 1000;
    for (const { name, ms } of runPipeline(graph, { now: milliseconds }).stages) expect(ms, name).toBeLessThan(4000);
  }, 120_000);
});
