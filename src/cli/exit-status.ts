/** Exit statuses of the command, and the errors that lead to them. */
import type { Diagnostic } from "../frontend/index.ts";

/** What the process returns; other programs rely on these numbers. */
export const exitStatus = {
  done: 0,
  /** The input has errors: a text, weights, data. */
  inputErrors: 1,
  /** The command was not called rightly. */
  usage: 2,
  /** There is no device, or it failed. */
  device: 3,
  /** A bug in Weft itself. */
  internal: 70,
} as const;

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];

/** The command line asks for something that does not exist. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Files or data given do not fit; each problem is one line for the user. */
export class InputProblems extends Error {
  override readonly name = "InputProblems";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** The source text has errors, which the diagnostics describe. */
export class SourceErrors extends Error {
  override readonly name = "SourceErrors";
  constructor(
    readonly diagnostics: readonly Diagnostic[],
    /** Text of each file by path, for showing the lines concerned. */
    readonly sources: ReadonlyMap<string, string>,
  ) {
    super(`${diagnostics.length} diagnostics`);
  }
}

/** Weft itself went wrong. `stage` is the pass, the kernel or the step of the compiler concerned. */
export class InternalFailure extends Error {
  override readonly name = "InternalFailure";
  constructor(
    readonly stage: string,
    override readonly cause: unknown,
    /** Path of what a maintainer needs to see it again. */
    readonly reproducer: string | undefined,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}
