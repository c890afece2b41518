/** `weft bench` and the main job, as child processes. */
import { describe, expect, it } from "vitest";
import { testDevice } from "../codegen/on-device.ts";
import { attention, makeWorkplace, smallAttention } from "./command.ts";

const { weft, write } = makeWorkplace();
write("attention.weft", attention);
const device = await testDevice();

describe.skipIf(device === undefined)("bench", () => {
  it("times every kernel of an entry on random inputs", async () => {
    const { status, stdout } = await weft("bench", "attention.weft", ...smallAttention, "--repeat", "3", "--json");
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.runs.length).toBe(3);
    expect(report.kernelTimes.length).toBe(report.kernels);
    expect(report.kernelTimes.every((kernel: { dispatches: number }) => kernel.dispatches >= 1)).toBe(true);
    const total = (of: "bytes" | "unavoidable") =>
      report.kernelTimes.reduce((sum: number, kernel: Record<typeof of, number>) => sum + kernel[of], 0);
    expect(total("unavoidable")).toBeGreaterThan(0);
    expect(total("unavoidable")).toBeLessThanOrEqual(total("bytes"));
  });
});

describe("bench without a device", () => {
  it("says that there is nothing to time", async () => {
    const { status, stderr } = await weft("bench", "attention.weft", ...smallAttention, "--device", "reference");
    expect(status).toBe(3);
    expect(stderr).toMatch(/no WebGPU device/);
  });
});

describe.skipIf(device === undefined)("the main job", () => {
  it("encodes the bytes of a text in both orders and compares them", async () => {
    write("text.txt", "In the beginning was the equation, and the equation was with indices. ".repeat(8));
    const { status, stdout } = await weft("start", "text.txt", "--preset", "small", "--json");
    expect(status).toBe(0);
    const { tokens, figures, agreement, approximation } = JSON.parse(stdout);
    expect(tokens).toBe(560);
    expect(figures["order as written"].flops).toBeGreaterThan(figures["order found"].flops);
    // Both orders round each sum of at most 560 products of f32 differently; exact attention differs by the features' variance.
    expect(agreement).toBeLessThan(1e-4);
    expect(approximation).toBeGreaterThan(agreement);
    expect(approximation).toBeLessThan(0.5);
  });

  it("says what is wrong with an empty text", async () => {
    write("empty.txt", "");
    const { status, stderr } = await weft("start", "empty.txt");
    expect(status).toBe(1);
    expect(stderr).toMatch(/empty\.txt is empty/);
  });
});
