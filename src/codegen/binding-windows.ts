/**
 * Kernels whose tensors are larger than a device binds at once. The threads are divided into parts, and each part binds the windows of the
 * buffers that its threads touch. What a thread touches is read off its addresses: with the number of the part put in, their ranges are
 * the windows. Addresses are then counted from the start of the window, which makes the parts equal, so that they share one kernel.
 */
import { byteLength, byteSize, elementCount } from "../ir/index.ts";
import {
  addIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  rangeOf,
  substituteIndex,
  variableIndex,
} from "./index-expression.ts";
import type { Kernel, Statement } from "./kernel.ts";
import type { BindingWindow, LoweredKernel } from "./lowering.ts";
import { type KernelMap, mapStatements } from "./map-kernel.ts";

export interface BindingLimits {
  readonly maxBindingBytes: number;
  /** Bytes; windows begin at its multiples. */
  readonly offsetAlignment: number;
}

/** Parts that a kernel is divided into at most. */
const mostParts = 4096;

export function exceedsBinding({ buffers }: LoweredKernel, limits: BindingLimits): boolean {
  return buffers.some((node) => byteLength(node.type) > limits.maxBindingBytes);
}

/** The parts of a kernel, as few as fit; `undefined` when its threads touch too much however they are divided. */
export function partsWithinBindings(
  lowered: LoweredKernel,
  limits: BindingLimits,
): readonly LoweredKernel[] | undefined {
  const { kernel } = lowered;
  if (kernel.written !== undefined || kernel.oneWorkgroup === true) return undefined;
  const numbered = kernel.team?.number ?? kernel.thread;
  const plain = withoutNamedIndices(kernel.body);
  const largest = Math.max(...lowered.buffers.map((node) => byteLength(node.type)));
  const least = Math.ceil(largest / limits.maxBindingBytes);
  for (let count = least; count <= Math.min(mostParts, numbered.extent); count++) {
    if (numbered.extent % count !== 0) continue;
    const part = (k: number) => partOf(lowered, plain, numbered, { k, extent: numbered.extent / count }, limits);
    // Most divisions fail at once or not at all.
    if (part(0) === undefined || part(count - 1) === undefined) continue;
    const parts = Array.from({ length: count }, (_, k) => part(k));
    if (parts.every((each) => each !== undefined)) return parts;
  }
  return undefined;
}

/** The statements with the values of named indices put in where the names stood; those that come from memory keep their names. */
function withoutNamedIndices(body: readonly Statement[]): readonly Statement[] {
  const values = new Map<string, { readonly variable: IndexVariable; readonly value: IndexExpression }>();
  const resolve = (index: IndexExpression) => {
    let resolved = index;
    for (const { variable, value } of values.values()) resolved = substituteIndex(resolved, variable, value);
    return resolved;
  };
  const map: KernelMap = { index: resolve };
  return body.flatMap((statement) => {
    if (statement.kind !== "index") return mapStatements([statement], map);
    const value = resolve(statement.value);
    if (value.terms.some(({ atom }) => atom.kind === "value")) return [{ ...statement, value }];
    values.set(statement.variable.name, { variable: statement.variable, value });
    return [];
  });
}

function partOf(
  lowered: LoweredKernel,
  plain: readonly Statement[],
  numbered: IndexVariable,
  { k, extent }: { readonly k: number; readonly extent: number },
  limits: BindingLimits,
): LoweredKernel | undefined {
  const { kernel, buffers } = lowered;
  const own: IndexVariable = { name: numbered.name, extent };
  const within = addIndex(variableIndex(own), constantIndex(k * extent));
  const ranges = buffers.map(({ type }) => ({ low: elementCount(type.shape), high: 0 }));
  const body = mapStatements(plain, {
    index: (index) => substituteIndex(index, numbered, within),
    address: (buffer, address) => {
      const range = ranges[buffer] as { low: number; high: number };
      const { low, high } = rangeOf(address);
      range.low = Math.min(range.low, low);
      // A vec4 goes on for three elements.
      range.high = Math.max(range.high, high + 3);
      return address;
    },
  });
  const windows = buffers.map(({ type }, buffer): BindingWindow => {
    const { low, high } = ranges[buffer] as { low: number; high: number };
    const step = limits.offsetAlignment / byteSize(type.dtype);
    const first = Math.floor(Math.max(0, low) / step) * step;
    return { first, length: Math.min(high + 1, elementCount(type.shape)) - first };
  });
  const fits = windows.every(
    ({ length }, buffer) =>
      length * byteSize((buffers[buffer] as (typeof buffers)[number]).type.dtype) <= limits.maxBindingBytes,
  );
  if (!fits) return undefined;
  const counted = mapStatements(body, {
    address: (buffer, address) => addIndex(address, constantIndex(-(windows[buffer] as BindingWindow).first)),
  });
  const declared = kernel.buffers.map((buffer, k) => ({ ...buffer, length: (windows[k] as BindingWindow).length }));
  const numbering: Pick<Kernel, "thread" | "team"> =
    kernel.team === undefined
      ? { thread: own }
      : {
          thread: { ...kernel.thread, extent: extent * kernel.team.size },
          team: { ...kernel.team, number: own },
        };
  return { ...lowered, kernel: { ...kernel, ...numbering, buffers: declared, body: counted }, windows };
}
