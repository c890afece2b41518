/** Names of axes inside the index spec of one node: the author's names, made unique. */

import { printConstraints } from "../ir/index.ts";
import type { Axis, AxisConstraint } from "./indexed-value.ts";

/** Gives every key (an axis, or any object standing for a positional axis) one name within a node. */
export interface SpecNames {
  readonly nameOf: (key: object, suggestion: string) => string;
  readonly ofAxis: (axis: Axis) => string;
  /** Constraints in the text form of the `where` attribute. */
  readonly where: (constraints: readonly AxisConstraint[]) => string;
}

export function makeSpecNames(): SpecNames {
  const names = new Map<object, string>();
  const taken = new Set<string>();
  const nameOf: SpecNames["nameOf"] = (key, suggestion) => {
    const known = names.get(key);
    if (known !== undefined) return known;
    // Specs allow letters, digits and underscores; a combining accent (q̂) is left out.
    const plain = suggestion.replace(/[^\p{L}\p{N}_]/gu, "") || "k";
    let name = plain;
    for (let n = 1; taken.has(name); n++) name = `${plain}_${n}`;
    taken.add(name);
    names.set(key, name);
    return name;
  };
  const ofAxis = (axis: Axis) => nameOf(axis, axis.name);
  return {
    nameOf,
    ofAxis,
    where: (constraints) =>
      printConstraints(
        constraints.map(({ terms, constant }) => ({
          terms: new Map([...terms].map(([axis, coefficient]) => [ofAxis(axis), coefficient])),
          constant,
        })),
      ),
  };
}
