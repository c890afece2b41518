/** Scopes: what names mean at a place, innermost first. */
import type { Span } from "../ir/index.ts";
import type { Definition, ValueType } from "./checked-program.ts";
import type { Size } from "./size.ts";
import type { IndexBinder } from "./syntax-tree.ts";

/** An index while its definition is being checked; its range is found on the way. */
export interface IndexVariable {
  readonly name: string;
  /** Name under which it occurs in sizes (unique, printed without its suffix). */
  readonly atom: string;
  /** The binders it stands for: several when a definition has several targets, `let (h[t], c[t]) = …`. */
  readonly binders: IndexBinder[];
  range?: Size;
  /** What fixed the range, for messages. */
  source?: { readonly span: Span; readonly text: string };
  /** Set once something was reported, so that nothing else is. */
  failed: boolean;
  uses: number;
}

export type Binding =
  | { readonly kind: "value"; readonly definition: Definition; type: ValueType; readonly span?: Span }
  | { readonly kind: "index"; readonly variable: IndexVariable }
  | { readonly kind: "callable"; readonly definition: Definition; readonly span?: Span }
  /** A name on the left of the definition being checked: reading it makes a recurrence. */
  | { readonly kind: "defining"; readonly span: Span; used: boolean }
  /** Something was already reported about this name. */
  | { readonly kind: "unknown" };

export interface Scope {
  readonly names: Map<string, Binding>;
  readonly parent?: Scope;
  /** Where redeclaring a name is a mistake: blocks of one function. Scopes of files and modules may be shadowed. */
  readonly isFunctionLevel: boolean;
}

export function newScope(parent: Scope | undefined, isFunctionLevel: boolean): Scope {
  return { names: new Map(), parent, isFunctionLevel };
}

export function lookUp(scope: Scope | undefined, name: string): Binding | undefined {
  for (let current = scope; current !== undefined; current = current.parent) {
    const binding = current.names.get(name);
    if (binding !== undefined) return binding;
  }
  return undefined;
}

/** The binding that declaring `name` in this scope would collide with. */
export function findCollision(scope: Scope, name: string): Binding | undefined {
  for (let current: Scope | undefined = scope; current?.isFunctionLevel; current = current.parent) {
    const binding = current.names.get(name);
    if (binding !== undefined && binding.kind !== "index" && binding.kind !== "defining") return binding;
  }
  return undefined;
}

/** All names visible from a scope. */
export function visibleNames(scope: Scope): Set<string> {
  const names = new Set<string>();
  for (let current: Scope | undefined = scope; current !== undefined; current = current.parent) {
    for (const name of current.names.keys()) names.add(name);
  }
  return names;
}

/** All indices visible from a scope, outermost last. */
export function visibleIndices(scope: Scope): IndexVariable[] {
  const found: IndexVariable[] = [];
  for (let current: Scope | undefined = scope; current !== undefined; current = current.parent) {
    for (const binding of current.names.values()) if (binding.kind === "index") found.push(binding.variable);
  }
  return found;
}
