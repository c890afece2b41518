/** What every family's emitter is given, and what it may answer. */
import type { Graph, Node } from "../ir/index.ts";
import type { Scope } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

export interface Emission {
  readonly scope: Scope;
  readonly node: Node;
  /** The operands' values, carried as `carriedAs` says. */
  readonly operands: readonly Value[];
  /** The value of a node that has been emitted before, for recognising what belongs together. */
  readonly emitted: (node: Node) => Value;
  /** Emits a body's nodes into a scope: the values of its outputs for the given values of its inputs. */
  readonly emitGraph: (scope: Scope, graph: Graph, inputs: readonly Value[]) => readonly Value[];
}

/** Says one node in ONNX; the result has the node's shape and is carried as its type is. */
export type Emitter = (emission: Emission) => Value;
