/** What happens on the page: edits are checked, what has no mistakes is compiled, and what is asked for is run. */
import { button, element, printNumberOf } from "../../src/inspect/page/index.ts";
import type { CostSettings } from "../../src/lsp/editing.ts";
import type { BuildAnswer, BuildQuestions } from "./build-worker.ts";
import { type Draft, sameDraft } from "./draft.ts";
import { type EditorEvents, makeEditor, replaceText, rewriteText } from "./editor.ts";
import { applyRepair, showProblems } from "./editor-problems.ts";
import { inspectionPanes } from "./inspection-panes.ts";
import type { CheckAnswer, EntryChoice } from "./language-service.ts";
import type { LanguageQuestions } from "./language-worker.ts";
import { afterPause } from "./latest.ts";
import { hasErrors, type Problem } from "./problem.ts";
import { problemsView } from "./problems-view.ts";
import { resultView } from "./result-view.ts";
import { type Choice, chosenEntry, settingsView } from "./settings-view.ts";
import { GivenUp, workerClient } from "./worker-messages.ts";

export interface Workbench {
  /** Text, views and kernels. */
  readonly element: HTMLElement;
  readonly facts: HTMLElement;
  readonly foot: HTMLElement;
  /** Run and Stop. */
  readonly buttons: readonly HTMLElement[];
  /** What happens now, in words. */
  readonly status: HTMLElement;
  readonly draft: () => Draft;
  readonly open: (draft: Draft) => void;
  readonly format: () => Promise<void>;
  readonly say: (text: string, kind: StatusKind) => void;
}

/** How it goes. */
export type StatusKind = "busy" | "done" | "failed";

/** One question to the builder; each is an object of its own. */
interface Job {
  readonly kind: "compile" | "run";
}

/** ms after which a check is ended when its text is no longer there; others are waited for. */
const mostCheckTime = 3000;

/** ms without typing after which the text is checked, and after which repairs of its mistakes are looked for. */
const pauses = { check: 150, repair: 700 };

/** @param onChange  told of every change that the author makes, but not of other texts that are opened */
export function workbench(first: Draft, onChange: (draft: Draft) => void): Workbench {
  const language = workerClient<LanguageQuestions>(
    () => new Worker(new URL("./language-worker.ts", import.meta.url), { type: "module", name: "weft language" }),
  );
  const builder = workerClient<BuildQuestions>(
    () => new Worker(new URL("./build-worker.ts", import.meta.url), { type: "module", name: "weft build" }),
  );
  let draft = first;
  let entries: readonly EntryChoice[] = [];
  /** What a field says that is no value; nothing is built then. */
  let invalid: string | undefined;
  /** What the builder is at; answers of earlier jobs are not heard. */
  let job: Job | undefined;
  /** When the check that is at work began, by the page's clock. */
  let checkedSince = Number.POSITIVE_INFINITY;
  /** Counts what the author changes, so that answers to older questions are known as such. */
  let version = 0;
  /** The version whose build the views show. */
  let shownVersion = -1;

  const status = element("p", { class: "status", role: "status", "aria-live": "polite" });
  const say = (text: string, kind: StatusKind) => {
    status.textContent = text;
    status.dataset.kind = kind;
  };
  const events: EditorEvents = {
    onEdit: (text) => changed({ ...draft, text }),
    onPick: (offset) => panes.pick(offset),
    onPickLine: (line) => panes.pickLine(line),
    onPoint: (offset) => panes.point(offset),
    onRun: () => void build("run"),
    complete: (text, offset) => language.ask("complete", { path: draft.path, text, offset }),
    hover: (text, offset) => language.ask("hover", { path: draft.path, text, offset, costs: costSettings(draft) }),
  };
  const editor = makeEditor(draft.text, events);
  const panes = inspectionPanes(editor);
  const problemList = problemsView({
    onGo: ({ primary: { span } }) => {
      editor.dispatch({ selection: { anchor: span.start, head: span.end }, scrollIntoView: true });
      editor.focus();
    },
    onRepair: (repair) => applyRepair(editor, repair),
  });
  const result = resultView();
  const settings = settingsView({
    onChange: (choice: Choice) => {
      invalid = undefined;
      changed({ ...draft, ...choice });
    },
    onInvalid: (message) => {
      invalid = message;
      outdate();
      say(message, "failed");
    },
  });
  const title = element("h2", {});
  const runButton = button("Run", { class: "primary", title: "Ctrl-Enter in the text" }, () => void build("run"));
  const stopButton = button("Stop", { disabled: true }, () => builder.giveUp());

  function endJob(): void {
    job = undefined;
    stopButton.disabled = true;
  }

  /** What is shown is no longer of what is there. */
  function outdate(): void {
    panes.markOld();
    result.markOld();
    endJob();
    builder.giveUp();
  }

  function changed(next: Draft): void {
    if (sameDraft(draft, next)) return;
    draft = next;
    version++;
    onChange(draft);
    outdate();
    if (performance.now() - checkedSince > mostCheckTime) language.giveUp();
    check.ask();
  }

  function showAll(problems: readonly Problem[]): void {
    showProblems(editor, draft.path, problems);
    problemList.show(draft.path, problems);
  }

  const check = afterPause(pauses.check, async () => {
    const asked = version;
    checkedSince = performance.now();
    try {
      const answer = await language.ask("check", { path: draft.path, text: draft.text });
      if (asked !== version) return;
      offer(answer);
      showAll(answer.problems);
      if (answer.problems.length > 0) repairs.ask();
      if (hasErrors(answer.problems)) say(countErrors(answer.problems), "failed");
      else if (entries.length === 0) say("The text has nothing to run yet: write a function.", "done");
      else if (invalid === undefined) void build("compile");
    } catch (error) {
      if (!(error instanceof GivenUp)) say((error as Error).message, "failed");
    } finally {
      checkedSince = Number.POSITIVE_INFINITY;
    }
  });

  /** Takes over what the text offers to run. */
  function offer(answer: CheckAnswer): void {
    const entry = chosenEntry(draft, answer.entries);
    // Half a word away from being read again, a text may seem to have lost its entry: that is no reason to forget what was chosen.
    if (entry === undefined && hasErrors(answer.problems)) return;
    entries = answer.entries;
    if (entry === undefined) draft = { ...draft, model: undefined, entry: undefined, preset: undefined, settings: {} };
    const shown = entry ?? entries[0];
    if (shown !== undefined) draft = { ...draft, model: shown.model, entry: shown.entry };
    settings.show(draft, entries);
  }

  const repairs = afterPause(pauses.repair, async () => {
    const asked = version;
    // An offer, which may stay away.
    const problems = await language.ask("repair", { path: draft.path, text: draft.text }).catch(() => []);
    if (asked === version && problems.some((each) => each.repairs.length > 0)) showAll(problems);
  });

  /** Asks the builder, in place of whatever it is at. A run compiles as well. */
  async function build(kind: Job["kind"]): Promise<void> {
    if (invalid !== undefined) {
      say(invalid, "failed");
      return;
    }
    if (kind === "compile" && job?.kind === "run") return;
    builder.giveUp();
    const mine: Job = { kind };
    job = mine;
    stopButton.disabled = false;
    say(kind === "run" ? "Running …" : "Compiling …", "busy");
    try {
      const answer = await builder.ask(kind, draft);
      if (job === mine) accept(answer);
    } catch (error) {
      if (job === mine) say(error instanceof GivenUp ? "Stopped." : (error as Error).message, "failed");
    } finally {
      if (job === mine) endJob();
    }
  }

  /** Shows what the builder found. */
  function accept(answer: BuildAnswer): void {
    if (answer.kind === "mistakes") {
      showAll(answer.problems);
      say(countErrors(answer.problems), "failed");
      return;
    }
    const { inspection, values, problems, machine, compileMs } = answer.built;
    // Showing it again would forget what is chosen.
    if (shownVersion !== version) panes.show(inspection, draft.path);
    shownVersion = version;
    settings.showValues(values);
    // Warnings that come of the sizes; those of the text itself are shown already.
    if (problems.length > 0) showAll(problems);
    if (answer.run === undefined) {
      say(`Compiled in ${Math.round(compileMs)} ms. It will be run by ${machine.description}.`, "done");
      return;
    }
    result.show(answer.run, machine.kind === "device");
    say(`Run by ${machine.description}.`, "done");
  }

  function open(next: Draft): void {
    draft = next;
    version++;
    entries = [];
    invalid = undefined;
    title.textContent = draft.path;
    outdate();
    replaceText(editor, draft.text, events);
    panes.clear();
    result.clear();
    showAll([]);
    check.ask("once");
  }

  open(first);
  const text = element(
    "section",
    { class: "pane text-pane", "aria-label": "Text" },
    element("header", {}, title, settings.element),
    element("div", { class: "editor" }, editor.dom),
    problemList.element,
    result.element,
  );
  return {
    element: element("main", {}, text, panes.element),
    facts: panes.facts,
    foot: panes.foot,
    buttons: [runButton, stopButton],
    status,
    draft: () => draft,
    open,
    say,
    format: async () => {
      const asked = version;
      const formatted = await language.ask("format", { path: draft.path, text: draft.text });
      if (asked !== version) return;
      if (formatted === undefined)
        say("A text with mistakes in its grammar cannot be laid out; mend them first.", "failed");
      else rewriteText(editor, formatted);
    },
  };
}

/** The sizes that somebody asks about are those that the draft is built with. */
function costSettings({ preset = "paper", settings }: Draft): CostSettings {
  const sizes = Object.entries(settings).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return { preset, sizes: Object.fromEntries(sizes) };
}

function countErrors(problems: readonly Problem[]): string {
  const count = problems.filter(({ severity }) => severity === "error").length;
  return `${printNumberOf(count, "mistake")} in the text.`;
}
