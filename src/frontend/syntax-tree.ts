/**
 * The syntax tree: what the author wrote, without the spelling. Every node has its span; nothing here is resolved.
 *
 * The checker never changes the tree. What it finds out (definitions, types, ranges, solved sizes) it writes into tables
 * keyed by these very objects (checked-program.ts), so nodes must be told apart by identity and never copied.
 */
import type { Span } from "../ir/index.ts";

/** A name where it is declared or used as a label; `name` is in Unicode normal form C. */
export interface Identifier {
  readonly kind: "identifier";
  readonly name: string;
  readonly span: Span;
}

/** A generic size, `L`; `batch B` is the axis of examples, over which nothing may be mapped while training. */
export interface Generic extends Identifier {
  readonly isBatch?: boolean;
}

/** A string literal; `value` has escapes resolved (raw for `"""…"""`). */
export interface StringLiteral {
  readonly kind: "string";
  readonly value: string;
  readonly span: Span;
}

// ── Files and declarations ─────────────────────────────────────────────────────────────────────────────────────────

export interface SourceFile {
  readonly kind: "file";
  /** The path under which the source was read; also `span.file` of everything inside. */
  readonly path: string;
  readonly imports: readonly ImportDeclaration[];
  readonly declarations: readonly Declaration[];
  readonly span: Span;
}

/** `use std/nn: Linear, LayerNorm` or `use ./features: positive_features`. */
export interface ImportDeclaration {
  readonly kind: "import";
  /** As written: `std/nn`, `./features`, `../shared/bert`. */
  readonly path: string;
  readonly pathSpan: Span;
  readonly names: readonly Identifier[];
  readonly span: Span;
}

export type Declaration = FunctionDeclaration | ModuleDeclaration | PresetDeclaration | ExternDeclaration;

/**
 * `fn name<L, d>(x: f32[L, d], eps: f32 = 1e-5) -> f32[L, d] { … }`, the same in a module (a method, `forward` being what
 * a call of the instance means), or `entry` in a model. `fn f(x: f32) -> f32 = expr` is kept as one `return`.
 */
export interface FunctionDeclaration {
  readonly kind: "function";
  readonly role: "function" | "entry";
  readonly name: Identifier;
  readonly generics: readonly Generic[];
  readonly parameters: readonly Parameter[];
  /** One element, or several for `-> (a: f32[n], b: f32)`. */
  readonly results: readonly ResultDeclaration[];
  readonly body: readonly Statement[];
  /** True when written as `= expr`; `body` is then one `return`. */
  readonly equation: boolean;
  readonly doc?: string;
  /** From the keyword to the end of the body. */
  readonly span: Span;
}

/** A parameter of a function, module or model. The default is a compile-time constant. */
export interface Parameter {
  readonly kind: "parameter";
  readonly name: Identifier;
  readonly type: TypeExpression;
  readonly default?: Expression;
  readonly span: Span;
}

export interface ResultDeclaration {
  readonly kind: "result";
  readonly name?: Identifier;
  readonly type: TypeExpression;
  readonly span: Span;
}

/** `f32[L, d]`, `idx<vocab>[L]`, `bool`, `size`. `dims` are size expressions, outermost first, empty for a scalar. */
export interface TypeExpression {
  readonly kind: "type";
  readonly element: ElementTypeExpression;
  readonly dims: readonly Expression[];
  readonly span: Span;
}

/** `named` covers every spelling without arguments: `f32`, `size`, or a mistake, which the checker reports. */
export type ElementTypeExpression =
  | { readonly kind: "named"; readonly name: string; readonly span: Span }
  | { readonly kind: "index"; readonly below: Expression; readonly span: Span };

/** A `module`, or a `model`, which is a module that may have entries and presets. */
export interface ModuleDeclaration {
  readonly kind: "module";
  readonly role: "module" | "model";
  readonly name: Identifier;
  /** Types `size`, `f32` or `bool`, all compile-time. */
  readonly parameters: readonly Parameter[];
  readonly members: readonly Member[];
  readonly doc?: string;
  readonly span: Span;
}

/** In source order; `let` and `require` here speak about module parameters only (compile-time). */
export type Member =
  | TensorMember
  | SubMember
  | FunctionDeclaration
  | PresetDeclaration
  | LetStatement
  | RequireStatement;

/** `param weight: f32[out, in] = kaiming_uniform(fan_in: in)`, `buffer mean as "running.mean": f32[d] = zeros()`. */
export interface TensorMember {
  readonly kind: "tensor";
  readonly role: "param" | "buffer";
  readonly name: Identifier;
  /** Path component(s) used in checkpoints instead of the name. */
  readonly path?: StringLiteral;
  readonly type: TypeExpression;
  readonly initialiser?: Expression;
  /** `param bias: f32[n] = zeros() if biased`: the instance has it only where this holds. */
  readonly presence?: Expression;
  readonly doc?: string;
  readonly span: Span;
}

/** `sub attention as "0.fn": Attention(d, heads)` or an array `sub layer: EncoderLayer(d, heads)[layers]`. */
export interface SubMember {
  readonly kind: "sub";
  readonly name: Identifier;
  readonly path?: StringLiteral;
  /** Name of the module or model. */
  readonly module: Identifier;
  readonly arguments: readonly Argument[];
  /** Empty for a single instance; one entry for an array, whose elements' paths are `name.0`, `name.1`, … */
  readonly counts: readonly InstanceCount[];
  /** `sub shortcut: Projection(n) if n > 1`: the instance has it only where this holds. */
  readonly presence?: Expression;
  readonly doc?: string;
  readonly span: Span;
}

/** `[layers]` or `[1..layers]`: elements `start` (0 when left out) to `end - 1`. */
export interface InstanceCount {
  readonly kind: "count";
  readonly start?: Expression;
  readonly end: Expression;
  readonly span: Span;
}

/** `preset tiny { d = 64 }` in a model or after it, or `preset tiny of Performer { d = 64 }` anywhere in the file. */
export interface PresetDeclaration {
  readonly kind: "preset";
  readonly name: Identifier;
  /** The model; absent inside a model, or when the nearest model above is meant. */
  readonly model?: Identifier;
  readonly settings: readonly PresetSetting[];
  readonly doc?: string;
  readonly span: Span;
}

export interface PresetSetting {
  readonly kind: "setting";
  readonly name: Identifier;
  readonly value: Expression;
  readonly span: Span;
}

/** `extern wgsl fn name<…>(…) -> type { dispatch = (…), cost = …, reference = name, source = """…""" }`. */
export interface ExternDeclaration {
  readonly kind: "extern";
  readonly name: Identifier;
  readonly generics: readonly Generic[];
  readonly parameters: readonly Parameter[];
  readonly results: readonly ResultDeclaration[];
  readonly fields: readonly ExternField[];
  readonly doc?: string;
  readonly span: Span;
}

export interface ExternField {
  readonly kind: "field";
  readonly name: Identifier;
  readonly value: Expression | StringLiteral;
  readonly span: Span;
}

// ── Statements ─────────────────────────────────────────────────────────────────────────────────────────────────────

export type Statement =
  | LetStatement
  | PlacedStatement
  | AssignStatement
  | AccumulateStatement
  | ReturnStatement
  | ForStatement
  | IfStatement
  | RequireStatement;

/**
 * `let Y[i, c] = expr`, `let x = expr`, `let (a, b) = f(x)`, and recurrences
 * `let (h[t], c[t]) = … where h[-1] = h0, c[-1] = c0`.
 */
export interface LetStatement {
  readonly kind: "let";
  /** One target, or several when written in parentheses (then the value is a tuple). */
  readonly targets: readonly BindingTarget[];
  readonly value: Expression;
  readonly initial: readonly InitialValue[];
  readonly span: Span;
}

/** `x = expr` or `x[i, c] = expr`: a new value for a name already in scope, of the same type. */
export interface AssignStatement {
  readonly kind: "assign";
  readonly target: BindingTarget;
  readonly value: Expression;
  readonly span: Span;
}

/**
 * `let P[t, 2*c] = …, P[t, 2*c + 1] = …`: one tensor in parts, which together fill every place once. A `let` with a single
 * computed place is a `LetStatement`.
 */
export interface PlacedStatement {
  readonly kind: "placed";
  readonly parts: readonly Placement[];
  readonly span: Span;
}

export interface Placement {
  readonly kind: "placement";
  readonly target: BindingTarget;
  readonly value: Expression;
  readonly span: Span;
}

/** `Y[I[n], c] += expr`: scatter; `let Y[I[n], c] += expr` starts from zeros. */
export interface AccumulateStatement {
  readonly kind: "accumulate";
  /** True with `let`: the name is new. */
  readonly fresh: boolean;
  readonly target: BindingTarget;
  readonly value: Expression;
  readonly span: Span;
}

export interface ReturnStatement {
  readonly kind: "return";
  readonly value: Expression;
  readonly span: Span;
}

/** `for l in 0..layers { … }`: unrolled; `variable` is a size in the body, from `from` to `to - 1`. */
export interface ForStatement {
  readonly kind: "for";
  readonly variable: Identifier;
  readonly from: Expression;
  readonly to: Expression;
  readonly body: readonly Statement[];
  readonly span: Span;
}

/** `if causal { … } else { … }` on a compile-time condition. `else if` is an `otherwise` of one `if`. */
export interface IfStatement {
  readonly kind: "if";
  readonly condition: Expression;
  readonly then: readonly Statement[];
  readonly otherwise?: readonly Statement[];
  readonly span: Span;
}

/** `require d % H == 0`: a fact about sizes, used by the checker, verified when the sizes become numbers. */
export interface RequireStatement {
  readonly kind: "require";
  readonly condition: Expression;
  readonly span: Span;
}

/** The left side of a definition. No `subscripts` means the whole value; `x[]` is not written. */
export interface BindingTarget {
  readonly kind: "target";
  readonly name: Identifier;
  readonly subscripts?: readonly TargetSubscript[];
  readonly span: Span;
}

/**
 * A left-side subscript: an index that the definition binds, `(h c)` (row-major grouping, one axis), `:` (an axis that the
 * value still has as a position), or a computed place as in `PE[t, 2*c]` or `Y[I[n]] += …`, with the length of its axis where
 * that is stated: `PE[t, 2*c: d]`.
 */
export type TargetSubscript =
  | IndexBinder
  | { readonly kind: "group"; readonly indices: readonly IndexBinder[]; readonly span: Span }
  | { readonly kind: "all"; readonly span: Span }
  | {
      readonly kind: "at";
      readonly expression: Expression;
      readonly length?: Expression;
      readonly span: Span;
    };

/**
 * An index with its scope: on the left of a definition, in a reduction, or in `f[j](…)`.
 *
 * `range` is written `y: H`; `predicate` restricts the range, `j: j <= i` (or both, `j: L where j <= i`). A colon followed
 * by pure size arithmetic is a range, anything else a predicate.
 */
export interface IndexBinder {
  readonly kind: "index";
  readonly name: Identifier;
  readonly range?: Expression;
  readonly predicate?: Expression;
  readonly span: Span;
}

/** One `h[-1] = h0` of a `where`. */
export interface InitialValue {
  readonly kind: "initial";
  readonly name: Identifier;
  readonly subscripts: readonly Expression[];
  readonly value: Expression;
  readonly span: Span;
}

// ── Expressions ────────────────────────────────────────────────────────────────────────────────────────────────────

export type Expression =
  | NumberExpression
  | BooleanExpression
  | NameExpression
  | MemberExpression
  | SubscriptExpression
  | CallExpression
  | ReduceExpression
  | UnaryExpression
  | BinaryExpression
  | ConditionalExpression
  | ListExpression
  | ConcatExpression
  | TupleExpression;

export interface NumberExpression {
  readonly kind: "number";
  readonly value: number;
  /** True when written without point and exponent; `value` is then a safe integer. */
  readonly integer: boolean;
  readonly span: Span;
}

export interface BooleanExpression {
  readonly kind: "boolean";
  readonly value: boolean;
  readonly span: Span;
}

export interface NameExpression {
  readonly kind: "name";
  readonly name: string;
  readonly span: Span;
}

/** `embed.weight`, `decoder.step`. */
export interface MemberExpression {
  readonly kind: "member";
  readonly object: Expression;
  readonly member: Identifier;
  readonly span: Span;
}

/** `X[c, 2*y + ky - 1] else 0`: fewer subscripts than axes leave the last axes as positions. */
export interface SubscriptExpression {
  readonly kind: "subscript";
  readonly object: Expression;
  readonly subscripts: readonly Subscript[];
  /** Value where a subscript is out of bounds. */
  readonly otherwise?: Expression;
  readonly span: Span;
}

/** `at` an integer expression, `all` (`:`), or `group` (`(h c)`: one axis read as row-major grouping of several indices). */
export type Subscript =
  | { readonly kind: "at"; readonly expression: Expression; readonly span: Span }
  | { readonly kind: "all"; readonly span: Span }
  | { readonly kind: "group"; readonly indices: readonly GroupedIndex[]; readonly span: Span };

/** One index inside `(h c)` on the right, a use of an index bound elsewhere; `(h: H c)` also states its range. */
export interface GroupedIndex {
  readonly kind: "grouped";
  readonly name: NameExpression;
  readonly range?: Expression;
  readonly span: Span;
}

/**
 * `f(a, b: 2)`, `f[j: j <= i](expr)`, `layer[l](x)`, `concat[c](a, b)`, `f32(x)`.
 *
 * `axes` is what stands in brackets between the callee's name and the arguments. For functions these are binders; for an
 * array of sub modules the one entry chooses the element. Which of the two it is only the callee's definition tells: see
 * `CallResolution`.
 */
export interface CallExpression {
  readonly kind: "call";
  readonly callee: NameExpression | MemberExpression;
  readonly axes?: readonly CallAxis[];
  readonly arguments: readonly Argument[];
  readonly directives: readonly Directive[];
  readonly span: Span;
}

export type CallAxis = IndexBinder | { readonly kind: "at"; readonly expression: Expression; readonly span: Span };

export interface Argument {
  readonly kind: "argument";
  readonly label?: Identifier;
  readonly value: Expression;
  readonly span: Span;
}

/** `@approx(favor, features: 256)`. */
export interface Directive {
  readonly kind: "directive";
  readonly name: Identifier;
  readonly arguments: readonly Argument[];
  readonly span: Span;
}

/** The reductions of the language; `argmax` and `argmin` give the first place of the extreme, as an index. */
export const reducers = ["sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin", "logsumexp"] as const;
export type Reducer = (typeof reducers)[number];

/** `sum[c, k: 3] body`; the body is the smallest product to the right. */
export interface ReduceExpression {
  readonly kind: "reduce";
  readonly reducer: Reducer;
  readonly indices: readonly IndexBinder[];
  readonly body: Expression;
  readonly span: Span;
}

export interface UnaryExpression {
  readonly kind: "unary";
  readonly operator: "-" | "not";
  readonly operand: Expression;
  readonly span: Span;
}

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "//" | "%" | "^";
export type ComparisonOperator = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | "and" | "or";

/** `/` is real division always, `//` and `%` round towards minus infinity. */
export interface BinaryExpression {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  /** Where the operator itself stands. */
  readonly operatorSpan: Span;
  readonly left: Expression;
  readonly right: Expression;
  readonly span: Span;
}

/** `if c then a else b`: a select. */
export interface ConditionalExpression {
  readonly kind: "conditional";
  readonly condition: Expression;
  readonly then: Expression;
  readonly otherwise: Expression;
  readonly span: Span;
}

/** `[a, b, c]`: a new first axis. */
export interface ListExpression {
  readonly kind: "list";
  readonly items: readonly Expression[];
  readonly span: Span;
}

/** `[a; b]`: joined along the first axis. */
export interface ConcatExpression {
  readonly kind: "concat";
  readonly parts: readonly Expression[];
  readonly span: Span;
}

/** `(a, b)`, only in `return` and as the value of a `let (…)`. */
export interface TupleExpression {
  readonly kind: "tuple";
  readonly items: readonly Expression[];
  readonly span: Span;
}
