/** Dispatches of whole blocks against the kernels that XLA's rules give, from the table in docs/compiler.md. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compileFamilies, type Family, timeCompiling } from "../bench/growth/compiling.ts";
import { compileWorkload } from "../bench/systems/weft.ts";
import type { Workload } from "../bench/workload.ts";
import { findWorkload } from "../bench/workloads.ts";
import { stepsOfRun } from "../src/codegen/index.ts";
import { countedProfile } from "./counters.ts";

const dispatchesOf = (workload: Pick<Workload, "weft">) =>
  stepsOfRun(compileWorkload(workload, countedProfile).plan).length;
const lstm = (T: number) => ({ weft: { file: "recurrence.weft", entry: "lstm", settings: { T, d: 256, n: 256 } } });
const residualBlocks = compileFamilies.find(({ name }) => name === "convolutions") as Family;
const blocks = (count: number) => timeCompiling(residualBlocks.compiled(count)).dispatches;

const counted: Readonly<Record<string, () => number>> = {
  "BERT-base layer, 128 tokens": () => dispatchesOf(findWorkload("BERT-base layer, 128 tokens")),
  "Performer layer, 1,024 tokens": () => dispatchesOf(findWorkload("Performer layer, 1024 tokens")),
  "ResNet block of two 3 × 3 convolutions, normalisation folded": () => blocks(3) - blocks(2),
  "ResNet-50 at 224², normalisation folded": () => dispatchesOf(findWorkload("ResNet-50 at 224²")),
  "LSTM step": () => dispatchesOf(lstm(33)) - dispatchesOf(lstm(32)),
};

const page = readFileSync(join(dirname(dirname(fileURLToPath(import.meta.url))), "docs/compiler.md"), "utf8");
const section = page.slice(page.indexOf("## How many dispatches"), page.indexOf("## How long it takes"));
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .flatMap(([, name = "", kernels = "", theirs = "", ours = ""]) =>
    /^\d+$/.test(theirs) ? [{ name, kernels, theirs: Number(theirs), ours: Number(ours) }] : [],
  );

test("the table has a row for everything that is counted", () => {
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(counted));
});

test.each(rows)("$name", ({ name, kernels, theirs, ours }) => {
  const listed = kernels.split(";").map((kernel) => Number(/^(\d+) × /.exec(kernel.trim())?.[1] ?? 1));
  expect(listed.reduce((sum, times) => sum + times, 0)).toBe(theirs);
  const dispatches = counted[name]?.();
  expect(dispatches).toBe(ours);
  expect(dispatches).toBeLessThanOrEqual(theirs);
});
