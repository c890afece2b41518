/** The page: its bar, its text and views, and what its address asks for. */
import { button, element, lightOrDark } from "../../src/inspect/page/index.ts";
import "../../src/inspect/page/style.css";
import "./style.css";
import type { Draft } from "./draft.ts";
import { type Example, examples } from "./examples.ts";
import { helpButton } from "./help.ts";
import { keepDraft, keptDraft } from "./kept-draft.ts";
import { fragmentOf, readFragment, ShareError } from "./share-link.ts";
import { workbench } from "./workbench.ts";

/** What there is to show: a text, and which example it is. */
interface Wanted {
  readonly draft: Draft;
  readonly example?: Example;
}

const [firstExample] = examples as readonly [Example, ...Example[]];
const note = element("p", { class: "note", role: "alert", hidden: true });
/** What was written in this tab; there once something was. */
const ownText = element("option", { hidden: true }, "your text");
const exampleList = element(
  "select",
  { id: "example" },
  ...examples.map(({ title }) => element("option", {}, title)),
  ownText,
);

const first = (await wantedByAddress()) ??
  (await wantedFromBefore()) ?? { draft: firstExample.draft, example: firstExample };
const bench = workbench(first.draft, (draft) => {
  // The address no longer tells what is on the page; the tab keeps it over a reload.
  history.replaceState(null, "", withoutFragment());
  ownText.hidden = false;
  showExample(undefined);
  void keepDraft(draft);
});
showExample(first.example);

ownText.hidden = first.example !== undefined && (await keptDraft()) === undefined;

exampleList.addEventListener("change", async () => {
  const example = examples[exampleList.selectedIndex];
  const draft = example?.draft ?? (await keptDraft());
  if (draft === undefined) return;
  history.replaceState(null, "", example === undefined ? withoutFragment() : `#example=${example.name}`);
  note.hidden = true;
  bench.open(draft);
});
addEventListener("hashchange", async () => {
  const wanted = await wantedByAddress();
  if (wanted === undefined) return;
  showExample(wanted.example);
  bench.open(wanted.draft);
});

document.getElementById("playground")?.replaceChildren(
  element(
    "header",
    { class: "top" },
    element("h1", {}, "Weft playground"),
    element("label", {}, "Example ", exampleList),
    ...bench.buttons,
    button("Share", { title: "Puts text and settings into the address" }, () => void share()),
    button("Format", {}, () => void bench.format()),
    lightOrDark(),
    helpButton(),
    bench.status,
    bench.facts,
  ),
  note,
  bench.element,
  bench.foot,
);

/** What the fragment of the address asks for; a note tells what cannot be read of it. */
async function wantedByAddress(): Promise<Wanted | undefined> {
  const shared = await readFragment(location.hash);
  note.hidden = true;
  switch (shared.kind) {
    case "nothing":
      return undefined;
    case "draft":
      return { draft: shared.draft };
    case "example": {
      const example = examples.find(({ name }) => name === shared.name);
      if (example !== undefined) return { draft: example.draft, example };
      warn(`There is no example \`${shared.name}\`; there are ${examples.map(({ name }) => name).join(", ")}.`);
      return undefined;
    }
    case "problem":
      warn(shared.message);
      return undefined;
    default:
      return shared satisfies never;
  }
}

async function wantedFromBefore(): Promise<Wanted | undefined> {
  const draft = await keptDraft();
  return draft === undefined ? undefined : { draft };
}

function withoutFragment(): string {
  return location.pathname + location.search;
}

function warn(message: string): void {
  note.textContent = message;
  note.hidden = false;
}

function showExample(example: Example | undefined): void {
  exampleList.selectedIndex = example === undefined ? examples.length : examples.indexOf(example);
}

async function share(): Promise<void> {
  try {
    history.replaceState(null, "", await fragmentOf(bench.draft()));
  } catch (error) {
    if (!(error instanceof ShareError)) throw error;
    bench.say(error.message, "failed");
    return;
  }
  const copied = await navigator.clipboard?.writeText(location.href).then(
    () => true,
    () => false,
  );
  bench.say(
    copied === true
      ? "A link with text and settings is on the clipboard."
      : "The address of this page now holds text and settings: copy it.",
    "done",
  );
}
