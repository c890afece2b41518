/**
 * What the lines of a text cost: floating-point operations of the graph as written, before any pass, for one run of an entry
 * with the sizes of a preset.
 */
import { type EntryRequest, elaborateProgram } from "../compile.ts";
import { type CheckedProgram, type EntryInfo, type FunctionDeclaration, listEntries } from "../frontend/index.ts";
import { type Graph, graphNodes, type Node } from "../ir/index.ts";
import { nodeFlops } from "../passes/index.ts";
import type { Workspace } from "./workspace.ts";

/** What costs are asked for. */
export interface CostSettings {
  /** Preset of the models; `paper` means the defaults where there is no such preset. */
  readonly preset: string;
  /** Sizes of entries and functions that nothing else fixes, by name. */
  readonly sizes: Readonly<Record<string, number>>;
}

export const defaultCostSettings: CostSettings = { preset: "paper", sizes: {} };

export interface EntryCosts {
  /** `Performer.logits, preset paper, L = 64`. */
  readonly label: string;
  /** Floating-point operations by `path:line`; a multiply-add counts 2. */
  readonly lines: ReadonlyMap<string, number>;
  /** All of them together. */
  readonly flops: number;
}

export const lineKey = (path: string, line: number): string => `${path}:${line}`;

/** Sizes that are tried, in this order, for what neither preset nor settings say. */
const assumedSizes = [64, 32, 16, 8, 4, 224];

/** Nodes that a graph may have to be looked at while somebody waits. */
const mostNodes = 400_000;

const remembered = new WeakMap<CheckedProgram, Map<string, EntryCosts | undefined>>();

/** Costs of one entry; undefined when it cannot be built with these sizes. */
function costsOf(program: CheckedProgram, entry: EntryInfo, settings: CostSettings): EntryCosts | undefined {
  const known = remembered.get(program) ?? new Map<string, EntryCosts | undefined>();
  remembered.set(program, known);
  const key = JSON.stringify([entry.model, entry.name, settings]);
  if (known.has(key)) return known.get(key);
  const costs = build(program, entry, settings);
  known.set(key, costs);
  return costs;
}

function build(program: CheckedProgram, entry: EntryInfo, settings: CostSettings): EntryCosts | undefined {
  const free = [
    ...entry.declaration.generics.map(({ name }) => name),
    ...(entry.model === undefined
      ? entry.declaration.parameters.flatMap(({ name, type, default: value }) =>
          value === undefined && type.element.kind === "named" && type.element.name === "size" ? [name.name] : [],
        )
      : []),
  ];
  const preset =
    entry.model !== undefined && settings.preset !== "paper" && !entry.presets.includes(settings.preset)
      ? "paper"
      : settings.preset;
  for (const size of free.length === 0 ? [0] : assumedSizes) {
    const sizes = Object.fromEntries(free.map((name) => [name, settings.sizes[name] ?? size]));
    const request: EntryRequest =
      entry.model === undefined
        ? { entry: entry.name, settings: sizes }
        : { model: entry.model, entry: entry.name, preset, settings: sizes };
    const { value } = elaborateProgram(program, request);
    if (value === undefined) continue;
    const name = entry.model === undefined ? entry.name : `${entry.model}.${entry.name}, preset ${preset}`;
    const given = Object.entries(sizes).map(([each, number]) => `${each} = ${number}`);
    const lines = linesOf(value.graph);
    const flops = Math.round([...lines.values()].reduce((sum, each) => sum + each, 0));
    return { label: [name, ...given].join(", "), lines, flops };
  }
  return undefined;
}

/** Operations by line; a node with several places shares what it costs among their lines. */
function linesOf(graph: Graph): Map<string, number> {
  const lines = new Map<string, number>();
  let visited = 0;
  const visit = (inside: Graph, times: number): void => {
    for (const node of graphNodes(inside)) {
      if (++visited > mostNodes) return;
      share(node, times);
      const { steps } = node.attributes;
      if (typeof steps === "number") for (const region of node.regions ?? []) visit(region, times * steps);
    }
  };
  const share = (node: Node, times: number) => {
    const flops = nodeFlops(node) * times;
    if (flops === 0) return;
    const places = new Set(node.origins.map(({ file, line }) => lineKey(file, line)));
    for (const place of places) lines.set(place, (lines.get(place) ?? 0) + flops / places.size);
  };
  visit(graph, 1);
  return lines;
}

/** What one run of an entry or function of a file costs, with all that it calls. */
export function costOfEntry(
  workspace: Workspace,
  path: string,
  declaration: FunctionDeclaration,
  settings: CostSettings,
): EntryCosts | undefined {
  const program = workspace.view(path)?.program;
  if (program === undefined || program.diagnostics.some(({ severity }) => severity === "error")) return undefined;
  const entry = listEntries(program).find((each) => each.declaration === declaration);
  return entry && costsOf(program, entry, settings);
}

/**
 * What the lines `first` to `last` of a file cost in the first entry that computes something there. Entries of the file itself
 * come first, then those of open files that use it.
 */
export function costOfLines(
  workspace: Workspace,
  path: string,
  first: number,
  last: number,
  settings: CostSettings,
): { readonly flops: number; readonly label: string } | undefined {
  for (const root of [path, ...workspace.openPaths().filter((each) => each !== path)]) {
    const program = workspace.view(root)?.program;
    if (program === undefined || !program.sources.has(path)) continue;
    if (program.diagnostics.some(({ severity }) => severity === "error")) continue;
    for (const entry of listEntries(program)) {
      const costs = costsOf(program, entry, settings);
      if (costs === undefined) continue;
      let flops = 0;
      for (let line = first; line <= last; line++) flops += costs.lines.get(lineKey(path, line)) ?? 0;
      if (flops > 0) return { flops: Math.round(flops), label: costs.label };
    }
  }
  return undefined;
}
