/** Casts that only make elements larger: free where they are read, wasteful where they are stored. */
import { byteSize, type Node } from "../ir/index.ts";

/** True for a cast to a type of more bytes, such as f16 to f32. */
export function isWidening(node: Node): boolean {
  const [operand] = node.operands;
  return node.op === "cast" && operand !== undefined && byteSize(node.type.dtype) > byteSize(operand.type.dtype);
}
