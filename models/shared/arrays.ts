/** Arrays with their shapes, as the inputs of compiled entries are given. */

/** f32 of any shape, row-major. */
export interface Floats {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** i32 or idx of any shape, row-major. */
export interface WholeNumbers {
  readonly shape: readonly number[];
  readonly data: Int32Array<ArrayBuffer>;
}
