/** Random sums of products: every form must compute what was written, and the chosen one must not cost more. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Graph, makeBuilder, makeNode, type Node, tensorType } from "../../../src/ir/index.ts";
import { makeOrderFinder } from "../../../src/passes/contraction/emit.ts";
import { prefixForms } from "../../../src/passes/contraction/prefix.ts";
import { expandProduct } from "../../../src/passes/contraction/product.ts";
import { commonSubexpressions, contractionOrder, defaultContext, runPipeline } from "../../../src/passes/index.ts";
import { expectSameValues, flopsOf } from "../graphs.ts";

const conditions = ["", "j <= i", "j + 1 <= i", "i <= j", "i + 1 <= j", "j <= i + 2", "j <= i, i <= j + 7", "5 <= j"];

interface Recipe {
  /** Sizes of h, i, j, r and c. */
  readonly sizes: readonly number[];
  /** For every factor, which indices it has, as bits; and what is done to it: 0 nothing, 1 divide by it, 2 negate, 3 scale. */
  readonly factors: readonly { readonly indices: number; readonly change: number }[];
  /** Which indices the results keep, as bits. */
  readonly results: readonly number[];
  readonly condition: number;
  /** How many factors are multiplied first, over the indices that these bits keep. */
  readonly inner: number;
  readonly innerKept: number;
  readonly flopsPerByte: number;
}

const recipes: fc.Arbitrary<Recipe> = fc.record({
  sizes: fc.tuple(
    fc.constantFrom(1, 2),
    fc.constantFrom(40, 64, 67, 70),
    fc.constantFrom(40, 64, 67),
    fc.constantFrom(1, 3, 8),
    fc.constantFrom(1, 2, 8),
  ),
  factors: fc.array(
    fc.record({
      // Anything, or what attention is made of: queries (i r), keys (j r), values (j c), with and without heads.
      indices: fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constantFrom(0b01010, 0b01100, 0b10100, 0b01011, 0b01101)),
      change: fc.nat({ max: 5 }),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  results: fc.array(fc.oneof(fc.nat({ max: 31 }), fc.constantFrom(0b10010, 0b00010)), { minLength: 1, maxLength: 2 }),
  condition: fc.nat({ max: conditions.length - 1 }),
  inner: fc.nat({ max: 3 }),
  innerKept: fc.nat({ max: 31 }),
  flopsPerByte: fc.constantFrom(0, 1, 10),
});

const names = ["h", "i", "j", "r", "c"];
const namesOf = (bits: number) => names.filter((_, k) => bits & (1 << k));

/** Factors, some of them multiplied first; then every result as a contraction of the rest, so that results share work. */
function build(recipe: Recipe): Graph {
  const builder = makeBuilder();
  const inputs: Node[] = [];
  const reciprocals: { node: Node; indices: string[] }[] = [];
  let factors = recipe.factors.map(({ indices, change }, k) => {
    const own = namesOf(indices);
    const shape = own.map((name) => recipe.sizes[names.indexOf(name)]!);
    const input = makeNode("input", [], { name: `x${k}` }, { declared: tensorType("f32", shape) });
    inputs.push(input);
    if (change === 1) reciprocals.push({ node: builder.apply("exp", input), indices: own });
    if (change === 2) return { node: builder.apply("neg", input), indices: own };
    if (change === 3) return { node: builder.apply("mul", input, builder.constant(3)), indices: own };
    return { node: input, indices: own };
  });
  const contract = (parts: typeof factors, kept: readonly string[], where: string) => {
    const present = new Set(parts.flatMap((part) => part.indices));
    const result = kept.filter((name) => present.has(name));
    const mentioned = names.filter((name) => where.split(/[ ,]+/).includes(name));
    const applicable = mentioned.every((name) => present.has(name)) && mentioned.some((name) => !result.includes(name));
    const spec = `${parts.map((part) => part.indices.join(" ")).join(", ")} -> ${result.join(" ")}`;
    const nodes = parts.map((part) => part.node);
    return { node: builder.contract(spec, nodes, where !== "" && applicable ? where : ""), indices: result };
  };
  if (recipe.inner >= 2 && recipe.inner < factors.length) {
    const first = contract(factors.slice(0, recipe.inner), namesOf(recipe.innerKept), "");
    factors = [first, ...factors.slice(recipe.inner)];
  }
  const outputs = recipe.results.map((bits, k) => {
    let { node, indices } = contract(factors, namesOf(bits), conditions[recipe.condition]!);
    for (const reciprocal of reciprocals) {
      if (indices.length === 0 || !reciprocal.indices.every((name) => indices.includes(name))) continue;
      const axes = reciprocal.indices.map((name) => indices.indexOf(name));
      node = builder.apply("div", node, builder.broadcast(reciprocal.node, node.type.shape, axes));
    }
    return { name: `y${k}`, node };
  });
  return { name: "product", inputs, parameters: [], outputs };
}

const share = (graph: Graph) => commonSubexpressions.run(graph, defaultContext).graph;

it("compute what was written, in no more operations", () => {
  const rules = new Map<string, number>();
  fc.assert(
    fc.property(recipes, (recipe) => {
      // Equal values are counted once, as the pipeline shares them before and after.
      const graph = share(build(recipe));
      // The evaluator walks every point; a million keep the test short.
      if (flopsOf(graph) > 1_000_000) return;
      const ordered = contractionOrder.run(graph, { ...defaultContext, flopsPerByte: recipe.flopsPerByte });
      for (const { rule } of ordered.rewrites) rules.set(rule, (rules.get(rule) ?? 0) + 1);
      expectSameValues(ordered.graph, graph, 1e-9);
      expect(flopsOf(share(ordered.graph))).toBeLessThanOrEqual(flopsOf(graph));
      const again = contractionOrder.run(ordered.graph, { ...defaultContext, flopsPerByte: recipe.flopsPerByte });
      expect(flopsOf(share(again.graph))).toBeLessThanOrEqual(flopsOf(share(ordered.graph)));
      expectSameValues(runPipeline(graph).graph, graph, 1e-9);
    }),
    { numRuns: 400 },
  );
  // The property means little unless several forms come up.
  for (const rule of ["reassociated", "prefix sum"]) expect(rules.get(rule) ?? 0, rule).toBeGreaterThan(2);
}, 120_000);

it("compute what was written in every prefix form, whether it is cheap or not", () => {
  const forms = new Map<string, number>();
  fc.assert(
    fc.property(recipes, (recipe) => {
      const graph = share(build({ ...recipe, condition: 1 + (recipe.condition % 4) }));
      if (flopsOf(graph) > 300_000) return;
      for (const { node } of graph.outputs) {
        // Everything is read through, and everything inside could be wanted by others.
        const expanded = expandProduct(
          node,
          () => true,
          () => true,
        );
        if (expanded === undefined) continue;
        const { product, shared } = expanded;
        const finder = makeOrderFinder(recipe.flopsPerByte);
        const builder = makeBuilder(node.origins);
        for (const form of prefixForms(product, shared, { finder, builder, largestValue: 1e9 })) {
          forms.set(form.rule, (forms.get(form.rule) ?? 0) + 1);
          const of = (output: Node): Graph => ({ ...graph, outputs: [{ name: "y", node: output }] });
          expectSameValues(of(form.node), of(node), 1e-9);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(forms.get("prefix sum")).toBeGreaterThan(20);
  expect(forms.get("chunked prefix")).toBeGreaterThan(20);
}, 120_000);
