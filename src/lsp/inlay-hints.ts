/** Types that nobody wrote down: behind the left side of every `let` the type that its value has. */

import { type BindingTarget, type LetStatement, printSize } from "../frontend/index.ts";
import { typeOfLocal } from "./describe.ts";
import { childNodes, type TreeNode } from "./syntax-path.ts";
import type { ProgramView } from "./workspace.ts";

export interface InlayHint {
  readonly offset: number;
  readonly text: string;
}

/** Hints between two offsets of the program's first file. */
export function inlayHints({ program }: ProgramView, start: number, end: number): readonly InlayHint[] {
  const [file] = program.files;
  program.fillTables(({ span }) => span.file === file?.path && span.start <= end && span.end >= start);
  const hints: InlayHint[] = [];
  const add = (target: BindingTarget) => {
    const type = typeOfLocal(program, target);
    if (type === undefined) return;
    const value = program.tables.targets.get(target);
    const size = value?.kind === "tensor" ? value.size : undefined;
    hints.push({ offset: target.span.end, text: size === undefined ? `: ${type}` : `: size = ${printSize(size)}` });
  };
  const visit = (node: TreeNode): void => {
    if (node.span.end < start || node.span.start > end) return;
    if (node.kind === "let") for (const target of (node as LetStatement).targets) add(target);
    else if (node.kind === "placed") {
      const [first] = (node as TreeNode & { readonly parts: readonly { readonly target: BindingTarget }[] }).parts;
      if (first !== undefined) add(first.target);
    } else if (node.kind === "accumulate") {
      const statement = node as TreeNode & { readonly fresh: boolean; readonly target: BindingTarget };
      if (statement.fresh) add(statement.target);
    } else for (const child of childNodes(node)) visit(child);
  };
  for (const declaration of file?.declarations ?? []) visit(declaration);
  return hints.filter(({ offset }) => start <= offset && offset <= end);
}
