/** The declarations of a file as a tree, for outlines and for finding symbols by name. */
import type { Declaration, Member, SourceFile } from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";

export type OutlineKind =
  | "function"
  | "entry"
  | "extern"
  | "module"
  | "model"
  | "preset"
  | "param"
  | "buffer"
  | "sub"
  | "constant";

export interface OutlineItem {
  readonly name: string;
  readonly kind: OutlineKind;
  /** What follows the name in a list: the module of a `sub`. */
  readonly detail?: string;
  readonly span: Span;
  /** Where the name stands. */
  readonly nameSpan: Span;
  readonly children: readonly OutlineItem[];
}

export function outlineOf(file: SourceFile): readonly OutlineItem[] {
  return file.declarations.map(itemOf);
}

function itemOf(declaration: Declaration): OutlineItem {
  const base = { name: declaration.name.name, span: declaration.span, nameSpan: declaration.name.span };
  switch (declaration.kind) {
    case "function":
      return { ...base, kind: declaration.role, children: [] };
    case "extern":
    case "preset":
      return { ...base, kind: declaration.kind, children: [] };
    case "module":
      return { ...base, kind: declaration.role, children: declaration.members.flatMap(memberItems) };
  }
}

function memberItems(member: Member): OutlineItem[] {
  switch (member.kind) {
    case "require":
      return [];
    case "let":
      return member.targets.map(({ name }) => ({
        name: name.name,
        kind: "constant",
        span: member.span,
        nameSpan: name.span,
        children: [],
      }));
    case "tensor":
      return [
        { name: member.name.name, kind: member.role, span: member.span, nameSpan: member.name.span, children: [] },
      ];
    case "sub":
      return [
        {
          name: member.name.name,
          kind: "sub",
          detail: member.module.name,
          span: member.span,
          nameSpan: member.name.span,
          children: [],
        },
      ];
    case "function":
    case "preset":
      return [itemOf(member)];
  }
}
