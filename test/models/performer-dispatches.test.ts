/** How many dispatches one layer of the Performer takes: counted, and explained line by line in models/performer/README.md. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { baselineProfile, stepsOfRun } from "../../src/codegen/index.ts";
import { compileSource } from "../../src/compile.ts";

const readSource = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** Dispatches of the regular encoder with so many layers, at 1,024 tokens. */
function dispatches(layers: number, causal: boolean): number {
  const { value, diagnostics } = compileSource({
    path: "models/performer/performer.weft",
    readSource,
    entry: "encode",
    model: "Performer",
    settings: { layers, causal, L: 1024 },
    profile: { ...baselineProfile, limits: { ...baselineProfile.limits, maxBindings: 16 } },
  });
  expect(diagnostics).toEqual([]);
  return value === undefined ? 0 : stepsOfRun(value.plan).length;
}

test.each([
  [false, 21],
  [true, 26],
])("a layer, causal: %s", (causal, expected) => {
  expect(dispatches(3, causal) - dispatches(2, causal)).toBe(expected);
});
