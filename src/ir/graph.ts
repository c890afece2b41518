/**
 * The tensor graph: immutable nodes in SSA form, static shapes, no effects.
 *
 * A node is identified by the object itself; `%7` in the text form is only its position in the printed order. Nodes are
 * made by `GraphBuilder` (builder.ts), which infers types and checks operands through the operation's record.
 */
import type { Origins } from "./span.ts";
import type { TensorType } from "./types.ts";

/** Attributes are plain data, so that printing, parsing, comparing and hashing them needs no code per operation. */
export type AttributeValue = number | string | boolean | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface Node {
  /** Name of the operation's record: `contract`, `exp`, `reduce`, … */
  readonly op: string;
  readonly operands: readonly Node[];
  readonly attributes: Attributes;
  readonly type: TensorType;
  readonly origins: Origins;
  /** The author's name for this value, where there is one; only for people to read. */
  readonly name?: string;
  /** Bodies of operations that carry code (loop). */
  readonly regions?: readonly Graph[];
}

export interface GraphOutput {
  readonly name: string;
  readonly node: Node;
}

/**
 * A whole computation. `inputs` and `parameters` are nodes of the operations `input` and `parameter`, in declaration
 * order, listed even when unused, because they are the interface.
 */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Node[];
  readonly parameters: readonly Node[];
  readonly outputs: readonly GraphOutput[];
}

/**
 * All nodes, operands before users: first the inputs, then the parameters, then the rest in the order in which a
 * depth-first walk from the outputs completes them. Deterministic, linear, and without recursion (graphs can be deep).
 */
export function graphNodes(graph: Graph): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const visit = (root: Node) => {
    const stack: { node: Node; next: number }[] = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: Node; next: number };
      if (done.has(top.node)) {
        stack.pop();
        continue;
      }
      const operand = top.node.operands[top.next];
      if (operand === undefined) {
        done.add(top.node);
        order.push(top.node);
        stack.pop();
      } else {
        top.next++;
        if (!done.has(operand)) stack.push({ node: operand, next: 0 });
      }
    }
  };
  for (const input of graph.inputs) visit(input);
  for (const parameter of graph.parameters) visit(parameter);
  for (const output of graph.outputs) visit(output.node);
  return order;
}

/** For every node, the nodes that read it (each once per reading operand), in graph order. Outputs do not count. */
export function nodeUsers(nodes: readonly Node[]): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>(nodes.map((node) => [node, []]));
  for (const node of nodes) {
    for (const operand of node.operands) users.get(operand)?.push(node);
  }
  return users;
}
