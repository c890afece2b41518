/** The answers of the server in the form of the Language Server Protocol: positions count lines and UTF-16 units from 0. */
import type {
  CodeAction,
  CompletionItem,
  CompletionItemKind,
  Diagnostic,
  DocumentSymbol,
  Location,
  Hover as ProtocolHover,
  InlayHint as ProtocolInlayHint,
  Range,
  SignatureHelp,
  SymbolKind,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { Span } from "../ir/index.ts";
import type { Completion, CompletionKind, Completions } from "./completion.ts";
import type { EditorDiagnostic } from "./diagnose.ts";
import type { Changes, TextChange } from "./edits.ts";
import type { Hover } from "./hover.ts";
import type { InlayHint } from "./inlay-hints.ts";
import type { OutlineItem, OutlineKind } from "./outline.ts";
import type { Repair } from "./repairs.ts";
import type { Signature } from "./signature.ts";

/** How places of files are told to the client. */
export interface Places {
  readonly uriOf: (path: string) => string;
  /** Text of a file, for turning offsets into lines. */
  readonly textOf: (path: string) => string | undefined;
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Turns offsets of one file into ranges of the protocol. */
export function rangesIn(text: string): (extent: Extent) => Range {
  const document = TextDocument.create("", "weft", 0, text);
  return ({ start, end }) => ({ start: document.positionAt(start), end: document.positionAt(end) });
}

export function locationOf(places: Places, span: Span): Location {
  return { uri: places.uriOf(span.file), range: rangesIn(places.textOf(span.file) ?? "")(span) };
}

export function toDiagnostics(places: Places, path: string, list: readonly EditorDiagnostic[]): Diagnostic[] {
  const range = rangesIn(places.textOf(path) ?? "");
  return list.map(({ span, code, severity, message, related }) => ({
    range: range(atLeastOne(span)),
    code,
    severity: severity === "error" ? 1 : 2,
    source: "weft",
    message,
    ...(related.length === 0
      ? {}
      : {
          relatedInformation: related.map((each) => ({
            location: locationOf(places, each.span),
            message: each.message,
          })),
        }),
  }));
}

/** Editors draw nothing under an empty range. */
const atLeastOne = ({ start, end }: Extent): Extent => ({ start, end: Math.max(end, start + 1) });

export function toHover({ span, text }: Hover, source: string): ProtocolHover {
  return { range: rangesIn(source)(span), contents: { kind: "markdown", value: text } };
}

const completionKinds: Readonly<Record<CompletionKind, CompletionItemKind>> = {
  function: 3,
  member: 5,
  value: 6,
  module: 7,
  label: 10,
  keyword: 14,
  file: 17,
  preset: 20,
  size: 21,
  type: 25,
};

export function toCompletions({ items, start }: Completions, offset: number, source: string): CompletionItem[] {
  const range = rangesIn(source)({ start, end: offset });
  return items.map(
    ({ label, kind, detail, doc, insert, rank }: Completion): CompletionItem => ({
      label,
      kind: completionKinds[kind],
      sortText: `${rank}${label}`,
      textEdit: { range, newText: insert ?? label },
      ...(detail === undefined ? {} : { detail }),
      ...(doc === undefined ? {} : { documentation: { kind: "markdown", value: doc } }),
    }),
  );
}

const symbolKinds: Readonly<Record<OutlineKind, SymbolKind>> = {
  function: 12,
  entry: 6,
  extern: 12,
  module: 5,
  model: 2,
  preset: 22,
  param: 8,
  buffer: 8,
  sub: 7,
  constant: 14,
};

export function toSymbols(items: readonly OutlineItem[], source: string): DocumentSymbol[] {
  const range = rangesIn(source);
  const convert = ({ name, kind, detail, span, nameSpan, children }: OutlineItem): DocumentSymbol => ({
    name,
    detail: detail ?? (["function", "sub"].includes(kind) ? "" : kind),
    kind: symbolKinds[kind],
    range: range(span),
    selectionRange: range(nameSpan),
    children: children.map(convert),
  });
  return items.map(convert);
}

export function toInlayHints(hints: readonly InlayHint[], source: string): ProtocolInlayHint[] {
  const range = rangesIn(source);
  return hints.map(({ offset, text }) => ({
    position: range({ start: offset, end: offset }).start,
    label: text,
    kind: 1,
  }));
}

export function toEdits(changes: readonly TextChange[], source: string): TextEdit[] {
  const range = rangesIn(source);
  return changes.map(({ start, end, text }) => ({ range: range({ start, end }), newText: text }));
}

export function toWorkspaceEdit(places: Places, changes: Changes): WorkspaceEdit {
  const entries = [...changes].map(([path, list]) => [places.uriOf(path), toEdits(list, places.textOf(path) ?? "")]);
  return { changes: Object.fromEntries(entries) };
}

/** A repair as an action of the client; `shown` are the diagnostics that the client has at this place. */
export function toCodeAction(places: Places, path: string, repair: Repair, shown: readonly Diagnostic[]): CodeAction {
  const { title, diagnostic, changes, isPreferred } = repair;
  const { start } = rangesIn(places.textOf(path) ?? "")(diagnostic.primary.span);
  const mended = shown.filter(
    ({ code, range }) =>
      code === diagnostic.code && range.start.line === start.line && range.start.character === start.character,
  );
  return {
    title,
    kind: "quickfix",
    isPreferred,
    diagnostics: mended,
    edit: toWorkspaceEdit(places, new Map([[path, changes]])),
  };
}

export function toSignatureHelp({ label, doc, parameters, active }: Signature): SignatureHelp {
  return {
    signatures: [
      {
        label,
        parameters: parameters.map((each) => ({ label: each })),
        ...(doc === undefined ? {} : { documentation: { kind: "markdown", value: doc } }),
      },
    ],
    activeSignature: 0,
    ...(active === undefined ? {} : { activeParameter: active }),
  };
}
