/** What a tensor's elements are like, and how far they are from what they should be. */
import type { Deviation, ProbedNumber, ProbedValue } from "./inspection.ts";

/** Figures of a value; of the finite elements where it says so. */
export type ValueStatistics = Pick<ProbedValue, "elements" | "nan" | "infinite" | "range">;

/** Smallest, largest and mean finite element, and how many are not finite. */
export function statisticsOf(data: ArrayLike<number>): ValueStatistics {
  let [nan, infinite, minimum, maximum, sum] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < data.length; i++) {
    const element = data[i] as number;
    if (Number.isNaN(element)) nan++;
    else if (!Number.isFinite(element)) infinite++;
    else {
      if (element < minimum) minimum = element;
      if (element > maximum) maximum = element;
      sum += element;
    }
  }
  const finite = data.length - nan - infinite;
  return {
    elements: data.length,
    nan,
    infinite,
    ...(finite === 0 ? {} : { range: { minimum, maximum, mean: sum / finite } }),
  };
}

/**
 * The element with the largest absolute difference; NaN agrees with NaN, and differs from a number by infinity. Undefined when all
 * agree.
 *
 * @param shape  of both, row-major
 */
export function worstDeviation(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  shape: readonly number[],
): Deviation | undefined {
  let [worst, difference] = [-1, 0];
  for (let i = 0; i < want.length; i++) {
    const [mine, right] = [got[i] as number, want[i] as number];
    if (mine === right || (Number.isNaN(mine) && Number.isNaN(right))) continue;
    const off = Math.abs(mine - right);
    const amount = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    if (amount > difference) [worst, difference] = [i, amount];
  }
  if (worst < 0) return undefined;
  return {
    position: positionOf(worst, shape),
    got: probedNumber(got[worst] as number),
    want: probedNumber(want[worst] as number),
    difference: probedNumber(difference),
  };
}

/** The place of an element in row-major order. */
export function positionOf(index: number, shape: readonly number[]): readonly number[] {
  const position: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return position;
}

/** A number as JSON can hold it. */
export function probedNumber(value: number): ProbedNumber {
  return Number.isFinite(value) ? value : (String(value) as ProbedNumber);
}

/** True when a value is further off than its own operation explains. */
export function isOutside({ boundUsed }: Pick<ProbedValue, "boundUsed">): boolean {
  return boundUsed !== undefined && Number(boundUsed) > 1;
}

/** True when a value should be looked at: it is not finite everywhere, or outside its bound. */
export function isSuspect(value: Pick<ProbedValue, "nan" | "infinite" | "boundUsed">): boolean {
  return value.nan + value.infinite > 0 || isOutside(value);
}

/** Several values as one, as those of an equation that every layer computes. */
export interface ValueSummary extends Omit<ProbedValue, "node" | "boundUsed"> {
  /** The largest of all. */
  readonly boundUsed?: ProbedNumber;
  /** Those that were put together. */
  readonly values: readonly ProbedValue[];
}

/** @returns undefined for no values at all */
export function summariseValues(values: readonly ProbedValue[]): ValueSummary | undefined {
  const [first] = values;
  if (first === undefined) return undefined;
  const total = (of: (value: ProbedValue) => number) => values.reduce((sum, value) => sum + of(value), 0);
  const finite = (value: ProbedValue) => value.elements - value.nan - value.infinite;
  const ranges = values.flatMap(({ range }) => (range === undefined ? [] : [range]));
  const mean = total((value) => (value.range === undefined ? 0 : value.range.mean * finite(value))) / total(finite);
  const largest = <T>(items: readonly T[], of: (item: T) => number): T | undefined =>
    items.reduce<T | undefined>((most, item) => (most === undefined || of(item) > of(most) ? item : most), undefined);
  const worst = largest(
    values.flatMap((value) => (value.worst === undefined ? [] : [value.worst])),
    ({ difference }) => Number(difference),
  );
  const boundUsed = largest(
    values.flatMap((value) => (value.boundUsed === undefined ? [] : [value.boundUsed])),
    Number,
  );
  return {
    from: values.some(({ from }) => from === "device") ? "device" : "reference",
    elements: total(({ elements }) => elements),
    nan: total(({ nan }) => nan),
    infinite: total(({ infinite }) => infinite),
    ...(ranges.length === 0
      ? {}
      : {
          range: {
            minimum: ranges.reduce((least, { minimum }) => Math.min(least, minimum), Number.POSITIVE_INFINITY),
            maximum: ranges.reduce((most, { maximum }) => Math.max(most, maximum), Number.NEGATIVE_INFINITY),
            mean,
          },
        }),
    ...(worst === undefined ? {} : { worst }),
    ...(boundUsed === undefined ? {} : { boundUsed }),
    values,
  };
}
