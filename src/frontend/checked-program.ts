/**
 * What the checker found out about a syntax tree: definitions, types, index ranges, solved sizes. Elaboration, the editor
 * and the formatter read these tables; all are keyed by the identity of syntax nodes.
 *
 * Functions and modules are checked once, in their generic text. Every `Size` is a polynomial over the names in scope at the
 * node: module parameters, generics, `size` parameters and loop variables. Module and function `let`s that are sizes have
 * been replaced by their values. To elaborate, evaluate sizes under the numbers bound to those names (`evaluateSize`).
 */
import type { DType } from "../ir/index.ts";
import type { BodyMemory } from "./body-memory.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Size } from "./size.ts";
import type {
  Argument,
  BindingTarget,
  CallExpression,
  Expression,
  ExternDeclaration,
  ForStatement,
  FunctionDeclaration,
  Identifier,
  IndexBinder,
  InitialValue,
  LetStatement,
  ModuleDeclaration,
  NameExpression,
  Parameter,
  PresetDeclaration,
  SourceFile,
  SubMember,
  SubscriptExpression,
  TargetSubscript,
  TensorMember,
  TypeExpression,
} from "./syntax-tree.ts";

/**
 * An element type. `integer` and `real` belong to numbers that have not met a concrete type: literals, sizes and indices
 * (`integer`), and what division or a literal with a point makes of them (`real`). They take the type of whatever they are
 * combined with; where nothing decides, `integer` becomes i32 and `real` f32. `below` marks `idx<below>` (dtype i32).
 */
export interface ElementType {
  readonly dtype: DType | "integer" | "real";
  readonly below?: Size;
}

/**
 * A numeric value: element type and positional axes, outermost first. Free indices are no part of the type; they are
 * the `IndexBinder`s in scope that the expression uses.
 */
export interface TensorValueType {
  readonly kind: "tensor";
  readonly element: ElementType;
  readonly dims: readonly Size[];
  /** Present when the value is a compile-time size (a literal, a size name, arithmetic on these). */
  readonly size?: Size;
  /** True when the value is known once sizes and module parameters are: it may stand in `if … { }` and as an argument of a module. */
  readonly constant?: boolean;
}

export type ValueType =
  | TensorValueType
  | { readonly kind: "tuple"; readonly items: readonly TensorValueType[] }
  /** A module instance (`elements` all given) or an array of them, reached from the module in which the expression stands. */
  | {
      readonly kind: "instance";
      readonly path: InstancePath;
      readonly module: ModuleDeclaration;
      readonly missing: number;
    }
  /** An error was reported inside; everything that depends on it stays silent. */
  | { readonly kind: "unknown" };

/** Sub modules from the enclosing module inwards, with the element chosen in each array; empty means the module itself. */
export type InstancePath = readonly { readonly sub: SubMember; readonly elements: readonly Expression[] }[];

/** What a name stands for where it is used. */
export type Definition =
  | { readonly kind: "index"; readonly binder: IndexBinder }
  /** A `let`, also after rebinding: the target that introduced the name. */
  | { readonly kind: "local"; readonly target: BindingTarget }
  | {
      readonly kind: "parameter";
      readonly parameter: Parameter;
      readonly of: FunctionDeclaration | ModuleDeclaration | ExternDeclaration;
    }
  | { readonly kind: "generic"; readonly name: Identifier; readonly of: FunctionDeclaration | ExternDeclaration }
  | { readonly kind: "loop"; readonly statement: ForStatement }
  | { readonly kind: "tensor"; readonly member: TensorMember; readonly of: ModuleDeclaration }
  | { readonly kind: "sub"; readonly member: SubMember; readonly of: ModuleDeclaration }
  | { readonly kind: "function"; readonly declaration: FunctionDeclaration; readonly of?: ModuleDeclaration }
  | { readonly kind: "extern"; readonly declaration: ExternDeclaration }
  | { readonly kind: "module"; readonly declaration: ModuleDeclaration }
  | { readonly kind: "builtin"; readonly name: string }
  /** `inf`, `pi`, `π`, `training`. */
  | { readonly kind: "constant"; readonly name: string };

/** What a call does. */
export type CallResolution =
  /** An elementwise built-in of the operation registry; arguments are scalars or have the result's dims. */
  | { readonly kind: "builtin"; readonly name: string }
  /** `f32(x)`, `i32(x)`, … */
  | { readonly kind: "cast"; readonly to: DType }
  /** `concat[c](a, b, …)`: each argument binds its own `c`, with ranges `extents`; the result walks the outer index. */
  | {
      readonly kind: "concat";
      readonly axis: IndexBinder;
      readonly outer: IndexBinder;
      readonly extents: readonly Size[];
    }
  /** `uniform_like(x, seed)`: a random number for each element. */
  | { readonly kind: "random" }
  /** `rising_order(x)`: the places of the elements along the last axis, in their order. */
  | { readonly kind: "order"; readonly descending: boolean }
  /** An initialiser of a `param` or `buffer` (the IR has the table); `arguments` by parameter name, defaults left out. */
  | { readonly kind: "initialiser"; readonly name: string; readonly arguments: ReadonlyMap<string, Expression> }
  | ExternCall
  | FunctionCall;

/** A call of a hand-written kernel: `arguments` one per parameter, `sizes` of its generics and `size` parameters. */
export interface ExternCall {
  readonly kind: "extern";
  readonly declaration: ExternDeclaration;
  readonly arguments: readonly (Argument | undefined)[];
  readonly sizes: ReadonlyMap<string, Size>;
}

/** What an `extern wgsl` declares besides its types; sizes are in its own generics. */
export interface ExternKernel {
  /** Workgroups along x, y and z; those not given are 1. */
  readonly dispatch: readonly Size[];
  /** Floating-point operations. */
  readonly cost?: Size;
  readonly reference: FunctionDeclaration;
  readonly source: string;
}

export interface FunctionCall {
  readonly kind: "function";
  readonly declaration: FunctionDeclaration;
  /** For methods: the instance, reached from the module in which the call stands. */
  readonly instance?: InstancePath;
  /** One entry per declared parameter; undefined where its default is used. */
  readonly arguments: readonly (Argument | undefined)[];
  /** Solved generics and `size` parameters of the callee, in the caller's names. */
  readonly sizes: ReadonlyMap<string, Size>;
  /** Leading positional dims over which the call maps; arguments without them are the same for every element. */
  readonly mapped: readonly Size[];
  /**
   * For `f[j](…)`, one entry per bracket name: `inner` is bound as the last positional axis of the argument (several names give
   * the last axes in order); the result's last axes go back to `outer`, absent where the function consumed the axis.
   */
  readonly axes: readonly { readonly inner: IndexBinder; readonly outer?: IndexBinder }[];
}

/** A sub module's resolved module and the sizes of its parameters in the enclosing module's names. */
export interface SubResolution {
  readonly module: ModuleDeclaration;
  /** Every `size` parameter, defaults included. */
  readonly sizes: ReadonlyMap<string, Size>;
  /** Every parameter: the expression given (in the enclosing module's names), or the default (in the module's own). */
  readonly values: ReadonlyMap<string, { readonly expression: Expression; readonly isDefault: boolean }>;
  /** First element and the one after the last, for each axis of an array. */
  readonly counts: readonly { readonly start: Size; readonly end: Size }[];
}

/** A definition that reads its own values of earlier steps: `let h[t] = … h[t-1] … where h[-1] = h0`. */
export interface Recurrence {
  /** The index that counts steps. */
  readonly index: IndexBinder;
  /** `up` from 0 to the last place, or `down` from the last to 0. */
  readonly direction: "up" | "down";
  readonly targets: readonly RecurrentTarget[];
}

/** One name that a recurrence defines. */
export interface RecurrentTarget {
  readonly target: BindingTarget;
  /** Which of its axes the steps walk. */
  readonly axis: number;
  /** Number of earlier steps that a step needs of it; 0 when it is not read. */
  readonly distance: number;
  /** For distances 1, 2, … what it is before the first step; undefined where only guarded reads (`else`) reach. */
  readonly initial: readonly (InitialValue | undefined)[];
}

/** `h[t-1]` inside the definition of `h[t]`. */
export interface RecurrentRead {
  readonly target: BindingTarget;
  /** Which of the target's axes the steps walk. */
  readonly axis: number;
  /** Steps back, at least 1. */
  readonly distance: number;
}

/** `@approx(favor, features: 256, seed: 1)`: compile-time numbers, absent where the compiler chooses. */
export interface ApproximationRequest {
  readonly method: string;
  readonly features?: Expression;
  readonly seed?: Expression;
}

/** What stands in the computed places of a left side, `P[t, 2*c]` or `Y[I[n], c]`. */
export interface ComputedPlaces {
  /** The indices that occur only in computed places; they have no binder in the text. */
  readonly binders: readonly IndexBinder[];
  /** Length of each axis that has a computed place. */
  readonly lengths: ReadonlyMap<TargetSubscript, Size>;
}

export interface CheckTables {
  /** Range of every index: it runs from 0 to the size minus one. */
  readonly ranges: ReadonlyMap<IndexBinder, Size>;
  readonly types: ReadonlyMap<Expression, ValueType>;
  /** Value type of each defined name. */
  readonly targets: ReadonlyMap<BindingTarget, ValueType>;
  /** Resolved declared types: parameters, results, `param` and `buffer`. */
  readonly declared: ReadonlyMap<TypeExpression, TensorValueType>;
  readonly uses: ReadonlyMap<NameExpression | Identifier, Definition>;
  readonly externs: ReadonlyMap<ExternDeclaration, ExternKernel>;
  /** `@approx(…)` on calls. */
  readonly approximations: ReadonlyMap<CallExpression, ApproximationRequest>;
  /** Targets with computed places. */
  readonly places: ReadonlyMap<BindingTarget, ComputedPlaces>;
  readonly calls: ReadonlyMap<CallExpression, CallResolution>;
  readonly recurrences: ReadonlyMap<LetStatement, Recurrence>;
  /** Reads of a recurrence's own values, inside of it. */
  readonly recurrentReads: ReadonlyMap<SubscriptExpression, RecurrentRead>;
  readonly subs: ReadonlyMap<SubMember, SubResolution>;
  /** Settings of a preset with the model they belong to. */
  readonly presets: ReadonlyMap<PresetDeclaration, ModuleDeclaration>;
}

export interface CheckedProgram {
  /** The file asked for first, then everything it uses, the prelude included. */
  readonly files: readonly SourceFile[];
  /** Text of each file by path, for rendering diagnostics. */
  readonly sources: ReadonlyMap<string, string>;
  /** Names a user of the first file can ask for: its functions, modules and models (imports are not among them). */
  readonly declarations: ReadonlyMap<string, FunctionDeclaration | ModuleDeclaration | ExternDeclaration>;
  readonly tables: CheckTables;
  /** In source order; empty of errors means that elaboration may go ahead. */
  readonly diagnostics: readonly Diagnostic[];
  /** For the next check, where this one was given the memory of an earlier. */
  readonly memory?: BodyMemory;
  /**
   * Checks those bodies that were known to be sound and have nothing in the tables: all, or those that are wanted. There is nothing to do
   * without an earlier check.
   */
  readonly fillTables: (isWanted?: (declaration: FunctionDeclaration) => boolean) => void;
}

/** One built-in scalar function, as the operation registry describes it. */
export interface Builtin {
  readonly arity: number;
  /**
   * What it takes: `float` (integers are converted), `number`, `integer`, or `boolean`. The result has the element type
   * of the arguments.
   */
  readonly domain: "float" | "number" | "integer" | "boolean";
}

/** The scalar functions of the language by name. */
export type Builtins = ReadonlyMap<string, Builtin>;

export interface CheckOptions {
  readonly builtins: Builtins;
  /** Text of a source file by normalised path (`std/prelude.weft`, `models/performer/performer.weft`), or undefined. */
  readonly readSource: (path: string) => string | undefined;
  /** What an earlier check of nearly the same text remembers: bodies known to be sound are not checked again. */
  readonly before?: BodyMemory;
}
