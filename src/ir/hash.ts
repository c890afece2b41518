/** Hashing of texts. */

/** 64-bit FNV-1a of a text's UTF-8 bytes (Fowler, Noll and Vo; offset basis and prime as they publish them). */
export function hash64(text: string): bigint {
  // The 64-bit state is four limbs of 16 bits, low first; the prime is 2^40 + 0x1b3.
  let [a, b, c, d] = [0x2325, 0x8422, 0x9ce4, 0xcbf2];
  for (const byte of new TextEncoder().encode(text)) {
    a ^= byte;
    const low = a * 0x1b3;
    const second = b * 0x1b3 + (low >>> 16);
    const third = c * 0x1b3 + ((a << 8) >>> 0) + (second >>> 16);
    const fourth = d * 0x1b3 + b * 256 + Math.floor(third / 65536);
    a = low & 0xffff;
    b = second & 0xffff;
    c = third & 0xffff;
    d = fourth & 0xffff;
  }
  return (BigInt(d) << 48n) | (BigInt(c) << 32n) | (BigInt(b) << 16n) | BigInt(a);
}
