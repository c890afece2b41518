/** Kernels that would bind too many buffers are divided, into few and without a search that goes by the square. */
import { describe, expect, it } from "vitest";
import { type Graph, makeNode, type Node, tensorType } from "../../src/ir/index.ts";
import { defaultFusionOptions, fuseKernels } from "../../src/passes/index.ts";

const origins = [{ file: "sum.weft", start: 0, end: 1, line: 1, column: 1 }];
const input = (name: string) => makeNode("input", [], { name }, { origins, declared: tensorType("f32", [64]), name });
const add = (a: Node, b: Node) => makeNode("add", [a, b], {}, { origins });

/** A graph whose output is made of so many inputs. */
function sumOf(count: number, combine: (inputs: readonly Node[]) => Node): Graph {
  const inputs = Array.from({ length: count }, (_, k) => input(`x${k}`));
  return { name: "sum", inputs, parameters: [], outputs: [{ name: "y", node: combine(inputs) }] };
}

const chain = (inputs: readonly Node[]) => inputs.reduce(add);
const tree = (inputs: readonly Node[]): Node => {
  const half = inputs.length >> 1;
  return inputs.length === 1 ? (inputs[0] as Node) : add(tree(inputs.slice(0, half)), tree(inputs.slice(half)));
};

describe("a sum of n terms", () => {
  it.each([
    [8, 100, chain],
    [16, 100, chain],
    [16, 1000, chain],
    [8, 128, tree],
    [16, 1000, tree],
  ])("with %i bindings, %i terms, %o", (maxBindings, terms, combine) => {
    const groups = fuseKernels(sumOf(terms, combine), { ...defaultFusionOptions, maxBindings });
    for (const group of groups) expect(group.inputs.length + group.outputs.length).toBeLessThanOrEqual(maxBindings);
    // Every kernel turns at most maxBindings - 1 values into one.
    const fewest = Math.ceil((terms - 1) / (maxBindings - 2));
    expect(groups.length).toBeGreaterThanOrEqual(fewest);
    expect(groups.length).toBeLessThanOrEqual(combine === chain ? fewest : 2 * fewest);
    // Whatever is read was written by a kernel before, or is an input.
    const known = new Set<Node>(groups.flatMap((group) => group.inputs).filter(({ op }) => op === "input"));
    for (const group of groups) {
      for (const node of group.inputs) expect(known.has(node)).toBe(true);
      for (const node of group.outputs) known.add(node);
    }
  });

  it("that fits is one kernel", () => {
    const options = { ...defaultFusionOptions, maxBindings: 8 };
    expect(fuseKernels(sumOf(7, chain), options)).toHaveLength(1);
    expect(fuseKernels(sumOf(8, chain), options)).toHaveLength(2);
  });
});
