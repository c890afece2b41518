/** Half-written texts: whatever is cut out of the texts of the library and the models, every question gets an answer. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { format } from "../../src/frontend/index.ts";
import {
  applyChanges,
  completionsAt,
  defaultCostSettings,
  definitionAt,
  diagnosticsOf,
  hoverAt,
  inlayHints,
  nameAt,
  occurrencesOf,
  openWorkspace,
  outlineOf,
  renameAt,
  repairsAt,
  signatureAt,
} from "../../src/lsp/index.ts";
import { readFromPackage, readWeft, weftFiles } from "./weft-files.ts";

const workspace = openWorkspace({
  readFile: readFromPackage,
  projectFiles: () => [],
  libraryFiles: () => weftFiles.filter((path) => path.startsWith("std/")),
});

/** Asks everything at one place; every span that comes back must lie in its text. */
function askAll(path: string, text: string, offset: number): void {
  workspace.open(path, text);
  const view = workspace.view(path);
  if (view === undefined) throw new Error("an open file is there");
  const inside = ({ start, end }: { readonly start: number; readonly end: number }, file = path) => {
    const length = workspace.text(file)?.length ?? -1;
    expect([file, start >= 0 && start <= end && end <= length]).toEqual([file, true]);
  };
  for (const { span, related, message } of diagnosticsOf(view)) {
    expect(message).not.toBe("");
    inside(span);
    for (const each of related) inside(each.span, each.span.file);
  }
  const hover = hoverAt(workspace, path, offset, defaultCostSettings);
  if (hover !== undefined) inside(hover.span);
  const definition = definitionAt(workspace, path, offset);
  if (definition !== undefined) inside(definition, definition.file);
  for (const { offset: place } of inlayHints(view, 0, text.length)) inside({ start: place, end: place });
  for (const { span, nameSpan } of outlineOf(view.program.files[0]!)) {
    inside(span);
    expect(span.start <= nameSpan.start && nameSpan.end <= span.end).toBe(true);
  }
  const { items, start } = completionsAt(workspace, path, offset);
  expect(start <= offset).toBe(true);
  expect(new Set(items.map(({ kind, label }) => `${kind} ${label}`)).size).toBe(items.length);
  for (const { changes } of repairsAt(workspace, path, 0, text.length)) {
    expect(applyChanges(text, changes)).not.toBe(text);
  }
  signatureAt(workspace, path, offset);
  format(path, text);
  const found = nameAt(workspace, path, offset);
  if (found !== undefined) {
    for (const [file, list] of occurrencesOf(workspace, found)) for (const { span } of list) inside(span, file);
    const renamed = renameAt(workspace, path, offset, "another_name");
    expect("refused" in renamed ? renamed.refused : [...renamed.changes.keys()]).not.toHaveLength(0);
  }
  workspace.close(path);
}

/** Small texts first: one run asks everything once. */
const texts = weftFiles.filter((path) => readWeft(path).length < 12_000);

describe("half-written texts", () => {
  it("are answered after any cut and any deletion", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.nat(9999),
        fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(3), fc.nat(200)),
        fc.constantFrom("", "", ".", "(", "[", "{", '"', "let ", "use ", "x", "\u{1D465}"),
        (path, part, removed, added) => {
          const text = readWeft(path);
          const start = Math.floor((part / 10_000) * text.length);
          askAll(
            path,
            text.slice(0, start) + added + text.slice(Math.min(text.length, start + removed)),
            start + added.length,
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it("are answered for texts that are no programs at all", () => {
    for (const text of [
      "",
      "\uFEFF",
      "}",
      "{{{{",
      "fn",
      "use",
      "use std/",
      "model M() {",
      "let",
      '"""',
      "// only a comment",
      "\r\n\r",
    ]) {
      for (const offset of [0, text.length]) askAll("strange.weft", text, offset);
    }
  });
});
