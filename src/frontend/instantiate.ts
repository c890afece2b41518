/** From a checked program to one model with numbers for everything that is fixed when it is built. */
import type { Span } from "../ir/index.ts";
import { buildInstances, frameOf, type ParameterValues, setParameter } from "./build-instance.ts";
import type { CheckedProgram } from "./checked-program.ts";
import { chooseEntry, choosePreset, type InstanceRequest } from "./choose-entry.ts";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import { startElaboration } from "./elaborate-expression.ts";
import { constantIn, type Elaboration, type Instance } from "./elaboration.ts";
import { suggestion } from "./names.ts";
import { ElaborationError } from "./node-emitter.ts";
import { type ParameterInfo, parametersOf } from "./parameter-info.ts";
import type { FunctionDeclaration, ModuleDeclaration, PresetDeclaration } from "./syntax-tree.ts";

/** A chosen entry with its model built. */
export interface EntryInstance {
  readonly entry: FunctionDeclaration;
  /** Absent for a bare function. */
  readonly model?: Instance;
  /** `model.entry`, or the function's name. */
  readonly name: string;
  readonly parameters: readonly ParameterInfo[];
  readonly context: Elaboration;
  /** Settings that no model parameter took: generic sizes and compile-time arguments of the entry. */
  readonly settings: ReadonlyMap<string, number>;
}

/** Builds the model of a request and lists all its parameters, also those that the entry does not use. */
export function instantiate(
  program: CheckedProgram,
  request: InstanceRequest,
): { readonly value?: EntryInstance; readonly diagnostics: readonly Diagnostic[] } {
  try {
    return { value: build(program, request), diagnostics: [] };
  } catch (error) {
    if (!(error instanceof ElaborationError)) throw error;
    return { diagnostics: [error.diagnostic] };
  }
}

function build(program: CheckedProgram, request: InstanceRequest): EntryInstance {
  const context = startElaboration(program, { training: request.training });
  const fileSpan = (program.files[0] as (typeof program.files)[0]).span;
  const { model, entry } = chooseEntry(program, request, fileSpan);
  const settings = new Map(
    Object.entries({ ...request.settings, ...request.genericSizes }).map(([name, value]) => [name, Number(value)]),
  );
  checkAgreement(request, entry.span);
  const name = model === undefined ? entry.name.name : `${model.name.name}.${entry.name.name}`;
  const own = new Set([
    ...(model?.parameters ?? []).map((parameter) => parameter.name.name),
    ...entry.generics.map((generic) => generic.name),
    ...entry.parameters.map((parameter) => parameter.name.name),
  ]);
  for (const setting of settings.keys()) {
    if (own.has(setting)) continue;
    throw new ElaborationError(
      errorAt(entry.name.span, "module/unknown-setting", `\`${name}\` has no size or parameter \`${setting}\` to set`, {
        notes: [`it has ${[...own].join(", ") || "none"}`],
        help: suggestion(setting, own),
      }),
    );
  }
  if (model === undefined) return { entry, name, parameters: [], context, settings };
  const preset = choosePreset(program, model, request.preset);
  const instance = buildModel(context, model, preset, settings);
  return { entry, model: instance, name, parameters: parametersOf(context, instance), context, settings };
}

function checkAgreement(request: InstanceRequest, span: Span): void {
  for (const [name, size] of Object.entries(request.genericSizes ?? {})) {
    const set = request.settings?.[name];
    if (set === undefined || Number(set) === size) continue;
    throw new ElaborationError(
      errorAt(span, "size/mismatch", `\`${name}\` is set to ${set}, but the inputs make it ${size}`, {
        help: [`leave \`${name}\` to the inputs`],
      }),
    );
  }
}

function buildModel(
  context: Elaboration,
  model: ModuleDeclaration,
  preset: PresetDeclaration | undefined,
  settings: ReadonlyMap<string, number>,
): Instance {
  const values: ParameterValues = { sizes: new Map(), settings: new Map() };
  const chain = [`model ${model.name.name}${preset === undefined ? "" : ` (${preset.name.name})`}`];
  for (const parameter of model.parameters) {
    const name = parameter.name.name;
    const set = settings.get(name);
    const written = preset?.settings.find((setting) => setting.name.name === name)?.value ?? parameter.default;
    if (set !== undefined) {
      setParameter(context, values, parameter, set, parameter.name.span);
    } else if (written !== undefined) {
      const frame = frameOf(values, undefined, chain);
      setParameter(context, values, parameter, constantIn(context, written, frame), written.span);
    } else {
      context.at(parameter.name.span).refuse("module/no-value", `\`${name}\` of \`${model.name.name}\` has no value`, {
        label: "no default",
        help: [`give it: \`--set ${name}=…\``, ...(preset === undefined ? ["choose a preset: `--preset …`"] : [])],
      });
    }
  }
  return buildInstances(context, model, values, chain);
}
