/** Figures as people read them, in the page and in the terminal's twins of its views. */

/** `134 MFLOP`: three significant digits, powers of 1000. */
export function printWork(flops: number): string {
  return printScaled(flops, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"]);
}

/** `1.5 MiB`: three significant digits, powers of 1024. */
export function printSize(bytes: number): string {
  return printScaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

/** `12.3 ms`. */
export function printTime(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;
}

/** `12.3 %`, of a share that is mostly between 0 and 1. */
export function printShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.01) return "< 0.01 %";
  if (percent > 100.05) return `${Number(percent.toPrecision(4))} %`;
  return `${percent >= 99.95 ? "100" : percent >= 10 ? percent.toFixed(1) : Number(percent.toPrecision(2))} %`;
}

/** `12 → 4 %` of `12 %` and `4 %`, `1 MiB → 8 KiB`; one figure where nothing changed. */
export function printChange(before: string, after: string): string {
  if (before === after) return before;
  const [, number, unit] = /^(\S+) (\S+)$/.exec(before) ?? [];
  return unit !== undefined && after.endsWith(` ${unit}`) ? `${number} → ${after}` : `${before} → ${after}`;
}

/** `1,203 nodes`, `1 node`. */
export function printNumberOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",")} ${count === 1 ? noun : plural}`;
}

/** `-0.0412`, `1.2e-7`: three significant digits of any number, also of one that JSON has as a word. */
export function printValue(value: number | string): string {
  if (typeof value !== "number") return value;
  const short = Number(value.toPrecision(3));
  const isPlain = short === 0 || (Math.abs(short) >= 1e-3 && Math.abs(short) < 1e6);
  return isPlain ? String(short) : short.toExponential().replace("e+", "e");
}

function printScaled(value: number, base: number, units: readonly string[]): string {
  let scaled = value;
  let power = 0;
  while (scaled >= base - 0.5 && power < units.length - 1) {
    scaled /= base;
    power++;
  }
  const digits = scaled >= 1000 ? 4 : 3;
  return `${Number(scaled.toPrecision(digits))} ${units[power]}`;
}

/** Dispatches of a run, and those that are done once. */
export function printDispatches({ steps, prepared }: { readonly steps: number; readonly prepared: number }): string {
  const run = printNumberOf(steps - prepared, "dispatch", "dispatches");
  return prepared === 0 ? run : `${run}, and ${prepared} once`;
}
