/** What every lowering shares: the kernel under construction, its buffers, and the way from a result to where it is stored. */
import { elementCount, mergeOrigins, type Node, operationOf, stridesOf } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { Block, indexUses, lane, literal, type PrivateArray, splat } from "./block.ts";
import {
  constantIndex,
  dependsOn,
  flatten,
  type IndexExpression,
  type IndexVariable,
  indexAlgebra,
  isMultipleOf,
  rangeOf,
  strideAlong,
  substituteIndex,
  variableIndex,
} from "./index-expression.ts";
import type { Kernel, KernelBuffer, ScalarExpression, ScalarType, Team, WorkgroupArray } from "./kernel.ts";
import type { KernelSchedule } from "./schedule.ts";
import {
  applyOperation,
  indexValue,
  lanes,
  laneVariable,
  type Position,
  type RegionSources,
  type ValueSources,
  valueAt,
  wishedName,
} from "./values.ts";

/** A lowered group: the kernel, and the node behind each of its buffers. */
export interface LoweredKernel {
  readonly kernel: Kernel;
  readonly buffers: readonly Node[];
  /** The schedule and what chose it, where a kernel has one. */
  readonly choice?: ScheduleChoice;
  /** The part of each buffer that is bound, where not all are bound whole. */
  readonly windows?: readonly BindingWindow[];
}

/** A range of a buffer's elements. */
export interface BindingWindow {
  readonly first: number;
  readonly length: number;
}

/** A schedule, chosen by the model of costs or by a measurement. */
export interface ScheduleChoice {
  readonly schedule: KernelSchedule;
  readonly by: "model" | "measurement";
}

/** Buffers that kernels only read, and may share with other bindings. */
const readOnly = (node: Node) => operationOf(node.op).family === "source";

export class Lowering implements ValueSources {
  readonly block = new Block();
  readonly buffers: Node[] = [];
  private readonly bufferNames: string[] = [];
  /** Set by a lowering while it evaluates what follows its own loops. */
  computed: ValueSources["computed"] = () => undefined;
  /** Set where threads of a workgroup work together. */
  team: Team | undefined;
  private readonly workgroupArrays: WorkgroupArray[] = [];
  private readonly stored: ReadonlySet<Node>;

  constructor(
    readonly group: KernelGroup,
    readonly thread: IndexVariable,
    readonly region?: RegionSources,
  ) {
    this.stored = new Set(group.inputs);
  }

  reads = (node: Node): boolean => this.stored.has(node);

  bufferOf = (node: Node): number | undefined =>
    this.stored.has(node) || this.region?.outer.has(node) ? this.binding(node) : undefined;

  /** Binding of a node's buffer, made when it is first needed. */
  binding(node: Node): number {
    const known = this.buffers.indexOf(node);
    if (known >= 0) return known;
    this.buffers.push(node);
    this.bufferNames.push(this.block.freshName(wishedName(node)));
    return this.buffers.length - 1;
  }

  value(node: Node, position: Position): ScalarExpression {
    return valueAt(this, node, position);
  }

  /** Declares an array of the workgroup. */
  workgroupArray(
    wish: string,
    length: number,
    type: ScalarType,
    half = false,
  ): PrivateArray & { readonly name: string } {
    const name = this.block.freshName(wish);
    this.workgroupArrays.push({ name, length, type, ...(half ? { half } : {}) });
    return {
      name,
      at: (index) => ({ kind: "element", name, index, type, uses: indexUses(index) }),
      set: (index, value) => this.block.setElement(name, index, value),
    };
  }

  /** Gives an index of the thread a name in the text, and a variable that stands for it from here on. */
  namedIndex(wish: string, index: IndexExpression, extent: number): IndexExpression {
    const variable: IndexVariable = { name: this.block.freshName(wish), extent };
    this.block.nameIndex(variable, index);
    return variableIndex(variable);
  }

  /** Stores one value, or four lanes: together where they lie side by side, else one by one. */
  store(node: Node, position: Position, value: ScalarExpression): void {
    const outside = this.region?.result(node, position);
    if (outside !== undefined) this.storeAt(outside.node, outside.position, value);
    else this.storeAt(node, position, value);
  }

  private storeAt(node: Node, position: Position, value: ScalarExpression): void {
    const buffer = this.binding(node);
    const address = flatten(position, stridesOf(node.type.shape));
    if (!dependsOn(address, laneVariable)) {
      this.block.store(buffer, address, lane(value, 0));
      return;
    }
    const base = substituteIndex(address, laneVariable, constantIndex(0));
    if (strideAlong(address, laneVariable) === 1 && isMultipleOf(base, 4)) {
      this.block.store(buffer, base, splat(value));
      return;
    }
    const named = this.block.bind(value, undefined, "result");
    for (const component of lanes) {
      this.block.store(
        buffer,
        substituteIndex(address, laneVariable, constantIndex(component)),
        lane(named, component),
      );
    }
  }

  finish(name: string): LoweredKernel {
    const buffers = this.buffers.map(
      (node, binding): KernelBuffer => ({
        name: this.bufferNames[binding] as string,
        dtype: node.type.dtype,
        access: readOnly(node) ? "read" : "read_write",
        length: elementCount(node.type.shape),
      }),
    );
    const kernel: Kernel = {
      name,
      description: describe(this.group),
      buffers,
      thread: this.thread,
      ...(this.team === undefined ? {} : { team: this.team }),
      ...(this.workgroupArrays.length === 0 ? {} : { workgroupArrays: this.workgroupArrays }),
      body: this.block.statements,
      origins: mergeOrigins(
        ...this.group.members.filter((node) => operationOf(node.op).family !== "source").map((node) => node.origins),
      ),
    };
    return { kernel, buffers: this.buffers };
  }
}

/** What the kernel computes, in the source's names: `Y = contract` …, heads first. */
function describe(group: KernelGroup): string[] {
  const results = group.outputs.map((node) => node.name ?? node.op).join(", ");
  const work = group.heads.map(
    (node) => `${node.name ?? "_"} = ${node.op} "${String(node.attributes.spec ?? `axis ${node.attributes.axis}`)}"`,
  );
  return [`${group.kind}: ${results}`, ...work];
}

/** A short name for a group, made of the names of its results. */
export function kernelName(group: KernelGroup): string {
  const [output] = group.outputs;
  return (output?.name ?? output?.op ?? group.kind).replace(/[^\p{L}\p{N}_]/gu, "_");
}

/**
 * Position in `root` of the element that lies at `position` of `head`, where `root` follows from `head` by elementwise
 * operations, reshapes and transposes.
 */
export function followEpilogue(head: Node, root: Node, members: ReadonlySet<Node>, position: Position): Position {
  const path: Node[] = [];
  for (let node = root; node !== head; ) {
    path.push(node);
    const next = node.operands.find((operand) => members.has(operand) && reaches(operand, head, members));
    if (next === undefined) throw new Error(`${root.op} does not follow from ${head.op}`);
    node = next;
  }
  let current = position;
  let from = head;
  for (const node of path.reverse()) {
    current = forward(from, node, current);
    from = node;
  }
  return current;
}

function reaches(node: Node, head: Node, members: ReadonlySet<Node>): boolean {
  const stack = [node];
  const seen = new Set<Node>();
  while (stack.length > 0) {
    const current = stack.pop() as Node;
    if (current === head) return true;
    if (seen.has(current) || !members.has(current)) continue;
    seen.add(current);
    stack.push(...current.operands);
  }
  return false;
}

/** Where a view puts the element at `position` of its operand: the inverse of its index map, for the two that permute. */
function forward(from: Node, to: Node, position: Position): Position {
  const permutation = to.attributes.permutation as readonly number[] | undefined;
  if (permutation !== undefined) return permutation.map((axis) => position[axis] as IndexExpression);
  if (to.attributes.shape !== undefined) {
    const back = operationOf(to.op).indexMap;
    if (back === undefined) throw new Error(`${to.op} is no view`);
    // A reshape is undone by the reshape back: evaluate that one's index map.
    const [source] = back(indexAlgebra, position, [to.type], { shape: [...from.type.shape] });
    return (source as { position: Position }).position;
  }
  return position;
}

/** The test `index < size`, unless the range proves it. */
export function below(index: IndexExpression, size: number): ScalarExpression | undefined {
  if (rangeOf(index).high < size) return undefined;
  return applyOperation("lt", [indexValue(index), literal(size, "i32")], "bool");
}

/** A scalar times a vector. */
export function multiply(
  scalar: ScalarExpression,
  vector: ScalarExpression,
  dtype: ScalarExpression["type"]["dtype"],
): ScalarExpression {
  const row = applyOperation("mul", [scalar, vector], dtype);
  if (row.kind !== "apply") return row;
  // WGSL multiplies a scalar with a vec4 directly; spreading it first would only make the text longer.
  return { ...row, args: [scalar, vector] };
}

/** Gives an index of the thread a name in the text, where it is more than a variable. */
export function nameIndex(lowering: Lowering, wish: string, index: IndexExpression): IndexExpression {
  const { low, high } = rangeOf(index);
  if (index.terms.length === 0 || low !== 0) return index;
  const simple = index.terms.length === 1 && index.constant === 0 && index.terms[0]?.atom.kind === "variable";
  return simple ? index : lowering.namedIndex(wish, index, high + 1);
}
