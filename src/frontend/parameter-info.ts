/** The parameters and buffers of a model: where they are in a checkpoint, and how they start. */
import { type Graph, graphNodes, type Span, type TensorType } from "../ir/index.ts";
import { layOut } from "./align-values.ts";
import { errorAt } from "./diagnostic.ts";
import { asType } from "./elaborate-definition.ts";
import { constantIn, type Elaboration, type Instance, type InstanceTensor, newFrame } from "./elaboration.ts";
import { ElaborationError } from "./node-emitter.ts";

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

/** All parameters of a model, in declaration order. Refuses two under one path. */
export function parametersOf(context: Elaboration, model: Instance): readonly ParameterInfo[] {
  const parameters = allTensors(model).map(([owner, tensor]) => parameterInfo(context, owner, tensor));
  checkPaths(parameters);
  return parameters;
}

/** Every tensor of an instance and of what is below it, in declaration order. */
function allTensors(instance: Instance): (readonly [Instance, InstanceTensor])[] {
  return instance.module.members.flatMap((member) => {
    if (member.kind === "tensor") {
      const tensor = instance.tensors.get(member);
      return tensor === undefined ? [] : [[instance, tensor] as const];
    }
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
  const value = asType(
    context,
    context.evaluate(initialiser, frame),
    context.tables.declared.get(member.type),
    frame,
    initialiser,
  );
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
        errorAt(
          parameter.origins[0] as Span,
          "module/duplicate-path",
          `two parameters have the path \`${parameter.path}\``,
          {
            secondary: [{ span: other.origins[0] as Span, text: "the other" }],
            help: ['give one of them another path: `param weight as "…": …`'],
          },
        ),
      );
    }
    seen.set(parameter.path, parameter);
  }
}
