/** The text as something to write in: CodeMirror, with what the compiler knows. */
import {
  acceptCompletion,
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { EditorState, Prec, Transaction } from "@codemirror/state";
import { EditorView, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import type { Completion, Completions, Hover } from "../../src/lsp/editing.ts";
import { colouredWords, marksAndCosts } from "./editor-marks.ts";
import { hoverText } from "./hover-text.ts";

export interface EditorEvents {
  readonly onEdit: (text: string) => void;
  /** A place of the text was clicked, or chosen with Alt-Enter. */
  readonly onPick: (offset: number) => void;
  /** The number of a line was clicked. */
  readonly onPickLine: (line: number) => void;
  /** The pointer is over a place, or has left the text. */
  readonly onPoint: (offset: number | undefined) => void;
  readonly onRun: () => void;
  readonly complete: (text: string, offset: number) => Promise<Completions>;
  readonly hover: (text: string, offset: number) => Promise<Hover | undefined>;
}

/** An editor for one text. The Tab key leaves it, so that the keyboard reaches what comes after. */
export function makeEditor(text: string, events: EditorEvents): EditorView {
  return new EditorView({ state: makeState(text, events) });
}

/** Another text in place of the one before, with nothing to undo. */
export function replaceText(view: EditorView, text: string, events: EditorEvents): void {
  view.setState(makeState(text, events));
}

/** Changes the text as the author's own edit, which can be undone, and leaves alone what stays the same. */
export function rewriteText(view: EditorView, text: string): void {
  const old = view.state.doc.toString();
  if (old === text) return;
  let start = 0;
  while (start < old.length && old[start] === text[start]) start++;
  let end = 0;
  while (end < Math.min(old.length, text.length) - start && old.at(-1 - end) === text.at(-1 - end)) end++;
  view.dispatch({
    changes: { from: start, to: old.length - end, insert: text.slice(start, text.length - end) },
    annotations: Transaction.userEvent.of("format"),
  });
}

function makeState(text: string, events: EditorEvents): EditorState {
  /** A command that always applies. */
  const always = (work: (view: EditorView) => void) => (view: EditorView) => {
    work(view);
    return true;
  };
  const commands = [
    { key: "Mod-Enter", run: always(events.onRun) },
    { key: "Alt-Enter", run: always(({ state }) => events.onPick(state.selection.main.head)) },
    { key: "Tab", run: acceptCompletion },
  ];
  return EditorState.create({
    doc: text,
    extensions: [
      lineNumbers({
        domEventHandlers: {
          click: (view, block) => {
            events.onPickLine(view.state.doc.lineAt(block.from).number);
            return true;
          },
        },
      }),
      marksAndCosts,
      lintGutter(),
      history(),
      bracketMatching(),
      closeBrackets(),
      indentUnit.of("  "),
      EditorView.lineWrapping,
      colouredWords,
      autocompletion({ override: [(context) => completions(context, events)] }),
      hoverTooltip(async (view, offset) => {
        const found = await events.hover(view.state.doc.toString(), offset).catch(() => undefined);
        if (found === undefined || found.span.end > view.state.doc.length) return null;
        return {
          pos: found.span.start,
          end: found.span.end,
          above: true,
          create: () => ({ dom: hoverText(found.text) }),
        };
      }),
      Prec.high(keymap.of(commands)),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap, ...completionKeymap]),
      EditorView.contentAttributes.of({ "aria-label": "Text in the Weft language", spellcheck: "false" }),
      EditorView.updateListener.of(({ docChanged, state }) => {
        if (docChanged) events.onEdit(state.doc.toString());
      }),
      pointing(events),
      looks,
    ],
  });
}

function pointing({ onPick, onPoint }: EditorEvents) {
  return EditorView.domEventHandlers({
    click: (event, view) => {
      // Dragging over a stretch selects it, and means nothing else.
      const offset = view.posAtCoords(event);
      if (offset !== null && view.state.selection.main.empty) onPick(offset);
    },
    mousemove: (event, view) => {
      const isInText = event.target instanceof HTMLElement && event.target.closest(".cm-line > span") !== null;
      onPoint(isInText ? (view.posAtCoords(event) ?? undefined) : undefined);
    },
    mouseleave: () => onPoint(undefined),
  });
}

async function completions(
  { state, pos, explicit }: CompletionContext,
  { complete }: EditorEvents,
): Promise<CompletionResult | null> {
  const before = state.sliceDoc(Math.max(0, pos - 1), pos);
  if (!explicit && !/[\p{L}\p{N}_./]/u.test(before)) return null;
  const { items, start } = await complete(state.doc.toString(), pos).catch(() => ({ items: [], start: pos }));
  if (items.length === 0) return null;
  return {
    from: start,
    options: items.map(({ label, kind, detail, doc, insert, rank }) => ({
      label,
      type: icons[kind],
      ...(detail === undefined ? {} : { detail: detail.length > 60 ? `${detail.slice(0, 59)}…` : detail }),
      ...(doc === undefined ? {} : { info: doc }),
      ...(insert === undefined ? {} : { apply: insert }),
      boost: -10 * rank,
    })),
    validFor: /^[\p{L}\p{N}\p{M}_]*$/u,
  };
}

/** CodeMirror's names for what the compiler offers. */
const icons: Readonly<Record<Completion["kind"], string>> = {
  function: "function",
  module: "class",
  value: "variable",
  size: "constant",
  keyword: "keyword",
  type: "type",
  label: "property",
  member: "property",
  file: "namespace",
  preset: "enum",
};

/** Colours come from the page's own variables, so that light and dark change together. */
const looks = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--paper)", fontSize: "12px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace", lineHeight: "20px" },
  ".cm-content": { caretColor: "var(--ink)", padding: "2px 0" },
  ".cm-gutters": { color: "var(--faint)", backgroundColor: "var(--panel)", borderRight: "1px solid var(--line)" },
  ".cm-lineNumbers .cm-gutterElement": { cursor: "pointer" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--kin)",
    outline: "1px solid var(--faint)",
  },
  ".cm-tooltip": {
    color: "var(--ink)",
    backgroundColor: "var(--panel)",
    border: "1px solid var(--line)",
    maxWidth: "36em",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    color: "var(--ink)",
    backgroundColor: "var(--point)",
  },
  ".cm-tooltip.cm-completionInfo": { maxWidth: "24em", whiteSpace: "pre-wrap" },
  ".cm-completionDetail": { color: "var(--faint)", fontStyle: "normal" },
  ".cm-panels": { color: "var(--ink)", backgroundColor: "var(--panel)" },
});
