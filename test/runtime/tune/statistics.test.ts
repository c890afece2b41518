/** When a kernel is called faster, and when a result is called wrong. */
import { describe, expect, it } from "vitest";
import { tensorType } from "../../../src/ir/index.ts";
import { areFinite, differenceOf } from "../../../src/runtime/tune/difference.ts";
import { isFasterBeyondNoise, median, quantile } from "../../../src/runtime/tune/statistics.ts";

describe("times", () => {
  it("have quantiles between their neighbours", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.75)).toBe(4);
    expect(median([])).toBeNaN();
  });

  it("are better only by more than 3 % and more than their spread", () => {
    expect(isFasterBeyondNoise([9, 9, 9], [10, 10, 10])).toBe(true);
    expect(isFasterBeyondNoise([9.8, 9.8, 9.8], [10, 10, 10])).toBe(false);
    expect(isFasterBeyondNoise([7, 9, 12], [8, 10, 13])).toBe(false);
    expect(isFasterBeyondNoise([1, 1], [10, 10, 10])).toBe(false);
  });
});

describe("a difference", () => {
  const outputs = [{ name: "y", type: tensorType("f32", [4]), bytes: 16 }];
  const compare = (expected: number[], got: number[]) =>
    differenceOf(outputs, { y: Float32Array.from(expected) }, { y: Float32Array.from(got) });

  it("is measured against the largest value", () => {
    expect(compare([1000, 1, 2, 3], [1000, 1.05, 2, 3])).toBeUndefined();
    expect(compare([10, 1, 2, 3], [10, 1.5, 2, 3])).toEqual({
      output: "y",
      element: 1,
      expected: 1,
      got: 1.5,
      relative: 0.05,
    });
  });

  it("is none between the same infinities and NaN, and infinite where one is a number", () => {
    const infinite = Number.POSITIVE_INFINITY;
    expect(compare([1, infinite, Number.NaN, 0], [1, infinite, Number.NaN, -0])).toBeUndefined();
    expect(compare([1, infinite, 2, 0], [1, 5, 2, 0])?.relative).toBe(infinite);
    expect(compare([1, 2, 3, 4], [1, Number.NaN, 3, 4])?.element).toBe(1);
  });

  it("is not allowed where all is zero, nor between whole numbers", () => {
    expect(compare([0, 0, 0, 0], [0, 1e-9, 0, 0])?.element).toBe(1);
    const whole = [{ name: "y", type: tensorType("i32", [1]), bytes: 16 }];
    const large = differenceOf(whole, { y: Int32Array.of(1_000_000) }, { y: Int32Array.of(1_000_001) });
    expect(large?.got).toBe(1_000_001);
  });

  it("allows a unit in the last place of what is stored in half precision", () => {
    const half = [{ name: "y", type: tensorType("f16", [1]), bytes: 16 }];
    expect(differenceOf(half, { y: Float32Array.of(1) }, { y: Float32Array.of(1 + 2 ** -10) })).toBeUndefined();
    expect(differenceOf(half, { y: Float32Array.of(1) }, { y: Float32Array.of(1 + 2 ** -8) })?.element).toBe(0);
  });

  it("of data without numbers is found before", () => {
    expect(areFinite({ y: Float32Array.of(1, 2) })).toBe(true);
    expect(areFinite({ y: Float32Array.of(1), z: Float32Array.of(Number.NaN) })).toBe(false);
  });
});
