/** Which equation a place in the source belongs to, and how an equation reads. */
import type { Id, InspectedEquation, Inspection } from "./inspection.ts";
import { tokenise } from "./tokens.ts";

/** For every span the equation around it; equations do not overlap, so there is at most one. */
export function equationsOfSpans({
  equations,
  spans,
}: Pick<Inspection, "equations" | "spans">): readonly (Id | undefined)[] {
  const bySource = new Map<Id, { readonly start: number; readonly end: number; readonly id: Id }[]>();
  equations.forEach(({ source, start, end }, id) => {
    const list = bySource.get(source) ?? [];
    list.push({ start, end, id });
    bySource.set(source, list);
  });
  return spans.map((span) => {
    const list = bySource.get(span.source) ?? [];
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle]?.start ?? 0) <= span.start) low = middle + 1;
      else high = middle;
    }
    const last = list[low - 1];
    return last !== undefined && span.end <= last.end ? last.id : undefined;
  });
}

/** An equation in one line, without comments and needless blanks. */
export function equationText({ sources }: Pick<Inspection, "sources">, equation: InspectedEquation): string {
  const text = sources[equation.source]?.text.slice(equation.start, equation.end) ?? "";
  return text
    .split(/\r?\n/)
    .map((line) =>
      tokenise(line, "weft")
        .filter(({ kind }) => kind !== "comment")
        .map(({ text: word }) => word)
        .join(""),
    )
    .join(" ")
    .replace(/\s+/g, " ")
    .trim();
}

/** Whether one of some spans lies in an equation. */
export function holdsSpan(
  { spans }: Pick<Inspection, "spans">,
  equation: InspectedEquation,
  some: Iterable<Id>,
): boolean {
  for (const id of some) {
    const span = spans[id];
    const isInside = span !== undefined && span.start >= equation.start && span.end <= equation.end;
    if (isInside && span.source === equation.source) return true;
  }
  return false;
}

/** `Y in attention`; of what a function returns its name alone. */
export function equationTitle({ definition, name }: { readonly definition: string; readonly name: string }): string {
  return name === "return" ? definition : `${name} in ${definition}`;
}
