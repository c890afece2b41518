/** Plans as files: `plan.json` and one WGSL file a kernel. This is the reading side; the compiler's module emitter writes them. */
import type { Plan, StoredPlan } from "../../codegen/plan.ts";
import { PlanError } from "../errors.ts";

/**
 * Puts a plan together again.
 *
 * @param json   the text of plan.json
 * @param texts  WGSL of each kernel, in order
 * @throws PlanError for files that do not belong together
 */
export function readStoredPlan(json: string, texts: readonly string[]): StoredPlan & Plan {
  let stored: StoredPlan;
  try {
    stored = JSON.parse(json) as StoredPlan;
  } catch (error) {
    throw new PlanError(`plan.json is damaged: ${(error as Error).message}`);
  }
  if (stored?.format !== 1 || stored.kernels?.length !== texts.length) {
    throw new PlanError("plan.json is of another build than this module; build both again");
  }
  return {
    ...stored,
    kernels: stored.kernels.map((kernel, index) => ({ ...kernel, wgsl: texts[index] as string })),
    constants: stored.constants.map((constant) => ({ ...constant, values: constant.values.map(Number) })),
  };
}
