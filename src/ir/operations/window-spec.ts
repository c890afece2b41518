/** The text form of windows: `"c, 2 y + ky - 1 -> c ky y"`, with division `"(y - ky + 1) / 2 -> y ky"`. */
import { IrError } from "../operation.ts";

/** One axis of the operand: `(constant + sum of coefficient * index) / divisor`; between the multiples, it is outside. */
export interface WindowAxis {
  readonly terms: readonly { readonly index: string; readonly coefficient: number }[];
  readonly constant: number;
  /** At least 1. */
  readonly divisor: number;
}

export interface WindowSpec {
  readonly axes: readonly WindowAxis[];
  readonly result: readonly string[];
}

const parsed = new Map<string, WindowSpec>();

/** Reads `"c, 2 y + ky - 1 -> c ky y"`: where each axis of the operand is read, for each index of the result. */
export function parseWindow(text: string): WindowSpec {
  let spec = parsed.get(text);
  if (spec === undefined) {
    const [from, to, ...more] = text.split("->");
    if (from === undefined || to === undefined || more.length > 0)
      throw new IrError(`"${text}" is not of the form "2 y + ky - 1 -> ky y"`);
    spec = {
      axes: from.trim() === "" ? [] : from.split(",").map((axis) => parseAxis(axis, text)),
      result: to.split(/\s+/).filter(Boolean),
    };
    if (parsed.size > 100_000) parsed.clear();
    parsed.set(text, spec);
  }
  return spec;
}

function parseAxis(text: string, whole: string): WindowAxis {
  const quotient = /^\s*\((.*)\)\s*\/\s*([1-9]\d*)\s*$/u.exec(text);
  if (quotient !== null) return { ...parseAxis(quotient[1] as string, whole), divisor: Number(quotient[2]) };
  const terms: { index: string; coefficient: number }[] = [];
  let constant = 0;
  const pieces = text.trim().match(/[+-]?[^+-]+/g) ?? [];
  for (const piece of pieces) {
    const match = /^([+-])?\s*(\d+)?\s*([\p{L}_][\p{L}\p{N}_']*)?\s*$/u.exec(piece.trim());
    if (match === null || (match[2] === undefined && match[3] === undefined)) {
      throw new IrError(`"${piece.trim()}" in "${whole}" is neither a number nor an index`);
    }
    const value = (match[1] === "-" ? -1 : 1) * Number(match[2] ?? 1);
    if (match[3] === undefined) constant += value;
    else terms.push({ index: match[3], coefficient: value });
  }
  if (pieces.length === 0) throw new IrError(`an axis of "${whole}" is empty`);
  return { terms, constant, divisor: 1 };
}

export function printWindow(spec: WindowSpec): string {
  return `${spec.axes.map(printAxis).join(", ")} -> ${spec.result.join(" ")}`;
}

function printAxis({ divisor, ...sum }: WindowAxis): string {
  return divisor === 1 ? printSum(sum) : `(${printSum(sum)}) / ${divisor}`;
}

function printSum({ terms, constant }: Pick<WindowAxis, "terms" | "constant">): string {
  let text = "";
  const append = (negative: boolean, magnitude: string) => {
    if (text === "") text = negative ? `-${magnitude}` : magnitude;
    else text += negative ? ` - ${magnitude}` : ` + ${magnitude}`;
  };
  for (const { index, coefficient } of terms) {
    const size = Math.abs(coefficient);
    append(coefficient < 0, size === 1 ? index : `${size} ${index}`);
  }
  if (constant !== 0 || text === "") append(constant < 0, String(Math.abs(constant)));
  return text;
}
