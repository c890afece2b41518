/** Conversions between f32 and the two 16-bit float formats; rounding is to nearest, ties to even. */

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** Bits of the f16 nearest to `value`; values of 65520 and above become infinity. */
export function f16FromNumber(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x4780_0000) return sign | 0x7c00;
  // Normal range: move the exponent's bias from 127 to 15 and round off 13 bits of the mantissa.
  if (magnitude >= 0x3880_0000) {
    return sign | ((magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Below 2^-14 an f16 is a multiple of 2^-24; the product is exact in f64.
  const units = Math.abs(scratchFloat[0] as number) * 16_777_216;
  const floor = Math.floor(units);
  const rest = units - floor;
  const roundsUp = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return sign | (roundsUp ? floor + 1 : floor);
}

/** The value of the f16 with the given bits; exact. */
export function numberFromF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** Bits of the bf16 nearest to `value`. */
export function bf16FromNumber(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0] as number;
  if ((bits & 0x7fff_ffff) > 0x7f80_0000) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The value of the bf16 with the given bits; exact. */
export function numberFromBf16(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratchFloat[0] as number;
}

let f16Values: Float32Array | undefined;

/** Widens a whole array of f16 bits; the table of all 65,536 values is made on first use. */
export function f32ArrayFromF16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  f16Values ??= Float32Array.from({ length: 65_536 }, (_, index) => numberFromF16(index));
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = f16Values[bits[i] as number] as number;
  return result;
}

/** Widens a whole array of bf16 bits. */
export function f32ArrayFromBf16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(bits.length);
  const words = new Uint32Array(result.buffer);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
  return result;
}

export function f16ArrayFromNumbers(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = f16FromNumber(values[i] as number);
  return result;
}

export function bf16ArrayFromNumbers(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = bf16FromNumber(values[i] as number);
  return result;
}
