/** What of the bytes that kernels move would move however the graph were divided into kernels. */
import type { Plan } from "./plan.ts";

/**
 * For each step the bytes of inputs, parameters and outputs that no step before it touched. They add up to what the whole plan moves at
 * the least, where every tensor is read or written once; all else that steps move is activations, and tensors read again.
 */
export function unavoidableBytes(plan: Plan): readonly number[] {
  const untouched = new Map<string, number>();
  for (const kind of ["input", "parameter", "output"] as const) {
    for (const { name, bytes } of plan[`${kind}s`]) untouched.set(`${kind} ${name}`, bytes);
  }
  // Kernels that are divided bind a tensor piece by piece.
  const pieces = new Set<string>();
  return plan.steps.map(({ slices }) => {
    let bytes = 0;
    for (const { buffer, offset, size } of slices) {
      if (buffer.kind === "arena") continue;
      const tensor = `${buffer.kind} ${buffer.name}`;
      const piece = `${offset} ${tensor}`;
      if (pieces.has(piece)) continue;
      pieces.add(piece);
      const left = untouched.get(tensor) ?? 0;
      const fresh = Math.min(size, left);
      untouched.set(tensor, left - fresh);
      bytes += fresh;
    }
    return bytes;
  });
}
