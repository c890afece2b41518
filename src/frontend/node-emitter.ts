/**
 * Making nodes during elaboration: every node gets the span of the text that asked for it, and sizes that no machine can
 * hold are refused before anything is allocated.
 */
import {
  type Attributes,
  elementCount,
  type Graph,
  makeNode,
  type Node,
  type Span,
  type TensorType,
} from "../ir/index.ts";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import type { Axis } from "./indexed-value.ts";

/** Elaboration stops at a mistake that only numbers could show; the diagnostic says it in the author's terms. */
export class ElaborationError extends Error {
  override readonly name = "ElaborationError";
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.title);
    this.diagnostic = diagnostic;
  }
}

/** What all emitters of one elaboration share. */
export interface EmitterState {
  /** Nodes made so far. */
  nodes: number;
  /** Axes made so far. */
  axes: number;
  /** Calls that draw random numbers, by the path of the module instance they stand in. */
  readonly draws: Map<string, number>;
}

/** Makes nodes for one place in the text. */
export interface Emitter {
  readonly span: Span;
  readonly state: EmitterState;
  readonly node: (op: string, operands: readonly Node[], attributes?: Attributes) => Node;
  readonly source: (op: string, attributes: Attributes, type: TensorType) => Node;
  /** A node that carries code. */
  readonly region: (op: string, operands: readonly Node[], attributes: Attributes, body: Graph, name: string) => Node;
  readonly axis: (name: string, size: number) => Axis;
  /** Stops elaboration with a diagnostic at this place. */
  readonly refuse: (code: string, title: string, details?: Parameters<typeof errorAt>[3]) => never;
}

/** Offsets into tensors are 32-bit on the GPU, so what must lie in memory may not be larger. */
export const greatestElementCount = 2 ** 31 - 1;
/** A value that is only written down (the L × L matrix of linear attention) may be: passes may do without it. */
const greatestIntermediateCount = 2 ** 48;
/** A graph of more nodes than this is a loop that was unrolled by mistake. */
export const greatestNodeCount = 200_000;

export function emitterAt(span: Span, state: EmitterState): Emitter {
  const refuse: Emitter["refuse"] = (code, title, details) => {
    throw new ElaborationError(errorAt(span, code, title, details));
  };
  const checked = (node: Node): Node => {
    const greatest = node.op === "input" || node.op === "parameter" ? greatestElementCount : greatestIntermediateCount;
    if (elementCount(node.type.shape) > greatest) {
      const shape = node.type.shape.join(", ");
      refuse("size/too-large", `this value would have ${elementCount(node.type.shape).toLocaleString("en")} elements`, {
        label: `shape [${shape}]`,
        notes: [`one tensor holds at most ${greatest.toLocaleString("en")} elements`],
        help: ["choose smaller sizes with `--set`"],
      });
    }
    if (++state.nodes > greatestNodeCount) {
      refuse(
        "size/too-many-operations",
        `the program unrolls into more than ${greatestNodeCount.toLocaleString("en")} operations`,
        {
          help: ["a `for` is unrolled: its range wants to be short"],
        },
      );
    }
    return node;
  };
  const origins = [span];
  return {
    span,
    state,
    refuse,
    node: (op, operands, attributes) => checked(makeNode(op, operands, attributes, { origins })),
    source: (op, attributes, type) => checked(makeNode(op, [], attributes, { origins, declared: type })),
    region: (op, operands, attributes, body, name) =>
      checked(makeNode(op, operands, attributes, { origins, regions: [body], name })),
    axis: (name, size) => ({ name, size, serial: state.axes++ }),
  };
}
