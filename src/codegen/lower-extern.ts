/** Hand-written kernels: the author's WGSL behind declarations of its buffers, which are named as in the source. */
import { type DType, elementCount, type Graph, mergeOrigins, type Node, operationOf } from "../ir/index.ts";
import { type KernelGroup, storedAs } from "../passes/index.ts";
import type { Kernel, KernelBuffer } from "./kernel.ts";
import type { LoweredKernel } from "./lowering.ts";

/** How elements lie in buffers; the checker lets no others pass. */
const storage: Partial<Record<DType, string>> = { f32: "f32", i32: "i32", u32: "u32" };

export function lowerExtern(group: KernelGroup): LoweredKernel {
  const node = group.heads[0] as Node;
  const reference = (node.regions as readonly Graph[])[0] as Graph;
  const bound = [...node.operands.map(storedAs), node];
  const names = [...reference.inputs.map(({ attributes }) => attributes.name as string), resultName(reference)];
  const buffers = bound.map((each, k): KernelBuffer => {
    const onlyRead = operationOf(each.op).family === "source";
    return {
      name: names[k] as string,
      dtype: each.type.dtype,
      access: onlyRead ? "read" : "read_write",
      length: elementCount(each.type.shape),
    };
  });
  const declarations = buffers.map(({ name, dtype, access }, binding) => {
    const element = storage[dtype];
    if (element === undefined) throw new Error(`a hand-written kernel cannot bind ${dtype}`);
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  const name = node.attributes.name as string;
  const workgroups = node.attributes.workgroups as readonly [number, number, number];
  const wgsl = [
    `// ${name}: written by hand`,
    "",
    ...declarations,
    "",
    `${(node.attributes.source as string).trim()}`,
    "",
  ].join("\n");
  const kernel: Kernel = {
    name,
    description: [],
    buffers,
    thread: { name: "thread", extent: workgroups.reduce((a, b) => a * b, 1) },
    body: [],
    written: { wgsl, workgroups },
    origins: mergeOrigins(node.origins),
  };
  return { kernel, buffers: bound };
}

/** The declared name of the result, which is the name of the reference's output. */
const resultName = (reference: Graph): string => (reference.outputs[0] as { name: string }).name;
