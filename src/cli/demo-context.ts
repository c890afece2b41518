/** What a demo is given: files, compiled entries on the machine at hand, and the clock. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { stepsOfRun } from "../codegen/index.ts";
import type { DemoContext, DemoProgram, DemoRequest } from "../demo.ts";
import { packageRoot } from "../library.ts";
import { prepare } from "../runtime/index.ts";
import { compileEntry, initialValuesOf, loadEntry } from "./compilation.ts";
import { checkReferenceLimits, runOnReference } from "./execution.ts";
import { UsageError } from "./exit-status.ts";
import type { Machine } from "./machine.ts";
import type { CompileOptions } from "./options.ts";
import { readFileBytes } from "./source-files.ts";
import type { Terminal } from "./terminal.ts";
import { openParameters } from "./weights.ts";

export interface DemoSettings {
  readonly compile: CompileOptions;
  readonly preset: string;
  /** `--output`. */
  readonly output?: string;
  /** The demo's own options. */
  readonly options: DemoContext["options"];
}

/** A context with what it gathered: the time of each stage in ms, the values for `--json`, and a function that releases everything. */
export interface OpenDemo {
  readonly context: DemoContext;
  readonly stages: ReadonlyMap<string, number>;
  readonly values: Readonly<Record<string, unknown>>;
  close(): void;
}

/** A context for one run of a demo. */
export function openDemo(settings: DemoSettings, machine: Machine, terminal: Terminal): OpenDemo {
  const stages = new Map<string, number>();
  const values: Record<string, unknown> = {};
  const releases: (() => void)[] = [];
  const stage = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    terminal.progress(name);
    const started = performance.now();
    try {
      return await work();
    } finally {
      stages.set(name, (stages.get(name) ?? 0) + performance.now() - started);
    }
  };
  const context: DemoContext = {
    preset: settings.preset,
    seed: settings.compile.seed,
    trained: settings.compile.weights !== undefined,
    options: settings.options,
    outputPath: (name) => {
      const path = settings.output ?? join("reports", name);
      mkdirSync(dirname(path), { recursive: true });
      return path;
    },
    readFile: readFileBytes,
    compile: (request) =>
      stage("compile", async () => {
        const { program, release } = await compileFor(request, settings, machine, terminal);
        releases.push(release);
        return { ...program, run: (name, inputs) => stage(name, () => program.run(name, inputs)) };
      }),
    stage,
    print: (line) => {
      if (!terminal.json) terminal.print(line);
    },
    report: (name, value) => {
      values[name] = value;
    },
  };
  const close = () => {
    for (const release of releases) release();
  };
  return { context, stages, values, close };
}

async function compileFor(
  request: DemoRequest,
  settings: DemoSettings,
  machine: Machine,
  terminal: Terminal,
): Promise<{ readonly program: DemoProgram; readonly release: () => void }> {
  const preset = request.preset === undefined ? settings.preset : (request.preset ?? undefined);
  const options: CompileOptions = {
    ...settings.compile,
    model: request.model,
    entry: request.entry,
    preset,
    settings: new Map([...Object.entries(request.settings ?? {}), ...settings.compile.settings]),
  };
  const entry = loadEntry(join(packageRoot, request.file), options, undefined, terminal);
  const compiled = compileEntry(entry, {
    profile: machine.profile,
    passes: options,
    onProgress: (step) => terminal.progress(step),
  });
  const initial = initialValuesOf(entry, options.seed);
  const parameters = await openParameters(
    entry.wanted,
    { file: options.weights, allowMissing: options.allowMissing, initial },
    terminal,
  );
  if (options.weights !== undefined && parameters.fromFile === 0 && !terminal.json) {
    terminal.print(`${entry.graph.name}: none of its weights are in ${options.weights}; it is untrained.`);
  }
  const described = {
    outputs: Object.fromEntries(entry.graph.outputs.map(({ name, node }) => [name, node.type])),
    parameters: entry.parameters ?? [],
    dispatches: stepsOfRun(compiled.plan).length,
  };
  if (machine.kind === "reference") {
    checkReferenceLimits(compiled.finalGraph, !machine.chosen);
    const run: DemoProgram["run"] = async (_, inputs) => {
      for (const node of entry.graph.inputs) {
        const name = node.attributes.name as string;
        if (inputs[name] === undefined) throw new UsageError(`the demo gives no value for the input ${name}`);
      }
      const tensors = Object.fromEntries(
        entry.graph.inputs.map(({ attributes, type }) => {
          const name = attributes.name as string;
          const value = inputs[name] as Parameters<DemoProgram["run"]>[1][string];
          return [name, "data" in value ? value : { shape: type.shape, data: value }];
        }),
      );
      const values = { inputs: tensors as Parameters<typeof runOnReference>[1]["inputs"], parameters: parameters.read };
      return { ...(await runOnReference(compiled.finalGraph, values, terminal)).outputs };
    };
    return { program: { ...described, run }, release: () => void parameters.close() };
  }
  try {
    const executable = await prepare(machine.device, compiled.plan, {
      parameters: parameters.read,
      onProgress: ({ stage, done, total }) => terminal.progress(`${stage} ${done} of ${total}`),
    });
    return {
      program: { ...described, run: (_, inputs) => executable.run(inputs) },
      release: () => executable.dispose(),
    };
  } finally {
    await parameters.close();
  }
}
