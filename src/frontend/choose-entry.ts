/** What a program offers to run, and which of it a request means. */
import type { Span } from "../ir/index.ts";
import type { CheckedProgram } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import { suggestion } from "./names.ts";
import { ElaborationError } from "./node-emitter.ts";
import type { FunctionDeclaration, ModuleDeclaration, PresetDeclaration } from "./syntax-tree.ts";

/** What to build. Names that are left out are chosen: the only model, its first entry. */
export interface InstanceRequest {
  readonly model?: string;
  /** Name of an entry of the model, or of a function of the file when there is no such entry. */
  readonly entry?: string;
  readonly preset?: string;
  /** Values of module parameters, of generic sizes, and of compile-time parameters of a bare function. */
  readonly settings?: Readonly<Record<string, number | boolean>>;
  /** Generic sizes found from the inputs; settings of the same name must agree. */
  readonly genericSizes?: Readonly<Record<string, number>>;
  /** The language's constant `training`. */
  readonly training?: boolean;
}

/** What a program offers to run. */
export interface EntryInfo {
  readonly kind: "entry" | "function";
  readonly name: string;
  /** Name of the model, for entries. */
  readonly model?: string;
  /** Names of its presets. */
  readonly presets: readonly string[];
  readonly declaration: FunctionDeclaration;
}

/** Models of a program by name, in source order. */
export function listModels(program: CheckedProgram): readonly ModuleDeclaration[] {
  return [...program.declarations.values()].filter(
    (declaration): declaration is ModuleDeclaration => declaration.kind === "module" && declaration.role === "model",
  );
}

/** Entries of all models, then bare functions, in source order. */
export function listEntries(program: CheckedProgram): readonly EntryInfo[] {
  const entries = listModels(program).flatMap((model) =>
    entriesOf(model).map(
      (declaration): EntryInfo => ({
        kind: "entry",
        name: declaration.name.name,
        model: model.name.name,
        presets: presetsOf(program, model).map((preset) => preset.name.name),
        declaration,
      }),
    ),
  );
  const functions = [...program.declarations.values()].flatMap((declaration): EntryInfo[] =>
    declaration.kind === "function"
      ? [{ kind: "function", name: declaration.name.name, presets: [], declaration }]
      : [],
  );
  return [...entries, ...functions];
}

function entriesOf(model: ModuleDeclaration): FunctionDeclaration[] {
  return model.members.filter(
    (member): member is FunctionDeclaration => member.kind === "function" && member.role === "entry",
  );
}

function presetsOf(program: CheckedProgram, model: ModuleDeclaration): PresetDeclaration[] {
  return [...program.tables.presets].filter(([, owner]) => owner === model).map(([preset]) => preset);
}

/** The entry that a request means, with its model unless it is a bare function. Refuses what is unknown or ambiguous. */
export function chooseEntry(
  program: CheckedProgram,
  request: InstanceRequest,
  span: Span,
): { model?: ModuleDeclaration; entry: FunctionDeclaration } {
  const models = listModels(program);
  const refuse = (code: string, title: string, names: readonly string[], wanted?: string): never => {
    const help = wanted === undefined ? [] : suggestion(wanted, names);
    throw new ElaborationError(
      errorAt(span, code, title, { notes: names.length > 0 ? [`there are: ${names.join(", ")}`] : [], help }),
    );
  };
  let model: ModuleDeclaration | undefined;
  if (request.model !== undefined) {
    model = models.find((one) => one.name.name === request.model);
    if (model === undefined)
      return refuse(
        "entry/unknown-model",
        `there is no model \`${request.model}\` in this file`,
        models.map((one) => one.name.name),
        request.model,
      );
  }
  const withEntry = (one: ModuleDeclaration) =>
    entriesOf(one).some((entry) => request.entry === undefined || entry.name.name === request.entry);
  if (model === undefined) {
    const candidates = models.filter(withEntry);
    if (candidates.length > 1)
      return refuse(
        "entry/several-models",
        "several models fit: name one with `--model`",
        candidates.map((one) => one.name.name),
      );
    model = candidates[0];
  }
  if (model !== undefined) {
    const entries = entriesOf(model);
    const entry = entries.find((one) => request.entry === undefined || one.name.name === request.entry);
    if (entry !== undefined) return { model, entry };
    return refuse(
      "entry/unknown",
      `\`${model.name.name}\` has no entry${request.entry === undefined ? "" : ` \`${request.entry}\``}`,
      entries.map((one) => one.name.name),
      request.entry,
    );
  }
  const functions = [...program.declarations.values()].filter(
    (declaration): declaration is FunctionDeclaration => declaration.kind === "function",
  );
  const entry =
    request.entry === undefined && functions.length === 1
      ? functions[0]
      : functions.find((one) => one.name.name === request.entry);
  if (entry !== undefined) return { entry };
  const names = listEntries(program).map((info) => info.name);
  if (request.entry === undefined)
    return refuse(
      "entry/unknown",
      names.length === 0 ? "this file has nothing to run" : "say what to run with `--entry`",
      names,
    );
  return refuse(
    "entry/unknown",
    `there is no entry or function \`${request.entry}\` in this file`,
    names,
    request.entry,
  );
}

/** The preset of a name. `paper` is the defaults where no preset says otherwise. */
export function choosePreset(
  program: CheckedProgram,
  model: ModuleDeclaration,
  name: string | undefined,
): PresetDeclaration | undefined {
  if (name === undefined) return undefined;
  const presets = presetsOf(program, model);
  const preset = presets.find((one) => one.name.name === name);
  // The defaults are the published configuration; asking for it by name is allowed where no preset says otherwise.
  if (preset !== undefined || name === "paper") return preset;
  const names = presets.map((one) => one.name.name);
  throw new ElaborationError(
    errorAt(model.name.span, "preset/unknown", `\`${model.name.name}\` has no preset \`${name}\``, {
      notes: names.length > 0 ? [`there are: ${names.join(", ")}`] : [],
      help: suggestion(name, names),
    }),
  );
}
