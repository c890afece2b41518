/**
 * The kernel IR: one fused group as a loop program over one linear space of threads. It is small on purpose; what makes
 * kernels different from each other is how they are lowered to it (lower-*.ts), not what it can say.
 */
import type { DType, Origins, ScalarRow } from "../ir/index.ts";
import type { IndexExpression, IndexVariable } from "./index-expression.ts";

/** Arithmetic types of WGSL values. `width` 4 is a vec4. Storage types (f16, bf16) are widened when loaded. */
export interface ScalarType {
  readonly dtype: "f32" | "i32" | "u32" | "bool";
  readonly width: 1 | 4;
}

/** How elements of a type are computed with. */
export function arithmeticType(dtype: DType): ScalarType["dtype"] {
  return dtype === "f16" || dtype === "bf16" ? "f32" : dtype;
}

interface ExpressionBase {
  readonly type: ScalarType;
  /** Names of the variables the value depends on; decides in which scope it can be computed. */
  readonly uses: ReadonlySet<string>;
}

export type ScalarExpression = ExpressionBase &
  (
    | { readonly kind: "literal"; readonly value: number }
    /** A `let` or `var` of the kernel. */
    | { readonly kind: "name"; readonly name: string }
    /** An index as a number; with width 4, the values at the four lanes, `laneStride` apart. */
    | { readonly kind: "index"; readonly index: IndexExpression; readonly laneStride: number }
    /** `buffer[address]`, in elements; with width 4, four consecutive elements from an address that 4 divides. */
    | { readonly kind: "load"; readonly buffer: number; readonly address: IndexExpression }
    /** A row of the elementwise table. */
    | { readonly kind: "apply"; readonly row: ScalarRow; readonly args: readonly ScalarExpression[] }
    /** One scalar in all four lanes. */
    | { readonly kind: "splat"; readonly of: ScalarExpression }
    /** Four scalars side by side. */
    | { readonly kind: "lanes"; readonly of: readonly ScalarExpression[] }
    | { readonly kind: "lane"; readonly of: ScalarExpression; readonly lane: number }
    /** An element of an array of the thread or of the workgroup. */
    | { readonly kind: "element"; readonly name: string; readonly index: IndexExpression }
    | { readonly kind: "dot"; readonly of: readonly [ScalarExpression, ScalarExpression] }
    /** What one invocation of the subgroup holds, in all of them. Every invocation gets here together. */
    | { readonly kind: "broadcast"; readonly of: ScalarExpression; readonly from: number }
  );

export type Statement =
  | { readonly kind: "let"; readonly name: string; readonly value: ScalarExpression; readonly authored: boolean }
  /** An index of the thread under a name, as u32. */
  | { readonly kind: "index"; readonly variable: IndexVariable; readonly value: IndexExpression }
  | { readonly kind: "var"; readonly name: string; readonly value: ScalarExpression }
  /** `lane` assigns one component of a vec4 variable. */
  | { readonly kind: "assign"; readonly name: string; readonly lane?: number; readonly value: ScalarExpression }
  /** A private array of the thread, all zeros. */
  | { readonly kind: "array"; readonly name: string; readonly length: number; readonly type: ScalarType }
  | { readonly kind: "set"; readonly name: string; readonly index: IndexExpression; readonly value: ScalarExpression }
  | {
      readonly kind: "loop";
      readonly variable: IndexVariable;
      /** First value; 0 unless a restricted range starts later. */
      readonly from?: IndexExpression;
      /** One past the last value, where a restricted range ends before the variable's extent. */
      readonly until?: IndexExpression;
      /** True for a body so large that its turns should not be written out, however few they are. */
      readonly heavy?: boolean;
      readonly body: readonly Statement[];
    }
  | { readonly kind: "if"; readonly condition: ScalarExpression; readonly body: readonly Statement[] }
  /** All threads of the one workgroup share out the values of `thread`. */
  | { readonly kind: "parallel"; readonly thread: IndexVariable; readonly body: readonly Statement[] }
  /** Declares a matrix that a subgroup holds together, all zeros. */
  | { readonly kind: "matrix"; readonly name: string; readonly matrix: SubgroupMatrix }
  /** A matrix from an array of the workgroup, row by row; `stride` elements from one row to the next. */
  | {
      readonly kind: "load-matrix";
      readonly name: string;
      readonly matrix: SubgroupMatrix;
      readonly array: string;
      readonly offset: IndexExpression;
      readonly stride: number;
    }
  /** Adds the product of two matrices to a third. */
  | { readonly kind: "multiply-matrices"; readonly name: string; readonly left: string; readonly right: string }
  | {
      readonly kind: "store-matrix";
      readonly name: string;
      readonly array: string;
      readonly offset: IndexExpression;
      readonly stride: number;
    }
  /** Waits for the whole workgroup, and makes its stores to buffers or to its own arrays visible to all of it. */
  | { readonly kind: "barrier"; readonly of: "storage" | "workgroup" }
  | {
      readonly kind: "store";
      readonly buffer: number;
      readonly address: IndexExpression;
      readonly value: ScalarExpression;
    };

/** A matrix spread over the invocations of a subgroup, which they load, multiply and store together. */
export interface SubgroupMatrix {
  /** Which factor of a product it is, or that it is a result. */
  readonly role: "left" | "right" | "result";
  readonly component: "f32" | "f16";
  readonly rows: number;
  readonly columns: number;
}

/** Memory that the threads of a workgroup share. */
export interface WorkgroupArray {
  readonly name: string;
  readonly length: number;
  readonly type: ScalarType;
  /** True where its elements are kept in half precision. */
  readonly half?: boolean;
}

export interface KernelBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly access: "read" | "read_write";
  /** Elements. */
  readonly length: number;
}

/** A workgroup whose threads work together. */
export interface Team {
  readonly size: number;
  /** Number of the workgroup: what is computed from it is known to be the same for all its threads. */
  readonly number: IndexVariable;
  /** Number of a thread in it. */
  readonly member: IndexVariable;
  /** Position in the subgroup, where subgroups are used; its extent is their size. */
  readonly invocation?: IndexVariable;
  /** Number of the subgroup in the workgroup, where it matters. */
  readonly subgroup?: IndexVariable;
}

export interface Kernel {
  readonly name: string;
  /** Lines for people: which equations it computes. */
  readonly description: readonly string[];
  readonly buffers: readonly KernelBuffer[];
  /** The variable that numbers the threads; its extent is the number of threads that work. */
  readonly thread: IndexVariable;
  /** Set where threads of a workgroup work together; the body then uses its variables and not `thread`. */
  readonly team?: Team;
  readonly workgroupArrays?: readonly WorkgroupArray[];
  /** True when a single workgroup does everything, in `parallel` parts with barriers between. */
  readonly oneWorkgroup?: boolean;
  readonly body: readonly Statement[];
  /** The whole text and its dispatch, where the author has written it (`extern wgsl`); `body` is then empty. */
  readonly written?: { readonly wgsl: string; readonly workgroups: readonly [number, number, number] };
  readonly origins: Origins;
}
