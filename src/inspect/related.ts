/** What belongs together: from a place in the source to nodes and kernels, and from those back. */
import type { Id, Inspection } from "./inspection.ts";

/** What the reader points at. */
export type Anchor =
  | { readonly kind: "span"; readonly span: Id }
  | { readonly kind: "line"; readonly source: Id; readonly line: number }
  | { readonly kind: "equation"; readonly equation: Id }
  /** Several places at once, as of a rewrite. */
  | { readonly kind: "places"; readonly spans: readonly Id[] }
  | { readonly kind: "node"; readonly node: Id }
  | { readonly kind: "launch"; readonly launch: Id }
  /** A stretch of kernels of a module. */
  | { readonly kind: "module"; readonly path: string; readonly launches: readonly Id[] };

/** What belongs to an anchor, as positions in the inspection's tables. */
export interface Related {
  readonly spans: ReadonlySet<Id>;
  /** Nodes that are meant themselves. */
  readonly nodes: ReadonlySet<Id>;
  /** Nodes, of any stage, that share a place in the source with those. */
  readonly kin: ReadonlySet<Id>;
  readonly launches: ReadonlySet<Id>;
}

export const unrelated: Related = { spans: new Set(), nodes: new Set(), kin: new Set(), launches: new Set() };

/** Finds what belongs to an anchor. */
export interface Relations {
  readonly of: (anchor: Anchor) => Related;
  /** The smallest span around an offset of a source. */
  readonly spanAt: (source: Id, offset: number) => Id | undefined;
}

export function makeRelations({ nodes, spans, equations, launches }: Inspection): Relations {
  const nodesOfSpan = new Map<Id, Id[]>();
  nodes.forEach((node, id) => {
    for (const span of node.origins) append(nodesOfSpan, span, id);
  });
  const launchesOfNode = new Map<Id, Id[]>();
  launches.forEach(({ members, outputs }, id) => {
    for (const node of new Set([...members, ...outputs])) append(launchesOfNode, node, id);
  });

  const kinOf = (some: ReadonlySet<Id>) => new Set([...some].flatMap((span) => nodesOfSpan.get(span) ?? []));
  const launchesOf = (some: ReadonlySet<Id>) => new Set([...some].flatMap((node) => launchesOfNode.get(node) ?? []));

  const spansInside = (outer: { readonly source: Id; readonly start: number; readonly end: number }) =>
    ids(spans, ({ source, start, end }) => source === outer.source && start >= outer.start && end <= outer.end);
  const ofSpans = (chosen: readonly Id[]): Related => {
    const inside = new Set(chosen);
    const within = kinOf(inside);
    return { spans: inside, nodes: within, kin: new Set(), launches: launchesOf(within) };
  };
  const ofNode = (node: Id): Related => {
    const origins = new Set(nodes[node]?.origins);
    const kin = kinOf(origins);
    const own = launchesOf(new Set([node]));
    return { spans: origins, nodes: new Set([node]), kin, launches: own.size > 0 ? own : launchesOf(kin) };
  };
  const ofLaunches = (some: readonly Id[]): Related => {
    const chosen = some.flatMap((id) => launches[id] ?? []);
    const origins = new Set(chosen.flatMap((launch) => launch.origins));
    return {
      spans: origins,
      nodes: new Set(chosen.flatMap(({ members, outputs }) => [...members, ...outputs])),
      kin: kinOf(origins),
      launches: new Set(some),
    };
  };

  return {
    of: (anchor) => {
      switch (anchor.kind) {
        case "span": {
          const outer = spans[anchor.span];
          return outer === undefined ? unrelated : ofSpans(spansInside(outer));
        }
        case "line":
          return ofSpans(ids(spans, ({ source, line }) => source === anchor.source && line === anchor.line));
        case "equation": {
          const equation = equations[anchor.equation];
          return equation === undefined ? unrelated : ofSpans(spansInside(equation));
        }
        case "places":
          return ofSpans(anchor.spans);
        case "node":
          return ofNode(anchor.node);
        case "launch":
          return ofLaunches([anchor.launch]);
        case "module":
          return ofLaunches(anchor.launches);
        default:
          return anchor satisfies never;
      }
    },
    spanAt: (source, offset) => {
      let best: Id | undefined;
      let length = Number.POSITIVE_INFINITY;
      spans.forEach((span, id) => {
        if (span.source !== source || offset < span.start || offset >= span.end) return;
        if (span.end - span.start < length) [best, length] = [id, span.end - span.start];
      });
      return best;
    },
  };
}

function ids<T>(rows: readonly T[], holds: (row: T) => boolean): Id[] {
  return rows.flatMap((row, id) => (holds(row) ? [id] : []));
}

function append(map: Map<Id, Id[]>, key: Id, value: Id): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
