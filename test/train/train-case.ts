/** Running training steps in tests, on a device and on the reference evaluator. */
import { checkSource, compileGraph } from "../../src/compile.ts";
import { initialParameters } from "../../src/initial-parameters.ts";
import { elementCount, evaluateGraph, type Shape, tensorOf } from "../../src/ir/index.ts";
import { readLibrarySource } from "../../src/library.ts";
import { type HostArray, hostArrayFromNumbers, prepareStepper, type WeftDevice } from "../../src/runtime/index.ts";
import { type Batch, stepInputs } from "../../src/train/index.ts";
import {
  buildTrainingStep,
  elaborateLoss,
  optimiserFunctions,
  type TrainingRequest,
  type TrainingStep,
} from "../../src/training.ts";

export interface StepCase {
  readonly text: string;
  readonly model?: string;
  readonly entry?: string;
  readonly settings?: Readonly<Record<string, number | boolean>>;
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly loss?: string;
}

const read = (text: string) => (path: string) => (path === "model.weft" ? text : readLibrarySource(path));

export const functions = optimiserFunctions(readLibrarySource);

export interface BuiltStep {
  readonly step: TrainingStep;
  /** First value of a parameter, a buffer, or what the optimiser remembers. */
  readonly first: (path: string) => HostArray;
}

export function buildStep(
  { text, shapes, ...request }: StepCase,
  training: Partial<TrainingRequest> & Pick<TrainingRequest, "optimiser">,
): BuiltStep {
  const { value, diagnostics } = elaborateLoss(checkSource("model.weft", read(text)), {
    ...request,
    inputShapes: shapes,
  });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  const step = buildTrainingStep(value, { accumulate: 1, updates: [], elaborate: functions, ...training });
  const remembered = new Map(step.remembered.map((each) => [each.path, each]));
  const initial = initialParameters(value.parameters, 0);
  return {
    step,
    first: (path) => {
      const own = remembered.get(path);
      return own === undefined ? initial(path).data : new Float32Array(elementCount(own.type.shape)).fill(own.start);
    },
  };
}

/** A training under way. */
export interface Stepping {
  readonly step: (batch: Batch, numbers: StepNumbers) => Promise<Readonly<Record<string, number>>>;
  readonly read: (path: string) => Promise<HostArray>;
  readonly dispatches: number;
  readonly dispose: () => void;
}

export interface StepNumbers {
  readonly step: number;
  readonly rate: number;
  readonly first?: boolean;
  readonly last?: boolean;
}

function inputsFor({ step }: BuiltStep, batch: Batch, { step: number, rate, first, last }: StepNumbers) {
  const own: Readonly<Record<string, HostArray>> = {
    [stepInputs.step]: Float32Array.of(number),
    [stepInputs.rate]: Float32Array.of(rate),
    [stepInputs.first]: Uint8Array.of(first === false ? 0 : 1),
    [stepInputs.last]: Uint8Array.of(last === false ? 0 : 1),
  };
  return Object.fromEntries(
    step.graph.inputs.map(({ attributes }) => {
      const name = attributes.name as string;
      const data = own[name] ?? batch[name]?.data;
      if (data === undefined) throw new Error(`no value for ${name}`);
      return [name, data];
    }),
  );
}

export async function stepOnDevice(
  device: WeftDevice,
  built: BuiltStep,
  first: (path: string) => HostArray = built.first,
): Promise<Stepping> {
  const { precision } = built.step;
  const { plan } = compileGraph(built.step.graph, {
    profile: device.profile,
    passes: { precision },
    parametersChange: true,
  });
  const { carry, scalars } = built.step;
  const stepper = await prepareStepper(device, plan, { carry, read: scalars, parameters: first });
  return {
    step: async (batch, numbers) => {
      const values = await stepper.step(inputsFor(built, batch, numbers));
      return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, data[0] as number]));
    },
    read: async (path) => (await stepper.read([path]))[path] as HostArray,
    dispatches: plan.steps.length,
    dispose: stepper.dispose,
  };
}

/** In float64, with state rounded to f32 between steps. */
export function stepOnReference(built: BuiltStep, first: (path: string) => HostArray = built.first): Stepping {
  const { graph, carry, scalars } = built.step;
  const state = new Map(
    graph.parameters.map(({ attributes }) => [attributes.name as string, first(attributes.name as string)]),
  );
  return {
    step: async (batch, numbers) => {
      const given = inputsFor(built, batch, numbers);
      const tensors = (nodes: typeof graph.inputs, of: (name: string) => HostArray) =>
        Object.fromEntries(
          nodes.map(({ attributes, type }) => [
            attributes.name as string,
            tensorOf(type, Array.from(of(attributes.name as string))),
          ]),
        );
      const results = evaluateGraph(graph, {
        inputs: tensors(graph.inputs, (name) => given[name] as HostArray),
        parameters: tensors(graph.parameters, (name) => state.get(name) as HostArray),
      });
      for (const { output, to } of carry) state.set(to, hostArrayFromNumbers("f32", results[output]?.data ?? []));
      return Object.fromEntries(scalars.map((name) => [name, results[name]?.data[0] as number]));
    },
    read: async (path) => state.get(path) as HostArray,
    dispatches: 0,
    dispose: () => undefined,
  };
}
