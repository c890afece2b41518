/** The keys, and what a click does. */
import { button, element } from "../../src/inspect/page/index.ts";

const keys: readonly (readonly [string, string])[] = [
  ["Ctrl-Enter", "in the text: run"],
  ["Ctrl-Space", "in the text: what can be written here"],
  ["F8", "in the text: the next mistake"],
  ["Alt-Enter", "in the text: mark what the place at the cursor became"],
  ["Tab", "moves on; inside the text too, so that the keyboard is never caught"],
  ["Arrows, Page, Home, End, Enter", "in lists: move, and choose"],
  ["1 … 6", "IR, Passes, Graph, Cost, Memory, Files"],
  ["[ and ]", "IR of the stage before or after"],
  ["Escape", "choose nothing"],
];

export function helpButton(): HTMLElement {
  const close = button("Close", {}, () => dialog.close());
  const dialog = element(
    "dialog",
    { "aria-label": "Help" },
    element("dl", {}, ...keys.flatMap(([key, does]) => [element("dt", {}, key), element("dd", {}, does)])),
    element(
      "p",
      {},
      "The text is checked as you type and compiled when it has no mistakes, all in this page: nothing is sent anywhere. Click an " +
        "equation and what became of it is marked in the graph, among the kernels and in their WGSL; click those and the " +
        "equation is marked. Sizes that you leave open are chosen, and stand in their fields in grey.",
    ),
    close,
  );
  return element(
    "span",
    {},
    button("Help", { "aria-haspopup": "dialog" }, () => dialog.showModal()),
    dialog,
  );
}
