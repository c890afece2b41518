/** Telling a faster kernel from a lucky one. */

/** The value below which a share of the others lies, between neighbours in proportion. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN];
  return low + (high - low) * (place - Math.floor(place));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Medians of fewer times say nothing. */
export const fewestTimes = 3;

/** Gains below this share are not worth a note in a file. */
const leastGain = 0.03;

/** True when times are better by more than 3 %, and by more than the middle halves of both spread. */
export function isFasterBeyondNoise(times: readonly number[], than: readonly number[]): boolean {
  if (Math.min(times.length, than.length) < fewestTimes) return false;
  return median(times) < (1 - leastGain) * median(than) && quantile(times, 0.75) < quantile(than, 0.25);
}
