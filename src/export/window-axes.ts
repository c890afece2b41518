/** Windows read axis by axis: which axes of the operand are only split into several, and which are walked with a stride. */
import { parseWindow, type TensorType, type WindowAxis } from "../ir/index.ts";
import type { Sizes } from "./named-axes.ts";

/** One axis of the operand, after axes that are only split have been. */
export interface ReadAxis extends WindowAxis {
  readonly size: number;
}

export interface WindowReading {
  /** The operand's shape with split axes. */
  readonly shape: readonly number[];
  /** For each axis of that shape, where it is read. */
  readonly axes: readonly ReadAxis[];
  /** Index names of the result. */
  readonly result: readonly string[];
  readonly sizes: Sizes;
}

/** Reads the spec of a window: `"b, 4 g + c -> b g c"` with four channels `c` splits its second axis. */
export function readWindow(spec: string, operand: TensorType, shape: readonly number[]): WindowReading {
  const { axes, result } = parseWindow(spec);
  const sizes = new Map(result.map((name, axis) => [name, shape[axis] as number]));
  const read = axes.flatMap((axis, k) => splitAxis({ ...axis, size: operand.shape[k] as number }, sizes));
  return { shape: read.map(({ size }) => size), axes: read, result, sizes };
}

/** The axes that a mixed-radix axis is made of, or the axis itself. */
function splitAxis(axis: ReadAxis, sizes: Sizes): ReadAxis[] {
  const terms = [...axis.terms].sort((a, b) => b.coefficient - a.coefficient);
  let stride = 1;
  for (const { index, coefficient } of [...terms].reverse()) {
    if (coefficient !== stride) return [axis];
    stride *= sizes.get(index) as number;
  }
  if (terms.length < 2 || axis.constant !== 0 || axis.divisor !== 1 || stride !== axis.size) return [axis];
  return terms.map(({ index }) => ({
    terms: [{ index, coefficient: 1 }],
    constant: 0,
    divisor: 1,
    size: sizes.get(index) as number,
  }));
}

/** The name of the index that an axis is read by as it is, or undefined. */
export function plainIndex({ terms, constant, divisor, size }: ReadAxis, sizes: Sizes): string | undefined {
  const [first, ...others] = terms;
  const plain =
    first !== undefined && others.length === 0 && first.coefficient === 1 && constant === 0 && divisor === 1;
  return plain && sizes.get(first.index) === size ? first.index : undefined;
}

/** An axis read at `stride * place + dilation * tap - low`, as convolutions and poolings do; sizes in elements. */
export interface WalkedAxis {
  readonly place: string;
  /** Absent where the window is one element wide. */
  readonly tap: string | undefined;
  readonly width: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before and after the axis. */
  readonly low: number;
  readonly high: number;
}

/** Reads an axis as one that is walked, or says that it is none: undefined. */
export function walkedAxis(
  { terms, constant, divisor, size }: ReadAxis,
  sizes: Sizes,
  isPlace: (index: string) => boolean,
  isTap: (index: string) => boolean,
): WalkedAxis | undefined {
  const places = terms.filter(({ index }) => isPlace(index));
  const taps = terms.filter(({ index }) => isTap(index));
  const [place, tap] = [places[0], taps[0]];
  if (place === undefined || places.length > 1 || taps.length > 1) return undefined;
  if (places.length + taps.length !== terms.length) return undefined;
  const [stride, dilation] = [place.coefficient, tap?.coefficient ?? 1];
  if (divisor !== 1 || constant > 0 || stride < 1 || dilation < 1) return undefined;
  const width = tap === undefined ? 1 : (sizes.get(tap.index) as number);
  const length = sizes.get(place.index) as number;
  if (width === 0 || length === 0) return undefined;
  // What the last tap of the last place needs beyond the end is padding. A rest that holds one more place would give one.
  const beyond = stride * (length - 1) + dilation * (width - 1) + 1 - size + constant;
  if (-beyond >= stride) return undefined;
  return { place: place.index, tap: tap?.index, width, stride, dilation, low: -constant, high: Math.max(beyond, 0) };
}
