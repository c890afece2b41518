import { describe, expect, it } from "vitest";
import { diffGraphs, graphAfter, type Inspection } from "../../src/inspect/index.ts";
import { inspectAttention, inspectPerformer } from "./compile-for-inspection.ts";

const node = (operation: string, operands: number[], type = "f32[2]"): Inspection["nodes"][number] => ({
  op: operation,
  family: "elementwise",
  type,
  operation,
  attributes: "",
  operands,
  origins: [],
  wgslName: operation,
  flops: 0,
  bytes: 8,
  bytesMoved: 8,
});

describe("the difference of two graphs", () => {
  it("tells kept, rewired, removed and added nodes apart", () => {
    // Before: c = exp(a), d = neg(c), e = add(d, b). After: d' = neg(a), e' = add(d', b), f = sqrt(e').
    const nodes = [
      node("a", []),
      node("b", []),
      node("exp", [0]),
      node("neg", [2]),
      node("add", [3, 1]),
      node("neg", [0]),
      node("add", [5, 1]),
      node("sqrt", [6]),
    ];
    const changes = diffGraphs(
      { nodes },
      { name: "before", nodes: [0, 1, 2, 3, 4], outputs: [] },
      { name: "after", nodes: [0, 1, 5, 6, 7], outputs: [] },
    );
    expect(changes).toEqual([
      { kind: "same", before: 0, after: 0 },
      { kind: "same", before: 1, after: 1 },
      { kind: "removed", before: 2 },
      { kind: "rewired", before: 3, after: 5 },
      { kind: "same", before: 4, after: 6 },
      { kind: "added", after: 7 },
    ]);
  });

  it.each([
    ["attention", inspectAttention().inspection],
    ["performer", inspectPerformer().inspection],
  ])("accounts for every node of every stage of %s once", (_name, inspection) => {
    for (let stage = 1; stage < inspection.stages.length; stage++) {
      const [before, after] = [graphAfter(inspection, stage - 1), graphAfter(inspection, stage)];
      const changes = diffGraphs(inspection, before, after);
      expect(changes.flatMap((change) => ("before" in change ? [change.before] : []))).toEqual(before.nodes);
      expect(changes.flatMap((change) => ("after" in change ? [change.after] : []))).toEqual(after.nodes);
      if (inspection.stages[stage]?.changed === false) expect(changes.every(({ kind }) => kind === "same")).toBe(true);
    }
  });
});
