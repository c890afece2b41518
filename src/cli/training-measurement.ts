/** Measuring the loss in between, on data of its own or on the training data in its own order. */
import type { HostTensor } from "../runtime/index.ts";
import { compileEntry } from "./compilation.ts";
import type { ParameterValues } from "./execution.ts";
import type { InputSources } from "./input-files.ts";
import { readInputs } from "./input-values.ts";
import type { Machine } from "./machine.ts";
import type { Terminal } from "./terminal.ts";
import { openData, prefetched, type TrainingData } from "./training-data.ts";
import { loadLossEntry, seedInput, type TrainingSource } from "./training-entry.ts";
import type { TrainingMachine } from "./training-machine.ts";
import type { TrainingOptions } from "./training-options.ts";
import { readSchedules } from "./tuned-file.ts";

export interface MeasurementRequest {
  readonly source: TrainingSource;
  readonly options: TrainingOptions;
  readonly inputs: InputSources;
  /** The training data. */
  readonly data: TrainingData;
  readonly machine: Machine;
  readonly trainer: TrainingMachine;
  readonly parameters: ParameterValues;
  readonly terminal: Terminal;
}

/**
 * Makes ready what `--eval` asks for; `undefined` when nothing is asked for. The entry is built with `training` false, and each measurement takes
 * the same batches, so that measurements can be compared.
 */
export async function prepareMeasurement(request: MeasurementRequest) {
  const { source, options, inputs, machine, trainer, terminal } = request;
  const { evaluation } = options;
  if (evaluation === undefined) return undefined;
  const data = evaluation.data === undefined ? request.data : await openData({ ...options, paths: evaluation.data });
  const chosen = { ...options, entry: evaluation.entry ?? options.entry };
  const loaded = loadLossEntry(source, chosen, data, inputs, false, terminal);
  const entry = { ...loaded, path: source.path, wanted: loaded.parameters };
  const compiled = compileEntry(entry, {
    profile: machine.profile,
    passes: options,
    ...readSchedules(options.schedules),
  });
  const fixed = await readInputs(
    entry.graph.inputs.filter(({ attributes }) => entry.fixed.includes(attributes.name as string)),
    inputs,
    options.seed,
  );
  const batches = await data.prepare(entry.fields, false);
  const measurement = await trainer.measurement(compiled, entry.loss, request.parameters);
  const most =
    data.examples === undefined
      ? evaluation.batches
      : Math.min(evaluation.batches, Math.max(1, Math.ceil(data.examples / options.batch)));
  const seed: Record<string, HostTensor> = entry.seeded ? { [seedInput]: { shape: [], data: Uint32Array.of(0) } } : {};
  return {
    run: async () => {
      await measurement.update();
      let [sum, count] = [0, 0];
      for await (const batch of prefetched(batches, { seed: options.seed, batch: options.batch, from: 0 })) {
        sum += await measurement.run({ ...fixed, ...seed, ...batch });
        count++;
        if (count >= most) break;
      }
      return sum / count;
    },
    dispose: measurement.dispose,
  };
}
