/** From the logits of a model of bytes to what they say: surprise, the likeliest bytes, a continuation. */

/** log Σ exp of 256 logits from place `start` on. */
function logTotal(logits: Float32Array, start: number): number {
  const row = logits.subarray(start, start + 256);
  const greatest = row.reduce((a, b) => Math.max(a, b));
  return greatest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - greatest), 0));
}

/**
 * -log₂ of the probability of each byte but the first, given those before.
 *
 * @param logits f32[L, 256]; row t speaks about byte t + 1
 */
export function surprises(logits: Float32Array, bytes: Uint8Array): number[] {
  return Array.from(bytes.subarray(1), (byte, t) => {
    return (logTotal(logits, 256 * t) - (logits[256 * t + byte] as number)) / Math.LN2;
  });
}

/** A byte that may come next. */
export interface Likely {
  readonly byte: number;
  readonly probability: number;
}

/** The likeliest bytes by 256 logits, the first of equals first. */
export function bestBytes(logits: Float32Array, count: number): Likely[] {
  const total = logTotal(logits, 0);
  return Array.from(logits.subarray(0, 256), (value, byte) => ({ byte, probability: Math.exp(value - total) }))
    .sort((a, b) => b.probability - a.probability || a.byte - b.byte)
    .slice(0, count);
}

/**
 * The likeliest byte, and again the likeliest after it, `count` times. The window moves along and keeps its length.
 *
 * @param logits   f32[L, 256] of the window
 * @param logitsOf the same of another window
 */
export async function continued(
  window: Uint8Array,
  logits: Float32Array,
  count: number,
  logitsOf: (window: Uint8Array) => Promise<Float32Array>,
): Promise<Uint8Array> {
  const L = window.length;
  const all = new Uint8Array(L + count);
  all.set(window);
  let known = logits;
  for (let k = 0; k < count; k++) {
    if (k > 0) known = await logitsOf(all.subarray(k, k + L));
    const [best] = bestBytes(known.subarray(256 * (L - 1)), 1);
    all[L + k] = (best as Likely).byte;
  }
  return all.subarray(L);
}

/** A byte as it is written in a sentence: a letter in quotes, anything else as a number. */
export function shownByte(byte: number): string {
  return byte > 32 && byte < 127 ? `"${String.fromCharCode(byte)}"` : byte === 32 ? "blank" : `byte ${byte}`;
}
