/** What a device may do to a number, as the error bounds count it. */
import type { DType } from "../types.ts";

/** What limits one floating-point type. */
export interface Precision {
  /** Largest relative error of one operation: a whole ULP, since WGSL leaves the direction of rounding open. */
  readonly unit: number;
  /** Smallest normal number. A device may flush anything smaller to zero, wherever it turns up. */
  readonly underflow: number;
  /** Largest finite number. */
  readonly largest: number;
}

/** Largest finite f32. Infinities are not portable in WGSL, so an empty maximum is the lowest finite number. */
export const largestF32 = 3.4028234663852886e38;

/** One ULP of f32. */
export const unit = 2 ** -23;

const single: Precision = { unit, underflow: 2 ** -126, largest: largestF32 };
const half: Precision = { unit: 2 ** -10, underflow: 2 ** -14, largest: 65504 };
const brain: Precision = { unit: 2 ** -7, underflow: 2 ** -126, largest: 3.3895313892515355e38 };

/** Limits of a floating-point type; f32's for the others, which are exact anyway. */
export function precisionOf(dtype: DType): Precision {
  return dtype === "f16" ? half : dtype === "bf16" ? brain : single;
}
