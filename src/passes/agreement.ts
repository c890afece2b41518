/** Whether a graph still computes what it did before: both on the reference evaluator, compared within error bounds. */
import {
  type BoundedTensor,
  compareWithin,
  evaluateWithBounds,
  type Graph,
  type GraphValues,
  newTensor,
  ReferenceTooLarge,
} from "../ir/index.ts";

export interface AgreementRequest {
  readonly values?: GraphValues;
  readonly maximumOperations?: number;
}

/** What a graph computed, with bounds of what f32 would make of it. */
export type AgreementReference = Readonly<Record<string, BoundedTensor>>;

/** Two correct graphs, evaluated in the same precision: apart by the errors of both. */
const bothBounds = 2;

/** The outputs to compare with; `undefined` without values, or when evaluating would take too long. */
export function referenceOf(graph: Graph, request: AgreementRequest): AgreementReference | undefined {
  if (request.values === undefined) return undefined;
  try {
    return evaluateWithBounds(graph, request.values, { maximumOperations: request.maximumOperations });
  } catch (error) {
    if (error instanceof ReferenceTooLarge) return undefined;
    throw error;
  }
}

/**
 * Throws when an output of the graph is further from the reference than rounding explains. A graph too large to evaluate
 * is taken to agree.
 *
 * @throws Error naming the output, the element and both values
 */
export function checkAgreement(graph: Graph, reference: AgreementReference, request: AgreementRequest): void {
  const outputs = referenceOf(graph, request);
  if (outputs === undefined) return;
  for (const [name, { value, bound }] of Object.entries(reference)) {
    const after = outputs[name];
    if (after === undefined) throw new Error(`the output ${name} is gone`);
    // The wider of both bounds: either order of evaluation may be the less accurate one.
    const wider = newTensor(bound.type);
    for (let i = 0; i < wider.data.length; i++) {
      wider.data[i] = Math.max(bound.data[i] as number, after.bound.data[i] as number);
    }
    const worst = compareWithin(after.value.data, value, wider, bothBounds);
    if (worst !== undefined && worst.ratio > 1) {
      const { index, got, want } = worst;
      throw new Error(
        `element ${index} of the output ${name} is ${got} and was ${want}, ${worst.ratio.toPrecision(3)} times what rounding explains`,
      );
    }
  }
}
