/** Where activations lie and how long they live, read off the plan's steps. */
import type { PlannedKernel } from "../codegen/index.ts";
import type { Node } from "../ir/index.ts";
import type { Id, InspectedMemory, InspectedTensor } from "./inspection.ts";

/**
 * A tensor lives from the first step that has it bound to the last one.
 *
 * @param idOf  position of a node in the table
 */
export function inspectMemory(
  kernels: readonly PlannedKernel[],
  arenas: readonly number[],
  idOf: (node: Node) => Id,
): Pick<InspectedMemory, "arenas" | "tensors" | "live" | "peakStep"> {
  const lives = new Map<Node, InspectedTensor>();
  kernels.forEach(({ step, buffers }, position) => {
    buffers.forEach(({ node }, binding) => {
      const slice = step.slices[binding];
      if (slice?.buffer.kind !== "arena") return;
      const known = lives.get(node);
      const place = { arena: slice.buffer.index, offset: slice.offset, bytes: slice.size };
      lives.set(node, { node: idOf(node), ...place, from: known?.from ?? position, to: position });
    });
  });
  const tensors = [...lives.values()];
  const changes = new Array<number>(kernels.length + 1).fill(0);
  for (const { bytes, from, to } of tensors) {
    changes[from] = (changes[from] as number) + bytes;
    changes[to + 1] = (changes[to + 1] as number) - bytes;
  }
  const live: number[] = [];
  let alive = 0;
  let peakStep = 0;
  for (let step = 0; step < kernels.length; step++) {
    alive += changes[step] as number;
    live.push(alive);
    if (alive > (live[peakStep] as number)) peakStep = step;
  }
  return { arenas, tensors, live, peakStep };
}
