/** Questions about names: where one is declared, where it is used, across all files that can see it. */
import { resolveImport } from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";
import type { FileNames } from "./name-index.ts";
import type { NameSymbol, Occurrence } from "./name-symbol.ts";
import type { ProgramView, Workspace } from "./workspace.ts";

/** A name in a file that an editor shows. */
export interface NameAt {
  readonly occurrence: Occurrence;
  readonly view: ProgramView;
  readonly names: FileNames;
}

/** The name at an offset of a file. */
export function nameAt(workspace: Workspace, path: string, offset: number): NameAt | undefined {
  const view = workspace.quickView(path);
  const names = view?.names.of(path);
  const occurrence = names?.at(offset);
  return view && names && occurrence && { occurrence, view, names };
}

/** Where what is written at an offset is declared: the name, or for the path of a `use` the file. */
export function definitionAt(workspace: Workspace, path: string, offset: number): Span | undefined {
  const found = nameAt(workspace, path, offset);
  if (found !== undefined) return found.occurrence.symbol.span;
  return importedFileAt(workspace, path, offset);
}

function importedFileAt(workspace: Workspace, path: string, offset: number): Span | undefined {
  const view = workspace.quickView(path);
  const file = view?.program.files[0];
  const declaration = file?.imports.find(({ pathSpan }) => pathSpan.start <= offset && offset <= pathSpan.end);
  if (view === undefined || declaration === undefined) return undefined;
  const target = importTarget(view, declaration.path);
  return target === undefined ? undefined : { file: target, start: 0, end: 0, line: 1, column: 1 };
}

/** Path of the file that an import of the program's first file means, when it is there. */
export function importTarget({ program }: ProgramView, written: string): string | undefined {
  const [file] = program.files;
  const resolved = file && resolveImport(file.path, written);
  return resolved !== undefined && program.sources.has(resolved) ? resolved : undefined;
}

/** All files that could name a symbol: those open, and those of the project whose text contains its name. */
function candidates(workspace: Workspace, name: string, declaredIn: string): readonly string[] {
  const paths = new Set([declaredIn, ...workspace.openPaths()]);
  for (const path of [...workspace.projectFiles(), ...(isLibraryPath(declaredIn) ? workspace.libraryFiles() : [])]) {
    if (workspace.text(path)?.includes(name) === true) paths.add(path);
  }
  return [...paths];
}

export const isLibraryPath = (path: string): boolean => path.startsWith("std/");

/** Where a symbol occurs, by file. Symbols that are local to a function are looked for in their own file only. */
export function occurrencesOf(workspace: Workspace, found: NameAt): ReadonlyMap<string, readonly Occurrence[]> {
  const { symbol } = found.occurrence;
  const result = new Map<string, readonly Occurrence[]>();
  const wanted = placeOf(found.names.representative(symbol));
  const own = symbol.span?.file ?? found.names.file.path;
  const paths = isShared(symbol) ? candidates(workspace, symbol.name, own) : [found.names.file.path];
  for (const path of paths) {
    const names = workspace.quickView(path)?.names.of(path);
    const here = names?.occurrences.filter((each) => placeOf(names.representative(each.symbol)) === wanted) ?? [];
    if (here.length > 0) result.set(path, here);
  }
  return result;
}

/** Symbols of different programs are the same when they are declared at the same place. */
export const placeOf = ({ span, name }: NameSymbol): string =>
  span === undefined ? name : `${span.file}:${span.start}`;

/** Whether other files can name the symbol. */
function isShared({ node, span }: NameSymbol): boolean {
  switch (node.kind) {
    case "function":
    case "extern":
    case "module":
    case "tensor":
    case "sub":
    case "parameter":
      return span !== undefined;
    default:
      return false;
  }
}
