/** From ohm's concrete syntax to the tree of syntax-tree.ts. */
import type { Grammar, MatchResult } from "ohm-js";
import { declarationActions } from "./tree-declarations.ts";
import { expressionActions } from "./tree-expressions.ts";
import { statementActions } from "./tree-statements.ts";
import { newTreeTools, type Placement } from "./tree-tools.ts";

/**
 * Makes the function that turns a successful match into its tree node, given where the match lies.
 *
 * That function throws `RefusedSyntax` for input beyond a limit.
 */
export function treeBuilder(grammar: Grammar): (match: MatchResult, placement: Placement) => unknown {
  const tools = newTreeTools();
  const semantics = grammar.createSemantics().addOperation<unknown>("tree", {
    ...declarationActions(tools),
    ...statementActions(tools),
    ...expressionActions(tools),
  });
  return (match, placement) => {
    tools.place = placement;
    return semantics(match).tree();
  };
}
