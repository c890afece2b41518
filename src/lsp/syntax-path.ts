/** Which nodes of a syntax tree stand at a place of the text. */
import type { SourceFile } from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";

export interface TreeNode {
  readonly kind: string;
  readonly span: Span;
}

function isNode(value: unknown): value is TreeNode {
  return typeof value === "object" && value !== null && "kind" in value && "span" in value;
}

/** The children of a node that have a place in the text, in the order of the tree. */
export function childNodes(node: TreeNode): TreeNode[] {
  const found: TreeNode[] = [];
  const add = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) add(item);
    else if (isNode(value)) found.push(value);
  };
  for (const [key, value] of Object.entries(node)) if (key !== "span") add(value);
  return found;
}

/** Nodes around an offset, from the declaration inwards; one that ends at the offset counts when none goes on there. */
export function nodesAt(file: SourceFile, offset: number): readonly TreeNode[] {
  const path: TreeNode[] = [];
  let level: readonly TreeNode[] = [...file.imports, ...file.declarations];
  for (;;) {
    const next =
      level.find(({ span }) => span.start <= offset && offset < span.end) ??
      level.find(({ span }) => span.start <= offset && offset === span.end);
    if (next === undefined) return path;
    path.push(next);
    level = childNodes(next);
  }
}
