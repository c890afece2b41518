/** The axes of images that windows walk over: strides, dilations and padding of convolutions and poolings. */
import { addSizes, constantSize, floorDivideSizes, type Size, scaleSize, subtractSizes } from "../../frontend/index.ts";
import { binary, type Expression, type NamedArgument, plus, sizeOf, times } from "../expression.ts";
import { type Call, integer, integers, text } from "../operator.ts";
import { Refusal } from "../problem.ts";
import { numberOf } from "../value.ts";

export interface Walk {
  readonly size: Size;
  readonly length: Size;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before and after. */
  readonly low: number;
  readonly high: number;
}

/** How a window walks over each spatial axis. @param kernel  sizes of the window */
export function walksOf(call: Call, sizes: readonly Size[], kernel: readonly number[]): Walk[] {
  const rank = sizes.length;
  const strides = integers(call, "strides") ?? sizes.map(() => 1);
  const dilations = integers(call, "dilations") ?? sizes.map(() => 1);
  const pads = integers(call, "pads") ?? Array.from({ length: 2 * rank }, () => 0);
  const automatic = text(call, "auto_pad") ?? "NOTSET";
  if (kernel.length !== rank || strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank) {
    throw new Refusal(`its kernel, strides, dilations or pads are not for ${rank} axes`);
  }
  return sizes.map((size, axis) => {
    const [own, stride, dilation] = [kernel[axis], strides[axis], dilations[axis]] as [number, number, number];
    const reach = dilation * (own - 1) + 1;
    const { low, high } = automatic.startsWith("SAME")
      ? same(size, stride, reach, automatic === "SAME_UPPER")
      : automatic === "VALID"
        ? { low: 0, high: 0 }
        : { low: pads[axis] as number, high: pads[axis + rank] as number };
    if (low < 0 || high < 0) throw new Refusal("its padding is negative");
    const span = addSizes(size, constantSize(low + high - reach));
    return { size, length: outputLength(call, span, size, stride, low), kernel: own, stride, dilation, low, high };
  });
}

function outputLength(call: Call, span: Size, size: Size, stride: number, low: number): Size {
  const whole = addSizes(floorDivideSizes(span, constantSize(stride)), constantSize(1));
  if (integer(call, "ceil_mode") !== 1) return whole;
  const [known, length] = [numberOf(span), numberOf(size)];
  if (known === undefined || length === undefined) {
    throw new Refusal("with ceil_mode its length needs numbers; give sizes with --set");
  }
  const more = Math.ceil(known / stride) + 1;
  // A window must begin inside of the image or its padding in front.
  return constantSize((more - 1) * stride >= length + low ? more - 1 : more);
}

function same(size: Size, stride: number, reach: number, upper: boolean): { low: number; high: number } {
  const known = numberOf(size);
  if (known === undefined && stride !== 1)
    throw new Refusal("its automatic padding needs numbers; give sizes with --set");
  const missing =
    known === undefined ? reach - 1 : Math.max(0, (Math.ceil(known / stride) - 1) * stride + reach - known);
  const less = Math.floor(missing / 2);
  return upper ? { low: less, high: missing - less } : { low: missing - less, high: less };
}

/** Where tap `tap` of place `place` reads: `stride * place + dilation * tap - padding`. */
export const walked = ({ stride, dilation, low }: Walk, place: Expression, tap: Expression): Expression => {
  const sum = binary("+", times(constantSize(stride), place), times(constantSize(dilation), tap));
  return plus(sum, scaleSize(constantSize(low), -1n));
};

/** Stride, padding and dilation where all axes have the same, and as much padding before as after; else undefined. */
export function uniform(walks: readonly Walk[]): Walk | undefined {
  const [first] = walks as readonly [Walk];
  const equal = walks.every(
    ({ kernel: _, low, high, ...each }) =>
      low === high && low === first.low && each.stride === first.stride && each.dilation === first.dilation,
  );
  return equal ? first : undefined;
}

export const isSquare = (walks: readonly Walk[]): boolean => walks.every(({ kernel }) => kernel === walks[0]?.kernel);

/** Named arguments of a library function, those left out that have their defaults. */
export const settings = (values: Readonly<Record<string, readonly [number, number]>>): NamedArgument[] =>
  Object.entries(values).flatMap(([name, [value, usual]]) =>
    value === usual ? [] : [{ name, value: sizeOf(constantSize(value)) }],
  );

/** The same as text, for the arguments of a module. */
export const settingsText = (values: Readonly<Record<string, readonly [number | boolean, number | boolean]>>): string =>
  Object.entries(values)
    .filter(([, [value, usual]]) => value !== usual)
    .map(([name, [value]]) => `, ${name}: ${value}`)
    .join("");

/** Length of the axis less what padding takes off: `size - low - high`. */
export const shortened = (size: Size, low: number, high: number): Size => subtractSizes(size, constantSize(low + high));
