/** What a compiled entry costs, in one line. */
import { printDispatches, printNumberOf, printShare, printSize, printTime, printWork } from "../quantities.ts";
import { element } from "./elements.ts";
import type { Reader } from "./reader.ts";

/** Work, memory and launches, each with its name. */
export function inspectionFacts({ inspection, costs }: Reader): HTMLElement {
  const [first, last] = [inspection.stages[0], inspection.stages.at(-1)];
  const { memory } = inspection;
  const saved =
    first === undefined || last === undefined || first.cost.flops === 0 ? 0 : 1 - last.cost.flops / first.cost.flops;
  const facts = [
    [
      "work",
      `${printWork(first?.cost.flops ?? 0)} → ${printWork(costs.total.flops)}${saved >= 0.001 ? ` (−${printShare(saved)})` : ""}`,
    ],
    ["moved", printSize(costs.total.bytes)],
    ["run as", `${printNumberOf(inspection.kernels.length, "kernel")}, ${printDispatches(inspection)}`],
    ["activations", printSize(memory.arenas.reduce((sum, bytes) => sum + bytes, 0))],
    ["parameters", printSize(memory.parameterBytes)],
    ...(costs.total.ms === undefined
      ? []
      : [["measured", `${printTime(costs.total.ms)} (${inspection.profile?.method})`]]),
    ["for", inspection.adapter],
  ];
  return element(
    "dl",
    {},
    ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
}
