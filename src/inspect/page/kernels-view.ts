/** Kernels in the order in which they run, and the WGSL of the chosen one. */
import { rank } from "../attribute-cost.ts";
import type { Id } from "../inspection.ts";
import { printDispatches, printNumberOf, printShare, printSize, printTime, printWork } from "../quantities.ts";
import { bar, colouredLine } from "./coloured-text.ts";
import { element } from "./elements.ts";
import { launchMarks, nodeMarks, type Reader } from "./reader.ts";
import { virtualList } from "./virtual-list.ts";

export function kernelsView(reader: Reader): HTMLElement {
  const { inspection, costs } = reader;
  const dearest = costs.launches.reduce((most, cost) => Math.max(most, rank(cost)), 0);
  let shown = 0;
  let lines: readonly string[] = [];
  let names: ReadonlyMap<string, readonly Id[]> = new Map();

  const launches = virtualList({
    label: "Kernels, in the order in which they run. Enter shows a kernel's WGSL and marks what it computes.",
    classes: "launches",
    count: () => inspection.launches.length,
    row: (index) => {
      const launch = inspection.launches[index];
      const cost = costs.launches[index];
      if (launch === undefined || cost === undefined) return { content: [] };
      const times = launch.steps.length > 1 ? ` ×${launch.steps.length}` : "";
      const time = cost.ms === undefined ? printShare(cost.modelled) : printTime(cost.ms);
      return {
        content: [
          bar(dearest === 0 ? 0 : rank(cost) / dearest, `${printShare(cost.modelled)} of the modelled time`),
          element("span", { class: "column number" }, String(launch.steps[0])),
          element("span", { class: "column name" }, `${launch.label}${times}`),
          element("span", { class: "column kind" }, launch.kind),
          element("span", { class: "column number wide" }, printWork(cost.flops)),
          element("span", { class: "column number wide" }, time),
        ],
        classes: `${launchMarks(reader, index)} ${index === shown ? "shown" : ""}`,
        selected: reader.chosen().launches.has(index),
        label: `Step ${launch.steps[0]}, ${launch.label}${times}, ${launch.kind}: work ${printWork(cost.flops)}, time ${time}`,
      };
    },
    onPick: (index) => {
      show(index);
      reader.choose({ kind: "launch", launch: index });
    },
    onPoint: (index) => reader.point(index === undefined ? undefined : { kind: "launch", launch: index }),
  });

  /** Nodes behind a word of the WGSL: a binding's own, or those whose name it is but for the number at its end. */
  const nodesOf = (word: string): readonly Id[] => names.get(word) ?? names.get(word.replace(/_\d+$/, "")) ?? [];
  const wordOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-at]")?.textContent ?? "";
  const anchorAt = (event: Event) => {
    const [node] = nodesOf(wordOf(event));
    return node === undefined ? undefined : ({ kind: "node", node } as const);
  };
  const text = virtualList({
    label: "WGSL of the chosen kernel. Names of nodes can be clicked.",
    classes: "code wgsl",
    count: () => lines.length,
    characters: () => lines.reduce((most, line) => Math.max(most, line.length + 6), 0),
    row: (index) => {
      const [chosen, pointed] = [reader.chosen(), reader.pointed()];
      const anchor = reader.anchor()?.kind;
      const pieces = colouredLine(lines[index] ?? "", "wgsl", (_, word) => {
        const nodes = nodesOf(word);
        if (nodes.length === 0) return "";
        // With a whole kernel chosen every name would be marked, which says nothing.
        const marked = anchor !== "launch" && nodes.some((node) => chosen.nodes.has(node));
        return `known ${marked ? "marked" : ""} ${nodes.some((node) => pointed.nodes.has(node)) ? "pointed" : ""}`;
      });
      return {
        content: [element("span", { class: "line-number" }, String(index + 1)), ...pieces],
        selected: pieces.some((piece) => piece.classList.contains("marked")),
      };
    },
    onPick: (index, event) => {
      const anchor = event instanceof KeyboardEvent ? firstOnLine(index) : anchorAt(event);
      if (anchor !== undefined) reader.choose(anchor);
    },
    onPoint: (index, event) => reader.point(index === undefined ? undefined : anchorAt(event)),
  });
  const firstOnLine = (index: number) => {
    const [node] = (lines[index] ?? "").split(/[^\p{L}\p{N}_]+/u).flatMap(nodesOf);
    return node === undefined ? undefined : ({ kind: "node", node } as const);
  };

  const title = element("h3", { class: "kernel-title" });
  const facts = element("p", { class: "summary" });
  const buffers = element("ul", { class: "bindings", tabindex: 0, "aria-label": "Buffers of the kernel" });

  function show(index: number): void {
    const launch = inspection.launches[index];
    if (launch === undefined) return;
    shown = index;
    lines = (inspection.kernels[launch.kernel]?.wgsl ?? "").trimEnd().split("\n");
    names = namesOf(reader, index);
    const sharing = inspection.launches.filter(({ kernel }) => kernel === launch.kernel).length;
    title.textContent = `${launch.label} (${launch.kind})`;
    facts.textContent =
      `${printNumberOf(launch.threads, "thread")} in ${launch.workgroups.join(" × ")} workgroups, ` +
      `${printWork(launch.flops)}, ${printSize(launch.bytes)} moved, of which ${printSize(launch.unavoidable)} unavoidable, ${(launch.flops / Math.max(1, launch.bytes)).toPrecision(3)} FLOP/B` +
      `${launch.module === undefined ? "" : `; with parameters of ${launch.module}`}` +
      `${sharing > 1 ? `; ${sharing} kernels of the plan share this text` : ""}`;
    buffers.replaceChildren(
      ...launch.bindings.map(({ name, node, access, buffer }) =>
        element(
          "li",
          { "data-node": node, class: nodeMarks(reader, node) },
          `${launch.outputs.includes(node) ? "writes" : access === "read" || launch.inputs.includes(node) ? "reads" : "keeps"} ${name}: ${inspection.nodes[node]?.type ?? ""} (${buffer}${
            buffer === "parameter" ? ` ${inspection.nodes[node]?.name ?? ""}` : ""
          })`,
        ),
      ),
    );
    text.refresh();
  }

  reader.onChange((what) => {
    const chosen = reader.chosen();
    if (what === "chosen" && chosen.launches.size > 0) {
      const [first] = [...chosen.launches].sort((a, b) => a - b);
      if (!chosen.launches.has(shown) && first !== undefined) show(first);
      launches.show(shown);
      const anchor = reader.anchor()?.kind;
      const marked = lines.findIndex((line) =>
        line.split(/[^\p{L}\p{N}_]+/u).some((word) => nodesOf(word).some((node) => chosen.nodes.has(node))),
      );
      if (anchor !== "launch" && marked >= 0) text.show(marked);
    }
    launches.refresh();
    text.refresh();
    for (const item of buffers.querySelectorAll<HTMLElement>("[data-node]")) {
      item.className = nodeMarks(reader, Number(item.dataset.node));
    }
  });
  show(0);
  return element(
    "section",
    { class: "pane kernels-pane", "aria-label": "Kernels and WGSL" },
    element(
      "header",
      {},
      element("h2", {}, "Kernels"),
      element(
        "span",
        { class: "summary" },
        `${printNumberOf(inspection.kernels.length, "kernel")}, ${printDispatches(inspection)}`,
      ),
    ),
    launches.element,
    element("header", {}, title),
    facts,
    buffers,
    text.element,
  );
}

/** Words of a launch's WGSL that stand for nodes. */
function namesOf({ inspection }: Reader, index: number): ReadonlyMap<string, readonly Id[]> {
  const launch = inspection.launches[index];
  const names = new Map<string, Id[]>();
  for (const id of launch?.members ?? []) {
    const node = inspection.nodes[id];
    if (node === undefined) continue;
    const word = node.wgslName.replace(/[^\p{L}\p{N}_]/gu, "_");
    const list = names.get(word);
    if (list === undefined) names.set(word, [id]);
    else list.push(id);
  }
  // Bindings have names of their own, and know best.
  for (const { name, node } of launch?.bindings ?? []) names.set(name, [node]);
  return names;
}
