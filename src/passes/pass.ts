/** What a pass is: a named, pure function from graph to graph. */
import type { Graph } from "../ir/index.ts";
import type { RewriteTrace } from "./trace.ts";

/** What passes may know of the device and of the user's wishes. All plain numbers with defaults. */
export interface PassContext {
  /**
   * Floating-point operations that a device does in the time of moving one byte to or from memory: the exchange rate of
   * the contraction order's cost. Between 5 (integrated) and 20 (large GPUs).
   */
  readonly flopsPerByte: number;
  /** Invocations that keep the device busy; reductions with fewer results are split. */
  readonly parallelism: number;
  /** Largest number of elements that constant folding may write out as a table. */
  readonly foldedElements: number;
  /** Permission to approximate softmax attention everywhere (`--approx favor`); `features` 0 chooses their number. */
  readonly approximation?: { readonly features: number; readonly seed: number };
  /** Permission to keep large values in f16 (`--precision f16`). */
  readonly storage?: HalfStorage;
}

/** What is kept in f16: parameters and values, or for a training only values that do not follow from a certain parameter. */
export interface HalfStorage {
  /** Path of that parameter; all parameters then stay f32. */
  readonly fullAfter?: string;
}

export const defaultContext: PassContext = { flopsPerByte: 10, parallelism: 16_384, foldedElements: 65_536 };

export interface PassResult {
  /** The very same object when nothing changed. */
  readonly graph: Graph;
  readonly rewrites: readonly RewriteTrace[];
}

/** A transformation of graphs that keeps what they compute, up to rounding, unless it says otherwise. */
export interface Pass {
  readonly name: string;
  /** One full sentence, shown by the inspector. */
  readonly summary: string;
  /** True when results may differ by more than rounding: only where the author has allowed it. */
  readonly changesValues?: boolean;
  readonly run: (graph: Graph, context: PassContext) => PassResult;
}
