/** Making a graph anew with some nodes replaced. */
import { type Graph, type Node, printType, sameType } from "../ir/index.ts";

/** The node with other operands of the same types; the node itself when they are the same. */
export function withOperands(node: Node, operands: readonly Node[]): Node {
  if (operands.every((operand, i) => operand === node.operands[i])) return node;
  operands.forEach((operand, i) => {
    const old = node.operands[i] as Node;
    if (!sameType(operand.type, old.type)) {
      throw new Error(
        `operand ${i} of ${node.op} was ${printType(old.type)} and would become ${printType(operand.type)}`,
      );
    }
  });
  return { ...node, operands };
}

/**
 * The graph with every key of `replacements` replaced by its value, whose operands may themselves be replaced nodes.
 * Linear, without recursion. Returns the same object when nothing that the outputs need is replaced.
 */
export function mapGraph(graph: Graph, replacements: ReadonlyMap<Node, Node>): Graph {
  return rebuild(graph, replacements, new Map());
}

/**
 * The graph with every key of `values` replaced by its value, which is taken as it is: nothing below it is looked at, so the
 * time goes by the graph and not by what is put into it.
 */
export function substitute(graph: Graph, values: ReadonlyMap<Node, Node>): Graph {
  return rebuild(graph, new Map(), new Map(values));
}

/** @param done  nodes with their final form; it is added to */
function rebuild(graph: Graph, replacements: ReadonlyMap<Node, Node>, done: Map<Node, Node>): Graph {
  const resolve = (root: Node): Node => {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1] as Node;
      if (done.has(node)) {
        stack.pop();
        continue;
      }
      const replacement = replacements.get(node);
      const waiting = (replacement === undefined ? node.operands : [replacement]).filter((other) => !done.has(other));
      if (waiting.length > 0) {
        // Reversed, so that operands are finished in their own order.
        for (let i = waiting.length - 1; i >= 0; i--) stack.push(waiting[i] as Node);
        continue;
      }
      stack.pop();
      const finished =
        replacement === undefined
          ? withOperands(
              node,
              node.operands.map((operand) => done.get(operand) as Node),
            )
          : (done.get(replacement) as Node);
      done.set(node, finished);
    }
    return done.get(root) as Node;
  };
  const outputs = graph.outputs.map((output) => {
    const node = resolve(output.node);
    return node === output.node ? output : { ...output, node };
  });
  const inputs = graph.inputs.map(resolve);
  const parameters = graph.parameters.map(resolve);
  const same =
    outputs.every((output, i) => output === graph.outputs[i]) &&
    inputs.every((input, i) => input === graph.inputs[i]) &&
    parameters.every((parameter, i) => parameter === graph.parameters[i]);
  return same ? graph : { ...graph, inputs, parameters, outputs };
}
