/** All operators that can be said in Weft, by their names in ONNX. */
import type { OperatorTable } from "../operator.ts";
import { activationOperators } from "./activations.ts";
import { blockOperators } from "./blocks.ts";
import { convolutionOperators } from "./convolutions.ts";
import { elementwiseOperators } from "./elementwise.ts";
import { indexedOperators } from "./indexed.ts";
import { knownOperators } from "./known.ts";
import { movementOperators } from "./movement.ts";
import { normalisationOperators } from "./normalisations.ts";
import { paddingOperators } from "./padding.ts";
import { poolingOperators } from "./poolings.ts";
import { productOperators } from "./products.ts";
import { recurrentOperators } from "./recurrent.ts";
import { reductionOperators } from "./reductions.ts";
import { resizeOperators } from "./resize.ts";

export const operators: OperatorTable = {
  ...elementwiseOperators,
  ...activationOperators,
  ...productOperators,
  ...movementOperators,
  ...paddingOperators,
  ...blockOperators,
  ...knownOperators,
  ...reductionOperators,
  ...normalisationOperators,
  ...convolutionOperators,
  ...poolingOperators,
  ...indexedOperators,
  ...recurrentOperators,
  ...resizeOperators,
};
