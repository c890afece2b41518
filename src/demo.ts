/**
 * What `weft demo NAME` runs: one system from real files to an answer. A system's `models/NAME/demo.ts` exports a `demo`; the
 * command gives it a context, so that demos read and write files and pictures but know neither devices nor the command line.
 */
import type { HostArray, HostValue, ParameterInfo } from "./index.ts";

/** An option of one demo beside those that all of them have (`--preset`, `--weights`, `--seed`, `--device`, `--output`). */
export interface DemoOption {
  /** As it is typed: `--image <file>`, or `--causal` for a switch. */
  readonly flags: string;
  readonly description: string;
}

export interface DemoRequest {
  /** A .weft file of the package, such as `models/sstvos/sstvos.weft`. */
  readonly file: string;
  readonly entry: string;
  readonly model?: string;
  /** Replaces the preset that the user chose: `null` for none. */
  readonly preset?: string | null;
  /** Model parameters, and generic sizes that no input fixes. */
  readonly settings?: Readonly<Record<string, number | boolean>>;
}

/** A compiled entry with its weights on the device. */
export interface DemoProgram {
  readonly outputs: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[] }>>;
  readonly parameters: readonly ParameterInfo[];
  readonly dispatches: number;
  /** Runs once; the time is counted as the stage `name`. */
  run(name: string, inputs: Readonly<Record<string, HostValue>>): Promise<Record<string, HostArray>>;
}

export interface DemoContext {
  /** The preset that the user chose, `paper` unless the demo has another default. */
  readonly preset: string;
  readonly seed: number;
  /** False when no weights were given: results then say nothing about the trained system. */
  readonly trained: boolean;
  /** The values of the demo's own options by their long name in camel case; switches are `true`. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Where results are to be written: what `--output` names, or a path in `reports/`. Folders are made. */
  outputPath(defaultName: string): string;
  /** Bytes of a file. @throws an error that names the file when it cannot be read */
  readFile(path: string): Uint8Array;
  /** Compiles an entry; everything compiled is released when the demo ends. Weights come from `--weights`, else from the initialisers. */
  compile(request: DemoRequest): Promise<DemoProgram>;
  /** Runs host work and counts its time as the stage `name`. */
  stage<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Writes a line of the result to standard output. */
  print(line: string): void;
  /** Adds a value to what `--json` prints. */
  report(name: string, value: unknown): void;
}

export interface Demo {
  readonly name: string;
  /** One line for `weft demo --help`. */
  readonly summary: string;
  readonly options: readonly DemoOption[];
  /** The preset when the user names none. */
  readonly defaultPreset: string;
  /** Does the work. User mistakes are thrown as `DemoInputError`. */
  run(context: DemoContext): Promise<void>;
}

/** Input that a demo cannot use; `problems` are printed one a line, each with what to do. */
export class DemoInputError extends Error {
  override readonly name = "DemoInputError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}
