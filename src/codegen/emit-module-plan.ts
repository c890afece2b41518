/** A plan as `plan.json`: plain JSON that says the same on every machine. */
import type { Origins } from "../ir/index.ts";
import type { Plan, StoredPlan } from "./plan.ts";

/**
 * The plan without WGSL, and with places told from the folder of the source text.
 *
 * @param sourcePath  path of the source text as the compiler was given it
 */
export function storePlan(plan: Plan, sourcePath: string): StoredPlan {
  const folder = sourcePath.slice(0, sourcePath.lastIndexOf("/") + 1);
  const relative = (origins: Origins): Origins =>
    origins.map((span) => ({ ...span, file: nameFrom(folder, span.file) }));
  return {
    format: 1,
    ...plan,
    constants: plan.constants.map((constant) => ({ ...constant, values: constant.values.map(storedNumber) })),
    kernels: plan.kernels.map(({ wgsl: _, origins, ...kernel }) => ({ ...kernel, origins: relative(origins) })),
    // Steps tell their kernel's place; their own would repeat most of it.
    steps: plan.steps.map((step) => ({ ...step, origins: [] })),
    features: plan.kernels.some(({ wgsl }) => /^\s*enable\s+f16\s*;/m.test(wgsl)) ? ["shader-f16"] : [],
  };
}

/** The library's files keep their names, others lose the folder; what lies outside it keeps only its own name. */
function nameFrom(folder: string, file: string): string {
  if (file.startsWith("std/")) return file;
  if (folder !== "" && file.startsWith(folder)) return file.slice(folder.length);
  return folder === "" && !file.startsWith("/") ? file : file.slice(file.lastIndexOf("/") + 1);
}

/** JSON has neither infinities nor NaN nor a negative zero; `Number` reads these strings back. */
function storedNumber(value: number): number | string {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);
}
