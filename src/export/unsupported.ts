/** What a graph asks for that ONNX cannot say, all of it at once. */
import { type Family, type Graph, graphNodes, type Node, operationOf, parseSpec, printSpan } from "../ir/index.ts";
import { mostIndices } from "./emit-contract.ts";
import { hasElementwiseForm } from "./emit-elementwise.ts";
import { hasMovementForm } from "./emit-movement.ts";
import { hasReduceForm } from "./emit-reduce.ts";
import { hasSourceForm } from "./emit-source.ts";

/** One reason, with every place that it holds for. */
export interface Unsupported {
  readonly operation: string;
  readonly reason: string;
  /** `performer.weft:41:7`, in source order; empty for graphs without a source text. */
  readonly places: readonly string[];
}

const always = () => undefined;
const noForm = "has no counterpart among ONNX's operators";

/** Why a node cannot be said, by family. */
const reasons: Readonly<Record<Family, (node: Node) => string | undefined>> = {
  source: ({ op }) => (op === "input" || op === "parameter" || hasSourceForm(op) ? undefined : noForm),
  elementwise: ({ op }) => {
    if (hasElementwiseForm(op)) return undefined;
    return op === "random"
      ? "draws numbers from a counter, which ONNX's own random operators would not repeat; export without --training, or hand the draws over as an input"
      : noForm;
  },
  contract: ({ attributes }) => {
    const { operands } = parseSpec(attributes.spec as string);
    const count = new Set(operands.flat()).size;
    return count > mostIndices ? `has ${count} indices, and ONNX's Einsum at most ${mostIndices}` : undefined;
  },
  reduce: ({ op }) => (hasReduceForm(operationOf(op).reducer) ? undefined : noForm),
  scan: ({ op }) => (operationOf(op).scanStep === undefined ? noForm : undefined),
  movement: ({ op }) => (hasMovementForm(op) ? undefined : noForm),
  indexed: always,
  scatter: always,
  windowed: () => noForm,
  order: always,
  extern: ({ attributes }) =>
    `is a kernel written by hand (${attributes.name}), which only Weft runs; call the function that is its reference instead`,
  loop: always,
};

/** Everything in the graph, bodies included, that has no form in ONNX; nothing when it can be exported. */
export function unsupportedIn(graph: Graph): Unsupported[] {
  const found = new Map<string, { operation: string; reason: string; places: Set<string> }>();
  const visit = (inside: Graph) => {
    for (const node of graphNodes(inside)) {
      const { name, family } = operationOf(node.op);
      const reason = reasons[family](node);
      if (reason !== undefined) {
        const entry = found.get(`${name} ${reason}`) ?? { operation: name, reason, places: new Set<string>() };
        for (const span of node.origins) entry.places.add(printSpan(span));
        found.set(`${name} ${reason}`, entry);
      } else for (const region of node.regions ?? []) visit(region);
    }
  };
  visit(graph);
  return [...found.values()].map(({ places, ...rest }) => ({ ...rest, places: [...places] }));
}
