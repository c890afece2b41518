/**
 * Memory plan: offsets of short-lived tensors in few large buffers, such that no two that live at the same time overlap.
 *
 * Tensors are placed one after another, each at the lowest offset that is free during its whole life. The first order is from the
 * largest to the smallest (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", greedy by size); where
 * that needs more than the most that is alive at once, other orders are tried (see note: Better orders).
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

/** Orders tried from each of the first, and tensors placed in trying: this bounds the time of plans that cannot be better. */
const mostOrders = 100;
const mostPlacements = 50_000;

/** Where trying begins: the largest first, the longest-lived first, those first that take the most bytes for the most steps. */
const firstOrders: readonly ((a: Tensor, b: Tensor) => number)[] = [
  (a, b) => b.bytes - a.bytes,
  (a, b) => b.to - b.from - (a.to - a.from) || b.bytes - a.bytes,
  (a, b) => b.bytes * (1 + b.to - b.from) - a.bytes * (1 + a.to - a.from),
];

export function planMemory(lifetimes: readonly Lifetime[], limits: MemoryLimits): MemoryPlan {
  const tensors = lifetimes.map(
    ({ bytes, from, to }): Tensor => ({ bytes: Math.ceil(bytes / limits.alignment) * limits.alignment, from, to }),
  );
  const lowerBound = mostAlive(tensors);
  const starts = firstOrders.map((compare) => [...tensors].sort((a, b) => compare(a, b) || a.from - b.from));
  const orders = Math.min(mostOrders, Math.floor(mostPlacements / Math.max(1, tensors.length)));
  let best: Placed | undefined;
  for (const start of starts) {
    let order = start;
    for (let tried = 0; tried <= orders && (best === undefined || best.total > lowerBound); tried++) {
      const placed = placeInOrder(order, limits.maxBufferBytes);
      if (best === undefined || placed.total < best.total) best = placed;
      const tops = new Set(placed.tops);
      order = [...order.filter((tensor) => tops.has(tensor)), ...order.filter((tensor) => !tops.has(tensor))];
    }
  }
  const placements = tensors.map((tensor) => best?.placements.get(tensor) as Placement);
  return { placements, arenas: best?.arenas ?? [], lowerBound };
}

/** A tensor with its aligned size. Told apart by identity. */
type Tensor = Lifetime;

interface Placed {
  readonly placements: ReadonlyMap<Tensor, Placement>;
  readonly arenas: readonly number[];
  readonly total: number;
  /** Tensors that reach to the end of their buffer. */
  readonly tops: readonly Tensor[];
}

interface Occupied {
  readonly tensor: Tensor;
  readonly start: number;
}

/** Places each tensor in the first buffer that has room, at the lowest offset. */
function placeInOrder(order: readonly Tensor[], maxBufferBytes: number): Placed {
  const placements = new Map<Tensor, Placement>();
  const arenas: number[] = [];
  /** What lies in each buffer, by offset. */
  const occupied: Occupied[][] = [];
  for (const tensor of order) {
    for (let arena = 0; ; arena++) {
      if (arena === arenas.length) {
        arenas.push(0);
        occupied.push([]);
      }
      const inside = occupied[arena] as Occupied[];
      const start = lowestFree(inside, tensor);
      // A tensor larger than any buffer gets one of its own: the device's limits are checked elsewhere.
      if (start + tensor.bytes > maxBufferBytes && inside.length > 0) continue;
      inside.splice(placeOf(inside, start), 0, { tensor, start });
      placements.set(tensor, { arena, offset: start });
      arenas[arena] = Math.max(arenas[arena] as number, start + tensor.bytes);
      break;
    }
  }
  const tops = occupied.flatMap((inside, arena) =>
    inside.filter(({ tensor, start }) => start + tensor.bytes === arenas[arena]).map(({ tensor }) => tensor),
  );
  return { placements, arenas, total: arenas.reduce((sum, bytes) => sum + bytes, 0), tops };
}

/** The lowest offset at which nothing lies that is alive at the same time. */
function lowestFree(inside: readonly Occupied[], { bytes, from, to }: Tensor): number {
  let offset = 0;
  for (const { tensor, start } of inside) {
    if (tensor.from > to || from > tensor.to) continue;
    if (offset + bytes <= start) break;
    offset = Math.max(offset, start + tensor.bytes);
  }
  return offset;
}

/** How many of the occupied ranges begin before an offset, by bisection. */
function placeOf(inside: readonly Occupied[], offset: number): number {
  let low = 0;
  let high = inside.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((inside[middle] as Occupied).start < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mostAlive(tensors: readonly Tensor[]): number {
  const changes = new Map<number, number>();
  for (const { bytes, from, to } of tensors) {
    changes.set(from, (changes.get(from) ?? 0) + bytes);
    changes.set(to + 1, (changes.get(to + 1) ?? 0) - bytes);
  }
  let alive = 0;
  let most = 0;
  for (const step of [...changes.keys()].sort((a, b) => a - b)) {
    alive += changes.get(step) as number;
    most = Math.max(most, alive);
  }
  return most;
}

// Note: Better orders
//
// A tensor that ends up on top of everything was placed too late: the room that it needed was taken by tensors that could have lain
// elsewhere. It goes to the front of the order and all are placed again, again and again (Joslin and Clements 1999, "Squeaky Wheel
// Optimization"). Where a bound is reached depends on nothing but the lifetimes, so plans are the same every time.
