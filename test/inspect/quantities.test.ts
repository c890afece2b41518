/** Figures as people read them. */
import { describe, expect, it } from "vitest";
import { printChange, printShare, printValue } from "../../src/inspect/index.ts";

describe("figures", () => {
  it.each([
    [0, "0 %"],
    [0.000001, "< 0.01 %"],
    [0.0005, "0.05 %"],
    [0.0123, "1.2 %"],
    [0.456, "45.6 %"],
    [1, "100 %"],
    [2.5, "250 %"],
  ])("a share of %s is %s", (share, text) => expect(printShare(share)).toBe(text));

  it.each([
    [0, "0"],
    [-0.041_23, "-0.0412"],
    [0.000_099_9, "9.99e-5"],
    [123_456, "123000"],
    [1e6, "1e6"],
    [-1.5e-12, "-1.5e-12"],
    ["NaN", "NaN"],
    ["-Infinity", "-Infinity"],
  ])("a value of %s is %s", (value, text) => expect(printValue(value)).toBe(text));

  it("a change names a common unit once", () => {
    expect(printChange("12 %", "4 %")).toBe("12 → 4 %");
    expect(printChange("1 MiB", "8 KiB")).toBe("1 MiB → 8 KiB");
    expect(printChange("3", "3")).toBe("3");
    expect(printChange("–", "4 %")).toBe("– → 4 %");
    expect(printChange("2", "–")).toBe("2 → –");
    expect(printChange("< 0.01 %", "4 %")).toBe("< 0.01 % → 4 %");
  });
});
