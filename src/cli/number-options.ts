/** Numbers as options of a command take them; what they refuse says what they want. */
import { InvalidArgumentError } from "commander";

/** A finite number, as `1e-3`. */
function real(text: string): number {
  const value = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

export function positive(text: string): number {
  const value = real(text);
  if (value <= 0) throw new InvalidArgumentError("It must be above 0.");
  return value;
}

export function notNegative(text: string): number {
  const value = real(text);
  if (value < 0) throw new InvalidArgumentError("It must not be below 0.");
  return value;
}

/** A share such as a momentum: 0 included, 1 not. */
export function share(text: string): number {
  const value = notNegative(text);
  if (value >= 1) throw new InvalidArgumentError("It must be below 1.");
  return value;
}

/** A power of two from 1 to 2^24. */
export function powerOfTwo(text: string): number {
  const value = real(text);
  if (value < 1 || value > 2 ** 24 || !Number.isInteger(Math.log2(value)))
    throw new InvalidArgumentError("It must be a power of two from 1 to 16777216.");
  return value;
}

export function whole(text: string): number {
  const value = notNegative(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** Steps that rise, as `4000,6000`. */
export function ascendingSteps(text: string): readonly number[] {
  const steps = text.split(",").map((part) => whole(part.trim()));
  if (steps.some((step, k) => k > 0 && step <= (steps[k - 1] as number)))
    throw new InvalidArgumentError("The steps must rise.");
  return steps;
}
