/** What `scripts/train-system.ts` keeps of a training, and that the recipes of all systems hold together. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { Recipe } from "../../models/shared/recipe.ts";
import { barTable, compareWithBars, secondsOf, thinnedLog } from "../../scripts/training-results.ts";
import type { LogLine } from "../../src/cli/training-log.ts";

const root = join(import.meta.dirname, "../..");

const step = (number: number, seconds: number): LogLine => ({
  kind: "step",
  step: number,
  loss: 1,
  rate: 0.1,
  gradientNorm: 1,
  seconds,
});
const measurement: LogLine = { kind: "evaluation", step: 5, loss: 2, seconds: 5 };

describe("a kept log", () => {
  it("has each n-th step, the last, and every measurement", () => {
    const steps = Array.from({ length: 10 }, (_, k) => step(k + 1, k));
    const log = [...steps.slice(0, 5), measurement, ...steps.slice(5)];
    const kept = thinnedLog(log, 4);
    expect(kept.map((line) => (line.kind === "step" ? line.step : "measured"))).toEqual([1, 4, "measured", 7, 10]);
    expect(thinnedLog(log, 10)).toEqual(log);
  });

  it("tells the seconds of all parts of a training that was broken off", () => {
    expect(secondsOf([step(1, 0.5), step(2, 40), step(3, 3), step(4, 12.4)])).toBe(52);
    expect(secondsOf([])).toBe(0);
  });
});

describe("scores beside their bars", () => {
  it("are met from the bar on", () => {
    const results = compareWithBars({ "mean IoU": 0.7, other: 0.3, threshold: 0.4 }, { "mean IoU": 0.7, other: 0.31 });
    expect(results.map(({ isMet }) => isMet)).toEqual([true, false]);
    expect(barTable(results)).toContain("| mean IoU | 0.700 | 0.7 | yes |\n| other | 0.300 | 0.31 | no |");
  });

  it("must be numbers", () => {
    expect(() => compareWithBars({ all: { mean: 1 } }, { mean: 0.5 })).toThrow(/a bar for mean/);
    expect(() => compareWithBars({ mean: Number.NaN }, { mean: 0.5 })).toThrow(/a bar for mean/);
  });
});

const systems = readdirSync(join(root, "models")).filter(
  // What is shared has the types of recipes under that name.
  (name) => name !== "shared" && existsSync(join(root, "models", name, "recipe.ts")),
);

describe.each(systems)("the recipe of %s", async (name) => {
  const { recipe } = (await import(pathToFileURL(join(root, "models", name, "recipe.ts")).href)) as { recipe: Recipe };

  it("names files that are there, and each run once", () => {
    const files = recipe.runs.flatMap(({ options }) => options.filter((word) => word.startsWith("models/")));
    expect([recipe.file, ...files].filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(new Set(recipe.runs.map((run) => run.name)).size).toBe(recipe.runs.length);
  });

  it("starts runs from earlier ones", () => {
    recipe.runs.forEach(({ from }, k) => {
      if (from !== undefined) expect(recipe.runs.slice(0, k).map((run) => run.name)).toContain(from);
    });
  });

  it("leaves to the script what the script gives", () => {
    const own = ["--weights", "--checkpoint", "--every", "--resume", "--log", "--output"];
    expect(recipe.runs.flatMap(({ options }) => options.filter((word) => own.includes(word)))).toEqual([]);
  });
});
