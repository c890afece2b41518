/** Pieces of the charts: text, lines, and logarithmic axes. Coordinates in pixels, y downwards. */

export type Scale = (value: number) => number;

export const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

export const svgLine = (x1: number, y1: number, x2: number, y2: number, style: string) =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${style}/>`;

export const svgText = (at: readonly [number, number], words: string, style = "") =>
  `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${style}>${escaped(words)}</text>`;

/** The exponents of the powers of a base that enclose two numbers, and those between. */
export function powersBetween(low: number, high: number, base = 10): readonly number[] {
  const exponent = (value: number) => Math.log2(value) / Math.log2(base);
  // A quotient of logarithms of an exact power may miss it by a rounding.
  const [from, to] = [Math.floor(exponent(low) + 1e-9), Math.ceil(exponent(high) - 1e-9)];
  return Array.from({ length: Math.max(1, to - from) + 1 }, (_, i) => from + i);
}

/** The place of a number between `from`, where the first power is, and `to`, where the last one is. */
export function logarithmic(powers: readonly number[], from: number, to: number, base = 10): Scale {
  const [first, last] = [powers[0] as number, powers[powers.length - 1] as number];
  return (value) => from + ((Math.log2(value) / Math.log2(base) - first) / (last - first)) * (to - from);
}
