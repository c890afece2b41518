/**
 * The texts that an editor has open, over the files behind them, and the programs they make: checked once for each state of the
 * texts. Files are named by paths: `std/…` for the library, absolute paths for everything else.
 */
import { languageBuiltins } from "../builtins.ts";
import { checkSource } from "../compile.ts";
import type { CheckedProgram } from "../frontend/index.ts";
import { indexNames, type ProgramNames } from "./name-index.ts";
import { checkAgain, type SoundParts, soundPartsOf } from "./quick-check.ts";

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
  /** The program that begins at a file; undefined when there is no such file. */
  readonly view: (path: string) => ProgramView | undefined;
  /**
   * The same for diagnostics and names alone, faster after an edit: what cannot have changed is not checked again and has no types.
   * `source` is a text of the file to take instead of its own.
   */
  readonly quickView: (path: string, source?: string) => ProgramView | undefined;
  /** A program in which some files have other texts; nothing of it is remembered. */
  readonly viewWith: (path: string, texts: ReadonlyMap<string, string>) => ProgramView | undefined;
}

/** Names of the scalar functions of the language. */
export const builtinNames: readonly string[] = [...languageBuiltins().keys()];

export function openWorkspace(files: WorkspaceFiles): Workspace {
  const opened = new Map<string, string>();
  const stored = new Map<string, string | undefined>();
  const views = new Map<string, ProgramView>();
  const sound = new Map<string, SoundParts>();

  const text = (path: string): string | undefined => {
    const inEditor = opened.get(path);
    if (inEditor !== undefined) return inEditor;
    if (!stored.has(path)) stored.set(path, files.readFile(path));
    return stored.get(path);
  };
  const make = (path: string, read: (path: string) => string | undefined): ProgramView | undefined => {
    const own = read(path);
    if (own === undefined) return undefined;
    const program = checkSource(path, read);
    return { program, names: indexNames(program, builtinNames), text: own };
  };
  // A file that was missing may be there now: programs in which one is missing are not remembered for longer than an edit.
  const isCurrent = ({ program }: ProgramView): boolean =>
    [...program.sources].every(([path, source]) => text(path) === source) &&
    !program.diagnostics.some(({ code }) => code === "import/not-found");

  const remember = (path: string, view: ProgramView) => {
    views.delete(path);
    views.set(path, view);
    const parts = soundPartsOf(view.program);
    if (parts !== undefined) sound.set(path, parts);
    for (const old of [...views.keys()].slice(0, Math.max(0, views.size - mostViews))) {
      views.delete(old);
      sound.delete(old);
    }
  };
  const view = (path: string): ProgramView | undefined => {
    const known = views.get(path);
    if (known !== undefined && isCurrent(known)) return known;
    const made = make(path, text);
    if (made === undefined) views.delete(path);
    else remember(path, made);
    return made;
  };
  const quickView = (path: string, source?: string): ProgramView | undefined => {
    const current = views.get(path);
    if (source === undefined && current !== undefined && isCurrent(current)) return current;
    const read = (wanted: string) => (wanted === path && source !== undefined ? source : text(wanted));
    const parts = sound.get(path);
    const program = parts === undefined ? undefined : checkAgain(path, read, parts);
    if (program === undefined) return source === undefined ? view(path) : make(path, read);
    if (source === undefined) {
      const now = soundPartsOf(program);
      if (now !== undefined) sound.set(path, now);
    }
    return { program, names: indexNames(program, builtinNames), text: read(path) ?? "" };
  };

  return {
    ...files,
    open: (path, source) => {
      opened.set(path, source);
    },
    close: (path) => {
      opened.delete(path);
      stored.delete(path);
      views.delete(path);
      sound.delete(path);
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
