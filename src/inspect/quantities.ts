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

/** `12.3 %`, of a share between 0 and 1. */
export function printShare(share: number): string {
  const percent = share * 100;
  return `${percent >= 99.95 ? "100" : percent >= 10 ? percent.toFixed(1) : Number(percent.toPrecision(2))} %`;
}

/** `1,203 nodes`, `1 node`. */
export function printNumberOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",")} ${count === 1 ? noun : plural}`;
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
