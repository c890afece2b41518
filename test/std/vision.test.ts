/**
 * The vision half of the library against PyTorch and torchvision: convolutions, normalisation, pooling, resizing, boxes, regions and
 * residual networks. The cases were computed by scripts/compare-vision.py, in float64 on inputs and weights rounded to f32.
 */
import { describe, expect, it } from "vitest";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { evaluateCase, readCases, runCase } from "./torch-cases.ts";

const cases = await readCases("test/fixtures/vision/torch.safetensors");

describe("the vision library against PyTorch", () => {
  it("has cases", () => expect(cases.length).toBeGreaterThan(80));

  // Both compute in float64; what is left is that the file holds results as f32.
  it.each(cases)("$name, evaluated", (each) => expect(evaluateCase(each)).toBeLessThanOrEqual(2e-7));

  it.skipIf(device === undefined).each(cases)("$name, on the device", async (each) => {
    expect(await runCase(theDevice(), each)).toBeLessThanOrEqual(each.tolerance);
  });
});
