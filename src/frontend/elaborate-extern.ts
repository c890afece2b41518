/** Calls of hand-written kernels: one opaque node, whose body is the reference function with the same sizes. */
import { type Graph, makeNode, type Node } from "../ir/index.ts";
import { layOut } from "./align-values.ts";
import type { ExternCall, ExternKernel } from "./checked-program.ts";
import { asType } from "./elaborate-definition.ts";
import { runStatements } from "./elaborate-statement.ts";
import { type Elaboration, extentIn, type Frame, newFrame, sizeIn, sizeValue } from "./elaboration.ts";
import type { IndexedValue } from "./indexed-value.ts";
import type { CallExpression } from "./syntax-tree.ts";

export function elaborateExtern(
  context: Elaboration,
  call: CallExpression,
  resolution: ExternCall,
  frame: Frame,
): IndexedValue {
  const emit = context.at(call.span);
  const { declaration } = resolution;
  const kernel = context.tables.externs.get(declaration);
  if (kernel === undefined) throw new Error(`${declaration.name.name} was not checked`);
  const sizes = new Map([...resolution.sizes].map(([name, size]) => [name, sizeIn(context, size, frame, call.span)]));
  const inner = newFrame(undefined, sizes, frame.depth + 1);

  const operands: Node[] = [];
  const inputs: Node[] = [];
  declaration.parameters.forEach((parameter, k) => {
    const declared = context.tables.declared.get(parameter.type);
    const argument = resolution.arguments[k];
    if (declared === undefined) return;
    const given =
      argument === undefined
        ? parameter.default && context.evaluate(parameter.default, inner)
        : context.evaluate(argument.value, frame);
    if (given === undefined) throw new Error(`no argument for ${parameter.name.name}, line ${call.span.line}`);
    if (given.axes.length > 0) {
      const over = given.axes.map(({ name }) => `\`${name}\``).join(", ");
      context
        .at((argument ?? parameter).span)
        .refuse("extern/mapped", `\`${declaration.name.name}\` is written by hand and is not mapped over axes`, {
          label: `this varies along ${over}`,
          help: ["Give it the axis as one of its own, and walk it in the kernel."],
        });
    }
    const typed = asType(context, given, declared, inner, argument ?? parameter);
    operands.push(layOut(emit, typed, [], typed.dims));
    const { type } = operands[operands.length - 1] as Node;
    inputs.push(makeNode("input", [], { name: parameter.name.name }, { declared: type, origins: [parameter.span] }));
  });
  const reference = referenceGraph(context, resolution, kernel, sizes, inputs);
  const number = (size: ExternKernel["dispatch"][number] | undefined) =>
    size === undefined ? 1 : extentIn(context, size, inner, declaration.span);
  const workgroups = [0, 1, 2].map((axis) => number(kernel.dispatch[axis]));
  const cost = kernel.cost === undefined ? 0 : sizeIn(context, kernel.cost, inner, declaration.span);
  const constants = [...sizes].map(([name, value]) => `const ${name} = ${value}u;`);
  const source = [...constants, "", kernel.source.replace(/^\n/, "")].join("\n");
  const node = emit.region(
    "extern",
    operands,
    { name: declaration.name.name, source, workgroups, cost },
    reference,
    declaration.name.name,
  );
  return { node, axes: [], dims: node.type.shape.map((size) => ({ size })), restrictions: [] };
}

/** The reference function on inputs of the operands' types; sizes are taken over by position. */
function referenceGraph(
  context: Elaboration,
  { declaration }: ExternCall,
  { reference }: ExternKernel,
  sizes: ReadonlyMap<string, number>,
  inputs: readonly Node[],
): Graph {
  const isSize = (name: string) => sizes.has(name);
  const own = [
    ...declaration.generics.map(({ name }) => name),
    ...declaration.parameters.map(({ name }) => name.name).filter(isSize),
  ];
  const values = own.map((name) => sizes.get(name) as number);
  const names = [
    ...reference.generics.map(({ name }) => name),
    ...reference.parameters
      .filter((_, k) => isSize(declaration.parameters[k]?.name.name ?? ""))
      .map(({ name }) => name.name),
  ];
  const frame = newFrame(
    undefined,
    names.map((name, k) => [name, values[k] as number] as const),
    1,
  );
  let next = 0;
  for (const parameter of reference.parameters) {
    const size = frame.sizes.get(parameter.name.name);
    if (size !== undefined) {
      frame.values.set(parameter, sizeValue(context, size, parameter.span));
      continue;
    }
    const node = inputs[next++] as Node;
    frame.values.set(parameter, {
      node,
      axes: [],
      dims: node.type.shape.map((each) => ({ size: each })),
      restrictions: [],
    });
  }
  const [returned] = runStatements(context, reference.body, frame) ?? [];
  const [result] = reference.results;
  if (returned === undefined || result === undefined) throw new Error(`${reference.name.name} ended without a return`);
  const typed = asType(context, returned, context.tables.declared.get(result.type), frame, result);
  const name = declaration.results[0]?.name?.name ?? "result";
  const node = layOut(context.at(result.span), typed, [], typed.dims);
  return { name: reference.name.name, inputs, parameters: [], outputs: [{ name, node }] };
}
