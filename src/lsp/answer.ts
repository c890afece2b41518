/** The questions of an editor, each answered by the file of this folder that knows. */
import type { Connection, ResponseError, TextDocumentPositionParams } from "vscode-languageserver";
import type { TextDocument } from "vscode-languageserver-textdocument";
import { format } from "../frontend/index.ts";
import { completionsAt } from "./completion.ts";
import { changeBetween } from "./edits.ts";
import { definitionAt, nameAt, occurrencesOf } from "./find-names.ts";
import { hoverAt } from "./hover.ts";
import { inlayHints } from "./inlay-hints.ts";
import { outlineOf } from "./outline.ts";
import {
  locationOf,
  type Places,
  rangesIn,
  toCodeAction,
  toCompletions,
  toEdits,
  toHover,
  toInlayHints,
  toSignatureHelp,
  toSymbols,
  toWorkspaceEdit,
} from "./protocol.ts";
import { renameAt, renameableAt } from "./rename.ts";
import { repairsAt } from "./repairs.ts";
import type { ServerSettings } from "./settings.ts";
import { signatureAt } from "./signature.ts";
import type { Workspace } from "./workspace.ts";

/** What answers need of the server; workspace and settings change over its life. */
export interface Session {
  readonly connection: Connection;
  /** An answer that says why there is none. */
  readonly refuse: (reason: string) => ResponseError<void>;
  /** Tells of a mistake of the server, and answers with what is given for that case. */
  readonly guarded: <T>(what: string, fallback: T, answer: () => T) => T;
  readonly document: (uri: string) => TextDocument | undefined;
  readonly pathOf: (uri: string) => string;
  readonly places: Places;
  readonly workspace: () => Workspace;
  readonly settings: () => ServerSettings;
}

/** Registers an answer to every question. */
export function answerQuestions(session: Session): void {
  const { connection, refuse, guarded, document, pathOf, places, workspace, settings } = session;

  /** Path, text and offset of a question about a place; undefined for a document that is not open. */
  const placeOf = ({ textDocument, position }: TextDocumentPositionParams) => {
    const opened = document(textDocument.uri);
    if (opened === undefined) return undefined;
    return { path: pathOf(textDocument.uri), text: opened.getText(), offset: opened.offsetAt(position) };
  };
  connection.onHover((parameters) =>
    guarded("hover", null, () => {
      const place = placeOf(parameters);
      const hover = place && hoverAt(workspace(), place.path, place.offset, settings());
      return hover === undefined || place === undefined ? null : toHover(hover, place.text);
    }),
  );
  connection.onDefinition((parameters) =>
    guarded("definition", null, () => {
      const place = placeOf(parameters);
      const span = place && definitionAt(workspace(), place.path, place.offset);
      return span === undefined ? null : locationOf(places, span);
    }),
  );
  connection.onReferences((parameters) =>
    guarded("references", [], () => {
      const place = placeOf(parameters);
      const found = place && nameAt(workspace(), place.path, place.offset);
      if (found === undefined) return [];
      const all = [...occurrencesOf(workspace(), found).values()].flat();
      const wanted = parameters.context.includeDeclaration ? all : all.filter(({ role }) => role !== "declaration");
      return wanted.map(({ span }) => locationOf(places, span));
    }),
  );
  connection.onDocumentHighlight((parameters) =>
    guarded("highlight", [], () => {
      const place = placeOf(parameters);
      const found = place && nameAt(workspace(), place.path, place.offset);
      if (place === undefined || found === undefined) return [];
      const range = rangesIn(place.text);
      const wanted = found.names.representative(found.occurrence.symbol);
      return found.names.occurrences
        .filter(({ symbol }) => found.names.representative(symbol) === wanted)
        .map(({ span, role }) => ({ range: range(span), kind: role === "declaration" ? 3 : 2 }));
    }),
  );
  connection.onPrepareRename((parameters) =>
    guarded("prepare rename", null, () => {
      const place = placeOf(parameters);
      const found = place && renameableAt(workspace(), place.path, place.offset);
      if (place === undefined || found === undefined) return null;
      if ("refused" in found) return refuse(found.refused);
      return { range: rangesIn(place.text)(found.span), placeholder: found.name };
    }),
  );
  connection.onRenameRequest((parameters) =>
    guarded("rename", null, () => {
      const place = placeOf(parameters);
      if (place === undefined) return null;
      const result = renameAt(workspace(), place.path, place.offset, parameters.newName);
      return "refused" in result ? refuse(result.refused) : toWorkspaceEdit(places, result.changes);
    }),
  );
  connection.onCompletion((parameters) =>
    guarded("completion", [], () => {
      const place = placeOf(parameters);
      if (place === undefined) return [];
      return toCompletions(completionsAt(workspace(), place.path, place.offset), place.offset, place.text);
    }),
  );
  connection.onSignatureHelp((parameters) =>
    guarded("signature", null, () => {
      const place = placeOf(parameters);
      const signature = place && signatureAt(workspace(), place.path, place.offset);
      return signature === undefined ? null : toSignatureHelp(signature);
    }),
  );
  connection.onDocumentFormatting(({ textDocument }) =>
    guarded("format", [], () => {
      const text = document(textDocument.uri)?.getText();
      if (text === undefined) return [];
      const formatted = format(pathOf(textDocument.uri), text).text;
      const change = formatted === undefined ? undefined : changeBetween(text, formatted);
      return change === undefined ? [] : toEdits([change], text);
    }),
  );
  connection.onDocumentSymbol(({ textDocument }) =>
    guarded("outline", [], () => {
      const view = workspace().quickView(pathOf(textDocument.uri));
      const [file] = view?.program.files ?? [];
      return view === undefined || file === undefined ? [] : toSymbols(outlineOf(file), view.text);
    }),
  );
  connection.languages.inlayHint.on(({ textDocument, range }) =>
    guarded("hints", [], () => {
      const opened = document(textDocument.uri);
      const view = opened && workspace().quickView(pathOf(textDocument.uri));
      if (opened === undefined || view === undefined || !settings().inlayHints) return [];
      const [start, end] = [opened.offsetAt(range.start), opened.offsetAt(range.end)];
      return toInlayHints(inlayHints(view, start, end), view.text);
    }),
  );
  connection.onCodeAction(({ textDocument, range, context }) =>
    guarded("code action", [], () => {
      const opened = document(textDocument.uri);
      if (opened === undefined) return [];
      const path = pathOf(textDocument.uri);
      const repairs = repairsAt(workspace(), path, opened.offsetAt(range.start), opened.offsetAt(range.end));
      return repairs.map((repair) => toCodeAction(places, path, repair, context.diagnostics));
    }),
  );
}
