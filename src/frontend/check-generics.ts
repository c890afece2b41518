/**
 * Fitting arguments to the declared types of a function: solving its generic sizes, and finding the leading axes over which
 * the call maps.
 */

import { type Context, fail, report, type Signature, textOf } from "./check-context.ts";
import type { TensorValueType, ValueType } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import { elementFits, printDims, printElement, printValueType } from "./element-types.ts";
import {
  constantSize,
  degree,
  nameSize,
  namesOf,
  printNormalForm,
  printSize,
  type Size,
  substitute,
  subtractSizes,
  type Term,
} from "./size.ts";
import { provablyAtMost, provablyEqual, solveForName } from "./size-facts.ts";
import type { Expression } from "./syntax-tree.ts";

/** An argument as the call sees it: axes bound by `f[j](…)` are already its last dims. */
export interface FittedArgument {
  readonly expression: Expression;
  readonly type: TensorValueType;
}

export interface SolvedCall {
  /** Generics and `size` parameters of the callee. */
  readonly sizes: ReadonlyMap<string, Size>;
  readonly mapped: readonly Size[];
  /** Without the mapped axes. */
  readonly results: readonly TensorValueType[];
}

interface Solution {
  readonly size: Size;
  /** What it was solved from; absent for a default. */
  readonly argument?: FittedArgument;
}

/** The name a pattern consists of, if it is nothing but one. */
function bareName(pattern: Size): string | undefined {
  const [term] = pattern.terms as readonly Term[];
  if (pattern.terms.length !== 1 || term === undefined || term.coefficient !== 1n || degree(term) !== 1)
    return undefined;
  const atom = term.factors[0]?.atom;
  return atom?.kind === "name" ? atom.name : undefined;
}

/**
 * Solves one call.
 *
 * @param moduleSizes  sizes of the parameters of the module the function belongs to, in the caller's names
 * @param args         one per parameter, undefined where the default is taken
 * @returns            undefined after a report
 */
export function solveCall(
  context: Context,
  callee: string,
  signature: Signature,
  moduleSizes: ReadonlyMap<string, Size>,
  args: readonly (FittedArgument | undefined)[],
): SolvedCall | undefined {
  // The callee's own names must not be confused with equal names of the caller.
  const inner = (name: string) => `${name}\0callee`;
  const renaming = new Map<string, Size>(moduleSizes);
  for (const name of signature.sizeNames) renaming.set(name, nameSize(inner(name)));
  const solved = new Map<string, Solution>();
  const known = () => new Map([...solved].map(([name, solution]) => [name, solution.size]));
  let sound = true;
  const reject = (...details: Parameters<typeof errorAt>) => {
    report(context, errorAt(...details));
    sound = false;
  };

  const deferred: { pattern: Size; written: Size; size: Size; argument: FittedArgument; parameter: string }[] = [];
  let mapped: { dims: readonly Size[]; argument: FittedArgument } | undefined;
  signature.parameters.forEach(({ parameter, type, isSize, defaultSize }, position) => {
    const argument = args[position];
    const name = parameter.name.name;
    if (argument === undefined) {
      if (defaultSize !== undefined && namesOf(defaultSize).size === 0) solved.set(inner(name), { size: defaultSize });
      return;
    }
    if (isSize) {
      if (argument.type.size === undefined) {
        reject(argument.expression.span, "size/not-a-size", `\`${name}\` of \`${callee}\` takes a size`, {
          label: `this is ${printValueType(argument.type)}`,
        });
      } else {
        solved.set(inner(name), { size: argument.type.size, argument });
      }
      return;
    }
    if (type.kind !== "tensor") {
      sound = false;
      return;
    }
    const extra = argument.type.dims.length - type.dims.length;
    if (extra < 0) {
      reject(argument.expression.span, "shape/rank", `\`${name}\` of \`${callee}\` needs more axes`, {
        label: `this is ${printValueType(argument.type)}`,
        secondary: [{ span: parameter.span, text: `declared as ${printValueType(type)}` }],
      });
      return;
    }
    if (!elementFits(argument.type.element, type.element)) {
      const text = textOf(context, argument.expression.span);
      const wanted = printElement(type.element);
      reject(argument.expression.span, "type/argument", `\`${name}\` of \`${callee}\` takes ${wanted}`, {
        label: `this is ${printElement(argument.type.element)}`,
        secondary: [{ span: parameter.span, text: `declared as ${printValueType(type)}` }],
        help: type.element.below === undefined ? [`Convert it: \`${wanted}(${text})\`.`] : [],
      });
      return;
    }
    const lead = argument.type.dims.slice(0, extra);
    if (extra > 0) {
      if (mapped === undefined) {
        mapped = { dims: lead, argument };
      } else if (
        mapped.dims.length !== extra ||
        mapped.dims.some((dim, i) => !provablyEqual(dim, lead[i] as Size, context.facts))
      ) {
        reject(argument.expression.span, "shape/mapped", `the arguments of \`${callee}\` have different leading axes`, {
          label: `here ${printDims(lead)} come before ${printDims(argument.type.dims.slice(extra))}`,
          secondary: [{ span: mapped.argument.expression.span, text: `here ${printDims(mapped.dims)}` }],
          notes: [`\`${callee}\` is mapped over leading axes; they must be the same in all arguments, or absent.`],
        });
      }
    }
    type.dims.forEach((written, axis) => {
      const pattern = substitute(written, renaming);
      const size = argument.type.dims[extra + axis] as Size;
      const bare = bareName(pattern);
      if (bare?.endsWith("\0callee") !== true || solved.has(bare)) {
        deferred.push({ pattern, written, size, argument, parameter: name });
      } else {
        solved.set(bare, { size, argument });
      }
    });
  });

  for (const { pattern, written, size, argument, parameter } of deferred) {
    const value = substitute(pattern, known());
    const unknown = [...namesOf(value)].filter((name) => name.endsWith("\0callee"));
    const [single] = unknown;
    if (single !== undefined) {
      const solution = unknown.length === 1 ? solveForName(value, size, single) : undefined;
      if (solution === undefined) {
        reject(
          argument.expression.span,
          "size/unsolved",
          `\`${printSize(written)}\` of \`${callee}\` cannot be solved from ${printSize(size)}`,
          {
            label: `this has axes ${printDims(argument.type.dims)}`,
          },
        );
      } else {
        solved.set(single, { size: solution, argument });
      }
      continue;
    }
    if (provablyEqual(value, size, context.facts)) continue;
    const bare = bareName(pattern);
    const first = bare === undefined ? undefined : solved.get(bare);
    const shown = { ...value, written: undefined };
    const both = [printNormalForm(shown), printSize(size)];
    const [a, b] = first === undefined ? both : [printSize(first.size), printSize(size)];
    reject(
      argument.expression.span,
      "size/mismatch",
      first === undefined
        ? `\`${parameter}\` of \`${callee}\` has the wrong length`
        : `\`${printSize(written)}\` of \`${callee}\` is given two lengths`,
      {
        label: first === undefined ? `this has ${b} where ${a} is needed` : `here ${printSize(written)} is ${b}`,
        secondary:
          first?.argument === undefined
            ? []
            : [{ span: first.argument.expression.span, text: `here ${printSize(written)} is ${a}` }],
        notes: [`Nothing says ${a} = ${b}.`],
        help: [`Same length meant? State it: \`require ${a} == ${b}\`, or use one name for both.`],
      },
    );
  }
  // A size that no axis tells may follow from the bound of a table, `I: idx<V>[N]`.
  signature.parameters.forEach(({ type }, position) => {
    const argument = args[position];
    if (argument?.type.element.below === undefined || type.kind !== "tensor" || type.element.below === undefined)
      return;
    const bare = bareName(substitute(type.element.below, renaming));
    if (bare?.endsWith("\0callee") !== true || solved.has(bare)) return;
    solved.set(bare, { size: argument.type.element.below, argument });
  });
  if (!sound) return undefined;
  // Defaults in terms of other sizes, now that these are solved.
  signature.parameters.forEach(({ parameter, defaultSize }, position) => {
    const name = inner(parameter.name.name);
    if (args[position] !== undefined || defaultSize === undefined || solved.has(name)) return;
    solved.set(name, { size: substitute(substitute(defaultSize, renaming), known()) });
  });

  const sizes = known();
  const resolve = (size: Size) => substitute(substitute(size, renaming), sizes);
  const resolveTensor = (type: TensorValueType): TensorValueType => ({
    kind: "tensor",
    element: type.element.below === undefined ? type.element : { ...type.element, below: resolve(type.element.below) },
    dims: type.dims.map(resolve),
  });
  signature.parameters.forEach(({ parameter, type }, position) => {
    const argument = args[position];
    if (argument === undefined || type.kind !== "tensor" || type.element.below === undefined) return;
    checkBelow(context, argument, resolve(type.element.below), `\`${parameter.name.name}\` of \`${callee}\``);
  });
  const results: TensorValueType[] = [];
  for (const result of signature.results) {
    if (result.kind !== "tensor") return undefined;
    const resolved = resolveTensor(result);
    const open = [...resolved.dims, ...(resolved.element.below ? [resolved.element.below] : [])]
      .flatMap((size) => [...namesOf(size)])
      .find((name) => name.endsWith("\0callee"));
    if (open !== undefined) {
      const name = open.split("\0")[0] as string;
      fail(
        context,
        context.statement.span,
        "size/unsolved",
        `\`${name}\` of \`${callee}\` does not follow from the arguments`,
        {
          help: [`Make it a parameter: \`${name}: size\`.`],
        },
      );
      return undefined;
    }
    results.push(resolved);
  }
  const plain = new Map([...sizes].map(([name, size]) => [name.split("\0")[0] as string, size]));
  return { sizes: plain, mapped: mapped?.dims ?? [], results };
}

/** Reports unless a value that must point below `below` is known to. */
export function checkBelow(context: Context, argument: FittedArgument, below: Size, what: string): boolean {
  const { element, size } = argument.type;
  const fits =
    element.below !== undefined
      ? provablyAtMost(element.below, below, context.facts)
      : size !== undefined && provablyAtMost(size, subtractSizes(below, constantSize(1)), context.facts);
  if (fits) return true;
  report(
    context,
    errorAt(argument.expression.span, "index/range", `${what} must be below ${printSize(below)}`, {
      label: element.below === undefined ? "nothing bounds this" : `this is below ${printSize(element.below)}`,
    }),
  );
  return false;
}

/** The results of a call as one value: mapped axes first. */
export function resultType(results: readonly TensorValueType[], mapped: readonly Size[]): ValueType {
  const items = results.map((result): TensorValueType => ({ ...result, dims: [...mapped, ...result.dims] }));
  return items.length === 1 ? (items[0] as TensorValueType) : { kind: "tuple", items };
}
