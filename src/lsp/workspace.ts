/**
 * The texts that an editor has open, over the files behind them, and the programs they make: checked once for each state of the
 * texts. Files are named by paths: `std/…` for the library, absolute paths for everything else.
 */
import { languageBuiltins } from "../builtins.ts";
import { type BodyMemory, type CheckedProgram, check, emptyMemory } from "../frontend/index.ts";
import { indexNames, type ProgramNames } from "./name-index.ts";

/** How the workspace reaches what is not open. */
export interface WorkspaceFiles {
  /** Text of a file, or undefined when there is none that can be read. */
  readonly readFile: (path: string) => string | undefined;
  /** Paths of the .weft files below the folders of the workspace. */
  readonly projectFiles: () => readonly string[];
  /** Names of the files of the library, `std/nn.weft` and so on. */
  readonly libraryFiles: () => readonly string[];
}

/** A checked file with its names. */
export interface ProgramView {
  readonly program: CheckedProgram;
  readonly names: ProgramNames;
  /** Text of the file asked for. */
  readonly text: string;
}

export interface Workspace extends WorkspaceFiles {
  readonly open: (path: string, text: string) => void;
  readonly close: (path: string) => void;
  readonly openPaths: () => readonly string[];
  /** Forgets what was read from files, because they changed. */
  readonly forgetFiles: () => void;
  /** Text of a file as the editor has it, or as it is stored. */
  readonly text: (path: string) => string | undefined;
  /** The program that begins at a file, with the types of everything; undefined when there is no such file. */
  readonly view: (path: string) => ProgramView | undefined;
  /**
   * The same, faster after an edit: all diagnostics and names, but types only of what had to be checked again. `fillTables` of the program
   * adds the others. `source` is a text of the file to take instead of its own.
   */
  readonly quickView: (path: string, source?: string) => ProgramView | undefined;
  /** A program in which some files have other texts; nothing of it is remembered. */
  readonly viewWith: (path: string, texts: ReadonlyMap<string, string>) => ProgramView | undefined;
}

const builtins = languageBuiltins();

/** Names of the scalar functions of the language. */
export const builtinNames: readonly string[] = [...builtins.keys()];

export function openWorkspace(files: WorkspaceFiles): Workspace {
  const opened = new Map<string, string>();
  const stored = new Map<string, string | undefined>();
  const views = new Map<string, ProgramView>();
  const memories = new Map<string, BodyMemory>();

  const text = (path: string): string | undefined => {
    const inEditor = opened.get(path);
    if (inEditor !== undefined) return inEditor;
    if (!stored.has(path)) stored.set(path, files.readFile(path));
    return stored.get(path);
  };
  const make = (path: string, readSource: (path: string) => string | undefined): ProgramView | undefined => {
    const own = readSource(path);
    if (own === undefined) return undefined;
    const program = check(path, { builtins, readSource, before: memories.get(path) ?? emptyMemory });
    return { program, names: indexNames(program, builtinNames), text: own };
  };
  // A file that was missing may be there now: programs in which one is missing are not remembered for longer than an edit.
  const isCurrent = ({ program }: ProgramView): boolean =>
    [...program.sources].every(([path, source]) => text(path) === source) &&
    !program.diagnostics.some(({ code }) => code === "import/not-found");

  const forget = (path: string) => {
    views.delete(path);
    memories.delete(path);
  };
  const remember = (path: string, view: ProgramView) => {
    views.delete(path);
    views.set(path, view);
    memories.set(path, view.program.memory ?? emptyMemory);
    for (const old of [...views.keys()].slice(0, Math.max(0, views.size - mostViews))) forget(old);
  };
  const quickView = (path: string, source?: string): ProgramView | undefined => {
    if (source !== undefined) return make(path, (wanted) => (wanted === path ? source : text(wanted)));
    const known = views.get(path);
    if (known !== undefined && isCurrent(known)) return known;
    const made = make(path, text);
    if (made === undefined) forget(path);
    else remember(path, made);
    return made;
  };
  const view = (path: string): ProgramView | undefined => {
    const found = quickView(path);
    found?.program.fillTables();
    return found;
  };

  return {
    ...files,
    open: (path, source) => {
      opened.set(path, source);
    },
    close: (path) => {
      opened.delete(path);
      stored.delete(path);
      forget(path);
    },
    openPaths: () => [...opened.keys()],
    forgetFiles: () => stored.clear(),
    text,
    view,
    quickView,
    viewWith: (path, texts) => make(path, (wanted) => texts.get(wanted) ?? text(wanted)),
  };
}

/** Programs kept at the same time. */
const mostViews = 64;
