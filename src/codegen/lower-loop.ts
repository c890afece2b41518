/**
 * Loops. The body is fused and lowered like any graph; the kernels of its groups then either
 *
 * - run inside one kernel of a single workgroup that iterates on the device, a barrier after each group (small bodies), or
 * - are dispatched step after step, the step being counted in a small buffer, without going back to the host.
 *
 * Carried values live in buffers of two rows: a step reads row `step % 2` and writes the other. A loop inside a body is lowered the
 * same way, with what the outer loop says of its own values.
 */
import {
  elementCount,
  type Graph,
  type GraphOutput,
  graphNodes,
  makeNode,
  type Node,
  operationOf,
  sameShape,
  stridesOf,
  tensorType,
} from "../ir/index.ts";
import { type FusionOptions, fuseKernels, type KernelGroup, storedAs, withOwnOutputs } from "../passes/index.ts";
import { indexUses, literal } from "./block.ts";
import {
  addIndex,
  constantIndex,
  flatten,
  type IndexExpression,
  type IndexVariable,
  remainderIndex,
  unflatten,
  valueIndex,
  variableIndex,
} from "./index-expression.ts";
import type { Kernel, KernelBuffer, ScalarExpression, Statement } from "./kernel.ts";
import { type LoweringTarget, lowerGroup } from "./lower.ts";
import { kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { mapStatements } from "./map-kernel.ts";
import { applyOperation, indexValue, type RegionSources } from "./values.ts";

/** What is dispatched, in order: a kernel, or a sequence again and again. */
export type DispatchSequence = readonly (
  | { readonly kind: "kernel"; readonly lowered: LoweredKernel }
  | { readonly kind: "repeat"; readonly steps: number; readonly sequence: DispatchSequence }
)[];

export interface LoweredLoop {
  readonly sequence: DispatchSequence;
  /** Buffers that live only while the loop runs. */
  readonly scratch: readonly Node[];
}

/** A region, and what its loop needs to tell the loops inside. */
interface LoopRegion extends RegionSources {
  /** Loops around, this one included. */
  readonly depth: number;
}

/** Dispatches of a sequence, repetitions counted. */
export function dispatchCount(sequence: DispatchSequence): number {
  return sequence.reduce(
    (sum, part) => sum + (part.kind === "kernel" ? 1 : part.steps * dispatchCount(part.sequence)),
    0,
  );
}

const kernelsOf = (sequence: DispatchSequence): readonly LoweredKernel[] =>
  sequence.flatMap((part) => (part.kind === "kernel" ? [part.lowered] : kernelsOf(part.sequence)));

/** Buffers that the widest kernel binds. */
const widest = (sequence: DispatchSequence) => Math.max(0, ...kernelsOf(sequence).map(({ buffers }) => buffers.length));

const inOrder = (kernels: readonly LoweredKernel[]): DispatchSequence =>
  kernels.map((lowered) => ({ kind: "kernel", lowered }));

/** Larger bodies are spread over the device, step by step; smaller ones would spend their time on dispatches. */
const largestInnerWork = 1 << 19;

export function lowerLoop(
  group: KernelGroup,
  target: LoweringTarget,
  fusion: FusionOptions,
  around?: LoopRegion,
): LoweredLoop {
  const loop = group.heads[0] as Node;
  const body = withOwnOutputs((loop.regions as readonly Graph[])[0] as Graph);
  const steps = loop.attributes.steps as number;
  const carried = loop.attributes.carried as number;
  const depth = (around?.depth ?? 0) + 1;
  const step: IndexVariable = { name: depth === 1 ? "step" : `step_${depth}`, extent: steps };

  const states = body.inputs.slice(0, carried).map((input) => stateBuffer(input));
  const region = regionSources(loop, body, states, step, group, around);
  // One binding is kept for the counter.
  const mostBindings = fusion.maxBindings - 1;
  const divided = (maxBindings: number) => {
    const inside = { ...fusion, maxBindings };
    const groups = fuseKernels(body, inside).filter((each) =>
      each.outputs.some((node) => elementCount(node.type.shape) > 0),
    );
    const parts = groups.map((each): LoweredLoop => {
      if (each.kind === "loop") return lowerLoop(each, target, inside, { ...region, depth });
      return { sequence: inOrder([lowerGroup(each, target, region)]), scratch: [] };
    });
    return { groups, parts, sequence: parts.flatMap((part) => part.sequence) };
  };
  // An input of the body is one buffer for those who divide it, but several where what comes from around the loop is evaluated in place.
  let limit = mostBindings;
  let { groups, parts, sequence } = divided(limit);
  for (let over = widest(sequence) - mostBindings; over > 0; over = widest(sequence) - mostBindings) {
    limit -= over;
    ({ groups, parts, sequence } = divided(limit));
  }
  const initial = states.map((state, k) => initialState(group, loop.operands[k] as Node, state, around));
  const results = new Set(body.outputs.map((output) => storedAs(output.node)));
  const inner = groups.flatMap((each) => each.outputs).filter((node) => !results.has(node));
  const scratch = [...states, ...inner, ...parts.flatMap((part) => part.scratch)];
  const work = groups.reduce((sum, each) => sum + flopsOf(each.members), 0);

  const buffers = new Set([...initial, ...kernelsOf(sequence)].flatMap((each) => each.buffers));
  const dispatched = sequence.some((part) => part.kind === "repeat");
  if (work <= largestInnerWork && buffers.size <= fusion.maxBindings && !dispatched) {
    return { sequence: inOrder([iterateInside(group, step, initial, kernelsOf(sequence))]), scratch };
  }
  const counter = counterBuffer(loop);
  return {
    sequence: [
      ...inOrder([...initial, countingKernel(group, step, counter, "reset")]),
      { kind: "repeat", steps, sequence: countedSteps(group, sequence, step, counter) },
    ],
    scratch: [...scratch, counter],
  };
}

/**
 * A step's kernels with the counting. The counter has two places: the first kernel reads the step in one and copies it to the other, from which
 * all others read it, so that the last can advance the first. A step that does not begin and end with kernels of its own is
 * advanced by one that does nothing else.
 */
function countedSteps(
  group: KernelGroup,
  sequence: DispatchSequence,
  step: IndexVariable,
  counter: Node,
): DispatchSequence {
  const [first, last] = [sequence[0], sequence[sequence.length - 1]];
  if (first === last || !isSpread(first) || !isSpread(last)) {
    const read = withSteps(sequence, (lowered) => withStep(lowered, step, counter, { reads: 0 }));
    return [...read, ...inOrder([countingKernel(group, step, counter, "advance")])];
  }
  return withSteps(sequence, (lowered) => {
    if (lowered === first.lowered)
      return withStep(lowered, step, counter, { reads: 0, writes: { place: 1, ahead: 0 } });
    if (lowered === last.lowered) return withStep(lowered, step, counter, { reads: 1, writes: { place: 0, ahead: 1 } });
    return withStep(lowered, step, counter, { reads: 1 });
  });
}

type SequencePart = DispatchSequence[number];

/** True for a kernel whose threads are numbered through all workgroups. */
function isSpread(part: SequencePart | undefined): part is SequencePart & { kind: "kernel" } {
  return (
    part?.kind === "kernel" && part.lowered.kernel.oneWorkgroup !== true && part.lowered.kernel.written === undefined
  );
}

/** Operations of one step of a body, all steps of the loops inside counted. */
function flopsOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => {
    const operands = node.operands.map((operand) => operand.type);
    const inside = node.op === "loop" ? (node.regions ?? []).flatMap((region) => graphNodes(region)) : [];
    const steps = inside.length === 0 ? 0 : (node.attributes.steps as number);
    return sum + operationOf(node.op).flops(operands, node.type, node.attributes) + steps * flopsOf(inside);
  }, 0);
}

/** A buffer of two rows for a carried value. The node stands for the buffer; nothing evaluates it. */
function stateBuffer(input: Node): Node {
  const axes = input.type.shape.map((_, axis) => axis + 1);
  return makeNode(
    "broadcast",
    [input],
    { shape: [2, ...input.type.shape], axes },
    { name: input.name, origins: input.origins },
  );
}

/** The step that is being computed, in two places. */
function counterBuffer(loop: Node): Node {
  const zero = makeNode("constant", [], { values: [0] }, { declared: tensorType("i32", []), origins: loop.origins });
  return makeNode("broadcast", [zero], { shape: [2], axes: [] }, { name: "step_counter", origins: loop.origins });
}

function regionSources(
  loop: Node,
  body: Graph,
  states: readonly Node[],
  step: IndexVariable,
  group: KernelGroup,
  around: RegionSources | undefined,
): RegionSources {
  const storedAround = new Set(group.inputs);
  const now = variableIndex(step);
  const parity = (ahead: number) => remainderIndex(addIndex(now, constantIndex(ahead)), 2);
  const inputs = new Map(body.inputs.map((input, k) => [input, k]));
  const outputs = new Map(body.outputs.map((output, k) => [storedAs(output.node), k]));
  return {
    outer: new Set([...group.inputs, ...states, loop, ...(around?.outer ?? [])]),
    input: (node, position) => {
      const k = inputs.get(node);
      if (k === undefined) {
        return (storedAround.has(node) ? around?.result(node, position) : undefined) ?? around?.input(node, position);
      }
      if (k === body.inputs.length - 1) return indexValue(now);
      const state = states[k];
      if (state !== undefined) return { node: state, position: [parity(0), ...position] };
      return { node: loop.operands[k] as Node, position };
    },
    result: (node, at) => {
      const k = outputs.get(node);
      if (k === undefined) return around?.result(node, at);
      const { shape } = (body.outputs[k] as GraphOutput).node.type;
      const position = sameShape(shape, node.type.shape)
        ? at
        : unflatten(flatten(at, stridesOf(node.type.shape)), shape);
      const state = states[k];
      if (state !== undefined) return { node: state, position: [parity(1), ...position] };
      const row = [now, ...position];
      return around?.result(loop, row) ?? { node: loop, position: row };
    },
  };
}

/** Copies the initial value of a carried value into its row 0. */
function initialState(group: KernelGroup, initial: Node, state: Node, around?: RegionSources): LoweredKernel {
  const thread: IndexVariable = { name: "thread", extent: elementCount(initial.type.shape) };
  const lowering = new Lowering(group, thread, around);
  const position = unflatten(variableIndex(thread), initial.type.shape);
  lowering.store(state, [constantIndex(0), ...position], lowering.value(initial, position));
  return lowering.finish(`${kernelName(group)}_initial`);
}

/** One kernel, one workgroup: the initial values, then all steps. */
function iterateInside(
  group: KernelGroup,
  step: IndexVariable,
  initial: readonly LoweredKernel[],
  kernels: readonly LoweredKernel[],
): LoweredKernel {
  const buffers: Node[] = [];
  const declared: KernelBuffer[] = [];
  // A local name of one kernel may be what a buffer is called in another: no buffer may have it here.
  const taken = new Set(
    [...initial, ...kernels].flatMap(({ kernel }) => [kernel.thread.name, ...localNames(kernel.body)]),
  );
  const bindingOf = (node: Node, buffer: KernelBuffer): number => {
    const known = buffers.indexOf(node);
    if (known >= 0) return known;
    let name = buffer.name;
    for (let count = 2; taken.has(name); count++) name = `${buffer.name}_${count}`;
    taken.add(name);
    buffers.push(node);
    declared.push({ ...buffer, name });
    return buffers.length - 1;
  };
  const phase = ({ kernel, buffers: nodes }: LoweredKernel): Statement[] => {
    const map = nodes.map((node, binding) => bindingOf(node, kernel.buffers[binding] as KernelBuffer));
    // A loop inside is a sequence of such phases already.
    const body = mapStatements(kernel.body, { buffer: (buffer) => map[buffer] as number });
    if (kernel.oneWorkgroup === true) return body;
    return [
      { kind: "parallel", thread: kernel.thread, body },
      { kind: "barrier", of: "storage" },
    ];
  };
  const before = initial.flatMap(phase);
  const inside = kernels.flatMap(phase);
  const kernel: Kernel = {
    name: kernelName(group),
    description: [
      `loop: ${kernelName(group)}, ${step.extent} steps in one workgroup`,
      ...kernels.flatMap((each) => each.kernel.description),
    ],
    buffers: declared,
    thread: { name: "thread", extent: 1 },
    oneWorkgroup: true,
    body: [...before, { kind: "loop", variable: step, body: inside }],
    origins: group.heads.flatMap((head) => head.origins),
  };
  return { kernel, buffers };
}

/** Names that statements declare, at any depth. */
function localNames(statements: readonly Statement[]): string[] {
  return statements.flatMap((statement): string[] => {
    const inner = "body" in statement ? localNames(statement.body) : [];
    if (statement.kind === "index" || statement.kind === "loop") return [statement.variable.name, ...inner];
    if (statement.kind === "parallel") return [statement.thread.name, ...inner];
    const declares = statement.kind === "let" || statement.kind === "var" || statement.kind === "array";
    return declares ? [statement.name] : inner;
  });
}

/** A sequence with another kernel for each of its kernels. */
function withSteps(sequence: DispatchSequence, change: (lowered: LoweredKernel) => LoweredKernel): DispatchSequence {
  return sequence.map((part) =>
    part.kind === "kernel"
      ? { kind: "kernel", lowered: change(part.lowered) }
      : { ...part, sequence: withSteps(part.sequence, change) },
  );
}

/** Which place of the counter a kernel reads, and what its first thread writes to the other: the step, or one more. */
interface Counting {
  readonly reads: 0 | 1;
  readonly writes?: { readonly place: 0 | 1; readonly ahead: 0 | 1 };
}

/** A body's kernel that reads its step from the counter. */
function withStep(
  lowered: LoweredKernel,
  step: IndexVariable,
  counter: Node,
  { reads, writes }: Counting,
): LoweredKernel {
  const { kernel, buffers } = lowered;
  const binding = buffers.length;
  const name = `${step.name}_counter`;
  const value: IndexExpression = valueIndex(counted(binding, reads), `${name}[${reads}]`, step.extent);
  const statements: Statement[] = [{ kind: "index", variable: step, value }];
  if (writes !== undefined) {
    const at = constantIndex(writes.place);
    // Read again: an index is known to be within the loop, and one more than the last is not.
    const next = writes.ahead === 0 ? counted(binding, reads) : increased(counted(binding, reads));
    const store: Statement = { kind: "store", buffer: binding, address: at, value: next };
    const isFirst = applyOperation("eq", [indexValue(variableIndex(kernel.thread)), literal(0, "i32")], "bool");
    statements.push(kernel.thread.extent === 1 ? store : { kind: "if", condition: isFirst, body: [store] });
  }
  return {
    ...lowered,
    kernel: { ...kernel, buffers: [...kernel.buffers, counterBinding(name)], body: [...statements, ...kernel.body] },
    buffers: [...buffers, counter],
  };
}

const counterBinding = (name: string): KernelBuffer => ({ name, dtype: "i32", access: "read_write", length: 2 });

/** What a place of the counter holds. */
function counted(buffer: number, place: 0 | 1): ScalarExpression {
  const address = constantIndex(place);
  return { kind: "load", buffer, address, type: { dtype: "i32", width: 1 }, uses: indexUses(address) };
}

const increased = (step: ScalarExpression) => applyOperation("add", [step, literal(1, "i32")], "i32");

function countingKernel(
  group: KernelGroup,
  step: IndexVariable,
  counter: Node,
  what: "reset" | "advance",
): LoweredKernel {
  const value = what === "reset" ? literal(0, "i32") : increased(counted(0, 0));
  const kernel: Kernel = {
    name: `${step.name}_${what}`,
    description: [`loop: ${what} the step`],
    buffers: [counterBinding(`${step.name}_counter`)],
    thread: { name: "thread", extent: 1 },
    body: [{ kind: "store", buffer: 0, address: constantIndex(0), value }],
    origins: group.heads.flatMap((head) => head.origins),
  };
  return { kernel, buffers: [counter] };
}
