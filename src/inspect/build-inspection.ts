/** The compiler's work on one entry → the inspection. */
import { type Plan, type PlannedKernel, unavoidableBytes } from "../codegen/index.ts";
import { byteLength, type Graph, graphNodes, type Node, type Span } from "../ir/index.ts";
import { isView, nodeCost, type PassStage, pipeline } from "../passes/index.ts";
import { inspectMemory } from "./inspect-memory.ts";
import type {
  GraphCost,
  InspectedEquation,
  InspectedLaunch,
  InspectedProbe,
  InspectedProfile,
  InspectedStage,
  Inspection,
  ProbedValue,
} from "./inspection.ts";
import { flopsOf, makeTables, type Tables } from "./tables.ts";

/** What the compiler hands over; `CompiledGraph` has it all. */
export interface InspectedCompilation {
  /** The graph before the passes. */
  readonly graph: Graph;
  readonly stages: readonly PassStage[];
  readonly plan: Plan;
  readonly kernels: readonly PlannedKernel[];
}

export interface InspectionContext {
  readonly adapter: string;
  /** Texts that were compiled, by path, the asked-for file first. */
  readonly sources: ReadonlyMap<string, string>;
  /** Statements of these texts that compute something; leaving them out leaves out what is told equation by equation. */
  readonly equations?: readonly NamedEquation[];
  readonly profile?: InspectedProfile;
  readonly probe?: Omit<InspectedProbe, "values"> & { readonly values: readonly ProbedNode[] };
}

/** An equation as the frontend finds it. */
export interface NamedEquation {
  readonly name: string;
  readonly definition: string;
  readonly span: Span;
}

/** What is known of a node's value. */
export type ProbedNode = Omit<ProbedValue, "node"> & { readonly node: Node };

/** Gathers everything that there is to see of a compilation. */
export function buildInspection(compiled: InspectedCompilation, context: InspectionContext): Inspection {
  const { graph, plan, kernels } = compiled;
  const tables = makeTables(context.sources);
  const stages = inspectStages(compiled, tables);
  const launches = inspectLaunches(plan, kernels, tables);
  const bytesOf = (tensors: Plan["inputs"]) => tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  const { profile, probe } = context;
  return {
    format: "weft-inspection/1",
    name: graph.name,
    adapter: context.adapter,
    sources: tables.sources,
    spans: tables.spans,
    equations: usedEquations(context.equations ?? [], tables),
    nodes: tables.nodes,
    stages,
    rules: tables.rules,
    kernels: plan.kernels.map(({ name, wgsl }) => ({ name, wgsl })),
    launches,
    steps: kernels.length,
    prepared: plan.prepared,
    memory: {
      ...inspectMemory(kernels, plan.arenas, tables.node),
      parameterBytes: bytesOf(plan.parameters),
      inputBytes: bytesOf(plan.inputs),
      outputBytes: bytesOf(plan.outputs),
    },
    ...(profile === undefined ? {} : { profile }),
    ...(probe === undefined
      ? {}
      : { probe: { ...probe, values: probe.values.map((value) => ({ ...value, node: tables.node(value.node) })) } }),
  };
}

/** Equations that some node comes from. */
function usedEquations(equations: readonly NamedEquation[], { sources, spans }: Tables): InspectedEquation[] {
  const sourceAt = new Map(sources.map(({ path }, id) => [path, id]));
  const startsOf = sources.map((_, source) =>
    spans
      .filter((span) => span.source === source)
      .map(({ start }) => start)
      .sort((a, b) => a - b),
  );
  return equations
    .flatMap(({ name, definition, span: { file, start, end, line } }): InspectedEquation[] => {
      const source = sourceAt.get(file);
      if (source === undefined) return [];
      const first = startsOf[source]?.find((at) => at >= start) ?? end;
      return first < end ? [{ source, start, end, line, name, definition }] : [];
    })
    .sort((a, b) => a.source - b.source || a.start - b.start);
}

/** Nodes, work and memory of a graph, before anything is fused. */
export function graphCost(graph: Graph): GraphCost {
  const nodes = graphNodes(graph);
  let [flops, bytesMoved, largestBytes] = [0, 0, 0];
  for (const node of nodes) {
    flops += flopsOf(node);
    bytesMoved += nodeCost(node).bytes;
    if (!isView(node)) largestBytes = Math.max(largestBytes, byteLength(node.type));
  }
  return { nodes: nodes.length, flops, bytesMoved, largestBytes };
}

function inspectStages({ graph, stages }: InspectedCompilation, tables: Tables): InspectedStage[] {
  const summaries = new Map(pipeline.map(({ name, summary }) => [name, summary]));
  let cost = graphCost(graph);
  const written: InspectedStage = {
    pass: "written",
    summary: "The graph as the text defines it.",
    changed: true,
    graph: tables.graph(graph),
    cost,
    rewrites: [],
  };
  return [
    written,
    ...stages.map((stage) => {
      if (stage.changed) cost = graphCost(stage.graph);
      return {
        pass: stage.name,
        summary: summaries.get(stage.name) ?? "",
        changed: stage.changed,
        ...(stage.changed ? { graph: tables.graph(stage.graph) } : {}),
        cost,
        rewrites: stage.rewrites.map(tables.rewrite),
        ...(stage.ms === undefined ? {} : { ms: stage.ms }),
      };
    }),
  ];
}

function inspectLaunches(plan: Plan, kernels: readonly PlannedKernel[], tables: Tables): InspectedLaunch[] {
  // A step that a loop repeats is one object at several positions.
  const steps = new Map<PlannedKernel, number[]>();
  kernels.forEach((kernel, position) => {
    const known = steps.get(kernel);
    if (known === undefined) steps.set(kernel, [position]);
    else known.push(position);
  });
  const unavoidable = unavoidableBytes(plan);
  return [...steps].map(([{ group, step, threads, buffers }, positions]) => {
    const module = commonModule(group.inputs.filter(({ op }) => op === "parameter"));
    return {
      label: step.label,
      kind: group.kind,
      kernel: step.kernel,
      steps: positions,
      threads,
      workgroups: step.workgroups,
      flops: step.flops,
      bytes: step.bytes,
      unavoidable: positions.reduce((sum, position) => sum + (unavoidable[position] ?? 0), 0),
      ...(module === undefined ? {} : { module }),
      members: group.members.map(tables.node),
      inputs: group.inputs.map(tables.node),
      outputs: group.outputs.map(tables.node),
      origins: tables.origins(step.origins),
      bindings: buffers.map(({ name, node }, i) => ({
        name,
        node: tables.node(node),
        access: plan.kernels[step.kernel]?.bindings[i] ?? "read",
        buffer: step.slices[i]?.buffer.kind ?? "arena",
      })),
    };
  });
}

/** `layers.0.attention` of `layers.0.attention.query.weight` and `layers.0.attention.key.weight`. */
function commonModule(parameters: readonly Node[]): string | undefined {
  const paths = parameters.map(({ attributes }) => String(attributes.name).split(".").slice(0, -1));
  const [first, ...others] = paths;
  if (first === undefined) return undefined;
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && other[same] === first[same]) same++;
    length = same;
  }
  return length === 0 ? undefined : first.slice(0, length).join(".");
}
