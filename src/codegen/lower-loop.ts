/**
 * Loops. The body is fused and lowered like any graph; the kernels of its groups then either
 *
 * - run inside one kernel of a single workgroup that iterates on the device, a barrier after each group (small bodies), or
 * - are dispatched step after step, the step being counted in a small buffer, without going back to the host.
 *
 * Carried values live in buffers of two rows: a step reads row `step % 2` and writes the other.
 */
import { elementCount, type Graph, makeNode, type Node, operationOf, tensorType } from "../ir/index.ts";
import { type FusionOptions, fuseKernels, type KernelGroup, withOwnOutputs } from "../passes/index.ts";
import { indexUses } from "./block.ts";
import {
  addIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  remainderIndex,
  unflatten,
  valueIndex,
  variableIndex,
} from "./index-expression.ts";
import type { Kernel, KernelBuffer, ScalarExpression, Statement } from "./kernel.ts";
import { lowerGroup } from "./lower.ts";
import { kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { mapBuffers } from "./remap-buffers.ts";
import type { KernelSchedule } from "./schedule.ts";
import { indexValue, type RegionSources } from "./values.ts";

export interface LoweredLoop {
  /** Kernels dispatched once, in order, before the steps. */
  readonly before: readonly LoweredKernel[];
  /** Kernels dispatched for every step; empty when a single kernel runs the whole loop. */
  readonly everyStep: readonly LoweredKernel[];
  readonly steps: number;
  /** Buffers that live only while the loop runs. */
  readonly scratch: readonly Node[];
}

/** Larger bodies are spread over the device, step by step; smaller ones would spend their time on dispatches. */
const largestInnerWork = 1 << 19;

export function lowerLoop(group: KernelGroup, schedule: KernelSchedule, fusion: FusionOptions): LoweredLoop {
  const loop = group.heads[0] as Node;
  const body = withOwnOutputs((loop.regions as readonly Graph[])[0] as Graph);
  const steps = loop.attributes.steps as number;
  const carried = loop.attributes.carried as number;
  const step: IndexVariable = { name: "step", extent: steps };

  const states = body.inputs.slice(0, carried).map((input) => stateBuffer(input));
  const region = regionSources(loop, body, states, step, group);
  const groups = fuseKernels(body, { ...fusion, maxBindings: fusion.maxBindings - 1 }).filter((each) =>
    each.outputs.some((node) => elementCount(node.type.shape) > 0),
  );
  const kernels = groups.map((each) => lowerGroup(each, schedule, region));
  const initial = states.map((state, k) => initialState(group, loop.operands[k] as Node, state));
  const results = new Set(body.outputs.map((output) => output.node));
  const inner = groups.flatMap((each) => each.outputs).filter((node) => !results.has(node));
  const work = groups.reduce((sum, each) => sum + flopsOf(each), 0);

  const buffers = new Set([...initial, ...kernels].flatMap((each) => each.buffers));
  if (work <= largestInnerWork && buffers.size <= fusion.maxBindings) {
    return {
      before: [iterateInside(group, step, initial, kernels)],
      everyStep: [],
      steps,
      scratch: [...states, ...inner],
    };
  }
  const counter = counterBuffer(loop);
  return {
    before: [...initial, countingKernel(group, counter, "reset")],
    everyStep: [...kernels.map((each) => withStep(each, step, counter)), countingKernel(group, counter, "advance")],
    steps,
    scratch: [...states, ...inner, counter],
  };
}

function flopsOf(group: KernelGroup): number {
  return group.members.reduce(
    (sum, node) =>
      sum +
      operationOf(node.op).flops(
        node.operands.map((operand) => operand.type),
        node.type,
        node.attributes,
      ),
    0,
  );
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

/** One integer: the step that is being computed. */
function counterBuffer(loop: Node): Node {
  const zero = makeNode("constant", [], { values: [0] }, { declared: tensorType("i32", []), origins: loop.origins });
  return makeNode("broadcast", [zero], { shape: [1], axes: [] }, { name: "step_counter", origins: loop.origins });
}

function regionSources(
  loop: Node,
  body: Graph,
  states: readonly Node[],
  step: IndexVariable,
  group: KernelGroup,
): RegionSources {
  const now = variableIndex(step);
  const parity = (ahead: number) => remainderIndex(addIndex(now, constantIndex(ahead)), 2);
  const inputs = new Map(body.inputs.map((input, k) => [input, k]));
  const outputs = new Map(body.outputs.map((output, k) => [output.node, k]));
  return {
    outer: new Set([...group.inputs, ...states, loop]),
    input: (node, position) => {
      const k = inputs.get(node);
      if (k === undefined) return undefined;
      if (k === body.inputs.length - 1) return indexValue(now);
      const state = states[k];
      if (state !== undefined) return { node: state, position: [parity(0), ...position] };
      return { node: loop.operands[k] as Node, position };
    },
    result: (node, position) => {
      const k = outputs.get(node);
      if (k === undefined) return undefined;
      const state = states[k];
      return state === undefined
        ? { node: loop, position: [now, ...position] }
        : { node: state, position: [parity(1), ...position] };
    },
  };
}

/** Copies the initial value of a carried value into its row 0. */
function initialState(group: KernelGroup, initial: Node, state: Node): LoweredKernel {
  const thread: IndexVariable = { name: "thread", extent: elementCount(initial.type.shape) };
  const lowering = new Lowering(group, thread);
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
    return [{ kind: "parallel", thread: kernel.thread, body: mapBuffers(kernel.body, map) }, { kind: "barrier" }];
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

/** A body's kernel that reads its step from the counter. */
function withStep({ kernel, buffers }: LoweredKernel, step: IndexVariable, counter: Node): LoweredKernel {
  const binding = buffers.length;
  const load: ScalarExpression = {
    kind: "load",
    buffer: binding,
    address: constantIndex(0),
    type: { dtype: "i32", width: 1 },
    uses: indexUses(constantIndex(0)),
  };
  const value: IndexExpression = valueIndex(load, "step_counter", step.extent);
  const declared: KernelBuffer = { name: "step_counter", dtype: "i32", access: "read_write", length: 1 };
  return {
    kernel: {
      ...kernel,
      buffers: [...kernel.buffers, declared],
      body: [{ kind: "index", variable: step, value }, ...kernel.body],
    },
    buffers: [...buffers, counter],
  };
}

function countingKernel(group: KernelGroup, counter: Node, what: "reset" | "advance"): LoweredKernel {
  const at = constantIndex(0);
  const type = { dtype: "i32", width: 1 } as const;
  const none: ReadonlySet<string> = new Set();
  const current: ScalarExpression = { kind: "load", buffer: 0, address: at, type, uses: none };
  const row = operationOf("add").scalar;
  if (row === undefined) throw new Error("there is no addition");
  const one: ScalarExpression = { kind: "literal", value: 1, type, uses: none };
  const zero: ScalarExpression = { kind: "literal", value: 0, type, uses: none };
  const next: ScalarExpression = { kind: "apply", row, args: [current, one], type, uses: none };
  const kernel: Kernel = {
    name: `step_${what}`,
    description: [`loop: ${what} the step`],
    buffers: [{ name: "step_counter", dtype: "i32", access: "read_write", length: 1 }],
    thread: { name: "thread", extent: 1 },
    body: [{ kind: "store", buffer: 0, address: at, value: what === "reset" ? zero : next }],
    origins: group.heads.flatMap((head) => head.origins),
  };
  return { kernel, buffers: [counter] };
}
