/** `weft build FILE -o DIR`: a typed module with kernels, plan and manifest that runs without the compiler. */
import { baselineProfile, type DeviceProfile, emitModule, type Plan, stepsOfRun } from "../../codegen/index.ts";
import type { CompiledGraph } from "../../compile.ts";
import { elementCount } from "../../ir/index.ts";
import { DeviceError, type TensorToStore } from "../../runtime/index.ts";
import { writeWeights } from "../../runtime/node.ts";
import { initialValuesOf, type LoadedEntry, loadEntry, optimiseEntry, planEntry } from "../compilation.ts";
import { exitStatus, InputProblems, UsageError } from "../exit-status.ts";
import { prepareFolder, readRuntime, writeModuleFiles } from "../module-folder.ts";
import { addModelOptions, addPassOptions, type CompileOptions, readCompileOptions, wholeNumber } from "../options.ts";
import { printBytes, printCount } from "../quantities.ts";
import type { Terminal } from "../terminal.ts";
import { addSchedulesOption, readSchedules, reportNotes } from "../tuned-file.ts";
import type { Verb } from "../verb.ts";
import { packageVersion } from "../versions.ts";
import { openParameters } from "../weights.ts";

export const buildVerb: Verb = {
  name: "build",
  describe: (command) => {
    command
      .summary("write a typed TypeScript module with kernels and manifest, which runs without the compiler")
      .argument("<file>", ".weft or .ir file")
      .requiredOption("-o, --output <folder>", "where to write the module; an earlier one there is replaced");
    addModelOptions(command);
    command
      .option(
        "--weights <file>",
        "copy the parameters it uses into the module, from .safetensors or an index of shards",
      )
      .option("--allow-missing", "initialise parameters that --weights lacks, and ignore what it has too many")
      .option(
        "--seed <n>",
        "write initial values of the parameters, drawn from this seed, into the module",
        wholeNumber,
      )
      .option("--for <kind>", "gpu, or software for devices that compute on the processor", "gpu");
    addPassOptions(command);
    addSchedulesOption(command);
  },
  execute: async ([file], raw, terminal) => {
    const options = readCompileOptions(raw);
    const profile = portableProfile(raw.for as string);
    const hasSeed = raw.seed !== undefined;
    if (options.weights === undefined && options.allowMissing) {
      throw new UsageError("--allow-missing says what to do with --weights, which is not given");
    }
    const entry = loadEntry(file as string, options, undefined, terminal);
    const compiled = planPortably(entry, options, profile, terminal);
    reportNotes(compiled, terminal);
    const { plan } = compiled;
    const hasWeights = plan.parameters.length > 0 && (options.weights !== undefined || hasSeed);
    const runtime = readRuntime();
    const emitted = await emitModule({
      plan,
      sourcePath: (file as string).replaceAll("\\", "/"),
      generator: `weft ${packageVersion()}`,
      hasWeights,
    });
    const folder = raw.output as string;
    // Read before the folder is touched: weights that do not fit leave an earlier module as it was.
    const weights = hasWeights ? await readWeights(entry, options, plan, terminal) : [];
    prepareFolder(folder);
    if (hasWeights) await writeWeights(`${folder}/weights.safetensors`, weights);
    const files = [...emitted.slice(0, -1), ...runtime, ...emitted.slice(-1)];
    writeModuleFiles(folder, files);
    terminal.endProgress();
    report(folder, plan, { hasWeights, files: files.length + (hasWeights ? 1 : 0) }, terminal);
    return exitStatus.done;
  },
};

/**
 * What every WebGPU device has: a module must not depend on the machine that built it. Half precision is let pass where the source or
 * `--precision` asks for it; the plan says so, and the module asks the device.
 */
export function portableProfile(kind: string): DeviceProfile {
  if (kind !== "gpu" && kind !== "software") throw new UsageError(`--for ${kind}: it must be gpu or software`);
  return { ...baselineProfile, kind, features: { ...baselineProfile.features, f16: true } };
}

/** Limits of common GPUs, for what does not fit into those of every device. */
const largerLimits = { maxBindingBytes: 2 ** 31 - 4, maxBufferBytes: 2 ** 31 - 4, maxBindings: 10 };

function planPortably(
  entry: LoadedEntry,
  options: CompileOptions,
  profile: DeviceProfile,
  terminal: Terminal,
): CompiledGraph {
  const lowering = {
    passes: options,
    ...readSchedules(options.schedules),
    // The module is for other machines than this one; whose schedules it takes is for the user to say.
    schedulesOfAnyAdapter: true,
    onProgress: (step: string) => terminal.progress(step),
  };
  const optimised = optimiseEntry(entry, lowering);
  try {
    return planEntry(entry, optimised, { ...lowering, profile });
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== "limit") throw error;
    const limits = { ...profile.limits, ...largerLimits };
    const compiled = planEntry(entry, optimised, { ...lowering, profile: { ...profile, limits } });
    terminal.note(`the module needs a device with larger limits than every WebGPU device has: ${error.message}`);
    return compiled;
  }
}

/** Values of the parameters that the plan uses, all in memory: they are written as one file. */
async function readWeights(
  entry: LoadedEntry,
  options: CompileOptions,
  plan: Plan,
  terminal: Terminal,
): Promise<TensorToStore[]> {
  const initial = initialValuesOf(entry, options.seed);
  const request = { file: options.weights, allowMissing: options.allowMissing, initial };
  const parameters = await openParameters(entry.wanted, request, terminal);
  try {
    const tensors: TensorToStore[] = [];
    for (const { name, type } of plan.parameters) {
      terminal.progress(`parameter ${name}`);
      const { data } = await parameters.read(name);
      if (data.length !== elementCount(type.shape)) throw new InputProblems([`${name} has ${data.length} elements`]);
      tensors.push({ name, dtype: type.dtype, shape: type.shape, data });
    }
    return tensors;
  } finally {
    await parameters.close();
  }
}

function report(
  folder: string,
  plan: Plan,
  { hasWeights, files }: { readonly hasWeights: boolean; readonly files: number },
  terminal: Terminal,
): void {
  const parameterBytes = plan.parameters.reduce((sum, { bytes }) => sum + bytes, 0);
  if (terminal.json) {
    const { name, kernels, steps, parameters } = plan;
    terminal.printJson({
      folder,
      name,
      files,
      kernels: kernels.length,
      dispatches: steps.length,
      parameters: parameters.length,
      weights: hasWeights ? "weights.safetensors" : null,
    });
    return;
  }
  terminal.print(
    `${plan.name}: ${printCount(files)} files in ${folder}, ${printCount(plan.kernels.length)} kernels, ` +
      `${printCount(stepsOfRun(plan).length)} dispatches`,
  );
  if (plan.parameters.length === 0) return;
  const count = `${printCount(plan.parameters.length)} parameters, ${printBytes(parameterBytes)}`;
  terminal.print(hasWeights ? `${count}, in weights.safetensors` : `${count}, to be given to load() as \`weights\``);
}
