/**
 * From a checked program to one model with numbers: presets and settings, the tree of module instances, and all parameters with
 * the paths under which published checkpoints know them.
 */
import { elementCount, type Graph, graphNodes, type Span, type TensorType, tensorType } from "../ir/index.ts";
import { layOut } from "./align-values.ts";
import type { CheckedProgram, SubResolution } from "./checked-program.ts";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import {
  constantIn,
  type Elaboration,
  extentIn,
  type Frame,
  type Instance,
  type InstanceArray,
  type InstanceTensor,
  newFrame,
  type Setting,
  sizeIn,
  sizeNotes,
} from "./elaboration.ts";
import { startElaboration } from "./elaborate-expression.ts";
import { asType, verifyRequirement } from "./elaborate-statement.ts";
import { suggestion } from "./names.ts";
import { ElaborationError, greatestElementCount } from "./node-emitter.ts";
import type { FunctionDeclaration, ModuleDeclaration, Parameter, PresetDeclaration, SubMember, TensorMember } from "./syntax-tree.ts";

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

/** How a parameter starts: one of the initialiser records by name, a graph that computes it, or nothing said. */
export type ParameterStart =
  | { readonly kind: "record"; readonly name: string; readonly arguments: Readonly<Record<string, number>> }
  | { readonly kind: "graph"; readonly graph: Graph }
  | { readonly kind: "none" };

/** One `param` or `buffer` of a model. */
export interface ParameterInfo {
  readonly path: string;
  readonly role: "param" | "buffer";
  readonly type: TensorType;
  readonly initialiser: ParameterStart;
  readonly doc?: string;
  readonly origins: readonly Span[];
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

/** Models of a program by name, in source order. */
export function listModels(program: CheckedProgram): readonly ModuleDeclaration[] {
  return [...program.declarations.values()].filter(
    (declaration): declaration is ModuleDeclaration => declaration.kind === "module" && declaration.role === "model",
  );
}

/** Entries of all models, then bare functions, in source order. */
export function listEntries(program: CheckedProgram): readonly EntryInfo[] {
  const entries = listModels(program).flatMap((model) =>
    entriesOf(model).map((declaration): EntryInfo => ({
      kind: "entry",
      name: declaration.name.name,
      model: model.name.name,
      presets: presetsOf(program, model).map((preset) => preset.name.name),
      declaration,
    })),
  );
  const functions = [...program.declarations.values()].flatMap((declaration): EntryInfo[] =>
    declaration.kind === "function"
      ? [{ kind: "function", name: declaration.name.name, presets: [], declaration }]
      : [],
  );
  return [...entries, ...functions];
}

function entriesOf(model: ModuleDeclaration): FunctionDeclaration[] {
  return model.members.filter((member): member is FunctionDeclaration => member.kind === "function" && member.role === "entry");
}

function presetsOf(program: CheckedProgram, model: ModuleDeclaration): PresetDeclaration[] {
  return [...program.tables.presets].filter(([, owner]) => owner === model).map(([preset]) => preset);
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
  const settings = new Map(Object.entries({ ...request.settings, ...request.genericSizes }).map(([name, value]) => [name, Number(value)]));
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
  const parameters = allTensors(instance).map(([owner, tensor]) => parameterInfo(context, owner, tensor));
  checkPaths(parameters);
  return { entry, model: instance, name, parameters, context, settings };
}

function checkAgreement(request: InstanceRequest, span: Span): void {
  for (const [name, size] of Object.entries(request.genericSizes ?? {})) {
    const set = request.settings?.[name];
    if (set === undefined || Number(set) === size) continue;
    throw new ElaborationError(
      errorAt(span, "size/mismatch", `\`${name}\` is set to ${set}, but the inputs make it ${size}`, { help: [`leave \`${name}\` to the inputs`] }),
    );
  }
}

// ── Choosing ───────────────────────────────────────────────────────────────────────────────────────────────────────

function chooseEntry(program: CheckedProgram, request: InstanceRequest, span: Span): { model?: ModuleDeclaration; entry: FunctionDeclaration } {
  const models = listModels(program);
  const refuse = (code: string, title: string, names: readonly string[], wanted?: string): never => {
    const help = wanted === undefined ? [] : suggestion(wanted, names);
    throw new ElaborationError(errorAt(span, code, title, { notes: names.length > 0 ? [`there are: ${names.join(", ")}`] : [], help }));
  };
  let model: ModuleDeclaration | undefined;
  if (request.model !== undefined) {
    model = models.find((one) => one.name.name === request.model);
    if (model === undefined) return refuse("entry/unknown-model", `there is no model \`${request.model}\` in this file`, models.map((one) => one.name.name), request.model);
  }
  const withEntry = (one: ModuleDeclaration) => entriesOf(one).some((entry) => request.entry === undefined || entry.name.name === request.entry);
  if (model === undefined) {
    const candidates = models.filter(withEntry);
    if (candidates.length > 1) return refuse("entry/several-models", "several models fit: name one with `--model`", candidates.map((one) => one.name.name));
    model = candidates[0];
  }
  if (model !== undefined) {
    const entries = entriesOf(model);
    const entry = entries.find((one) => request.entry === undefined || one.name.name === request.entry);
    if (entry !== undefined) return { model, entry };
    return refuse("entry/unknown", `\`${model.name.name}\` has no entry${request.entry === undefined ? "" : ` \`${request.entry}\``}`, entries.map((one) => one.name.name), request.entry);
  }
  const functions = [...program.declarations.values()].filter((declaration): declaration is FunctionDeclaration => declaration.kind === "function");
  const entry = request.entry === undefined && functions.length === 1 ? functions[0] : functions.find((one) => one.name.name === request.entry);
  if (entry !== undefined) return { entry };
  const names = listEntries(program).map((info) => info.name);
  if (request.entry === undefined) return refuse("entry/unknown", names.length === 0 ? "this file has nothing to run" : "say what to run with `--entry`", names);
  return refuse("entry/unknown", `there is no entry or function \`${request.entry}\` in this file`, names, request.entry);
}

function choosePreset(program: CheckedProgram, model: ModuleDeclaration, name: string | undefined): PresetDeclaration | undefined {
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

// ── Instances ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** More instances than this come from a wrong number, not from a network. */
const greatestInstanceCount = 100_000;
const greatestModuleDepth = 100;

interface Building {
  readonly context: Elaboration;
  instances: number;
}

function isSize(parameter: Parameter): boolean {
  return parameter.type.element.kind === "named" && parameter.type.element.name === "size";
}

/** Values of a module's parameters while they are being found: later defaults may use earlier parameters. */
interface ParameterValues {
  readonly sizes: Map<string, number>;
  readonly settings: Map<string, Setting>;
}

function setParameter(context: Elaboration, values: ParameterValues, parameter: Parameter, value: number, span: Span): void {
  const name = parameter.name.name;
  if (!isSize(parameter)) {
    const isBool = parameter.type.element.kind === "named" && parameter.type.element.name === "bool";
    values.settings.set(name, { value: isBool ? Number(value !== 0) : value, dtype: isBool ? "bool" : "f32" });
    return;
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    context.at(span).refuse("size/not-a-size", `\`${name}\` must be a whole number, not ${value}`, { label: "this is a size" });
  }
  values.sizes.set(name, value);
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
  return buildInstance({ context, instances: 0 }, model, values, "", chain);
}

/** A frame in which module parameters found so far can be read. */
function frameOf(values: ParameterValues, module: ModuleDeclaration | undefined, chain: readonly string[]): Frame {
  const instance =
    module === undefined
      ? undefined
      : { module, path: "", chain, sizes: values.sizes, settings: values.settings, subs: new Map(), tensors: new Map() };
  const frame = newFrame(instance, values.sizes, 0);
  return { ...frame, chain };
}

function buildInstance(
  building: Building,
  module: ModuleDeclaration,
  values: ParameterValues,
  path: string,
  chain: readonly string[],
): Instance {
  const { context } = building;
  if (++building.instances > greatestInstanceCount || chain.length > greatestModuleDepth) {
    context.at(module.name.span).refuse("size/too-many-modules", "the model has too many modules", {
      notes: [`reached through ${chain.slice(0, 4).join(" → ")} …`],
    });
  }
  const subs = new Map<SubMember, InstanceArray>();
  const tensors = new Map<TensorMember, InstanceTensor>();
  const instance: Instance = { module, path, chain, sizes: values.sizes, settings: values.settings, subs, tensors };
  const frame = newFrame(instance, values.sizes, 0);
  for (const member of module.members) {
    if (member.kind === "require") verifyRequirement(context, member.condition, frame);
    else if (member.kind === "sub") subs.set(member, buildSub(building, member, instance, frame));
    else if (member.kind === "tensor") tensors.set(member, buildTensor(context, member, path, frame));
  }
  return instance;
}

const joinPath = (...parts: readonly string[]) => parts.filter((part) => part !== "").join(".");

function buildTensor(context: Elaboration, member: TensorMember, path: string, frame: Frame): InstanceTensor {
  const declared = context.tables.declared.get(member.type);
  if (declared === undefined) throw new Error(`${member.name.name} has no type`);
  const shape = declared.dims.map((dim) => extentIn(context, dim, frame, member.type.span));
  if (elementCount(shape) > greatestElementCount) {
    context.at(member.type.span).refuse("size/too-large", `\`${member.name.name}\` would have ${elementCount(shape).toLocaleString("en")} elements`, {
      label: `shape [${shape.join(", ")}]`,
      notes: sizeNotes(frame),
    });
  }
  const { dtype, below } = declared.element;
  const plain = dtype === "integer" ? "i32" : dtype === "real" ? "f32" : dtype;
  const bound = below === undefined ? undefined : sizeIn(context, below, frame, member.type.span);
  return { path: joinPath(path, member.path?.value ?? member.name.name), type: tensorType(plain, shape, bound), member };
}

function buildSub(building: Building, member: SubMember, owner: Instance, frame: Frame): InstanceArray {
  const { context } = building;
  const resolution = context.tables.subs.get(member);
  if (resolution === undefined) throw new Error(`${member.name.name} has no module`);
  const counts = resolution.counts.map((count) => sizeIn(context, count, frame, member.span));
  const total = counts.reduce((product, count) => product * count, 1);
  if (!(total <= greatestInstanceCount) || counts.some((count) => count < 0)) {
    context.at(member.span).refuse("size/too-many-modules", `\`${member.name.name}\` would be ${total} modules`, { notes: sizeNotes(frame) });
  }
  const name = member.path?.value ?? member.name.name;
  const elements = Array.from({ length: total }, (_, position) => {
    const place = unravel(position, counts).join(".");
    const label = `${joinPath(member.name.name, place)}: ${resolution.module.name.name}`;
    const chain = [...owner.chain, label];
    const values = subValues(context, resolution, frame, chain, member.span);
    return buildInstance(building, resolution.module, values, joinPath(owner.path, name, place), chain);
  });
  return { counts, elements };
}

function unravel(position: number, counts: readonly number[]): number[] {
  let rest = position;
  const place: number[] = [];
  for (const count of [...counts].reverse()) {
    place.unshift(rest % count);
    rest = Math.floor(rest / count);
  }
  return place;
}

function subValues(context: Elaboration, resolution: SubResolution, outer: Frame, chain: readonly string[], span: Span): ParameterValues {
  const values: ParameterValues = { sizes: new Map(), settings: new Map() };
  for (const parameter of resolution.module.parameters) {
    const name = parameter.name.name;
    const size = resolution.sizes.get(name);
    if (isSize(parameter) && size !== undefined) {
      setParameter(context, values, parameter, sizeIn(context, size, outer, span), span);
      continue;
    }
    const given = resolution.values.get(name);
    if (given === undefined) throw new Error(`${name} of ${resolution.module.name.name} has no value`);
    const frame = given.isDefault ? frameOf(values, resolution.module, chain) : outer;
    setParameter(context, values, parameter, constantIn(context, given.expression, frame), given.expression.span);
  }
  return values;
}

// ── Parameters ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every tensor of an instance and of what is below it, in declaration order. */
function allTensors(instance: Instance): (readonly [Instance, InstanceTensor])[] {
  return instance.module.members.flatMap((member) => {
    if (member.kind === "tensor") return [[instance, instance.tensors.get(member) as InstanceTensor] as const];
    if (member.kind === "sub") return (instance.subs.get(member)?.elements ?? []).flatMap(allTensors);
    return [];
  });
}

function parameterInfo(context: Elaboration, owner: Instance, tensor: InstanceTensor): ParameterInfo {
  const { member, path, type } = tensor;
  return {
    path,
    role: member.role,
    type,
    initialiser: startOf(context, owner, tensor),
    ...(member.doc === undefined ? {} : { doc: member.doc }),
    origins: [member.span],
  };
}

function startOf(context: Elaboration, owner: Instance, { member, path }: InstanceTensor): ParameterStart {
  const { initialiser } = member;
  if (initialiser === undefined) return { kind: "none" };
  const frame = newFrame(owner, owner.sizes, 0);
  const resolution = initialiser.kind === "call" ? context.tables.calls.get(initialiser) : undefined;
  if (resolution?.kind === "initialiser") {
    const given = [...resolution.arguments].map(([name, value]) => [name, constantIn(context, value, frame)]);
    return { kind: "record", name: resolution.name, arguments: Object.fromEntries(given) };
  }
  const value = asType(context, context.evaluate(initialiser, frame), context.tables.declared.get(member.type), frame, initialiser);
  const emit = context.at(initialiser.span);
  const node = layOut(emit, value, [], value.dims);
  const graph: Graph = { name: path, inputs: [], parameters: [], outputs: [{ name: member.name.name, node }] };
  const parameters = graphNodes(graph).filter((one) => one.op === "parameter");
  return { kind: "graph", graph: { ...graph, parameters } };
}

/** Two parameters under one path could not both be loaded. */
function checkPaths(parameters: readonly ParameterInfo[]): void {
  const seen = new Map<string, ParameterInfo>();
  for (const parameter of parameters) {
    const other = seen.get(parameter.path);
    if (other !== undefined) {
      throw new ElaborationError(
        errorAt(parameter.origins[0] as Span, "module/duplicate-path", `two parameters have the path \`${parameter.path}\``, {
          secondary: [{ span: other.origins[0] as Span, text: "the other" }],
          help: ["give one of them another path: `param weight as \"…\": …`"],
        }),
      );
    }
    seen.set(parameter.path, parameter);
  }
}
