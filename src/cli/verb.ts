/** What a verb of the command is: a file of verbs/ exports one. */
import type { Command } from "commander";
import type { ExitStatus } from "./exit-status.ts";
import type { Terminal } from "./terminal.ts";

export interface Verb {
  readonly name: string;
  /** Adds arguments, options and help to its command. */
  readonly describe: (command: Command) => void;
  /**
   * Does the work. Errors are thrown and reported in one place (failure.ts).
   *
   * @param files    the positional arguments
   * @param options  as commander parsed them, by their long names in camel case
   */
  readonly execute: (
    files: readonly string[],
    options: Readonly<Record<string, unknown>>,
    terminal: Terminal,
  ) => Promise<ExitStatus>;
}
