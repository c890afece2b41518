/** The guided tour of one .weft file: what it computes, what the compiler made of it, and a run on random inputs. */
import { checkSource, instantiateModel } from "../compile.ts";
import { listEntries } from "../frontend/index.ts";
import { elementCount, type Node, printType } from "../ir/index.ts";
import { accept, compileEntry, initialValuesOf, isIrFile, type LoadedEntry, loadEntry } from "./compilation.ts";
import { checkReferenceLimits, runOnDevice, runOnReference } from "./execution.ts";
import { SourceErrors } from "./exit-status.ts";
import type { InputSources } from "./input-files.ts";
import { readInputs } from "./input-values.ts";
import { printKernels, printStages } from "./inspect-report.ts";
import type { Machine } from "./machine.ts";
import type { CompileOptions } from "./options.ts";
import { printCount } from "./quantities.ts";
import { makeRunReport, printOutput, printRunSummary } from "./run-report.ts";
import { sourceReader } from "./source-files.ts";
import { printTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Values tried for generic sizes that nothing fixes: the first that the text's requirements allow. */
const triedSizes = [256, 64, 16, 4];
const timedRuns = 5;

/** Shows what a file computes, what the passes made of it, and a run on random inputs. */
export async function tour(path: string, options: CompileOptions, machine: Machine, terminal: Terminal): Promise<void> {
  const started = performance.now();
  const { entry, choices } = loadWithChoices(path, options, machine, terminal);
  const compiled = compileEntry(entry, {
    profile: machine.profile,
    passes: options,
    onProgress: (step) => terminal.progress(step),
  });
  const compileMs = performance.now() - started;
  if (machine.kind === "reference") checkReferenceLimits(entry.graph, !machine.chosen);
  const inputs = await readInputs(entry.graph.inputs, allRandom, options.seed);
  const values = { inputs, parameters: initialValuesOf(entry, options.seed) };
  const execution =
    machine.kind === "device"
      ? await runOnDevice(machine.device, compiled.plan, values, { repeat: timedRuns, profile: false }, terminal)
      : await runOnReference(entry.graph, values, terminal);
  terminal.endProgress();
  const report = makeRunReport(machine.description, compiled, entry.graph, { compile: compileMs, ...execution.ms });
  if (terminal.json) {
    terminal.printJson({ file: path, entry: entry.graph.name, choices, ...report });
    return;
  }
  const outputs = entry.graph.outputs.flatMap(({ name, node }) => {
    const data = execution.outputs[name];
    return data === undefined ? [] : [printOutput(name, node.type, data)];
  });
  const sections = [
    describeEntry(path, entry, choices),
    `What the passes did\n\n${printStages(compiled, false)}`,
    `Kernels\n\n${printKernels(compiled.kernels)}`,
    `A run on random inputs\n\n${outputs.join("\n")}\n\n${printRunSummary(report)}`,
    nextSteps(path, choices),
  ];
  terminal.print(sections.join("\n\n"));
}

const allRandom: InputSources = { byName: new Map(), restRandom: true, close: async () => undefined };

interface Loaded {
  readonly entry: LoadedEntry;
  /** Options that this verb chose, as one would write them. */
  readonly choices: readonly string[];
}

/** Chooses what the options leave open: a small preset where there is no GPU, and sizes that the text's requirements allow. */
function loadWithChoices(path: string, options: CompileOptions, machine: Machine, terminal: Terminal): Loaded {
  if (isIrFile(path)) return { entry: loadEntry(path, options, undefined, terminal), choices: [] };
  const outline = outlineOf(path, options, terminal);
  const isSmallMachine = machine.profile.kind !== "gpu";
  const preset = options.preset ?? (isSmallMachine && outline.presets.includes("tiny") ? "tiny" : undefined);
  const open = outline.generics.filter((name) => !options.settings.has(name));
  const given = [
    ...(preset === undefined ? [] : [`--preset ${preset}`]),
    ...[...options.settings].map(([name, value]) => `--set ${name}=${value}`),
  ];
  let failure: unknown;
  for (const size of open.length === 0 ? [1] : triedSizes) {
    const settings = new Map([...options.settings, ...open.map((name) => [name, size] as const)]);
    try {
      const entry = loadEntry(path, { ...options, preset, settings }, undefined, terminal);
      return { entry, choices: [...given, ...open.map((name) => `--set ${name}=${size}`)] };
    } catch (error) {
      if (!(error instanceof SourceErrors)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

function outlineOf(path: string, options: CompileOptions, terminal: Terminal) {
  const checked = checkSource(path, sourceReader(path));
  const request = { ...options, settings: Object.fromEntries(options.settings) };
  const { entry, model } = accept(instantiateModel(checked, request), terminal);
  const presets = listEntries(checked).find((info) => info.declaration === entry)?.presets ?? [];
  return { generics: entry.generics.map(({ name }) => name), presets: model === undefined ? [] : presets };
}

function describeEntry(path: string, { graph, parameters = [] }: LoadedEntry, choices: readonly string[]): string {
  const listed = (nodes: readonly Node[]) =>
    nodes.map((node) => `${node.attributes.name}: ${printType(node.type)}`).join(", ");
  const results = graph.outputs.map(({ name, node }) => `${name}: ${printType(node.type)}`).join(", ");
  const count = (role: "param" | "buffer") =>
    printCount(
      parameters.filter((one) => one.role === role).reduce((sum, { type }) => sum + elementCount(type.shape), 0),
    );
  return [
    `${graph.name} of ${path}${choices.length === 0 ? "" : `, with ${choices.join(" ")}`}`,
    `  takes ${listed(graph.inputs) || "nothing"}`,
    `  gives ${results}`,
    ...(parameters.length === 0 ? [] : [`  holds ${count("param")} parameters and ${count("buffer")} buffer elements`]),
  ].join("\n");
}

function nextSteps(path: string, choices: readonly string[]): string {
  const options = choices.length === 0 ? "" : ` ${choices.join(" ")}`;
  const rows = [
    [`weft inspect ${path}${options} --all`, "the graph after every pass"],
    [`weft inspect ${path}${options} --emit wgsl`, "the kernels"],
    [`weft run ${path}${options} --input all=random`, "run it; --input NAME=FILE for your own data"],
    ["weft doctor", "the devices of this machine"],
  ];
  return printTable([{ title: "Go on with" }, { title: "" }], rows);
}
