/** The IR after any stage, as text or as what the stage changed. */
import { diffGraphs } from "../graph-diff.ts";
import { graphAfter, graphLines, nodeLine, numbersOf } from "../graph-lines.ts";
import type { Id } from "../inspection.ts";
import { printNumberOf, printWork } from "../quantities.ts";
import { colouredLine } from "./coloured-text.ts";
import { button, chooser, element } from "./elements.ts";
import { nodeMarks, type Reader } from "./reader.ts";
import { type ListRow, virtualList } from "./virtual-list.ts";

interface TextRow {
  readonly sign: " " | "+" | "-" | "~" | "…";
  readonly text: string;
  readonly node?: Id;
}

/** Unchanged nodes shown around a change. */
const context = 3;

export interface GraphTextView {
  readonly element: HTMLElement;
  readonly showStage: (stage: number, changes: boolean) => void;
}

export function graphTextView(reader: Reader): GraphTextView {
  const { inspection } = reader;
  let stage = inspection.stages.length - 1;
  let changes = false;
  const known = new Map<string, readonly TextRow[]>();
  const rows = (): readonly TextRow[] => {
    const key = `${stage} ${changes}`;
    const found = known.get(key) ?? (changes ? changedRows(reader, stage) : textRows(reader, stage));
    known.set(key, found);
    return found;
  };

  const drawRow = ({ sign, text, node }: TextRow): ListRow => {
    const at = node === undefined ? undefined : inspection.nodes[node];
    const remark = [at?.name, at !== undefined && at.flops > 0 ? printWork(at.flops) : undefined]
      .filter((part) => part !== undefined)
      .join("  ");
    const signClass = { " ": "", "+": "added", "-": "removed", "~": "rewired", "…": "fold" }[sign];
    return {
      content: [
        element("span", { class: "sign" }, sign),
        ...(sign === "…" ? [element("span", { class: "comment" }, text)] : colouredLine(text, "ir")),
        element("span", { class: "comment" }, remark === "" ? "" : `  ; ${remark}`),
      ],
      classes: `${signClass} ${node === undefined ? "" : nodeMarks(reader, node)}`,
      selected: node !== undefined && reader.chosen().nodes.has(node),
    };
  };

  const anchorOf = (index: number) => {
    const node = rows()[index]?.node;
    return node === undefined ? undefined : ({ kind: "node", node } as const);
  };
  const list = virtualList({
    label: "IR: nodes of the graph. Enter marks where a node comes from and which kernels compute it.",
    classes: "code",
    count: () => rows().length,
    characters: () =>
      Math.min(
        400,
        rows().reduce((most, { text }) => Math.max(most, text.length + 24), 0),
      ),
    row: (index) => drawRow(rows()[index] as TextRow),
    onPick: (index) => reader.choose(anchorOf(index)),
    onPoint: (index) => reader.point(index === undefined ? undefined : anchorOf(index)),
  });

  const showFirstMarked = () => {
    const { nodes, kin } = reader.chosen();
    const has = (set: ReadonlySet<Id>) => rows().findIndex(({ node }) => node !== undefined && set.has(node));
    const exact = has(nodes);
    const index = exact >= 0 ? exact : has(kin);
    if (index >= 0) list.show(index);
  };
  const summary = element("p", { class: "summary" });
  const stages = chooser(
    "Stage",
    inspection.stages.map(
      ({ pass, changed }, i) => `${i === 0 ? "as written" : `${i}. after ${pass}`}${changed ? "" : " (unchanged)"}`,
    ),
    (index) => showStage(index, changes),
  );
  const step = (by: number) => {
    let next = stage + by;
    while (inspection.stages[next]?.changed === false) next += by;
    if (inspection.stages[next] !== undefined) showStage(next, changes);
  };
  const changesBox = element("input", { type: "checkbox" });
  changesBox.addEventListener("change", () => showStage(stage, changesBox.checked));

  function showStage(next: number, withChanges: boolean): void {
    stage = next;
    changes = withChanges;
    stages.selectedIndex = stage;
    changesBox.checked = changes;
    const shown = inspection.stages[stage];
    summary.textContent =
      shown === undefined
        ? ""
        : `${shown.summary} ${printNumberOf(shown.cost.nodes, "node")}, ${printWork(shown.cost.flops)} before fusion.`;
    list.refresh();
    showFirstMarked();
  }

  reader.onChange((what) => {
    if (what === "chosen" && reader.anchor()?.kind !== "node") showFirstMarked();
    list.refresh();
  });
  reader.onKey((key) => {
    if (key === "[") step(-1);
    if (key === "]") step(1);
  });
  showStage(stage, false);
  const controls = element(
    "div",
    { class: "controls" },
    button("‹", { "aria-label": "Stage before that changed something", title: "[" }, () => step(-1)),
    stages,
    button("›", { "aria-label": "Next stage that changed something", title: "]" }, () => step(1)),
    element("label", {}, changesBox, " changes only"),
  );
  return { element: element("div", { class: "view" }, controls, summary, list.element), showStage };
}

function textRows({ inspection }: Reader, stage: number): TextRow[] {
  return graphLines(inspection, graphAfter(inspection, stage)).map(({ text, depth, node }) => ({
    sign: " ",
    text: `${"  ".repeat(depth)}${text}`,
    ...(node === undefined ? {} : { node }),
  }));
}

/** Changes against the stage before, unchanged stretches folded. */
function changedRows({ inspection }: Reader, stage: number): TextRow[] {
  if (stage === 0) return [{ sign: "…", text: "nothing came before: this is the graph as written" }];
  const [before, after] = [graphAfter(inspection, stage - 1), graphAfter(inspection, stage)];
  const [old, now] = [numbersOf(before), numbersOf(after)];
  const line = (id: Id, numbers: ReadonlyMap<Id, number>) => {
    const node = inspection.nodes[id];
    return node === undefined ? "" : `  ${nodeLine(id, node, numbers)}`;
  };
  const rows = diffGraphs(inspection, before, after).map((change): TextRow => {
    switch (change.kind) {
      case "removed":
        return { sign: "-", text: line(change.before, old), node: change.before };
      case "added":
        return { sign: "+", text: line(change.after, now), node: change.after };
      case "rewired":
        return { sign: "~", text: line(change.after, now), node: change.after };
      case "same":
        return { sign: " ", text: line(change.after, now), node: change.after };
      default:
        return change satisfies never;
    }
  });
  const near = rows.map((_, i) =>
    rows.slice(Math.max(0, i - context), i + context + 1).some(({ sign }) => sign !== " "),
  );
  const folded: TextRow[] = [];
  for (let i = 0; i < rows.length; i++) {
    if (near[i] === true) folded.push(rows[i] as TextRow);
    else {
      const start = i;
      while (i + 1 < rows.length && near[i + 1] === false) i++;
      folded.push({ sign: "…", text: `${printNumberOf(i + 1 - start, "node")} unchanged` });
    }
  }
  return folded;
}
