/** Which lowering a group gets. */
import { type Node, parseConstraints } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { lowerContraction, tileIndices } from "./lower-contraction.ts";
import { lowerExtern } from "./lower-extern.ts";
import { lowerMap } from "./lower-map.ts";
import { lowerOnlineSoftmax } from "./lower-online-softmax.ts";
import { lowerOrder } from "./lower-order.ts";
import { lowerRows } from "./lower-rows.ts";
import { lowerScan } from "./lower-scan.ts";
import { lowerScatter } from "./lower-scatter.ts";
import { lowerSum } from "./lower-sum.ts";
import type { LoweredKernel } from "./lowering.ts";
import type { KernelSchedule } from "./schedule.ts";
import type { RegionSources } from "./values.ts";

/** Lowers a group that is one kernel: any but a loop (lower-loop.ts). */
export function lowerGroup(group: KernelGroup, schedule: KernelSchedule, region?: RegionSources): LoweredKernel {
  switch (group.kind) {
    case "map":
      return lowerMap(group, region);
    case "rows":
      return lowerRows(group, region);
    case "scan":
      return lowerScan(group, region);
    case "order":
      return lowerOrder(group, region);
    case "extern":
      if (region !== undefined)
        throw new Error("a hand-written kernel inside the body of a loop cannot be compiled yet");
      return lowerExtern(group);
    case "scatter":
      return lowerScatter(group, region);
    case "online-softmax":
      return lowerOnlineSoftmax(group, schedule.contraction, region);
    case "contraction": {
      const head = group.heads[0] as Node;
      const tile = tileIndices(head);
      return tile === undefined || !tileTakes(head, tile.row, tile.column)
        ? lowerSum(group, region)
        : lowerContraction(group, tile, schedule.contraction, region);
    }
    case "loop":
      throw new Error("a loop is a sequence of kernels: lowerLoop makes it");
  }
}

/** A tile tests a restricted range on one factor at a time: a condition over row, column and a summed index has no place. */
function tileTakes(head: Node, row: string, column: string): boolean {
  const constraints = parseConstraints((head.attributes.where as string | undefined) ?? "");
  const kept = (head.attributes.spec as string).split("->")[1] as string;
  const isKept = (name: string) => kept.trim().split(/\s+/).includes(name);
  return constraints.every(({ terms }) => !(terms.has(row) && terms.has(column)) || [...terms.keys()].every(isKept));
}
