/** What can be written at a place of a text. */
import {
  constantWords,
  elementTypeNames,
  languageFunctions,
  type ModuleDeclaration,
  parse,
  reducers,
  resolveImport,
} from "../frontend/index.ts";
import { type CompletionContext, completionPlace, type EnclosingCall } from "./completion-context.ts";
import { declarationWords, expressionWords, memberOnlyWords, statementWords } from "./completion-words.ts";
import { describe, describeLanguage } from "./describe.ts";
import type { FileNames } from "./name-index.ts";
import { type NameSymbol, symbolOfDeclaration } from "./name-symbol.ts";
import { memberNamed, moduleOf } from "./resolve-expressions.ts";
import { nodesAt } from "./syntax-path.ts";
import { lineAround } from "./text-place.ts";
import type { ProgramView, Workspace } from "./workspace.ts";

export type CompletionKind =
  | "function"
  | "module"
  | "value"
  | "size"
  | "keyword"
  | "type"
  | "label"
  | "member"
  | "file"
  | "preset";

export interface Completion {
  readonly label: string;
  readonly kind: CompletionKind;
  /** One line, shown beside the label. */
  readonly detail?: string;
  readonly doc?: string;
  /** What is written; the label unless given. */
  readonly insert?: string;
  /** Lower comes first. */
  readonly rank: number;
}

export interface Completions {
  readonly items: readonly Completion[];
  /** The word from here to the place asked for is replaced. */
  readonly start: number;
}

/** A word that no text has: it stands for the one being written, so that what is around it can be read. */
const placeholder = "being_written_here";

/** What fits at an offset of a file. */
export function completionsAt(workspace: Workspace, path: string, offset: number): Completions {
  const text = workspace.text(path);
  if (text === undefined) return { items: [], start: offset };
  const { context, start, call } = completionPlace(text, offset);
  const view = workspace.quickView(path, readable(text, start, offset, context));
  const names = view?.names.of(path);
  if (view === undefined || names === undefined) return { items: [], start };
  view.program.fillTables(({ span }) => span.file === path && span.start <= start && span.end >= start);
  const items = [
    ...(call?.isAtStart === true && context.kind === "expression" ? labelsOf(view, names, call, start) : []),
    ...itemsFor(workspace, { view, names, path, text, offset: start }, context),
  ];
  const unique = new Map<string, Completion>();
  for (const item of items)
    if (!unique.has(`${item.kind} ${item.label}`)) unique.set(`${item.kind} ${item.label}`, item);
  return { items: [...unique.values()].filter(({ label }) => label !== placeholder), start };
}

/** The text with something readable where a word is being written. */
function readable(text: string, start: number, offset: number, context: CompletionContext): string {
  const isExpression = context.kind === "expression" || context.kind === "member";
  if (!isExpression) return text.slice(0, start) + text.slice(offset);
  return text.slice(0, start) + placeholder + text.slice(offset);
}

interface Place {
  readonly view: ProgramView;
  readonly names: FileNames;
  readonly path: string;
  readonly text: string;
  readonly offset: number;
}

function itemsFor(workspace: Workspace, place: Place, context: CompletionContext): Completion[] {
  const { view, names, offset } = place;
  switch (context.kind) {
    case "nothing":
      return [];
    case "import-path":
      return importPaths(workspace, place, context.written);
    case "import-names":
      return exportsOf(workspace, place, context.path, context.taken);
    case "member": {
      const owner = moduleAt(names, context.path, offset);
      return owner === undefined ? [] : membersOf(view, owner);
    }
    case "module":
      return [...names.visibleAt(offset).values()].flatMap((symbol) => {
        if (symbol.node.kind !== "module" || (context.modelsOnly && symbol.node.declaration.role !== "model"))
          return [];
        return [itemOf(view, symbol, 1)];
      });
    case "type":
      return elementTypeNames.map((label) => ({ label, kind: "type", rank: 1 }));
    case "setting": {
      const model = modelOfPreset(names, place.text, offset);
      return (model?.parameters ?? []).map(({ name, span }) => ({
        label: name.name,
        kind: "size",
        detail: view.program.sources.get(span.file)?.slice(span.start, span.end),
        insert: `${name.name} = `,
        rank: 1,
      }));
    }
    case "declaration":
      return words(declarationWords);
    case "statement":
      return [...words(statementWords), ...scopeItems(place), ...memberWords(names, offset)];
    case "expression":
      return [...scopeItems(place), ...languageItems(), ...words(expressionWords)];
  }
}

const words = (list: readonly string[]): Completion[] =>
  list.map((label) => ({ label, kind: "keyword", insert: `${label} `, rank: 5 }));

/** Between the members of a module, not inside of one. */
function memberWords(names: FileNames, offset: number): Completion[] {
  const around = nodesAt(names.file, offset).filter(({ span }) => span.start < offset && offset < span.end);
  return around.at(-1)?.kind === "module" ? words(memberOnlyWords) : [];
}

const kindOf = ({ node }: NameSymbol): CompletionKind => {
  switch (node.kind) {
    case "function":
    case "extern":
    case "language":
      return "function";
    case "module":
      return "module";
    case "generic":
    case "loop":
    case "index":
      return "size";
    case "preset":
      return "preset";
    case "tensor":
    case "sub":
      return "member";
    default:
      return "value";
  }
};

function itemOf(view: ProgramView, symbol: NameSymbol, rank: number): Completion {
  const { declaration, doc } = describe(view, symbol);
  return { label: symbol.name, kind: kindOf(symbol), detail: declaration, rank, ...(doc === undefined ? {} : { doc }) };
}

/** What is in scope, nearest first: names of the statement, of the function, of the module, of the file, of the prelude. */
function scopeItems({ view, names, offset, text, path }: Place): Completion[] {
  const items: Completion[] = [];
  for (const symbol of names.visibleAt(offset).values()) {
    const isHere = symbol.span?.file === path;
    const isLocal = isHere && ["local", "index", "parameter", "generic", "loop"].includes(symbol.node.kind);
    items.push(itemOf(view, symbol, isLocal ? 1 : isHere ? 2 : symbol.span === undefined ? 4 : 3));
  }
  const line = lineAround(text, offset);
  // Indices of a left side whose statement cannot be read yet.
  const left = /\blet\s+[^=]*/.exec(text.slice(line.start, offset))?.[0] ?? "";
  for (const [, inside = ""] of left.matchAll(/\[([^\]]*)\]/g)) {
    for (const part of inside.split(",")) {
      const name = /^\s*([\p{L}_][\p{L}\p{N}\p{M}_]*)\s*(?::|$)/u.exec(part)?.[1];
      if (name !== undefined) items.push({ label: name, kind: "size", detail: "an index", rank: 1 });
    }
  }
  return items;
}

function languageItems(): Completion[] {
  const reductions = reducers.map(
    (label): Completion => ({ label, kind: "function", detail: `${label}[k] x[k]`, insert: `${label}[`, rank: 4 }),
  );
  const functions = [...languageFunctions, ...constantWords].map((label): Completion => {
    const { declaration } = describeLanguage(label);
    return { label, kind: constantWords.includes(label) ? "value" : "function", detail: declaration, rank: 4 };
  });
  return [...reductions, ...functions];
}

// ── Members and labels ─────────────────────────────────────────────────────────────────────────────────────────────

/** The thing that a chain of names reaches from a place: `encoder.layer.norm`. */
export function symbolAt(names: FileNames, path: readonly string[], offset: number): NameSymbol | undefined {
  const [first = "", ...rest] = path;
  let symbol = names.visibleAt(offset).get(first);
  for (const name of rest) {
    const module = moduleOf({ moduleNamed: names.moduleNamed }, symbol);
    symbol = module && memberNamed(module, name);
  }
  return symbol;
}

function moduleAt(names: FileNames, path: readonly string[], offset: number): ModuleDeclaration | undefined {
  return moduleOf({ moduleNamed: names.moduleNamed }, symbolAt(names, path, offset));
}

function membersOf(view: ProgramView, module: ModuleDeclaration): Completion[] {
  return module.members.flatMap((member) => {
    if (member.kind === "let" || member.kind === "require" || member.kind === "preset") return [];
    const symbol = memberNamed(module, member.name.name);
    return symbol === undefined || symbol.name === "forward" ? [] : [itemOf(view, symbol, 1)];
  });
}

/** What a call of the symbol is given: the declaration whose parameters the arguments fill. */
export function calledDeclaration(names: FileNames, symbol: NameSymbol | undefined): NameSymbol | undefined {
  const kind = symbol?.node.kind;
  if (kind === "function" || kind === "extern" || kind === "module") return symbol;
  const module = moduleOf({ moduleNamed: names.moduleNamed }, symbol);
  return module && memberNamed(module, "forward");
}

function labelsOf(view: ProgramView, names: FileNames, call: EnclosingCall, offset: number): Completion[] {
  const called = calledDeclaration(names, symbolAt(names, call.callee, offset));
  if (called === undefined || !("declaration" in called.node)) return [];
  const { declaration } = called.node;
  if (declaration.kind === "preset") return [];
  return declaration.parameters
    .filter(({ name }, position) => position >= call.argument - call.labels.length && !call.labels.includes(name.name))
    .map(({ name, span }) => ({
      label: `${name.name}:`,
      kind: "label",
      detail: view.program.sources.get(span.file)?.slice(span.start, span.end),
      insert: `${name.name}: `,
      rank: 0,
    }));
}

function modelOfPreset(names: FileNames, text: string, offset: number): ModuleDeclaration | undefined {
  const head = [...text.slice(0, offset).matchAll(/\bpreset\s+\S+(?:\s+of\s+([\p{L}\p{N}\p{M}_]+))?/gu)].at(-1);
  const models = names.file.declarations.filter(
    (each): each is ModuleDeclaration => each.kind === "module" && each.role === "model",
  );
  const wanted = head?.[1];
  if (wanted !== undefined) return models.find(({ name }) => name.name === wanted);
  return models.findLast(({ span }) => span.start < offset);
}

// ── Imports ────────────────────────────────────────────────────────────────────────────────────────────────────────

function importPaths(workspace: Workspace, { path, text, offset }: Place, written: string): Completion[] {
  // The word being replaced is the last part of the path; what stands before it must agree.
  const folder = written.slice(0, written.lastIndexOf("/") + 1);
  const line = lineAround(text, offset);
  const hasColon = text.slice(offset, line.end).includes(":");
  const found = new Map<string, Completion>();
  const add = (whole: string) => {
    if (!whole.startsWith(folder)) return;
    const label = whole.slice(folder.length);
    if (label !== "") found.set(label, { label, kind: "file", insert: hasColon ? label : `${label}: `, rank: 1 });
  };
  for (const file of workspace.libraryFiles()) if (file !== path) add(file.replace(/\.weft$/, ""));
  for (const file of workspace.projectFiles()) {
    const relative = relativeImport(path, file);
    if (relative !== undefined && file !== path) add(relative);
  }
  return [...found.values()];
}

/** How a file is named in a `use` of another: `./features`, `../bert/encoder`. */
export function relativeImport(from: string, to: string): string | undefined {
  const a = from.split("/").slice(0, -1);
  const b = to.split("/");
  let common = 0;
  while (common < a.length && common < b.length - 1 && a[common] === b[common]) common++;
  if (common === 0) return undefined;
  const up = a.length - common;
  const rest = b
    .slice(common)
    .join("/")
    .replace(/\.weft$/, "");
  const written = `${up === 0 ? "./" : "../".repeat(up)}${rest}`;
  return resolveImport(from, written) === to ? written : undefined;
}

function exportsOf(workspace: Workspace, { path }: Place, written: string, taken: readonly string[]): Completion[] {
  const target = resolveImport(path, written);
  const source = target === undefined ? undefined : workspace.text(target);
  if (target === undefined || source === undefined) return [];
  const { file } = parse(target, source);
  const view = workspace.quickView(target);
  return file.declarations.flatMap((declaration) => {
    if (declaration.kind === "preset" || taken.includes(declaration.name.name)) return [];
    const symbol = symbolOfDeclaration(declaration);
    return [view === undefined ? { label: symbol.name, kind: kindOf(symbol), rank: 1 } : itemOf(view, symbol, 1)];
  });
}
