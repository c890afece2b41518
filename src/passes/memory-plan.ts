/**
 * Memory plan: offsets of short-lived tensors in few large buffers, such that no two that live at the same time overlap.
 *
 * Tensors are placed from the largest to the smallest, each at the lowest offset that is free during its whole life
 * (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", greedy by size).
 */

export interface Lifetime {
  readonly bytes: number;
  /** First and last step (both included) at which the tensor must exist. */
  readonly from: number;
  readonly to: number;
}

export interface Placement {
  /** Which buffer. */
  readonly arena: number;
  readonly offset: number;
}

export interface MemoryPlan {
  /** One placement per lifetime, in their order. */
  readonly placements: readonly Placement[];
  /** Bytes of each buffer. */
  readonly arenas: readonly number[];
  /** Most bytes alive at any step: no plan can need less. */
  readonly lowerBound: number;
}

export interface MemoryLimits {
  readonly alignment: number;
  readonly maxBufferBytes: number;
}

const overlaps = (a: Lifetime, b: Lifetime) => a.from <= b.to && b.from <= a.to;

export function planMemory(lifetimes: readonly Lifetime[], limits: MemoryLimits): MemoryPlan {
  const aligned = (bytes: number) => Math.ceil(bytes / limits.alignment) * limits.alignment;
  const order = lifetimes
    .map((_, i) => i)
    .sort((a, b) => size(b) - size(a) || (lifetimes[a] as Lifetime).from - (lifetimes[b] as Lifetime).from || a - b);
  function size(i: number) {
    return aligned((lifetimes[i] as Lifetime).bytes);
  }

  const placements = new Array<Placement>(lifetimes.length);
  const arenas: number[] = [];
  const placed: number[][] = [];
  for (const i of order) {
    const life = lifetimes[i] as Lifetime;
    const bytes = size(i);
    let done = false;
    for (let arena = 0; !done; arena++) {
      if (arena === arenas.length) {
        arenas.push(0);
        placed.push([]);
      }
      const neighbours = (placed[arena] as number[])
        .filter((other) => overlaps(life, lifetimes[other] as Lifetime))
        .sort((a, b) => (placements[a] as Placement).offset - (placements[b] as Placement).offset);
      let offset = 0;
      for (const other of neighbours) {
        const start = (placements[other] as Placement).offset;
        if (offset + bytes <= start) break;
        offset = Math.max(offset, start + size(other));
      }
      if (offset + bytes > limits.maxBufferBytes && (offset > 0 || (placed[arena] as number[]).length > 0)) continue;
      placements[i] = { arena, offset };
      (placed[arena] as number[]).push(i);
      arenas[arena] = Math.max(arenas[arena] as number, offset + bytes);
      done = true;
    }
  }
  return { placements, arenas, lowerBound: lowerBound(lifetimes, aligned) };
}

function lowerBound(lifetimes: readonly Lifetime[], aligned: (bytes: number) => number): number {
  const changes = new Map<number, number>();
  for (const { bytes, from, to } of lifetimes) {
    changes.set(from, (changes.get(from) ?? 0) + aligned(bytes));
    changes.set(to + 1, (changes.get(to + 1) ?? 0) - aligned(bytes));
  }
  let alive = 0;
  let most = 0;
  for (const step of [...changes.keys()].sort((a, b) => a - b)) {
    alive += changes.get(step) as number;
    most = Math.max(most, alive);
  }
  return most;
}
