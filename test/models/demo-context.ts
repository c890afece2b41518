/** A context for demos without a device: files from memory, and a network that gives what a test says. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DemoContext, DemoProgram, DemoRequest } from "../../src/demo.ts";

export interface DemoRecord {
  readonly context: DemoContext;
  /** Lines that were printed. */
  readonly said: readonly string[];
  /** Values for `--json`. */
  readonly values: ReadonlyMap<string, unknown>;
  /** What was compiled. */
  readonly requests: readonly DemoRequest[];
  /** Inputs of the runs, in their order. */
  readonly inputs: readonly Parameters<DemoProgram["run"]>[1][];
  /** Where results are written. */
  readonly folder: string;
}

/** Results of an entry, and the shapes that its program tells. */
export interface DemoAnswer {
  readonly outputs: DemoProgram["outputs"];
  readonly parameters?: DemoProgram["parameters"];
  readonly results: Awaited<ReturnType<DemoProgram["run"]>>;
}

export interface DemoSetting {
  readonly options: DemoContext["options"];
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly preset?: string;
  readonly trained?: boolean;
  readonly answers: (request: DemoRequest) => DemoAnswer;
}

export function demoContext({
  options,
  files = {},
  preset = "tiny",
  trained = false,
  answers,
}: DemoSetting): DemoRecord {
  const said: string[] = [];
  const values = new Map<string, unknown>();
  const requests: DemoRequest[] = [];
  const given: Parameters<DemoProgram["run"]>[1][] = [];
  const folder = mkdtempSync(join(tmpdir(), "weft-"));
  const context: DemoContext = {
    preset,
    seed: 0,
    trained,
    options,
    outputPath: (name) => join(folder, name),
    readFile: (path) => {
      const bytes = files[path];
      if (bytes === undefined) throw new Error(`cannot read ${path}`);
      return bytes;
    },
    compile: async (request) => {
      requests.push(request);
      const { outputs, parameters = [], results } = answers(request);
      const run: DemoProgram["run"] = async (_, inputs) => {
        given.push(inputs);
        return results;
      };
      return { outputs, parameters, dispatches: 1, run };
    },
    stage: async (_, work) => work(),
    print: (line) => said.push(line),
    report: (name, value) => values.set(name, value),
  };
  return { context, said, values, requests, inputs: given, folder };
}
