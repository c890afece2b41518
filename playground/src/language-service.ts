/** What the editor asks while somebody types: mistakes, what can be run, completion, hover, layout. Pure; a worker runs it. */

import type { CheckedProgram, EntryInfo, Parameter } from "../../src/frontend/index.ts";
import { format, listEntries } from "../../src/frontend/index.ts";
import {
  type Completions,
  type CostSettings,
  completionsAt,
  type Hover,
  hoverAt,
  openWorkspace,
  repairsAt,
} from "../../src/lsp/editing.ts";
import { libraryTexts } from "./library-texts.ts";
import type { Problem } from "./problem.ts";
import { problemsOf } from "./problems-of.ts";

/** A text under its name. */
export interface NamedText {
  readonly path: string;
  readonly text: string;
}

/** A size or switch that a draft may set. */
export interface SettingChoice {
  readonly name: string;
  /** `size`, `f32` or `bool`. */
  readonly type: string;
  /** What the text says that it is when nobody sets it. */
  readonly default?: string;
}

/** Something that can be run. */
export interface EntryChoice {
  readonly entry: string;
  readonly model?: string;
  readonly presets: readonly string[];
  /** Sizes of the entry itself, then the parameters of its model. */
  readonly settings: readonly SettingChoice[];
}

export interface CheckAnswer {
  readonly problems: readonly Problem[];
  readonly entries: readonly EntryChoice[];
}

export interface LanguageService {
  readonly check: (request: NamedText) => CheckAnswer;
  /** The same problems with their repairs, for which the library is searched: ask when nobody types. */
  readonly repair: (request: NamedText) => readonly Problem[];
  readonly complete: (request: NamedText & { readonly offset: number }) => Completions;
  /** `costs`: for which preset and sizes it tells what lines cost. */
  readonly hover: (request: NamedText & { readonly offset: number; readonly costs: CostSettings }) => Hover | undefined;
  /** The text in its canonical layout; undefined when it has mistakes that keep it from being read. */
  readonly format: (request: NamedText) => string | undefined;
}

export function makeLanguageService(): LanguageService {
  const workspace = openWorkspace({
    readFile: (path) => libraryTexts.get(path),
    projectFiles: () => [...libraryTexts.keys()].filter((path) => !path.startsWith("std/")),
    libraryFiles: () => [...libraryTexts.keys()].filter((path) => path.startsWith("std/")),
  });
  const open = ({ path, text }: NamedText) => {
    for (const other of workspace.openPaths()) if (other !== path) workspace.close(other);
    workspace.open(path, text);
  };
  return {
    check: (request) => {
      open(request);
      const program = workspace.quickView(request.path)?.program;
      if (program === undefined) return { problems: [], entries: [] };
      return { problems: problemsOf(request.path, program.diagnostics, program.sources), entries: entriesOf(program) };
    },
    repair: (request) => {
      open(request);
      const repairs = repairsAt(workspace, request.path, 0, request.text.length);
      const program = workspace.quickView(request.path)?.program;
      return program === undefined ? [] : problemsOf(request.path, program.diagnostics, program.sources, repairs);
    },
    complete: (request) => {
      open(request);
      return completionsAt(workspace, request.path, request.offset);
    },
    hover: (request) => {
      open(request);
      return hoverAt(workspace, request.path, request.offset, request.costs);
    },
    format: ({ path, text }) => format(path, text).text,
  };
}

/** What the program's own text offers to run, its models first. */
function entriesOf(program: CheckedProgram): EntryChoice[] {
  const [own] = program.files;
  return listEntries(program)
    .filter(({ declaration }) => declaration.span.file === own?.path)
    .map((info) => ({
      entry: info.name,
      ...(info.model === undefined ? {} : { model: info.model }),
      presets: info.presets,
      settings: settingsOf(program, info),
    }));
}

function settingsOf(program: CheckedProgram, { declaration, model }: EntryInfo): SettingChoice[] {
  const sizes = declaration.generics.map(({ name }) => ({ name, type: "size" }));
  const found = model === undefined ? undefined : program.declarations.get(model);
  const compileTime = found?.kind === "module" ? found.parameters : declaration.parameters.filter(isSize);
  return [
    ...sizes,
    ...compileTime.map(({ name, type, default: value }) => ({
      name: name.name,
      type: type.element.kind === "named" ? type.element.name : "size",
      ...(value === undefined
        ? {}
        : { default: program.sources.get(value.span.file)?.slice(value.span.start, value.span.end) }),
    })),
  ];
}

const isSize = ({ type }: Parameter): boolean => type.element.kind === "named" && type.element.name === "size";
