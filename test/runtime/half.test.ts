import { describe, expect, it } from "vitest";
import {
  bf16FromNumber,
  f16ArrayFromNumbers,
  f16FromNumber,
  f32ArrayFromBf16,
  f32ArrayFromF16,
  numberFromBf16,
  numberFromF16,
} from "../../src/runtime/index.ts";

const patterns = Array.from({ length: 65_536 }, (_, bits) => bits);

describe("f16", () => {
  it("every value survives the way there and back", () => {
    const wrong = patterns.filter((bits) => {
      const value = numberFromF16(bits);
      return Number.isNaN(value) ? !Number.isNaN(numberFromF16(f16FromNumber(value))) : f16FromNumber(value) !== bits;
    });
    expect(wrong).toEqual([]);
  });

  it("rounds to nearest, ties to even, between every two neighbours", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [numberFromF16(bits), numberFromF16(bits + 1)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      // A step of f32 towards either side; the middle and its neighbours are all exact in f32.
      const quarter = (high - low) / 4;
      if (f16FromNumber(middle) !== even || f16FromNumber(middle - quarter) !== bits) wrong.push(bits);
      if (f16FromNumber(middle + quarter) !== bits + 1 || f16FromNumber(-middle) !== (even | 0x8000)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it("overflows to infinity from 65520 on", () => {
    expect([65519.99, 65520, 1e30, Number.POSITIVE_INFINITY].map(f16FromNumber)).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0x7c00,
    ]);
    expect(f16FromNumber(-1e30)).toBe(0xfc00);
  });

  it("converts arrays as it converts numbers", () => {
    const values = f32ArrayFromF16(Uint16Array.from(patterns));
    expect(values[0x3c00]).toBe(1);
    expect(values[0x0001]).toBe(2 ** -24);
    expect([...f16ArrayFromNumbers([1, 2 ** -24, -0])]).toEqual([0x3c00, 1, 0x8000]);
  });
});

describe("bf16", () => {
  it("every value survives the way there and back", () => {
    const wrong = patterns.filter((bits) => {
      const value = numberFromBf16(bits);
      return Number.isNaN(value)
        ? !Number.isNaN(numberFromBf16(bf16FromNumber(value)))
        : bf16FromNumber(value) !== bits;
    });
    expect(wrong).toEqual([]);
    expect(f32ArrayFromBf16(Uint16Array.of(0x3f80, 0xc000))).toEqual(Float32Array.of(1, -2));
  });

  it("rounds to nearest, ties to even", () => {
    expect(bf16FromNumber(1 + 2 ** -8)).toBe(0x3f80);
    expect(bf16FromNumber(1 + 3 * 2 ** -8)).toBe(0x3f82);
    expect(bf16FromNumber(1 + 2 ** -8 + 2 ** -20)).toBe(0x3f81);
    expect(bf16FromNumber(3.4e38)).toBe(0x7f80);
  });
});
