/** Functions of `std/optim` as graphs. */
import type { Graph, Shape } from "../ir/index.ts";

/**
 * The graph of a function of `std/optim`.
 *
 * @param settings     parameters that are fixed numbers
 * @param inputShapes  the others: a function of numbers is mapped over the axes that they have, and `[]` is the same number for all
 */
export type ElaborateFunction = (
  name: string,
  settings: Readonly<Record<string, number>>,
  inputShapes: Readonly<Record<string, Shape>>,
) => Graph;
