/** Who is meant by every name of a program, file by file, and which names are the same thing. */
import {
  type CheckedProgram,
  castNames,
  constantNames,
  languageFunctions,
  type ModuleDeclaration,
  preludePath,
  resolveImport,
  type SourceFile,
} from "../frontend/index.ts";
import { findInitialiser } from "../ir/index.ts";
import type { NameRecord } from "./name-record.ts";
import {
  declareIn,
  lookUpName,
  type NameScope,
  type NameSymbol,
  type Occurrence,
  openScope,
  visibleAt,
} from "./name-symbol.ts";
import { fileScope, moduleScope, resolveFile } from "./resolve-file.ts";

/** Names of one file of a program. */
export interface FileNames {
  readonly file: SourceFile;
  /** In source order. */
  readonly occurrences: readonly Occurrence[];
  readonly scopes: readonly NameScope[];
  readonly calls: NameRecord["calls"];
  /** The symbol that stands for a symbol and all that are renamed with it. */
  readonly representative: (symbol: NameSymbol) => NameSymbol;
  /** The name at an offset, also directly behind its last letter. */
  readonly at: (offset: number) => Occurrence | undefined;
  /** The innermost scope around an offset. */
  readonly scopeAt: (offset: number) => NameScope;
  /** Every name that means something at an offset. */
  readonly visibleAt: (offset: number) => Map<string, NameSymbol>;
  readonly moduleNamed: NameRecord["moduleNamed"];
}

/** Names of a program, each file resolved when it is first asked for. */
export interface ProgramNames {
  readonly program: CheckedProgram;
  /** Undefined for a path that is no file of the program. */
  readonly of: (path: string) => FileNames | undefined;
  /** What the library's prelude and the language put in scope everywhere. */
  readonly everywhere: ReadonlyMap<string, NameSymbol>;
}

const languageSymbols = new Map<string, NameSymbol>();

/** The symbol of something that the language itself offers; the same object for the same name. */
function languageSymbol(name: string): NameSymbol {
  const known = languageSymbols.get(name) ?? { name, node: { kind: "language" } };
  languageSymbols.set(name, known);
  return known;
}

/** Resolves the names of a program. `builtins` are the scalar functions of the language. */
export function indexNames(program: CheckedProgram, builtins: Iterable<string>): ProgramNames {
  const files = new Map(program.files.map((file) => [file.path, file]));
  const outermost = openScope(-1, -1);
  for (const name of [...builtins, ...constantNames.keys()]) declareIn(outermost, languageSymbol(name));
  const scopes = new Map<string, NameScope>();
  const importsOf = (file: SourceFile) => (path: string) => {
    const resolved = resolveImport(file.path, path);
    return resolved === undefined ? undefined : files.get(resolved);
  };
  const scopeOf = (file: SourceFile, around: NameScope): NameScope => {
    const known = scopes.get(file.path) ?? fileScope(file, around, importsOf(file));
    scopes.set(file.path, known);
    return known;
  };
  const prelude = files.get(preludePath);
  const preludeScope = prelude === undefined ? outermost : scopeOf(prelude, outermost);
  const moduleScopes = new WeakMap<ModuleDeclaration, NameScope>();
  const moduleNamed = (from: ModuleDeclaration, name: string) => {
    const file = files.get(from.span.file);
    if (file === undefined) return undefined;
    const scope = moduleScopes.get(from) ?? moduleScope(from, scopeOf(file, preludeScope));
    moduleScopes.set(from, scope);
    // The module of a `sub` is named in the file's scope; members of the same name do not hide it.
    return lookUpName(scope.parent, name);
  };
  const languageName = (name: string) =>
    castNames.has(name) || languageFunctions.includes(name) || findInitialiser(name) !== undefined
      ? languageSymbol(name)
      : undefined;

  const resolved = new Map<string, FileNames>();
  const of = (path: string): FileNames | undefined => {
    const known = resolved.get(path);
    const file = files.get(path);
    if (known !== undefined || file === undefined) return known;
    const scope = scopeOf(file, preludeScope);
    const record: NameRecord = { occurrences: [], scopes: [], links: [], calls: [], moduleNamed, languageName };
    resolveFile(record, scope, file, importsOf(file));
    const names = fileNames(file, scope, record);
    resolved.set(path, names);
    return names;
  };
  return { program, of, everywhere: new Map([...preludeScope.names].map(([name, { symbol }]) => [name, symbol])) };
}

function fileNames(file: SourceFile, scope: NameScope, record: NameRecord): FileNames {
  // What is read more than once (texts that a rule looks at twice) is one occurrence.
  const unique = new Map(record.occurrences.map((each) => [`${each.span.start}:${each.span.end}`, each]));
  const occurrences = [...unique.values()].sort((a, b) => a.span.start - b.span.start);
  const parents = new Map<NameSymbol, NameSymbol>();
  const representative = (symbol: NameSymbol): NameSymbol => {
    let current = symbol;
    for (let next = parents.get(current); next !== undefined; next = parents.get(current)) current = next;
    return current;
  };
  for (const [a, b] of record.links) {
    const [x, y] = [representative(a), representative(b)];
    if (x !== y) parents.set(x, y);
  }
  const at = (offset: number): Occurrence | undefined => {
    let behind: Occurrence | undefined;
    for (const each of occurrences) {
      if (each.span.start > offset) break;
      if (offset < each.span.end) return each;
      if (offset === each.span.end) behind = each;
    }
    return behind;
  };
  const scopeAt = (offset: number): NameScope => {
    let best = scope;
    for (const each of record.scopes) {
      const inside = each.start <= offset && offset <= each.end;
      // Of scopes with the same extent, the later is the inner one.
      if (inside && each.end - each.start <= best.end - best.start) best = each;
    }
    return best;
  };
  return {
    file,
    occurrences,
    scopes: record.scopes,
    calls: record.calls,
    representative,
    at,
    scopeAt,
    visibleAt: (offset) => visibleAt(scopeAt(offset), offset),
    moduleNamed: record.moduleNamed,
  };
}
