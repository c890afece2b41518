/** Which of a run's values an equation defines. */
import { equationsOfSpans } from "./equations.ts";
import type { Id, InspectedEquation, InspectedSpan, Inspection, ProbedValue } from "./inspection.ts";
import { summariseValues, type ValueSummary } from "./value-statistics.ts";

type Part = Pick<Inspection, "sources" | "nodes" | "spans" | "equations" | "probe">;

/**
 * For each equation what it defines: the values in it that have its name, or where none has it those of its whole right side. The value
 * of an equation that only calls a function stands in the text of that function; it is found by its name where no other equation could
 * have given it. The device's values count before the evaluator's.
 */
export function valuesOfEquations(inspection: Part): readonly (ValueSummary | undefined)[] {
  const { nodes, spans, equations, probe } = inspection;
  const equationOf = equationsOfSpans(inspection);
  const named = equations.map((): ProbedValue[] => []);
  const whole = equations.map((): ProbedValue[] => []);
  /** Values whose name no equation that they stand in has given them. */
  const strayed = new Map<string, ProbedValue[]>();
  for (const value of probe?.values ?? []) {
    const { name = "", origins = [] } = nodes[value.node] ?? {};
    let isNamed = false;
    for (const id of new Set(origins.map((span) => equationOf[span]))) {
      const equation = id === undefined ? undefined : equations[id];
      if (id === undefined || equation === undefined) continue;
      if (namesOf(equation).includes(name)) {
        named[id]?.push(value);
        isNamed = true;
      } else if (origins.some((span) => isRightSide(inspection, equation, spans[span]))) whole[id]?.push(value);
    }
    if (!isNamed && name !== "") strayed.set(name, [...(strayed.get(name) ?? []), value]);
  }
  const best = equations.map((_, id) => [named[id] ?? [], whole[id] ?? []].find(({ length }) => length > 0));
  const wanting = new Map<string, Id[]>();
  best.forEach((values, id) => {
    if (values !== undefined) return;
    for (const name of namesOf(equations[id])) wanting.set(name, [...(wanting.get(name) ?? []), id]);
  });
  return best.map((values, id) => {
    const own =
      values ??
      namesOf(equations[id]).flatMap((name) => (wanting.get(name)?.length === 1 ? (strayed.get(name) ?? []) : []));
    const computed = own.filter(({ from }) => from === "device");
    return summariseValues(computed.length > 0 ? computed : own);
  });
}

/** `return` is no name. */
function namesOf(equation: InspectedEquation | undefined): readonly string[] {
  return equation === undefined || equation.name === "return" ? [] : equation.name.split(", ");
}

/** True for the place of all that stands behind `=` or `return`. */
function isRightSide({ sources }: Part, { source, start, end }: InspectedEquation, span?: InspectedSpan): boolean {
  if (span === undefined || span.source !== source || span.end !== end || span.start < start) return false;
  const before = (sources[source]?.text ?? "").slice(start, span.start).trim();
  return before === "" || before === "return" || /(^|[^<>=!])=$/.test(before);
}
