/** What the plan costs, shared out to nodes and to lines of the source. */
import type { Id, InspectedLaunch, Inspection } from "./inspection.ts";

export interface SharedCost {
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
  /** Share of the modelled time of the whole run, 0 to 1. */
  readonly modelled: number;
  /** Milliseconds; present when the kernels were timed. */
  readonly ms?: number;
}

export interface LineCost extends SharedCost {
  readonly source: Id;
  readonly line: number;
  /** Launches that compute something of the line. */
  readonly launches: readonly Id[];
}

export interface CostTables {
  /** All dispatches of each launch together. */
  readonly launches: readonly SharedCost[];
  readonly nodes: ReadonlyMap<Id, SharedCost>;
  /** Lines that cost anything, the dearest first. */
  readonly lines: readonly LineCost[];
  readonly total: SharedCost;
}

/** Floating-point operations in the time of moving one byte: where the roofline of the model bends. */
export const modelledFlopsPerByte = 10;

/** Modelled time of a launch, in bytes moved: whichever takes longer, moving or computing. */
function modelledTime({ flops, bytes }: InspectedLaunch): number {
  return Math.max(bytes, flops / modelledFlopsPerByte);
}

/**
 * Shares out what each launch costs. Its nodes share bytes and time by their floating-point operations (evenly, when there
 * are none); a node's places in the source share what the node costs evenly.
 */
export function attributeCosts(inspection: Inspection): CostTables {
  const { launches, nodes, spans, profile } = inspection;
  const whole = launches.reduce((sum, launch) => sum + modelledTime(launch) * launch.steps.length, 0);
  const perLaunch = launches.map((launch): SharedCost => {
    const times = launch.steps.length;
    return {
      flops: launch.flops * times,
      bytes: launch.bytes * times,
      modelled: whole === 0 ? 0 : (modelledTime(launch) * times) / whole,
      ...(profile === undefined ? {} : { ms: sum(launch.steps.map((step) => profile.ms[step] ?? 0)) }),
    };
  });

  const perNode = new Map<Id, SharedCost>();
  const perLine = new Map<string, LineCost>();
  launches.forEach((launch, index) => {
    const cost = perLaunch[index] as SharedCost;
    const working = launch.members.filter((id) => nodes[id]?.family !== "movement");
    const members = working.length > 0 ? working : launch.members;
    const work = sum(members.map((id) => nodes[id]?.flops ?? 0));
    for (const id of members) {
      const node = nodes[id];
      if (node === undefined) continue;
      const share = work === 0 ? 1 / members.length : node.flops / work;
      if (share === 0) continue;
      const part = scaled(cost, share);
      perNode.set(id, added(perNode.get(id), part));
      const places = new Map(
        node.origins.map((origin) => [`${spans[origin]?.source}:${spans[origin]?.line}`, spans[origin]]),
      );
      for (const [key, span] of places) {
        if (span === undefined) continue;
        const known = perLine.get(key);
        perLine.set(key, {
          source: span.source,
          line: span.line,
          ...added(known, scaled(part, 1 / places.size)),
          launches: known?.launches.at(-1) === index ? known.launches : [...(known?.launches ?? []), index],
        });
      }
    }
  });
  const lines = [...perLine.values()].sort((a, b) => rank(b) - rank(a) || a.source - b.source || a.line - b.line);
  const total = perLaunch.reduce<SharedCost>((all, cost) => added(all, cost), scaled(nothing, 1));
  return { launches: perLaunch, nodes: perNode, lines, total };
}

const nothing: SharedCost = { flops: 0, bytes: 0, modelled: 0 };

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

/** What costs are sorted by: measured time where there is one. */
export function rank({ ms, modelled }: SharedCost): number {
  return ms ?? modelled;
}

function scaled({ flops, bytes, modelled, ms }: SharedCost, by: number): SharedCost {
  return {
    flops: flops * by,
    bytes: bytes * by,
    modelled: modelled * by,
    ...(ms === undefined ? {} : { ms: ms * by }),
  };
}

function added(a: SharedCost | undefined, b: SharedCost): SharedCost {
  if (a === undefined) return b;
  const ms = a.ms === undefined && b.ms === undefined ? undefined : (a.ms ?? 0) + (b.ms ?? 0);
  return {
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
    modelled: a.modelled + b.modelled,
    ...(ms === undefined ? {} : { ms }),
  };
}
