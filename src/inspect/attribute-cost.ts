/** What the plan costs, shared out to nodes and to lines of the source. */
import { equationsOfSpans } from "./equations.ts";
import type { Id, InspectedLaunch, InspectedSpan, Inspection } from "./inspection.ts";

export interface SharedCost {
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
  /** Share of the modelled time of the whole run, 0 to 1. */
  readonly modelled: number;
  /** Milliseconds; present when the kernels were timed. */
  readonly ms?: number;
}

interface PlaceCost extends SharedCost {
  /** Launches that compute something of the place. */
  readonly launches: readonly Id[];
}

export interface LineCost extends PlaceCost {
  readonly source: Id;
  readonly line: number;
}

export interface EquationCost extends PlaceCost {
  /** Absent for all that belongs to no equation. */
  readonly equation?: Id;
}

export interface CostTables {
  /** All dispatches of each launch together. */
  readonly launches: readonly SharedCost[];
  readonly nodes: ReadonlyMap<Id, SharedCost>;
  /** Lines that cost anything, the dearest first. */
  readonly lines: readonly LineCost[];
  /** Equations that cost anything, in the order of the table, at the end what belongs to none. */
  readonly equations: readonly EquationCost[];
  readonly total: SharedCost;
  /** Modelled time of the whole run: what it would take to move so many bytes. */
  readonly wholeModelled: number;
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
  const lines = placeCosts((span) => (span === undefined ? undefined : `${span.source}:${span.line}`));
  const equationOf = equationsOfSpans(inspection);
  const equations = placeCosts((_, id) => (id === undefined ? undefined : equationOf[id]));
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
      lines.add(node.origins, part, index);
      equations.add(node.origins, part, index);
    }
  });
  const lineCosts = [...lines.costs].flatMap(([key, { cost, launches }]): LineCost[] => {
    if (key === undefined) return [];
    const [source, line] = key.split(":").map(Number) as [number, number];
    return [{ source, line, ...cost, launches }];
  });
  const equationCosts = [...equations.costs].map(
    ([equation, { cost, launches }]): EquationCost => ({
      ...(equation === undefined ? {} : { equation }),
      ...cost,
      launches,
    }),
  );
  const last = inspection.equations.length;
  return {
    launches: perLaunch,
    nodes: perNode,
    lines: lineCosts.sort((a, b) => rank(b) - rank(a) || a.source - b.source || a.line - b.line),
    equations: equationCosts.sort((a, b) => (a.equation ?? last) - (b.equation ?? last)),
    total: perLaunch.reduce<SharedCost>((all, cost) => added(all, cost), scaled(nothing, 1)),
    wholeModelled: whole,
  };

  /** Adds up what places cost; a node's places share what it costs evenly. */
  function placeCosts<K>(keyOf: (span: InspectedSpan | undefined, id: Id | undefined) => K | undefined) {
    const costs = new Map<K | undefined, { cost: SharedCost; readonly launches: Id[] }>();
    return {
      costs,
      add: (origins: readonly Id[], part: SharedCost, launch: Id): void => {
        const places = new Set(origins.map((id) => keyOf(spans[id], id)));
        if (places.size === 0) places.add(undefined);
        for (const key of places) {
          const known = costs.get(key) ?? { cost: scaled(part, 0), launches: [] };
          known.cost = added(known.cost, scaled(part, 1 / places.size));
          if (known.launches.at(-1) !== launch) known.launches.push(launch);
          costs.set(key, known);
        }
      },
    };
  }
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
