/** Whether two kernels that should compute the same did. */
import type { PlanTensor } from "../../codegen/plan.ts";
import type { DType } from "../../ir/index.ts";
import type { HostArray } from "../host-data.ts";

/** Where results differ most, as a share of the largest magnitude that the default computed. */
export interface Difference {
  readonly output: string;
  /** Element, in row-major order. */
  readonly element: number;
  readonly expected: number;
  readonly got: number;
  /** `|got - expected|` relative to the largest of the output; infinite where just one of them is a number, or where they are no floats. */
  readonly relative: number;
}

/** Sums in another order differ by roundings, far less than this share of the largest value. */
const roundings = 1e-4;

/** What storing adds: one unit in the last place of the largest values. Whole numbers and conditions must agree. */
const storageUnit: Readonly<Record<DType, number>> = {
  f32: 0,
  f16: 2 ** -10,
  bf16: 2 ** -7,
  i32: 0,
  u32: 0,
  bool: 0,
};

const isFloat = (dtype: DType) => dtype === "f32" || dtype === "f16" || dtype === "bf16";

/** The worst difference beyond roundings between two results, or `undefined` when there is none. */
export function differenceOf(
  outputs: readonly PlanTensor[],
  expected: Readonly<Record<string, HostArray>>,
  got: Readonly<Record<string, HostArray>>,
): Difference | undefined {
  const found = outputs.flatMap(({ name, type }) => {
    const allowed = isFloat(type.dtype) ? roundings + storageUnit[type.dtype] : 0;
    const worst = worstElement(expected[name] as HostArray, got[name] as HostArray, isFloat(type.dtype));
    return worst.relative <= allowed ? [] : [{ output: name, ...worst }];
  });
  return found.reduce<Difference | undefined>(
    (worst, each) => (worst === undefined || each.relative > worst.relative ? each : worst),
    undefined,
  );
}

function worstElement(expected: HostArray, got: HostArray, areFloats: boolean): Omit<Difference, "output"> {
  const scale = areFloats ? largest(expected) : 0;
  let worst = { element: 0, expected: 0, got: 0, relative: 0 };
  for (let element = 0; element < expected.length; element++) {
    const a = expected[element] as number;
    const b = got[element] as number;
    // The same number, infinity or NaN.
    if (Object.is(a, b) || a === b) continue;
    const distance = Math.abs(a - b);
    const relative = scale > 0 && Number.isFinite(distance) ? distance / scale : Number.POSITIVE_INFINITY;
    if (relative > worst.relative) worst = { element, expected: a, got: b, relative };
  }
  return worst;
}

/** The largest finite magnitude. */
function largest(values: HostArray): number {
  let most = 0;
  for (const value of values) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
  return most;
}

/** True where every value is a finite number. */
export function areFinite(results: Readonly<Record<string, HostArray>>): boolean {
  return Object.values(results).every((values) => values.every((value: number) => Number.isFinite(value)));
}
