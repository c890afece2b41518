/**
 * What an operation is: one record, in one place, from which everything else is derived.
 *
 * Passes and emitters ask records for facts (family, traits, scalar row, cost); none of them switches on names.
 */
import type { AttributeValue, Attributes, Graph, Node } from "./graph.ts";
import type { Tensor } from "./tensor.ts";
import type { TensorType } from "./types.ts";

/** A family fixes how its members are typed, printed, evaluated, differentiated, costed and lowered. */
export type Family =
  | "source" // input, parameter, constant, iota, random: no tensor operands
  | "elementwise" // one result element from the elements at the same position
  | "contract" // sum of products with named indices
  | "reduce"
  | "scan" // cumulative reductions along one axis
  | "movement" // reshape, transpose, broadcast, slice, pad, concat, reverse: views
  | "indexed" // gather, scatter
  | "windowed" // convolution, window reductions
  | "order" // sort, top-k
  | "loop";

/** How one attribute is written in the text form. A `spec` comes first, bare and quoted; the rest are `name=value`. */
export interface AttributeSchema {
  readonly kind: "spec" | "number" | "string" | "boolean" | "numbers";
  /** Present when the attribute may be left out; it is not printed when equal. */
  readonly default?: AttributeValue;
  readonly doc: string;
}

/** Scalar arithmetic of an elementwise operation, one row of the table in operations/elementwise.ts. */
export interface ScalarRow {
  /** Value in float64 (or exact integers, or 0/1 for booleans). `dtype` is the operand's, for integer wrap-around. */
  readonly evaluate: (args: readonly number[], dtype: string) => number;
  /** WGSL with `$0`, `$1`, … for the operands; works on scalars and on vec4 alike. */
  readonly wgsl: string;
  /** WGSL module-scope helper functions the spelling calls, by name (see operations/wgsl-helpers.ts). */
  readonly helpers?: readonly string[];
  /** Bits of accuracy WGSL grants, as ULP of the result given |x| (0 = exact; +,-,* are 0.5). */
  readonly ulp: (args: readonly number[], result: number) => number;
  /** |partial derivative| by each argument in float64, for the running error analysis; discontinuities give Infinity at the switch. */
  readonly slope: (args: readonly number[], result: number) => readonly number[];
  /** Floating-point operations counted per element. */
  readonly flops: number;
  /** True when WGSL evaluates it by a multi-instruction routine (exp, sin, pow…): worth not recomputing. */
  readonly transcendental: boolean;
  readonly commutative?: boolean;
  /** op(x, identity) = x (right identity). */
  readonly identity?: number;
  readonly onnx?: string;
}

/** What a differentiation rule may use: it builds nodes and never sees origins. Defined fully by the builder. */
export type DifferentiationRule = (context: DifferentiationContext) => readonly (Node | undefined)[];

export interface DifferentiationContext {
  readonly node: Node;
  /** Gradient of the loss by this node's result; same type as the node. */
  readonly gradient: Node;
  /** Builds a node of any operation. */
  readonly build: (op: string, operands: readonly Node[], attributes?: Attributes) => Node;
}

export interface Cost {
  /** Floating-point operations; a multiply-add counts 2. */
  readonly flops: number;
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
  readonly infer: (operands: readonly TensorType[], attributes: Attributes, regions?: readonly Graph[]) => TensorType;
  /** Float64 semantics. Sources other than constants have none: the evaluator supplies them. */
  readonly evaluate?: (operands: readonly Tensor[], attributes: Attributes, type: TensorType) => Tensor;
  readonly cost: (node: Node) => Cost;
  readonly differentiate?: DifferentiationRule;
  /** Present in the elementwise family. */
  readonly scalar?: ScalarRow;
}

/** A graph was built or written wrongly. Reaching a user means a bug in Weft, unless the text came from the user. */
export class IrError extends Error {
  override readonly name = "IrError";
}
