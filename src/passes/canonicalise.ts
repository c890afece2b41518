/** One way to write each thing, so that later passes need to know only that way. */
import type { Pass } from "./pass.ts";
import { rewriteGraph } from "./rewrite.ts";
import { contractionRules } from "./rules/contractions.ts";
import { identityRules } from "./rules/identities.ts";
import { maskRules } from "./rules/masks.ts";
import { movementRules } from "./rules/movement.ts";
import { scalingRules } from "./rules/scaling.ts";
import { windowRules } from "./rules/windows.ts";

/** All rules of the pass, by subject. */
export const canonicalRules = [
  ...identityRules,
  ...scalingRules,
  ...movementRules,
  ...maskRules,
  ...contractionRules,
  ...windowRules,
];

export const canonicalise: Pass = {
  name: "canonicalise",
  summary: "Removes what changes nothing and writes sums of products, masks and views in one way each.",
  run: (graph) => rewriteGraph(graph, canonicalRules, "canonicalise"),
};
