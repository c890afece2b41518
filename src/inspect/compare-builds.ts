/** Two builds side by side, equation by equation: what each costs in both, what appeared and what vanished. */
import { attributeCosts, type CostTables, type EquationCost, type SharedCost } from "./attribute-cost.ts";
import type {
  BuildFigures,
  ComparedEquation,
  EquationFigures,
  InspectedComparison,
  PartFigures,
} from "./comparison.ts";
import { equationText } from "./equations.ts";
import type { Id, Inspection } from "./inspection.ts";

/**
 * Compares two builds: two programs, or one with different options.
 *
 * Equations correspond when definition, name and text agree; of what is left, those with the same definition and name, then those
 * with the same text. Among several that would do, the order of the text decides.
 *
 * @param before   the other build
 * @param after    this one
 * @param against  what the other build was made of or read from
 */
export function compareBuilds(before: Inspection, after: Inspection, against: string): InspectedComparison {
  const [old, now] = [attributeCosts(before), attributeCosts(after)];
  const unit = old.wholeModelled > 0 ? old.wholeModelled : now.wholeModelled;
  const side = (inspection: Inspection, costs: CostTables, isAfter: boolean): Side => {
    const scale = unit === 0 ? 0 : costs.wholeModelled / unit;
    const rows = new Map(costs.equations.map((row) => [row.equation, row]));
    return {
      equations: inspection.equations.map((_, id) => equationFigures(inspection, id, rows.get(id), scale, isAfter)),
      rest: partFigures(inspection, rows.get(undefined), scale),
      whole: buildFigures(inspection, costs.total, scale),
    };
  };
  const [left, right] = [side(before, old, false), side(after, now, true)];
  return {
    against,
    name: before.name,
    adapter: before.adapter,
    before: left.whole,
    after: right.whole,
    equations: matchEquations(left.equations, right.equations),
    rest: { before: left.rest, after: right.rest },
  };
}

interface Side {
  readonly equations: readonly EquationFigures[];
  readonly rest: PartFigures;
  readonly whole: BuildFigures;
}

const nothing: EquationCost = { flops: 0, bytes: 0, modelled: 0, launches: [] };

function equationFigures(
  inspection: Inspection,
  id: Id,
  cost: EquationCost | undefined,
  scale: number,
  isAfter: boolean,
): EquationFigures {
  const equation = inspection.equations[id];
  if (equation === undefined) throw new RangeError(`there is no equation ${id}`);
  const { definition, name, source, line } = equation;
  return {
    definition,
    name,
    path: inspection.sources[source]?.path ?? "",
    line,
    text: equationText(inspection, equation),
    ...(isAfter ? { equation: id } : {}),
    ...partFigures(inspection, cost, scale),
  };
}

function partFigures({ launches, profile }: Inspection, cost = nothing, scale: number): PartFigures {
  const kernels = new Map<string, { label: string; kind: string; launches: number }>();
  for (const id of cost.launches) {
    const { label, kind } = launches[id] as Inspection["launches"][number];
    const known = kernels.get(`${kind} ${label}`) ?? { label, kind, launches: 0 };
    known.launches++;
    kernels.set(`${kind} ${label}`, known);
  }
  return { ...scaledTime(cost, scale, profile !== undefined), kernels: [...kernels.values()] };
}

function buildFigures(
  { launches, steps, memory, profile }: Inspection,
  total: SharedCost,
  scale: number,
): BuildFigures {
  return {
    ...scaledTime(total, scale, profile !== undefined),
    launches: launches.length,
    dispatches: steps,
    activations: memory.arenas.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function scaledTime({ flops, bytes, modelled, ms = 0 }: SharedCost, scale: number, isTimed: boolean) {
  return { flops, bytes, modelled: modelled * scale, ...(isTimed ? { ms } : {}) };
}

function matchEquations(before: readonly EquationFigures[], after: readonly EquationFigures[]): ComparedEquation[] {
  const free = new Set(before);
  const found = new Map<EquationFigures, ComparedEquation>();
  const match = (kind: ComparedEquation["kind"], keyOf: (equation: EquationFigures) => string | undefined) => {
    const waiting = new Map<string, EquationFigures[]>();
    for (const equation of free) {
      const key = keyOf(equation);
      if (key !== undefined) waiting.set(key, [...(waiting.get(key) ?? []), equation]);
    }
    for (const equation of after) {
      const key = keyOf(equation);
      const partner = found.has(equation) || key === undefined ? undefined : waiting.get(key)?.shift();
      if (partner === undefined) continue;
      free.delete(partner);
      found.set(equation, { kind, before: partner, after: equation });
    }
  };
  match("same", ({ definition, name, text }) => JSON.stringify([definition, name, text]));
  match("rewritten", ({ definition, name }) => JSON.stringify([definition, name]));
  // What only hands a name on (`return Y`) says too little to be recognised elsewhere.
  match("moved", ({ text }) => (/^(return )?[\p{L}\p{N}_]+$/u.test(text) ? undefined : text));
  return [
    ...after.map((equation): ComparedEquation => found.get(equation) ?? { kind: "appeared", after: equation }),
    ...[...free].map((equation): ComparedEquation => ({ kind: "vanished", before: equation })),
  ];
}
