/** Map kernels: every thread computes one element, or four that lie side by side, of each result; all have as many elements. */
import { elementCount } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { type IndexVariable, unflatten, variableIndex } from "./index-expression.ts";
import { kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { fourTimes, type RegionSources } from "./values.ts";

export function lowerMap(group: KernelGroup, region?: RegionSources): LoweredKernel {
  const [output] = group.outputs;
  if (output === undefined) throw new Error("a map kernel without an output");
  const elements = elementCount(output.type.shape);
  const width = elements % 4 === 0 && elements > 0 ? 4 : 1;
  const thread: IndexVariable = { name: "thread", extent: elements / width };
  const lowering = new Lowering(group, thread, region);
  const flat = width === 4 ? fourTimes(variableIndex(thread)) : variableIndex(thread);
  for (const result of group.outputs) {
    const position = unflatten(flat, result.type.shape);
    lowering.store(result, position, lowering.value(result, position));
  }
  return lowering.finish(kernelName(group));
}
