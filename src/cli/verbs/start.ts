/** `weft start [FILE]`: the guided tour of one file: what it computes, what the compiler made of it, and a run on random inputs. */
import { join, relative } from "node:path";
import { packageRoot } from "../../library.ts";
import { printFlops, printType } from "../../ir/index.ts";
import { compileEntry, initialValuesOf, type LoadedEntry, loadEntry } from "../compilation.ts";
import { runOnDevice, runOnReference } from "../execution.ts";
import { exitStatus, SourceErrors } from "../exit-status.ts";
import { openInputs } from "../input-files.ts";
import { readInputs } from "../input-values.ts";
import { graphCost, printKernels, printStages } from "../inspect-report.ts";
import { withMachine } from "../machine.ts";
import { addModelOptions, type CompileOptions, readCompileOptions } from "../options.ts";
import { printBytes, printCount } from "../quantities.ts";
import { makeRunReport, printOutput, printRunSummary } from "../run-report.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";

/** Shown when no file is given. */
const defaultFile = "models/performer/performer.weft";
/** Value of generic sizes that nothing fixes: long enough to be worth optimising, short enough for a software device. */
const defaultSize = 256;
const timedRuns = 5;

export const startVerb: Verb = {
  name: "start",
  describe: (command) => {
    command
      .summary("show what Weft does with a file")
      .argument("[file]", `.weft file (default: ${defaultFile} of the package)`);
    addModelOptions(command);
  },
  execute: async ([file], raw, terminal) => {
    const given = file ?? relative(process.cwd(), join(packageRoot, defaultFile));
    const options = readCompileOptions(raw);
    const started = performance.now();
    const { entry, path, sizes } = loadWithSizes(given, options, terminal);
    const frontMs = performance.now() - started;
    const sources = await openInputs(new Map([["all", "random"]]), undefined);
    const inputs = await readInputs(entry.graph.inputs, sources, options.seed);
    await withMachine(options.device, terminal, async (machine) => {
      const begun = performance.now();
      const compiled = compileEntry(entry, {
        profile: machine.profile,
        passes: options,
        onProgress: (step) => terminal.progress(step),
      });
      const compileMs = frontMs + performance.now() - begun;
      const values = { inputs, parameters: initialValuesOf(entry, options.seed) };
      const execution =
        machine.kind === "device"
          ? await runOnDevice(machine.device, compiled.plan, values, timedRuns, terminal)
          : await runOnReference(entry.graph, values, !machine.chosen, terminal);
      terminal.endProgress();
      const report = makeRunReport(machine.description, compiled, entry.graph, { compile: compileMs, ...execution.ms });
      if (terminal.json) {
        terminal.printJson({ file: path, entry: entry.graph.name, ...report });
        return;
      }
      terminal.print(describeEntry(path, entry, sizes));
      terminal.print(`\nWhat the passes did\n\n${printStages(compiled, false)}`);
      terminal.print(`\nKernels\n\n${printKernels(compiled.kernels)}`);
      terminal.print("\nA run on random inputs\n");
      for (const { name, node } of entry.graph.outputs) {
        const data = execution.outputs[name];
        if (data !== undefined) terminal.print(printOutput(name, node.type, data));
      }
      terminal.print(`\n${printRunSummary(report)}`);
      terminal.print(`\n${nextSteps(path, options, sizes)}`);
    });
    return exitStatus.done;
  },
};

interface Loaded {
  readonly entry: LoadedEntry;
  readonly path: string;
  /** Generic sizes that this verb chose. */
  readonly sizes: readonly string[];
}

/** Generic sizes that the options leave open get the default. */
function loadWithSizes(path: string, options: CompileOptions, terminal: Terminal): Loaded {
  const settings = new Map(options.settings);
  for (;;) {
    try {
      return { entry: loadEntry(path, { ...options, settings }, undefined, terminal), path, sizes: chosenSizes(settings, options) };
    } catch (error) {
      const open = error instanceof SourceErrors ? openSizes(error) : [];
      if (open.length === 0 || open.some((name) => settings.has(name))) throw error;
      for (const name of open) settings.set(name, defaultSize);
    }
  }
}

/** Names in a "nothing says how large" diagnostic. */
function openSizes({ diagnostics }: SourceErrors): string[] {
  const found = diagnostics.find(({ code }) => code === "size/not-given");
  return found === undefined ? [] : [...(found.help[0] ?? "").matchAll(/--set (\S+?)=/g)].map((match) => match[1] as string);
}
