/** What the actions of the tree builder share: children, places, and the limits on what is taken. */
import type { Node as OhmNode } from "ohm-js";
import type { Span } from "../ir/index.ts";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import type * as tree from "./syntax-tree.ts";

/** Where the nodes of one match lie in the file, and where doc comments are looked up. Offsets are the match's own. */
export interface Placement {
  readonly span: (start: number, end: number) => Span;
  readonly docAbove: (offset: number) => string | undefined;
}

/** Deepest expression that later stages, which recurse, must be able to take. */
export const deepestExpression = 400;

/** Thrown for input that fits the grammar but is refused; parse.ts reports its diagnostic and skips the declaration. */
export class RefusedSyntax extends Error {
  override readonly name = "RefusedSyntax";
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.title);
    this.diagnostic = diagnostic;
  }
}

/** How actions reach children and places. */
export interface TreeTools {
  /** Set before each match is built. */
  place: Placement;
  readonly span: (node: OhmNode) => Span;
  readonly spanOf: (start: number, end: number) => Span;
  readonly build: <T>(node: OhmNode) => T;
  /** Items of a list rule or of a repetition. */
  readonly all: <T>(node: OhmNode) => T[];
  readonly optional: <T>(node: OhmNode) => T | undefined;
  readonly doc: (node: OhmNode) => string | undefined;
  /** Registers the depth of a new expression and refuses one that is too deep. */
  readonly expression: <T extends tree.Expression>(node: T, children: readonly tree.Expression[]) => T;
}

export function newTreeTools(): TreeTools {
  const depths = new WeakMap<object, number>();
  const nowhere = (): never => {
    throw new Error("no match is being built");
  };
  const build = <T>(node: OhmNode): T => node.tree() as T;
  const tools: TreeTools = {
    place: { span: nowhere, docAbove: nowhere },
    span: (node) => tools.place.span(node.source.startIdx, node.source.endIdx),
    spanOf: (start, end) => tools.place.span(start, end),
    build,
    all: <T>(node: OhmNode) => {
      const items = node.isIteration() ? node.children : node.asIteration().children;
      return items.map((child) => build<T>(child));
    },
    optional: <T>(node: OhmNode) => {
      const child = node.children[0];
      return child === undefined ? undefined : build<T>(child);
    },
    doc: (node) => tools.place.docAbove(node.source.startIdx),
    expression: (node, children) => {
      const depth = 1 + Math.max(0, ...children.map((child) => depths.get(child) ?? 0));
      if (depth > deepestExpression) {
        throw new RefusedSyntax(
          errorAt(node.span, "limit/nesting", `this expression is more than ${deepestExpression} operations deep`, {
            help: ["Give parts of it names with `let`."],
          }),
        );
      }
      depths.set(node, depth);
      return node;
    },
  };
  return tools;
}
