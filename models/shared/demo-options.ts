/** Numbers among the options of a demo, checked. */
import { type DemoContext, DemoInputError } from "../../src/demo.ts";

/** The name of an option in camel case as it is typed. */
const typed = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * The whole number that an option gives, if it is given.
 *
 * @throws DemoInputError for anything but a whole number from `least` to `most`
 */
export function wholeNumberOption(
  { options }: Pick<DemoContext, "options">,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const value = Number(given);
  if (Number.isSafeInteger(value) && value >= least && value <= most && given !== "") return value;
  throw new DemoInputError([`${typed(name)} takes a whole number from ${least} to ${most}, not "${String(given)}"`]);
}

/**
 * The share, score or probability that an option gives, or `otherwise`.
 *
 * @throws DemoInputError for anything but a number from 0 to 1
 */
export function shareOption({ options }: Pick<DemoContext, "options">, name: string, otherwise: number): number {
  const given = options[name];
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (given !== "" && value >= 0 && value <= 1) return value;
  throw new DemoInputError([`${typed(name)} takes a number from 0 to 1, not "${String(given)}"`]);
}
