/** Scopes: what names mean at a place, innermost first. */
import type { Span } from "../ir/index.ts";
import type { Definition, ElementType, ValueType } from "./checked-program.ts";
import type { Size } from "./size.ts";
import type { BindingTarget, Expression, IndexBinder, SubscriptExpression } from "./syntax-tree.ts";

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

/** One read of what is being defined. */
export interface CarriedRead {
  readonly expression: SubscriptExpression;
  /** The subscript that says which step. */
  readonly place: Expression;
  /** True with `else`. */
  readonly guarded: boolean;
  /** The step read minus the step being computed; undefined where that is no arithmetic on sizes and indices. */
  readonly offset: Size | undefined;
}

/** What is assumed of a name while the recurrence that defines it is being checked, and where it is read. */
export interface CarriedValue {
  readonly target: BindingTarget;
  /** The index that counts steps, and which axis of the target it walks. */
  readonly time: IndexVariable;
  readonly axis: number;
  /** The target's own index at each of its axes; undefined at groups and `:`. */
  readonly indices: readonly (IndexVariable | undefined)[];
  /** Undefined while nothing is known of it. */
  readonly element: ElementType | undefined;
  /** The compile-time number it starts with, in the first look, which only finds types. */
  readonly size: Size | undefined;
  /** Sizes of the axes as far as they are known by now; undefined while even their number is not. */
  readonly dims: () => readonly (Size | undefined)[] | undefined;
  readonly reads: CarriedRead[];
  /** Set when a read met an axis of unknown size. */
  incomplete: boolean;
}

export type Binding =
  | { readonly kind: "value"; readonly definition: Definition; type: ValueType; readonly span?: Span }
  | { readonly kind: "index"; readonly variable: IndexVariable }
  | { readonly kind: "callable"; readonly definition: Definition; readonly span?: Span }
  /** A name on the left of the definition being checked: reading it makes a recurrence. */
  | { readonly kind: "defining"; readonly span: Span; used: boolean; readonly carried?: CarriedValue }
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
