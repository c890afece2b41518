/**
 * Everything that the compiler did to one entry, as one plain JSON object: what `weft inspect --emit json` prints and what the
 * inspection page shows. Its published description is docs/inspection.schema.json.
 *
 * Nodes, spans, kernels and rules stand in tables, and everything else refers to them by their position there. A node that
 * several stages share stands in the table once, so that being unchanged is being the same number.
 */
import type { InspectedComparison } from "./comparison.ts";

/** Position in one of the tables of an `Inspection`. */
export type Id = number;

export interface Inspection {
  /** Raised when a reader of the old form would misunderstand the new one. */
  readonly format: "weft-inspection/1";
  /** Model and entry, or the function's name. */
  readonly name: string;
  /** The device that the plan was made for. */
  readonly adapter: string;
  /** Texts that were compiled, the asked-for file first; only those that some node comes from. */
  readonly sources: readonly InspectedSource[];
  readonly spans: readonly InspectedSpan[];
  /** Statements that some node comes from, source by source in the order of the text; they do not overlap. Empty for IR texts. */
  readonly equations: readonly InspectedEquation[];
  readonly nodes: readonly InspectedNode[];
  /** The graph as written, then after each pass, in order. */
  readonly stages: readonly InspectedStage[];
  readonly rules: readonly InspectedRule[];
  /** Different WGSL texts. */
  readonly kernels: readonly InspectedKernel[];
  /** Dispatches; one that a loop repeats stands here once. */
  readonly launches: readonly InspectedLaunch[];
  /** Number of dispatches of the plan. */
  readonly steps: number;
  /** How many of them, the first ones, run once when parameters are written; the others make a run. */
  readonly prepared: number;
  readonly memory: InspectedMemory;
  /** Present when the kernels were timed. */
  readonly profile?: InspectedProfile;
  /** Present when the entry was run for its values. */
  readonly probe?: InspectedProbe;
  /** Present when another build was given to compare with. */
  readonly comparison?: InspectedComparison;
}

export interface InspectedSource {
  readonly path: string;
  readonly text: string;
}

/** A place in a source: UTF-16 offsets `[start, end)`, and the 1-based line and column of its start. */
export interface InspectedSpan {
  readonly source: Id;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** A statement that computes something, `let Y[i, c] = …`; offsets as those of a span. */
export interface InspectedEquation {
  readonly source: Id;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** What it defines, `Y` or `h, c`; `return` for what a function returns. */
  readonly name: string;
  /** The function, entry or method that it stands in. */
  readonly definition: string;
}

/** A node's line in the text form of the IR is `%n: type = operation operands attributes`. */
export interface InspectedNode {
  readonly op: string;
  readonly family: string;
  readonly type: string;
  /** The operation with its index spec: `contract "i j -> i"`. */
  readonly operation: string;
  /** The other attributes, a blank before each; cut after 300 characters. */
  readonly attributes: string;
  readonly operands: readonly Id[];
  /** Spans it came from. */
  readonly origins: readonly Id[];
  /** The author's name for it, or the path of a parameter. */
  readonly name?: string;
  /** The name it gets in WGSL, up to a number at the end. */
  readonly wgslName: string;
  /** Floating-point operations; a loop's for all its steps. */
  readonly flops: number;
  /** Bytes of its value. */
  readonly bytes: number;
  /** Bytes read and written as a kernel of its own; 0 for views and sources. */
  readonly bytesMoved: number;
  /** Bodies of a loop. */
  readonly bodies?: readonly InspectedGraph[];
}

export interface InspectedGraph {
  readonly name: string;
  /** Operands before users. */
  readonly nodes: readonly Id[];
  readonly outputs: readonly { readonly name: string; readonly node: Id }[];
}

/** What a whole graph costs before anything is fused. */
export interface GraphCost {
  readonly nodes: number;
  readonly flops: number;
  /** Bytes read and written when every node is a kernel of its own. */
  readonly bytesMoved: number;
  /** Bytes of the largest value that is computed (views and sources are not). */
  readonly largestBytes: number;
}

export interface InspectedStage {
  /** Name of the pass, or `written`. */
  readonly pass: string;
  /** What the pass does, in a sentence. */
  readonly summary: string;
  /** False when the pass left the graph as it was: then `graph` is left out, and is that of the stage before. */
  readonly changed: boolean;
  readonly graph?: InspectedGraph;
  readonly cost: GraphCost;
  readonly rewrites: readonly InspectedRewrite[];
  /** Time that the pass took, when there was a clock. */
  readonly ms?: number;
}

export interface InspectedRule {
  readonly pass: string;
  readonly name: string;
  /** Why it is right and worth it. */
  readonly reason: string;
}

/** One application of a rule. */
export interface InspectedRewrite {
  readonly rule: Id;
  /** The expression before and after, cut short. */
  readonly before: string;
  readonly after: string;
  readonly origins: readonly Id[];
  readonly flopsBefore: number;
  readonly flopsAfter: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface InspectedKernel {
  readonly name: string;
  readonly wgsl: string;
}

export interface InspectedLaunch {
  readonly label: string;
  /** How it was lowered: map, rows, contraction, scan, order, scatter, loop, extern, online-softmax, streamed-contraction. */
  readonly kind: string;
  readonly kernel: Id;
  /** Positions among all dispatches of a run, rising. */
  readonly steps: readonly number[];
  readonly threads: number;
  readonly workgroups: readonly number[];
  /** Floating-point operations of one dispatch. */
  readonly flops: number;
  /** Bytes that one dispatch reads and writes, each tensor counted once. */
  readonly bytes: number;
  /** Bytes of inputs, parameters and results that no dispatch before touched; of all dispatches. */
  readonly unavoidable: number;
  /** Longest common beginning of the paths of the parameters it reads: where in the model it stands. */
  readonly module?: string;
  /** Nodes it evaluates. */
  readonly members: readonly Id[];
  /** Nodes it reads from memory. */
  readonly inputs: readonly Id[];
  /** Nodes it writes to memory. */
  readonly outputs: readonly Id[];
  readonly origins: readonly Id[];
  /** What lies behind each binding. */
  readonly bindings: readonly InspectedBinding[];
}

export interface InspectedBinding {
  /** Its name in the WGSL. */
  readonly name: string;
  readonly node: Id;
  readonly access: "read" | "read_write";
  readonly buffer: "arena" | "input" | "parameter" | "constant" | "output";
}

export interface InspectedMemory {
  /** Bytes of each arena. */
  readonly arenas: readonly number[];
  readonly tensors: readonly InspectedTensor[];
  /** Bytes of activations that are alive at each step. */
  readonly live: readonly number[];
  /** The first step at which most is alive. */
  readonly peakStep: number;
  readonly parameterBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** An activation's place in memory and its life, in steps, both ends included. */
export interface InspectedTensor {
  readonly node: Id;
  readonly arena: number;
  readonly offset: number;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

export interface InspectedProfile {
  /** `timestamps`: by the device's clock. `submissions`: each step alone, with the host's overhead. */
  readonly method: "timestamps" | "submissions";
  /** Milliseconds of every step. */
  readonly ms: readonly number[];
}

/** What one run computed, value by value. */
export interface InspectedProbe {
  /** `device`: values were stored by kernels of their own and compared with float64; `reference`: there was no device. */
  readonly method: "device" | "reference";
  /** Inputs that were drawn because none were given. */
  readonly drawn: readonly string[];
  /** Values of the graph as written and of the last one, without parameters, constants and views. */
  readonly values: readonly ProbedValue[];
}

export interface ProbedValue {
  readonly node: Id;
  /** Who computed it: values that only the graph as written has are the evaluator's. */
  readonly from: "device" | "reference";
  readonly elements: number;
  readonly nan: number;
  readonly infinite: number;
  /** Of the finite elements; absent when there are none. */
  readonly range?: { readonly minimum: number; readonly maximum: number; readonly mean: number };
  /** The element furthest from the evaluator's; absent for its own values and where all agree to the last bit. */
  readonly worst?: Deviation;
  /**
   * How much of what its own operation may round off is used up, given the operands as they were; 1 or less is within. Absent for
   * the evaluator's values.
   */
  readonly boundUsed?: ProbedNumber;
}

/** Numbers that JSON does not have are words. */
export type ProbedNumber = number | "NaN" | "Infinity" | "-Infinity";

export interface Deviation {
  readonly position: readonly number[];
  readonly got: ProbedNumber;
  readonly want: ProbedNumber;
  /** Absolute difference. */
  readonly difference: ProbedNumber;
}
