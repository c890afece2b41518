/** Generic sizes of an entry from the shapes of the inputs that are at hand. */
import type { Span } from "../ir/index.ts";
import type { CheckedProgram } from "./checked-program.ts";
import type { EntryInfo, InstanceRequest } from "./choose-entry.ts";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import { type EntryInstance, instantiate } from "./instantiate.ts";
import { constantSize, evaluateSize, namesOf, printSize, type Size, substitute } from "./size.ts";
import { solveForName } from "./size-facts.ts";

export interface GenericSizes {
  readonly sizes: Readonly<Record<string, number>>;
  /** Leading sizes that given inputs have beyond their declared axes; those that have some have the same. */
  readonly mapped: readonly number[];
  /** Inputs without these leading axes while others have them: every example is given the same. */
  readonly shared?: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Equation {
  readonly input: string;
  readonly span: Span;
  readonly axis: number;
  readonly pattern: Size;
  readonly value: number;
}

/**
 * Solves the declared axes of an entry's inputs for its generic sizes, under the request's settings.
 *
 * @param inputShapes  shapes by argument name; arguments may be missing, unknown names are reported
 */
export function solveGenerics(
  program: CheckedProgram,
  entry: EntryInfo,
  request: InstanceRequest,
  inputShapes: Readonly<Record<string, readonly number[]>>,
): GenericSizes {
  const chosen = { ...request, entry: entry.name, ...(entry.model === undefined ? {} : { model: entry.model }) };
  const { value, diagnostics } = instantiate(program, chosen);
  return value === undefined ? { sizes: {}, mapped: [], diagnostics } : solveForInstance(value, inputShapes);
}

/** The same for an entry whose model is already built. */
export function solveForInstance(
  instance: EntryInstance,
  inputShapes: Readonly<Record<string, readonly number[]>>,
): GenericSizes {
  const { entry, model, settings, context } = instance;
  const diagnostics: Diagnostic[] = [];
  const known = new Map<string, number>(model?.sizes ?? []);
  for (const { name } of entry.generics) {
    const set = settings.get(name);
    if (set !== undefined) known.set(name, set);
  }
  const equations: Equation[] = [];
  let mapped: { readonly sizes: readonly number[]; readonly input: string } | undefined;
  const withoutLead: string[] = [];
  for (const [input, shape] of Object.entries(inputShapes)) {
    const parameter = entry.parameters.find((one) => one.name.name === input);
    const declared = parameter && context.tables.declared.get(parameter.type);
    if (parameter === undefined || declared === undefined) {
      const names = entry.parameters.map((one) => one.name.name).join(", ");
      diagnostics.push(
        errorAt(entry.name.span, "entry/unknown-input", `\`${instance.name}\` has no input \`${input}\``, {
          notes: [`it has ${names}`],
        }),
      );
      continue;
    }
    const extra = shape.length - declared.dims.length;
    const written = `[${declared.dims.map(printSize).join(", ")}]`;
    if (extra < 0) {
      diagnostics.push(
        errorAt(parameter.span, "shape/rank", `the input \`${input}\` has too few axes`, {
          label: `shape [${shape.join(", ")}] for ${written}`,
        }),
      );
      continue;
    }
    const lead = shape.slice(0, extra);
    if (lead.length === 0) withoutLead.push(input);
    else if (mapped !== undefined && mapped.sizes.join() !== lead.join()) {
      diagnostics.push(
        errorAt(parameter.span, "shape/mapped", "the inputs have different leading axes", {
          label: `[${lead.join(", ")}] before ${written}`,
          notes: [`\`${mapped.input}\` has [${mapped.sizes.join(", ")}]`],
        }),
      );
    }
    if (lead.length > 0) mapped ??= { sizes: lead, input };
    declared.dims.forEach((pattern, axis) => {
      equations.push({ input, span: parameter.span, axis, pattern, value: shape[extra + axis] as number });
    });
  }
  for (const equation of solveAll(equations, known)) diagnostics.push(equation);
  const generics = entry.generics.flatMap(({ name }) =>
    known.has(name) ? [[name, known.get(name) as number] as const] : [],
  );
  const sizes = Object.fromEntries(generics);
  return mapped === undefined
    ? { sizes, mapped: [], diagnostics }
    : { sizes, mapped: mapped.sizes, shared: withoutLead, diagnostics };
}

/** Solves equations with one unknown until none is left, filling `known`; then reports those that do not hold. */
function solveAll(equations: readonly Equation[], known: Map<string, number>): Diagnostic[] {
  for (let progress = true; progress; ) {
    progress = false;
    for (const { pattern, value } of equations) {
      const unknown = [...namesOf(pattern)].filter((name) => !known.has(name));
      const [name] = unknown;
      if (name === undefined || unknown.length > 1) continue;
      const numbers = new Map([...known].map(([one, number]) => [one, constantSize(number)]));
      const solved = solveForName(substitute(pattern, numbers), constantSize(value), name);
      const result = solved && evaluateSize(solved, new Map());
      if (result?.kind !== "value" || result.value < 1) continue;
      known.set(name, result.value);
      progress = true;
    }
  }
  return equations.flatMap(({ input, span, axis, pattern, value }) => {
    const result = evaluateSize(pattern, known);
    if (result.kind === "value" && result.value === value) return [];
    const written = printSize(pattern);
    const number = result.kind === "value" ? `\`${written} = ${result.value}\`` : `\`${written}\``;
    const shown = written === String(result.kind === "value" ? result.value : "") ? `\`${written}\`` : number;
    return [
      errorAt(span, "size/mismatch", `axis ${axis + 1} of the input \`${input}\` has the wrong length`, {
        label: `${value} given for ${shown}`,
      }),
    ];
  });
}
