/** Which family writes the text of which operator. */
import { conv2dEquation, convTranspose2dEquation, matmulEquation } from "./contraction.ts";
import { binaryEquation, binaryOperators, unaryEquation, unaryOperators } from "./elementwise.ts";
import { type CaseText, type Equation, misfit, renderEquation, type Unsupported } from "./equation.ts";
import { gatherEquation } from "./gather.ts";
import {
  concatEquation,
  expandEquation,
  reshapeEquation,
  sliceEquation,
  splitEquation,
  transposeEquation,
} from "./movement.ts";
import {
  batchNormalizationEquation,
  instanceNormalizationEquation,
  layerNormalizationEquation,
  softmaxEquation,
} from "./normalisation.ts";
import { reductionEquation, reductionOperators } from "./reduction.ts";
import type { VectorCase } from "./vectors.ts";

const all = (names: readonly string[], write: (vector: VectorCase) => Equation) =>
  names.map((name) => [name, write] as const);

const equations: ReadonlyMap<string, (vector: VectorCase) => Equation> = new Map([
  ...all(unaryOperators, unaryEquation),
  ...all(binaryOperators, binaryEquation),
  ...all(reductionOperators, reductionEquation),
  ["concat", concatEquation],
  ["expand", expandEquation],
  ["reshape", reshapeEquation],
  ["slice", sliceEquation],
  ["split", splitEquation],
  ["transpose", transposeEquation],
  ["gather", gatherEquation],
  ["softmax", softmaxEquation],
  ["batchNormalization", batchNormalizationEquation],
  ["instanceNormalization", instanceNormalizationEquation],
  ["layerNormalization", layerNormalizationEquation],
  ["matmul", matmulEquation],
  ["conv2d", conv2dEquation],
  ["convTranspose2d", convTranspose2dEquation],
]);

/** A case as a Weft text, or why there is none. */
export function weftText(vector: VectorCase): CaseText | Unsupported {
  const write = equations.get(vector.operator);
  if (write === undefined) {
    return { kind: "unsupported", reason: `no equation is written for ${vector.operator}`, mappable: true };
  }
  const reason = misfit(vector);
  return reason === undefined
    ? renderEquation(vector, write(vector))
    : { kind: "unsupported", reason, mappable: false };
}
