/** Where training steps run: on a device, where everything stays between steps, or on the reference evaluator. */
import type { CompiledGraph } from "../compile.ts";
import { evaluateGraph, type Graph, type Tensor, tensorOf } from "../ir/index.ts";
import {
  type Executable,
  type HostArray,
  type HostValue,
  hostArrayFromNumbers,
  InputError,
  prepare,
  prepareStepper,
  type WeftDevice,
} from "../runtime/index.ts";
import type { TrainingStep } from "../training.ts";
import type { ParameterValues } from "./execution.ts";
import { printCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

export type StepValues = Readonly<Record<string, HostValue>>;

export interface TrainingMachine {
  /** Begins a step; its numbers by name come later. */
  readonly step: (inputs: StepValues) => Promise<Readonly<Record<string, number>>>;
  /** A parameter, a buffer, or what the optimiser remembers, after all steps begun. */
  readonly read: (path: string) => Promise<HostArray>;
  /** Makes a graph ready that reads the parameters as they are trained, and gives the number under a name. */
  readonly measurement: (compiled: CompiledGraph, output: string, parameters: ParameterValues) => Promise<Measurement>;
  /** Bytes on the device; 0 on the reference evaluator. */
  readonly deviceBytes: number;
  readonly prepareMs: { readonly pipelines: number; readonly upload: number };
  readonly dispose: () => void;
}

export interface Measurement {
  /** Takes over the parameters as they are now; call before `run`. */
  readonly update: () => Promise<void>;
  readonly run: (inputs: StepValues) => Promise<number>;
  readonly dispose: () => void;
}

/** Training on a device. */
export async function trainOnDevice(
  device: WeftDevice,
  compiled: CompiledGraph,
  step: TrainingStep,
  parameters: ParameterValues,
  terminal: Terminal,
): Promise<TrainingMachine> {
  const stepper = await prepareStepper(device, compiled.plan, {
    carry: step.carry,
    read: step.scalars,
    parameters,
    onProgress: ({ stage, done, total }) => terminal.progress(`${stage} ${printCount(done)} of ${printCount(total)}`),
  });
  return {
    step: async (inputs) => numbersOf(await stepper.step(inputs)),
    read: async (path) => (await stepper.read([path]))[path] as HostArray,
    measurement: async (graph, output, values) => {
      const executable: Executable = await prepare(device, graph.plan, { parameters: values });
      return {
        update: () => executable.copyParameters((name) => stepper.buffer(name)),
        run: async (inputs) => numbersOf(await executable.run(inputs, { read: [output] }))[output] as number,
        dispose: executable.dispose,
      };
    },
    deviceBytes: stepper.deviceBytes,
    prepareMs: stepper.prepareMs,
    dispose: stepper.dispose,
  };
}

function numbersOf(values: Readonly<Record<string, HostArray>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, data[0] as number]));
}

/** Training on the reference evaluator: each step in float64, parameters rounded to their types between steps. */
export async function trainOnReference(
  compiled: CompiledGraph,
  step: TrainingStep,
  parameters: ParameterValues,
): Promise<TrainingMachine> {
  const state = new Map<string, HostArray>();
  for (const { attributes } of compiled.finalGraph.parameters) {
    const path = attributes.name as string;
    state.set(path, (await parameters(path)).data);
  }
  const { reference } = compiled;
  return {
    step: async (inputs) => {
      const results = evaluate(reference, inputs, (path) => state.get(path) as HostArray);
      for (const { output, to } of step.carry) {
        const { type, data } = results[output] as Tensor;
        state.set(to, hostArrayFromNumbers(type.dtype, data));
      }
      return Object.fromEntries(step.scalars.map((name) => [name, Math.fround(results[name]?.data[0] as number)]));
    },
    read: async (path) => {
      const data = state.get(path);
      if (data === undefined) throw new InputError(path, `the training step has no parameter \`${path}\``);
      return data;
    },
    measurement: async ({ reference: graph }, output, values) => {
      const others = new Map<string, HostArray>();
      return {
        update: async () => {
          for (const { attributes } of graph.parameters) {
            const path = attributes.name as string;
            others.set(path, state.get(path) ?? (await values(path)).data);
          }
        },
        run: async (inputs) =>
          evaluate(graph, inputs, (path) => others.get(path) as HostArray)[output]?.data[0] as number,
        dispose: () => undefined,
      };
    },
    deviceBytes: 0,
    prepareMs: { pipelines: 0, upload: 0 },
    dispose: () => undefined,
  };
}

function evaluate(graph: Graph, inputs: StepValues, parameter: (path: string) => HostArray): Record<string, Tensor> {
  const values: { inputs: Record<string, Tensor>; parameters: Record<string, Tensor> } = { inputs: {}, parameters: {} };
  for (const { attributes, type } of graph.inputs) {
    const name = attributes.name as string;
    const value = inputs[name];
    if (value === undefined) throw new InputError(name, `input \`${name}\` is missing`);
    values.inputs[name] = tensorOf(type, Array.from("data" in value ? value.data : value));
  }
  for (const { attributes, type } of graph.parameters) {
    const name = attributes.name as string;
    values.parameters[name] = tensorOf(type, Array.from(parameter(name)));
  }
  return evaluateGraph(graph, values);
}
