/** Equal groups are lowered once: the layers of a network differ in little but their tensors. */
import { mergeOrigins, type Node, operationOf } from "../ir/index.ts";
import { groupStructures, type KernelGroup } from "../passes/index.ts";
import type { LoweredKernel } from "./lowering.ts";
import { wishedName } from "./values.ts";

/**
 * The same lowering, done once for groups of equal structure; the others get the same body with their own buffers and origins.
 * What comes out is what `lower` would give, as far as that depends on nothing but the group.
 */
export function lowerOnce(lower: (group: KernelGroup) => LoweredKernel): (group: KernelGroup) => LoweredKernel {
  const structureOf = groupStructures(wishedName);
  const known = new Map<string, { readonly lowered: LoweredKernel; readonly places: readonly number[] }>();
  return (group) => {
    // Hand-written kernels need no lowering.
    if (group.kind === "extern") return lower(group);
    const { key, nodes } = structureOf(group);
    const before = known.get(key);
    if (before !== undefined) {
      const origins = computedOrigins(group);
      const buffers = before.places.map((place) => nodes[place] as Node);
      return { ...before.lowered, kernel: { ...before.lowered.kernel, origins }, buffers };
    }
    const lowered = lower(group);
    const numbers = new Map(nodes.map((node, place) => [node, place]));
    const places = lowered.buffers.map((node) => numbers.get(node) ?? -1);
    // A buffer that is none of the group's nodes could not be found for another group.
    if (!places.includes(-1)) known.set(key, { lowered, places });
    return lowered;
  };
}

/** Places in the source of what a group computes; where its tensors come from does not count. */
export function computedOrigins(group: KernelGroup) {
  const computed = group.members.filter((node) => operationOf(node.op).family !== "source");
  return mergeOrigins(...computed.map((node) => node.origins));
}
