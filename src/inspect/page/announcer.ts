/** What was chosen, in words. */
import { equationTitle } from "../equations.ts";
import { printNumberOf } from "../quantities.ts";
import { element } from "./elements.ts";
import type { Reader } from "./reader.ts";

/** Says what was chosen, for screen readers and for those who look at the foot of the page. */
export function announcer(reader: Reader): HTMLElement {
  const { chosen, onChange, anchor } = reader;
  const line = element(
    "footer",
    { role: "status", "aria-live": "polite" },
    "Click anything to see what belongs to it.",
  );
  onChange((what) => {
    if (what !== "chosen") return;
    const { spans, nodes, launches } = chosen();
    line.textContent =
      anchor() === undefined
        ? "Nothing is chosen."
        : `${describeAnchor(reader)}: ${printNumberOf(spans.size, "place")} in the source, ${printNumberOf(nodes.size, "node")} over all stages, ${printNumberOf(launches.size, "kernel launch", "kernel launches")}.`;
  });
  return line;
}

function describeAnchor({ inspection, anchor: chosen }: Reader): string {
  const anchor = chosen();
  switch (anchor?.kind) {
    case undefined:
      return "";
    case "span": {
      const span = inspection.spans[anchor.span];
      const source = span === undefined ? undefined : inspection.sources[span.source];
      return `${source?.path}:${span?.line} \`${source?.text.slice(span?.start, span?.end).replace(/\s+/g, " ").slice(0, 60)}\``;
    }
    case "line":
      return `${inspection.sources[anchor.source]?.path}:${anchor.line}`;
    case "equation": {
      const equation = inspection.equations[anchor.equation];
      return equation === undefined ? "" : `Equation ${equationTitle(equation)}`;
    }
    case "places":
      return "The rewritten places";
    case "node": {
      const node = inspection.nodes[anchor.node];
      return `${node?.name ?? node?.op}: ${node?.type}`;
    }
    case "launch":
      return `Kernel ${inspection.launches[anchor.launch]?.label}`;
    case "module":
      return `Module ${anchor.path}`;
    default:
      return anchor satisfies never;
  }
}
