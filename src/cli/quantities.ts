/** Numbers as people read them: bytes, times, counts. */

/** `1.5 MiB`, `512 B`: three significant digits, powers of 1024. */
export function printBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let scaled = bytes;
  let power = 0;
  while (scaled >= 1023.5 && power < units.length - 1) {
    scaled /= 1024;
    power++;
  }
  return `${Number(scaled.toPrecision(power === 0 ? 4 : 3))} ${units[power]}`;
}

/** `12.3 ms`, `0.04 ms`, `2.5 s`. */
export function printMilliseconds(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number(ms.toPrecision(3))} ms`;
}

/** Whole numbers with thousands separated by commas: `19,165,440`. */
export function printCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 kernel`, `3 kernels`. */
export function printPlural(count: number, noun: string): string {
  return `${printCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** The value in the middle; the mean of the two middle ones for an even number of values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[(sorted.length >> 1) - 1] ?? Number.NaN)) / 2;
}
