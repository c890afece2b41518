/** Parameters named by patterns of their paths, as `weft train` takes them. */
import { UsageError } from "./exit-status.ts";

/** Parameters by a pattern of their paths, with the rate factor and perhaps the weight decay of their own. */
export interface GroupOption {
  readonly pattern: string;
  readonly rateFactor: number;
  readonly weightDecay?: number;
}

/** Reads `--group`. @throws UsageError when it has not the form PATTERN=FACTOR[,DECAY] */
export function readGroup(text: string): GroupOption {
  const [, pattern, numbers] = /^(.+)=([^=]*)$/.exec(text.trim()) ?? [];
  const [factor, decay, more] = (numbers ?? "").split(",").map((part) => part.trim());
  const numberOf = (part: string | undefined) => (part === undefined || part === "" ? Number.NaN : Number(part));
  const fits = (value: number) => Number.isFinite(value) && value >= 0;
  const [rateFactor, weightDecay] = [numberOf(factor), numberOf(decay)];
  if (pattern === undefined || more !== undefined || !fits(rateFactor) || (decay !== undefined && !fits(weightDecay)))
    throw new UsageError(
      `--group ${text}: it must have the form PATTERN=FACTOR or PATTERN=FACTOR,DECAY with numbers of at least 0, as "text_bert.*=0.1"`,
    );
  return { pattern, rateFactor, ...(decay === undefined ? {} : { weightDecay }) };
}

/** A test for paths: in a pattern `*` stands for anything, also for nothing. */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map(
    (pattern) =>
      new RegExp(
        `^${pattern
          .split("*")
          .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
          .join(".*")}$`,
        "u",
      ),
  );
  return (path) => expressions.some((expression) => expression.test(path));
}
