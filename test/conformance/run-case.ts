/** Running one case: its text through the compiler, the reference evaluator and the device, and the verdict on the results. */
import { PlanLimitError } from "../../src/codegen/index.ts";
import { checkSource, compileGraph, elaborateProgram, type PassSelection } from "../../src/compile.ts";
import type { Diagnostic } from "../../src/frontend/index.ts";
import { evaluateGraph, type Graph, type Tensor } from "../../src/ir/index.ts";
import { readLibrarySource } from "../../src/library.ts";
import {
  f16FromNumber,
  type HostArray,
  hostArrayFromNumbers,
  numberFromF16,
  prepare,
  type WeftDevice,
} from "../../src/runtime/index.ts";
import { type Budget, budgetOf, unitsApart } from "./budget.ts";
import type { CaseText, Operand, Unsupported } from "./equation.ts";
import { weftText } from "./operators.ts";
import type { VectorCase, VectorTensor } from "./vectors.ts";

export type Verdict =
  | { readonly kind: "passed" }
  | { readonly kind: "failed"; readonly reason: string; readonly text: string }
  | Unsupported;

/** Where and how cases run. */
export interface CaseOptions {
  /** Without one, only the reference evaluator is judged. */
  readonly device?: WeftDevice;
  readonly passes?: PassSelection;
}

/** Judges a case on the reference evaluator, and on the device where there is one. */
export async function runCase(vector: VectorCase, options: CaseOptions): Promise<Verdict> {
  const source = weftText(vector);
  if (source.kind === "unsupported") return source;
  try {
    const { graph, diagnostics } = graphOf(source);
    if (graph === undefined) return refusal(diagnostics, source.text);
    const reason =
      difference(vector, "the reference evaluator", evaluate(graph, source)) ??
      (options.device &&
        difference(vector, "the device", await runOnDevice(graph, source, options.device, options.passes)));
    return reason === undefined ? { kind: "passed" } : { kind: "failed", reason, text: source.text };
  } catch (error) {
    // The reference evaluator has agreed by then; only this device is too small.
    if (error instanceof PlanLimitError) return unsupported("a tensor is larger than what this device binds at once");
    return { kind: "failed", reason: `${(error as Error).name}: ${(error as Error).message}`, text: source.text };
  }
}

const unsupported = (reason: string): Unsupported => ({ kind: "unsupported", reason, mappable: true });

function graphOf({ text, entry }: CaseText): { readonly graph?: Graph; readonly diagnostics: readonly Diagnostic[] } {
  const path = "case.weft";
  const program = checkSource(path, (wanted) => (wanted === path ? text : readLibrarySource(wanted)));
  const { value, diagnostics } = elaborateProgram(program, { entry });
  return { graph: value?.graph, diagnostics };
}

/** What the language announces but does not do yet (`todo/…`) is unsupported; any other refusal is a failure. */
function refusal(diagnostics: readonly Diagnostic[], text: string): Verdict {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const later = errors.length > 0 && errors.every(({ code }) => code.startsWith("todo/"));
  const reasons = errors.map(({ code, title }) => `${code}: ${title}`);
  return later
    ? unsupported(reasons[0] as string)
    : { kind: "failed", reason: `the text is refused: ${reasons.join("; ")}`, text };
}

function evaluate(graph: Graph, source: CaseText): readonly ArrayLike<number>[] {
  const valuesOf = (nodes: Graph["inputs"], operands: readonly Operand[]) =>
    Object.fromEntries(
      nodes.map((node): [string, Tensor] => {
        const name = node.attributes.name as string;
        return [name, { type: node.type, data: tensorNamed(name, operands).data }];
      }),
    );
  const inputs = valuesOf(graph.inputs, source.inputs);
  const parameters = valuesOf(graph.parameters, source.parameters);
  return Object.values(evaluateGraph(graph, { inputs, parameters })).map(({ data }) => data);
}

async function runOnDevice(
  graph: Graph,
  source: CaseText,
  device: WeftDevice,
  passes: PassSelection | undefined,
): Promise<readonly ArrayLike<number>[]> {
  const { plan } = compileGraph(graph, { profile: device.profile, passes });
  const hostArray = (name: string, operands: readonly Operand[]): HostArray => {
    const tensor = [...plan.inputs, ...plan.parameters].find((each) => each.name === name);
    return hostArrayFromNumbers(tensor?.type.dtype ?? "f32", tensorNamed(name, operands).data);
  };
  const executable = await prepare(device, plan, { parameters: (name) => hostArray(name, source.parameters) });
  try {
    const inputs = plan.inputs.map(({ name }) => [name, hostArray(name, source.inputs)]);
    const outputs = await executable.run(Object.fromEntries(inputs));
    return Object.values(outputs);
  } finally {
    executable.dispose();
  }
}

function tensorNamed(name: string, operands: readonly Operand[]): VectorTensor {
  const operand = operands.find((each) => each.name === name);
  if (operand === undefined) throw new Error(`the case has no operand ${name}`);
  return operand.tensor;
}

/** The worst element of all results that is outside its budget, in words. */
function difference(vector: VectorCase, where: string, results: readonly ArrayLike<number>[]): string | undefined {
  const { outputs } = vector;
  if (results.length !== outputs.length) return `${where} gives ${results.length} results for ${outputs.length}`;
  const reasons = outputs.map((want, i) => {
    const got = results[i] as ArrayLike<number>;
    if (got.length !== want.data.length) return `${where} gives ${got.length} values for ${want.data.length}`;
    return worstElement(want, rounded(want, got), budgetOf(vector, want.dataType), where);
  });
  return reasons.find((reason) => reason !== undefined);
}

/** Values as the result's own type holds them: the reference evaluator computes in float64 whatever the type. */
function rounded({ dataType }: VectorTensor, values: ArrayLike<number>): ArrayLike<number> {
  if (dataType === "float32") return Float32Array.from(values);
  return dataType === "float16" ? Array.from(values, (value) => numberFromF16(f16FromNumber(value))) : values;
}

function worstElement(want: VectorTensor, got: ArrayLike<number>, budget: Budget, where: string): string | undefined {
  let worst = -1;
  let greatest = budget.kind === "ulp" ? budget.count : budget.bound;
  let outside = 0;
  for (let i = 0; i < want.data.length; i++) {
    const [is, should] = [got[i] as number, want.data[i] as number];
    if (is === should) continue;
    const distance =
      budget.kind === "ulp" ? unitsApart(want.dataType, is, should, f16FromNumber) : distanceBetween(is, should);
    if (distance <= (budget.kind === "ulp" ? budget.count : budget.bound)) continue;
    outside++;
    if (distance <= greatest && worst >= 0) continue;
    greatest = distance;
    worst = i;
  }
  if (worst < 0) return undefined;
  const [amount, allowed] =
    budget.kind === "ulp"
      ? [`${greatest} ULP`, `${budget.count}`]
      : [greatest.toExponential(2), budget.bound.toExponential(2)];
  const others = outside > 1 ? `; ${outside} elements are outside` : "";
  return `${where} is ${amount} off, ${allowed} allowed: element ${worst} is ${got[worst]}, expected ${want.data[worst]}${others}`;
}

/** Absolute distance; infinity where exactly one value is NaN. */
function distanceBetween(got: number, want: number): number {
  const distance = Math.abs(got - want);
  return Number.isNaN(distance) ? (Number.isNaN(got) && Number.isNaN(want) ? 0 : Infinity) : distance;
}
