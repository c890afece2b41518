/** The order of passes: read this first. */
import { approximateSoftmax } from "./approximate-softmax.ts";
import { canonicalise } from "./canonicalise.ts";
import { commonSubexpressions } from "./common-subexpressions.ts";
import { contractionOrder } from "./contraction-order.ts";
import { foldConstants } from "./fold-constants.ts";
import { halfStorage } from "./half-storage.ts";
import { hoistFromLoops } from "./hoist-from-loops.ts";
import type { Pass } from "./pass.ts";
import { recogniseScans } from "./recognise-scans.ts";
import { restrictContractions } from "./restrict-contractions.ts";
import { reuseWeightedSums } from "./reuse-weighted-sums.ts";
import { rowSums } from "./row-sums.ts";
import { splitReductions } from "./split-reductions.ts";
import { splitScans } from "./split-scans.ts";
import { trimLoops } from "./trim-loops.ts";

/**
 * Everything that happens to a graph before kernels are formed. There is no pass against dead code: a graph is what its
 * outputs need, so what nothing reads is gone already.
 */
export const pipeline: readonly Pass[] = [
  approximateSoftmax, // only where the author allows it; first, because it reads the graph as written
  foldConstants,
  canonicalise, // one way to write each thing
  foldConstants, // what canonical forms made constant
  commonSubexpressions, // so that the contraction order sees what is shared
  trimLoops,
  recogniseScans, // before hoisting: a scan may be all that a body's state was
  hoistFromLoops, // before the contraction order, which then sees the products of all steps
  contractionOrder,
  canonicalise, // tidies the views that the new order brought
  commonSubexpressions,
  restrictContractions, // before sums are compared, which looks at their ranges
  reuseWeightedSums,
  rowSums, // from here on, form matters more than algebra
  splitScans,
  splitReductions,
  halfStorage, // only where the user allows it; last, because it goes by what kernels store
];

/** Names of all passes, each once, in order of first appearance. */
export const passNames: readonly string[] = [...new Set(pipeline.map((pass) => pass.name))];
