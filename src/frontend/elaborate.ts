/** Elaboration: a checked program, a chosen entry and numbers for all sizes become one tensor graph. */
import { type Graph, graphNodes, type Node, tensorType } from "../ir/index.ts";
import { axesAsFirstDims, layOut } from "./align-values.ts";
import type { CheckedProgram, TensorValueType } from "./checked-program.ts";
import type { InstanceRequest } from "./choose-entry.ts";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import { refuseMappedBatch } from "./elaborate-batch.ts";
import { writtenBuffers } from "./elaborate-buffer.ts";
import { asType } from "./elaborate-definition.ts";
import { runStatements } from "./elaborate-statement.ts";
import { type Elaboration, extentIn, type Frame, newFrame, sizeIn, sizeValue } from "./elaboration.ts";
import { constantValue } from "./elementwise-value.ts";
import { type Axis, type IndexedValue, leadingDimsAsAxes } from "./indexed-value.ts";
import { type EntryInstance, instantiate } from "./instantiate.ts";
import { ElaborationError } from "./node-emitter.ts";
import type { ParameterInfo } from "./parameter-info.ts";
import type { Parameter } from "./syntax-tree.ts";

export interface ElaborationRequest extends InstanceRequest {
  /** Leading sizes over which the entry is mapped; none unless given. */
  readonly mapped?: readonly number[];
  /** Inputs that lack these axes: every example is given the same. */
  readonly shared?: readonly string[];
  /** Adds the buffers that the text writes as outputs `written(PATH)`; only a training knows what to do with them. */
  readonly withWritten?: boolean;
}

export interface ElaborationResult {
  /** Absent when there are diagnostics. */
  readonly graph?: Graph;
  /** Every parameter of the model, used by the entry or not, in declaration order. */
  readonly parameters: readonly ParameterInfo[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The graph of one entry. Its inputs are the entry's tensor arguments, its parameters those that the entry uses, its outputs are
 * named as declared, or after the entry when there is one unnamed result.
 *
 * @param program  must be free of errors
 */
export function elaborate(program: CheckedProgram, request: ElaborationRequest): ElaborationResult {
  const { value: instance, diagnostics } = instantiate(program, request);
  if (instance === undefined) return { parameters: [], diagnostics };
  return elaborateEntry(instance, request);
}

/** The graph of an entry whose model is already built, mapped over leading axes of all inputs but the `shared` ones. */
export function elaborateEntry(
  instance: EntryInstance,
  request: Pick<ElaborationRequest, "mapped" | "shared" | "withWritten"> = {},
): ElaborationResult {
  try {
    return { graph: buildGraph(instance, request), parameters: instance.parameters, diagnostics: [] };
  } catch (error) {
    if (!(error instanceof ElaborationError)) throw error;
    return { parameters: instance.parameters, diagnostics: [error.diagnostic] };
  }
}

function isSize(parameter: Parameter): boolean {
  return parameter.type.element.kind === "named" && parameter.type.element.name === "size";
}

/** The frame of the entry with all its size names bound; refuses with one diagnostic that names all that are missing. */
function entryFrame(instance: EntryInstance): Frame {
  const { entry, model, settings } = instance;
  const frame = newFrame(model, model?.sizes ?? [], 1);
  const missing: string[] = [];
  const wanted = [
    ...entry.generics.map(({ name }) => name),
    ...entry.parameters
      .filter((parameter) => isSize(parameter) && parameter.default === undefined)
      .map(({ name }) => name.name),
  ];
  for (const name of wanted) {
    const value = settings.get(name);
    if (value === undefined) missing.push(name);
    else frame.sizes.set(name, value);
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new ElaborationError(
        errorAt(entry.name.span, "size/not-a-size", `\`${name}\` must be a whole number above zero, not ${value}`),
      );
    }
  }
  if (missing.length === 0) return frame;
  const list = missing.map((name) => `\`${name}\``).join(", ");
  throw new ElaborationError(
    errorAt(
      entry.name.span,
      "size/not-given",
      `nothing says how large ${list} of \`${instance.name}\` ${missing.length === 1 ? "is" : "are"}`,
      {
        help: [
          `give it: ${missing.map((name) => `\`--set ${name}=…\``).join(" ")}`,
          "or hand over the inputs, whose shapes tell",
        ],
      },
    ),
  );
}

function buildGraph(
  instance: EntryInstance,
  { mapped: mappedSizes = [], shared = [], withWritten = false }: Parameters<typeof elaborateEntry>[1] & object,
): Graph {
  const { context, entry } = instance;
  const frame = entryFrame(instance);
  const mapped = mappedSizes.map((size) => context.at(entry.span).axis("b", size));
  const inputs: Node[] = [];
  for (const parameter of entry.parameters) {
    const leading = shared.includes(parameter.name.name) ? [] : mapped;
    bindParameter(context, instance, parameter, frame, leading, inputs);
  }
  refuseMappedBatch(context, { span: entry.name.span }, entry, mapped);
  const returned = runStatements(context, entry.body, frame);
  if (returned === undefined) throw new Error(`${entry.name.name} ended without a return`);
  const outputs = returned.map((value, k) => {
    const result = entry.results[k];
    const emit = context.at(result?.span ?? entry.span);
    const typed = asType(context, value, result && context.tables.declared.get(result.type), frame, result ?? entry);
    const whole = axesAsFirstDims(emit, typed, mapped);
    const unnamed = returned.length === 1 ? entry.name.name : `${entry.name.name}_${k}`;
    return { name: result?.name?.name ?? unnamed, node: layOut(emit, whole, [], whole.dims) };
  });
  const written = withWritten ? writtenBuffers(context) : [];
  const bare: Graph = { name: instance.name, inputs, parameters: [], outputs: [...outputs, ...written] };
  const used = new Map(
    graphNodes(bare).flatMap((node) => (node.op === "parameter" ? [[node.attributes.name, node] as const] : [])),
  );
  const parameters = instance.parameters.flatMap(({ path }) => used.get(path) ?? []);
  return { ...bare, parameters };
}

/** A tensor argument becomes an input; sizes and whatever has a setting or a default are compile-time. */
function bindParameter(
  context: Elaboration,
  instance: EntryInstance,
  parameter: Parameter,
  frame: Frame,
  mapped: readonly Axis[],
  inputs: Node[],
): void {
  const name = parameter.name.name;
  const set = instance.settings.get(name);
  if (isSize(parameter)) {
    const size = set ?? sizeDefault(context, parameter, frame);
    frame.sizes.set(name, size);
    frame.values.set(parameter, sizeValue(context, size, parameter.span));
    return;
  }
  const declared = context.tables.declared.get(parameter.type);
  if (declared === undefined) throw new Error(`${name} has no type`);
  if (set !== undefined && declared.dims.length === 0) {
    const constant = constantValue(context.at(parameter.span), set, declared.element.dtype);
    frame.values.set(parameter, asType(context, constant, declared, frame, parameter));
  } else if (parameter.default !== undefined) {
    frame.values.set(
      parameter,
      asType(context, context.evaluate(parameter.default, frame), declared, frame, parameter),
    );
  } else {
    const value = inputValue(context, parameter, declared, frame, mapped);
    inputs.push(value.node);
    frame.values.set(parameter, value);
  }
}

function sizeDefault(context: Elaboration, parameter: Parameter, frame: Frame): number {
  if (parameter.default === undefined) throw new Error(`${parameter.name.name} has no size`);
  const type = context.tables.types.get(parameter.default);
  if (type?.kind !== "tensor" || type.size === undefined)
    throw new Error(`the default of ${parameter.name.name} is no size`);
  return sizeIn(context, type.size, frame, parameter.default.span);
}

function inputValue(
  context: Elaboration,
  parameter: Parameter,
  declared: TensorValueType,
  frame: Frame,
  mapped: readonly Axis[],
): IndexedValue {
  const { dtype, below } = declared.element;
  const plain = dtype === "integer" ? "i32" : dtype === "real" ? "f32" : dtype;
  const shape = [
    ...mapped.map((axis) => axis.size),
    ...declared.dims.map((dim) => extentIn(context, dim, frame, parameter.span)),
  ];
  const bound = below === undefined ? undefined : sizeIn(context, below, frame, parameter.span);
  const node = context
    .at(parameter.span)
    .source("input", { name: parameter.name.name }, tensorType(plain, shape, bound));
  const whole: IndexedValue = { node, axes: [], dims: shape.map((size) => ({ size })), restrictions: [] };
  return leadingDimsAsAxes(whole, mapped);
}
