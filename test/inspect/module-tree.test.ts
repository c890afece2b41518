/** Kernels by modules. */
import { describe, expect, it } from "vitest";
import { type GraphBlock, type Inspection, moduleTree, openAtFirst } from "../../src/inspect/index.ts";
import { inspectPerformer } from "./compile-for-inspection.ts";

const { inspection: performer } = inspectPerformer();

/** A run of kernels that read parameters of these modules. */
const tree = (...modules: readonly (string | undefined)[]) => {
  const [launch] = performer.launches;
  return moduleTree({ launches: modules.map((module) => ({ ...(launch as Inspection["launches"][number]), module })) });
};

/** `layer.0[a 1 b]`: modules with what is in them, kernels by their position. */
const text = (blocks: readonly GraphBlock[]): string =>
  blocks
    .map((block) => (block.kind === "launch" ? String(block.first) : `${block.name}[${text(block.children)}]`))
    .join(" ");

describe("the tree of modules", () => {
  it("puts kernels that follow each other into their modules", () => {
    expect(text(tree("a.x", "a.x", "a.y", "b"))).toBe("a[x[0 1] 2] 3");
  });

  it("makes one box of modules that only hold each other, and names numbers with the word before", () => {
    expect(text(tree("net.layer.0.q", "net.layer.0.k", "net.layer.1.q", "net.layer.1.k"))).toBe(
      "net.layer[layer.0[0 1] layer.1[2 3]]",
    );
  });

  it("puts a kernel without parameters into the innermost module around it", () => {
    expect(text(tree("e", "l.0.q", undefined, "l.0.o", undefined, "l.1.q", undefined, "l.1.o", undefined))).toBe(
      "0 l[l.0[1 2 3] 4 l.1[5 6 7]] 8",
    );
  });

  it("makes several blocks of a module to which the run comes back", () => {
    expect(text(tree("a.x", "a.y", "b", "a.x", "a.y"))).toBe("a[0 1] 2 a[3 4]");
  });

  it("is flat without parameters", () => expect(text(tree(undefined, undefined))).toBe("0 1"));

  it("covers every kernel once, in order", () => {
    const { launches } = performer;
    const leaves = (blocks: readonly GraphBlock[]): number[] =>
      blocks.flatMap((block) => (block.kind === "launch" ? [block.first] : leaves(block.children)));
    expect(leaves(moduleTree({ launches }))).toEqual(launches.map((_, id) => id));
    const check = (block: GraphBlock): void => {
      if (block.kind === "launch") return;
      expect([block.children[0]?.first, block.children.at(-1)?.last]).toEqual([block.first, block.last]);
      block.children.forEach(check);
    };
    moduleTree({ launches }).forEach(check);
  });

  it("is opened level by level, up to a number of boxes", () => {
    const layers = Array.from({ length: 6 }, (_, i) => [`l.${i}.a.x`, `l.${i}.a.y`, `l.${i}.b`]).flat();
    const blocks = tree(...layers);
    const names = (most: number) => [...openAtFirst(blocks, most)].map(({ path }) => path);
    expect(names(5)).toEqual([]);
    expect(names(6)).toEqual(["l"]);
    expect(names(12)).toEqual(["l", "l.0", "l.1", "l.2", "l.3", "l.4", "l.5"]);
    expect(names(100)).toHaveLength(13);
  });
});
