/** Whether the steps of a recurrence fit together: what one gives is what the next reads, and what `where` gives the first. */
import { type Context, fail } from "./check-context.ts";
import { checkBelow } from "./check-generics.ts";
import type { ElementType, TensorValueType } from "./checked-program.ts";
import { elementFits, printDims, printElement } from "./element-types.ts";
import type { CheckedInitial } from "./recurrence-order.ts";
import { printSize, type Size } from "./size.ts";
import { provablyEqual } from "./size-facts.ts";
import type { BindingTarget, LetStatement } from "./syntax-tree.ts";

/** What a look at the text takes for granted of one target. */
export interface Assumption {
  readonly element: ElementType | undefined;
  /** The number it starts with, while only types are sought. */
  readonly size: Size | undefined;
  /** Axes of a step's value, behind the indices. */
  readonly dims: readonly Size[] | undefined;
}

/** One target after the last look. */
export interface CheckedStep {
  readonly assumption: Assumption;
  /** What a step gives. */
  readonly value: TensorValueType;
  readonly initials: readonly CheckedInitial[];
}

/** True when both lists are provably the same. */
export function sameSizes(context: Context, a: readonly Size[] | undefined, b: readonly Size[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((size, i) => provablyEqual(size, b[i] as Size, context.facts));
}

/** Whether what a step gives can be what the next one reads. */
export function stepFits(
  context: Context,
  statement: LetStatement,
  { assumption, value, initials }: CheckedStep,
  k: number,
): boolean {
  const { element, dims } = assumption;
  const target = statement.targets[k] as BindingTarget;
  const { name } = target.name;
  const [own] = initials;
  const part = statement.value.kind === "tuple" ? (statement.value.items[k] ?? statement.value) : statement.value;
  const first = own === undefined ? [] : [{ span: own.initial.value.span, text: "the first value" }];
  if (element !== undefined && !elementFits(value.element, element)) {
    fail(
      context,
      part.span,
      "recurrence/type",
      `\`${name}\` begins as ${printElement(element)} and goes on as ${printElement(value.element)}`,
      {
        label: `a step gives ${printElement(value.element)}`,
        secondary: first,
        help: [`Convert one of them: \`${printElement({ dtype: element.dtype })}(…)\`.`],
      },
    );
    return false;
  }
  if (dims !== undefined && !sameSizes(context, dims, value.dims)) {
    const axis =
      dims.length === value.dims.length
        ? dims.findIndex((dim, i) => !provablyEqual(dim, value.dims[i] as Size, context.facts))
        : -1;
    const unequal =
      axis < 0 ? [] : [`Nothing says ${printSize(dims[axis] as Size)} = ${printSize(value.dims[axis] as Size)}.`];
    fail(context, part.span, "recurrence/shape", `\`${name}\` does not keep its axes from step to step`, {
      label: value.dims.length === 0 ? "a step gives a single number" : `a step gives axes ${printDims(value.dims)}`,
      secondary: first.map((label) => ({ ...label, text: `the first value has axes ${printDims(dims)}` })),
      notes: unequal,
    });
    return false;
  }
  return true;
}

/** Whether a value of `where` can be what the first steps read. */
export function initialFits(
  context: Context,
  { initial, type, behind }: CheckedInitial,
  element: ElementType,
  dims: readonly Size[],
): boolean {
  if (type === undefined) return false;
  const { name } = initial.name;
  if (!elementFits(type.element, element) && !(type.element.dtype === "bf16" && element.dtype === "f32")) {
    fail(
      context,
      initial.value.span,
      "recurrence/type",
      `\`${name}\` begins as ${printElement(type.element)} and goes on as ${printElement(element)}`,
      {
        label: `this is ${printElement(type.element)}`,
        help: [`Convert it: \`${printElement({ dtype: element.dtype })}(…)\`.`],
      },
    );
    return false;
  }
  if (element.below !== undefined) {
    const operand = { expression: initial.value, type };
    if (!checkBelow(context, operand, element.below, `the first value of \`${name}\``)) return false;
  }
  const own = dims.slice(initial.subscripts.length - 1);
  if (type.dims.length === 0 || sameSizes(context, own, type.dims)) return true;
  const wanted = own.length === 0 ? "a single number" : `axes ${printDims(own)}`;
  fail(
    context,
    initial.value.span,
    "recurrence/shape",
    `the first value of \`${name}\` does not have the shape of a step`,
    {
      label: `this has axes ${printDims(type.dims)}`,
      notes: [`A step has ${wanted}${behind.length > 0 ? " here" : ""}.`],
    },
  );
  return false;
}
