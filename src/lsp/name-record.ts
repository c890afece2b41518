/** What resolving a file collects. */
import type { CallExpression, ModuleDeclaration } from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";
import type { NameScope, NameSymbol, Occurrence } from "./name-symbol.ts";

export interface NameRecord {
  readonly occurrences: Occurrence[];
  /** Every scope of the file, outer ones before inner ones. */
  readonly scopes: NameScope[];
  /** Indices that are renamed together. */
  readonly links: (readonly [NameSymbol, NameSymbol])[];
  readonly calls: { readonly call: CallExpression; readonly callee: NameSymbol | undefined }[];
  /** What a name means where a module is declared, which may be in another file. */
  readonly moduleNamed: (from: ModuleDeclaration, name: string) => NameSymbol | undefined;
  /** A function of the language that no scope holds, by name. */
  readonly languageName: (name: string) => NameSymbol | undefined;
}

export function occur(record: NameRecord, span: Span, symbol: NameSymbol, role: Occurrence["role"]): void {
  record.occurrences.push({ span, symbol, role });
}
