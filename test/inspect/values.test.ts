/** Figures of values, and which values an equation defines. */
import { describe, expect, it } from "vitest";
import {
  isOutside,
  type ProbedNode,
  positionOf,
  statisticsOf,
  summariseValues,
  valuesOfEquations,
  worstDeviation,
} from "../../src/inspect/index.ts";
import { elementCount, evaluateNodes, graphNodes, operationOf } from "../../src/ir/index.ts";
import { attention, inspectSource } from "./compile-for-inspection.ts";
import { validInspection } from "./valid-inspection.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

describe("figures of a value", () => {
  it("count what is not finite and look at the rest", () => {
    expect(statisticsOf([1, nan, -3, infinity, 5, -infinity])).toEqual({
      elements: 6,
      nan: 1,
      infinite: 2,
      range: { minimum: -3, maximum: 5, mean: 1 },
    });
    expect(statisticsOf([nan])).toEqual({ elements: 1, nan: 1, infinite: 0 });
    expect(statisticsOf([])).toEqual({ elements: 0, nan: 0, infinite: 0 });
  });

  it("find the element that is furthest off, with its place", () => {
    expect(worstDeviation([1, 2, 3, 4, 5, 6], [1, 2, 3.5, 4, 4, 6], [2, 3])).toEqual({
      position: [1, 1],
      got: 5,
      want: 4,
      difference: 1,
    });
    expect(worstDeviation([1, nan, infinity], [1, nan, infinity], [3])).toBeUndefined();
    expect(worstDeviation([9, nan], [1, 2], [2])).toEqual({
      position: [1],
      got: "NaN",
      want: 2,
      difference: "Infinity",
    });
    expect(worstDeviation([7], [7.5], [])).toMatchObject({ position: [] });
    expect(positionOf(23, [2, 3, 4])).toEqual([1, 2, 3]);
  });

  it("are put together for an equation that several layers compute", () => {
    const range = (minimum: number, maximum: number, mean: number) => ({ minimum, maximum, mean });
    const value = { node: 0, from: "device", elements: 2, nan: 0, infinite: 0 } as const;
    const worst = (difference: number) => ({ position: [0], got: 1, want: 1 + difference, difference });
    const summary = summariseValues([
      { ...value, range: range(0, 1, 0.5), worst: worst(1e-3), boundUsed: 0.5 },
      { ...value, elements: 8, nan: 2, range: range(-4, 0, -1), worst: worst(1e-2), boundUsed: "Infinity" },
      { ...value, nan: 2 },
    ]);
    expect(summary).toMatchObject({
      elements: 12,
      nan: 4,
      range: range(-4, 1, (2 * 0.5 - 6) / 8),
      worst: worst(1e-2),
      boundUsed: "Infinity",
    });
    expect(isOutside(summary!)).toBe(true);
    expect(isOutside({ boundUsed: 1 })).toBe(false);
    expect(summariseValues([])).toBeUndefined();
  });
});

describe("values of an equation", () => {
  /** Every value of both graphs on inputs that rise, as if a device had computed those of the last one. */
  const probed = (text: string, entry: string, settings: Readonly<Record<string, number>>) =>
    inspectSource({
      path: "values.weft",
      text,
      entry,
      settings,
      probe: ({ graph, finalGraph }) => {
        const inputs = Object.fromEntries(
          graph.inputs.map((node) => {
            const data = Float64Array.from({ length: elementCount(node.type.shape) }, (_, i) => Math.sin(i));
            return [node.attributes.name as string, { type: node.type, data }];
          }),
        );
        const last = new Set(graphNodes(finalGraph));
        const values = [
          ...evaluateNodes(finalGraph, { inputs, parameters: {} }),
          ...evaluateNodes(graph, { inputs, parameters: {} }),
        ];
        const nodes = new Map(values);
        return {
          method: "device",
          drawn: [],
          values: [...nodes].flatMap(([node, { data }]): ProbedNode[] => {
            if (["source", "movement"].includes(operationOf(node.op).family)) return [];
            return [{ node, from: last.has(node) ? "device" : "reference", ...statisticsOf(data) }];
          }),
        };
      },
    }).inspection;

  it("are those with its name, also where a function computed them", () => {
    const inspection = probed(attention, "attention", { L: 8, S: 8, d: 4, e: 4 });
    validInspection(inspection);
    const values = valuesOfEquations(inspection);
    const of = (definition: string, name: string) =>
      values[inspection.equations.findIndex((each) => each.definition === definition && each.name === name)];
    // The softmax: between 0 and 1, every row sums to 1.
    const weights = of("attention", "A")!;
    expect(weights.range!.minimum).toBeGreaterThan(0);
    expect(weights.range!.mean).toBeCloseTo(1 / 8, 9);
    // The largest exponential of every row is that of 0.
    expect(of("softmax", "e")!.range!.maximum).toBe(1);
    expect(of("attention", "Y")!.from).toBe("device");
  });

  it("are those of the whole right side where it has no name, and none where that says nothing", () => {
    const inspection = probed(
      `fn inner<L>(x: f32[L]) -> f32[L] = 2 + tanh(x)

fn outer<L>(x: f32[L]) -> f32[L] {
  let y = inner(x)
  return inner(y)
}
`,
      "outer",
      { L: 16 },
    );
    const values = valuesOfEquations(inspection);
    const inner = values[inspection.equations.findIndex(({ definition }) => definition === "inner")]!;
    expect(inner.values).toHaveLength(2);
    expect(inner.range!.minimum).toBeGreaterThan(1);
    expect(inner.range!.maximum).toBeGreaterThan(2.7);
  });
});
