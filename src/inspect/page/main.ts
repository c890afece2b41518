/** The inspection page: reads the data in the page and builds the views around it. */
import type { Inspection } from "../inspection.ts";
import { announcer } from "./announcer.ts";
import { button, element } from "./elements.ts";
import { inspectionFacts } from "./facts.ts";
import { kernelsView } from "./kernels-view.ts";
import { lightOrDark } from "./light-or-dark.ts";
import { makeReader } from "./reader.ts";
import { sourceView } from "./source-view.ts";
import { inspectionViews } from "./views.ts";

const inspection = JSON.parse(document.getElementById("inspection")?.textContent ?? "") as Inspection;
const reader = makeReader(inspection);

document
  .getElementById("inspector")
  ?.replaceChildren(
    header(),
    element("main", {}, sourceView(reader), inspectionViews(reader).element, kernelsView(reader)),
    announcer(reader),
  );

/** What it is and what it costs, in one line, with the page's own switches. */
function header(): HTMLElement {
  const help = helpDialog();
  return element(
    "header",
    { class: "top" },
    element("h1", {}, inspection.name),
    inspectionFacts(reader),
    lightOrDark(),
    button("Keys", { class: "quiet", "aria-haspopup": "dialog" }, () => help.showModal()),
    help,
  );
}

function helpDialog(): HTMLDialogElement {
  const keys: readonly (readonly [string, string])[] = [
    ["Tab, arrows, Page, Home, End", "move between and inside lists"],
    ["Enter", "choose: marks what belongs together in all views"],
    ["Escape", "choose nothing"],
    ["1, 2, …", "IR, Passes, Graph, Cost, Memory, and what else there is"],
    ["[ and ]", "IR of the stage before or after"],
    ["Right, left or o", "in the graph: open or close a module or kernel"],
  ];
  const close = button("Close", {}, () => dialog.close());
  const dialog = element(
    "dialog",
    { "aria-label": "Keys" },
    element("dl", {}, ...keys.flatMap(([key, does]) => [element("dt", {}, key), element("dd", {}, does)])),
    element(
      "p",
      {},
      "Click a word of the source for the smallest expression around it, a line's number for the whole line. Strong marks are what was chosen; " +
        "weak ones share a place in the source with it. WGSL is matched to nodes by the names of buffers and values.",
    ),
    close,
  );
  return dialog;
}
