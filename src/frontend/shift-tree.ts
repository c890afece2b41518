/** A syntax tree at another place of the text. */
import type { Span } from "../ir/index.ts";

/** How far a tree moves: whole lines, so that columns stay. */
export interface Shift {
  readonly characters: number;
  readonly lines: number;
}

/**
 * A copy of a tree, every node new, with all its spans moved; shared parts of the tree stay shared. The bodies of functions, most of a file, are
 * copied when they are first read: after an edit hardly any is.
 */
export function shiftTree<T extends object>(tree: T, shift: Shift): T {
  const copies = new Map<object, object>();
  const copy = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const known = copies.get(value);
    if (known !== undefined) return known;
    if (Array.isArray(value)) {
      const list: unknown[] = [];
      copies.set(value, list);
      for (const item of value) list.push(copy(item));
      return list;
    }
    if (isSpan(value)) {
      return {
        file: value.file,
        start: value.start + shift.characters,
        end: value.end + shift.characters,
        line: value.line + shift.lines,
        column: value.column,
      } satisfies Span;
    }
    const node: Record<string, unknown> = {};
    copies.set(value, node);
    const isFunction = "kind" in value && value.kind === "function";
    for (const key in value) {
      if (isFunction && key === "body") copyWhenRead(node, key, value as Record<string, object>, shift);
      else node[key] = copy((value as Record<string, unknown>)[key]);
    }
    return node;
  };
  return copy(tree) as T;
}

function copyWhenRead(node: object, key: string, from: Readonly<Record<string, object>>, shift: Shift): void {
  let copied: object | undefined;
  Object.defineProperty(node, key, {
    enumerable: true,
    get: () => {
      copied ??= shiftTree(from[key] as object, shift);
      return copied;
    },
  });
}

function isSpan(value: object): value is Span {
  return "column" in value;
}
