/** The outputs of an entry that is trained: those that its text declares, and its loss. */
import { elementCount, type Graph, type GraphOutput, type Node, sameShape } from "../ir/index.ts";
import { stepBuilder } from "./step-builder.ts";

/** The request does not fit the entry: a parameter of a type that is not trained, an update of another type. */
export class TrainStepError extends Error {
  override readonly name = "TrainStepError";
}

/** True for the results that a text declares; those added to them are called `gradient(w)`, `written(buffer)`. */
export function isWrittenByAuthor(output: string): boolean {
  return !output.includes("(");
}

/** The node of an output. @throws TrainStepError when there is none of that name */
export function outputOf(graph: Graph, name: string): Node {
  const output = graph.outputs.find((each) => each.name === name);
  if (output !== undefined) return output.node;
  const known = graph.outputs.map((each) => each.name).filter(isWrittenByAuthor);
  throw new TrainStepError(`${graph.name} has no output ${name}; it has ${known.join(", ")}`);
}

/**
 * The graph with the mean over all axes of the output `name`, and of other outputs of those axes alone: the loss of an entry over one
 * example that is mapped over a batch.
 */
export function averaged(graph: Graph, name: string): Graph {
  const shape = outputOf(graph, name).type.shape;
  const count = elementCount(shape);
  if (shape.length === 0) return graph;
  const outputs = graph.outputs.map((output): GraphOutput => {
    const { type, origins } = output.node;
    if (type.dtype !== "f32" || !sameShape(type.shape, shape) || !isWrittenByAuthor(output.name)) return output;
    const build = stepBuilder({ ...output.node, origins });
    const names = shape.map((_, axis) => `i${axis}`);
    const sum = build.node("sum", [output.node], { spec: `${names.join(" ")} -> ` });
    return { name: output.name, node: build.apply("mul", sum, build.constant(1 / count)) };
  });
  return { ...graph, outputs };
}
