/**
 * What an operation is: one record, in one place, from which everything else is derived.
 *
 * Passes and emitters ask records for facts (family, traits, scalar row, cost); none of them switches on names.
 */
import type { Attributes, AttributeValue, Graph, Node } from "./graph.ts";
import type { Tensor } from "./tensor.ts";
import type { DType, TensorType } from "./types.ts";

/** A family fixes how its members are typed, printed, evaluated, differentiated, costed and lowered. */
export type Family =
  | "source" // input, parameter, constant, iota, random: no tensor operands
  | "elementwise" // one result element from the elements at the same position
  | "contract" // sum of products with named indices
  | "reduce"
  | "scan" // cumulative reductions along one axis
  | "movement" // reshape, transpose, broadcast, slice, pad, concat, reverse: views
  | "indexed" // gather
  | "scatter"
  | "windowed" // convolution, window reductions
  | "order" // sort, top-k
  | "extern" // hand-written kernels
  | "loop";

/** How one attribute is written in the text form. A `spec` comes first, bare and quoted; the rest are `name=value`. */
export interface AttributeSchema {
  readonly kind: "spec" | "number" | "string" | "boolean" | "numbers";
  /** Present when the attribute may be left out; it is not printed when equal. */
  readonly default?: AttributeValue;
  readonly doc: string;
}

/**
 * Arithmetic in which a derivative can be written once and used twice: on numbers it gives the slope for the error
 * analysis, on nodes the gradient.
 */
export interface Algebra<T> {
  /** Applies an elementwise operation by name. */
  readonly apply: (op: string, ...args: readonly T[]) => T;
  readonly constant: (value: number) => T;
}

/** Scalar arithmetic of an elementwise operation: one row of the tables in operations/. */
export interface ScalarRow {
  /** Value in float64 (integers exactly, booleans as 0 and 1). `dtype` is the first operand's, for integer wrap-around. */
  readonly evaluate: (args: readonly number[], dtype: DType) => number;
  /** The same with the arguments one by one, for inner loops; those that a row does not have are ignored. */
  readonly compute: (x: number, y: number, z: number, dtype: DType) => number;
  /** WGSL with `$0`, `$1`, … for the operands and `$T` for the result's type; valid on scalars and on vec4 alike. */
  readonly wgsl: string;
  /** Spelling for integers, where it differs. */
  readonly wgslInteger?: string;
  /** Names of WGSL helper functions (wgsl-helpers.ts) that the spelling calls. */
  readonly helpers?: readonly string[];
  /**
   * Bound of the absolute error that an f32 evaluation adds at exact arguments, from WGSL's accuracy table or, for
   * helpers, as measured over their range. 0 for exact operations.
   */
  readonly roundoff: (args: readonly number[], result: number) => number;
  /** Partial derivatives by each argument; `undefined` where the result does not vary (comparisons, integers). */
  readonly partials?: <T>(algebra: Algebra<T>, args: readonly [T, T, T], result: T) => readonly (T | undefined)[];
  /** True where a pole lies within the errors of the arguments, so that the result can be anything. */
  readonly pole?: (args: readonly number[], errors: readonly number[]) => boolean;
  /** True where the function jumps, so that an error of its argument can change the result by any amount. */
  readonly discontinuous?: boolean;
  /** Floating-point operations counted for one element. */
  readonly flops: number;
  /** True when a device spends many instructions on it (exp, sin, pow): worth storing rather than computing again. */
  readonly expensive?: boolean;
  readonly commutative?: boolean;
  /** The right identity: `op(x, identity) = x`. */
  readonly identity?: number;
  /** Name of the ONNX operator with this meaning. */
  readonly onnx?: string;
  /** The same for floats in other operations, for formats that have no operator with this meaning. */
  readonly composed?: <T>(algebra: Algebra<T>, args: readonly [T, T, T]) => T;
}

/** How a reduction combines elements: one row of the table in operations/reduce.ts. */
export interface Reducer {
  /** Start value for f32 (or i32, bool as 0/1): combining with it changes nothing. */
  readonly identity: (dtype: DType) => number;
  readonly combine: (accumulator: number, element: number) => number;
  /** Name of the elementwise operation that combines, for code generation. */
  readonly operation: string;
  /** True for argmax and argmin, which return positions along their one reduced axis (the first, on ties). */
  readonly positional?: boolean;
}

/** How a scan goes on: from the value held and the elements of the operands at a position to the next value. */
export interface ScanStep {
  /** The value before the first step. */
  readonly start: (dtype: DType) => number;
  readonly next: <T>(algebra: Pick<Algebra<T>, "apply">, held: T, elements: readonly T[]) => T;
}

/** What a differentiation rule may use: it builds nodes and never sees origins. */
export interface DifferentiationContext extends Algebra<Node> {
  readonly node: Node;
  /** Gradient of the loss by this node's result; same type as the node. */
  readonly gradient: Node;
  /** Builds a node of any operation. */
  readonly build: (op: string, operands: readonly Node[], attributes?: Attributes) => Node;
}

/** Gradients by each operand, `undefined` where none flows. */
export type DifferentiationRule = (context: DifferentiationContext) => readonly (Node | undefined)[];

export interface InferRequest {
  readonly operands: readonly TensorType[];
  readonly attributes: Attributes;
  /** Type given by the builder or the text, for sources (which have nothing to infer it from). */
  readonly declared?: TensorType;
  readonly regions?: readonly Graph[];
}

/** Arithmetic on positions: numbers in the reference evaluator, quasi-affine expressions in code generation. */
export interface IndexAlgebra<I> {
  readonly add: (a: I, b: I) => I;
  /** `a * factor + offset` */
  readonly scale: (a: I, factor: number, offset?: number) => I;
  /** Rounded down; the divisor is positive. */
  readonly divide: (a: I, by: number) => I;
  readonly remainder: (a: I, by: number) => I;
  readonly constant: (value: number) => I;
}

/** Where a view reads: `operand` at `position`, provided that every condition `low <= index <= high` holds. */
export interface ViewSource<I> {
  readonly operand: number;
  readonly position: readonly I[];
  readonly inside: readonly { readonly index: I; readonly low: number; readonly high: number }[];
}

/**
 * The index map of a movement operation. The first source whose conditions hold is read; where none does, the result is
 * the attribute `value`.
 */
export type IndexMap = <I>(
  algebra: IndexAlgebra<I>,
  position: readonly I[],
  operands: readonly TensorType[],
  attributes: Attributes,
) => readonly ViewSource<I>[];

/** How an operation that carries code evaluates it; the evaluators hand it to the record. */
export interface RegionRunner {
  readonly graphs: readonly Graph[];
  readonly evaluate?: (graph: Graph, inputs: Readonly<Record<string, Tensor>>) => Record<string, Tensor>;
  readonly evaluateWithBounds?: (
    graph: Graph,
    inputs: Readonly<Record<string, { readonly value: Tensor; readonly bound: Tensor }>>,
  ) => Record<string, { readonly value: Tensor; readonly bound: Tensor }>;
}

export interface Operation {
  readonly name: string;
  readonly family: Family;
  /** One full sentence. */
  readonly summary: string;
  /** Number of operands, or the least number with `variadic`. */
  readonly arity: number;
  readonly variadic?: boolean;
  readonly attributes: Readonly<Record<string, AttributeSchema>>;
  /** Result type. Throws `IrError` with a sentence for whoever built the graph when operands or attributes do not fit. */
  readonly infer: (request: InferRequest) => TensorType;
  /** Float64 semantics. Inputs and parameters have none: the evaluator is handed their values. */
  readonly evaluate?: (
    operands: readonly Tensor[],
    attributes: Attributes,
    type: TensorType,
    regions?: RegionRunner,
  ) => Tensor;
  /** Bound of the absolute error of each result element in f32, from operands' values and error bounds (error-bound.ts). */
  readonly errorBound?: (
    operands: readonly Tensor[],
    errors: readonly Tensor[],
    result: Tensor,
    attributes: Attributes,
    regions?: RegionRunner,
  ) => Tensor;
  /** Floating-point operations of the whole node; a multiply-add counts 2. */
  readonly flops: (operands: readonly TensorType[], result: TensorType, attributes: Attributes) => number;
  readonly differentiate?: DifferentiationRule;
  /** Present in the elementwise family. */
  readonly scalar?: ScalarRow;
  /** Present in the movement family. */
  readonly indexMap?: IndexMap;
  /** Present in the reduce family, and in scans that run a reduction. */
  readonly reducer?: Reducer;
  /** Present in the scan family. */
  readonly scanStep?: ScanStep;
}

/** A graph was built or written wrongly. Reaching a user means a bug in Weft, unless the IR text came from the user. */
export class IrError extends Error {
  override readonly name = "IrError";
}
