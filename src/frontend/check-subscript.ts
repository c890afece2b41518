/**
 * Reading through subscripts: `X[i, j]`, `X[2*y + k] else 0`, `X[I[p], c]`, `X[i, (h c)]`, `X[:, j]`.
 *
 * An index that stands alone takes its range from the axis. Everything else must be proven to stay inside the axis, or
 * have an `else`. Proofs wait until the ranges of the statement's indices are known.
 */
import { checkTensor, requireTensor } from "./check-arithmetic.ts";
import {
  type Context,
  checkExpression,
  constrainIndex,
  factsWithIndices,
  fail,
  report,
  textOf,
} from "./check-context.ts";
import { checkSize, polynomialOf } from "./check-size.ts";
import type { TensorValueType, ValueType } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import {
  combineElements,
  elementFits,
  isIntegerElement,
  printDims,
  printElement,
  tensorOfType,
  unknownType,
} from "./element-types.ts";
import { type IndexVariable, lookUp } from "./scope.ts";
import {
  addSizes,
  constantSize,
  constantValue,
  floorDivideSizes,
  multiplySizes,
  printSize,
  type Size,
  scaleSize,
  subtractSizes,
} from "./size.ts";
import { provableQuotient, provablyAtMost, provablyEqual, provablyNonNegative, type SizeFacts } from "./size-facts.ts";
import type { Expression, GroupedIndex, Subscript, SubscriptExpression } from "./syntax-tree.ts";

/** Least and greatest value, both attained or not; an end is absent where nothing is known. */
interface Interval {
  readonly low?: Size;
  readonly high?: Size;
}

/** The size that is both ends, if it is one. */
function onlyValue(interval: Interval | undefined): Size | undefined {
  return interval?.low !== undefined && interval.low.key === interval.high?.key ? interval.low : undefined;
}

const map = (size: Size | undefined, change: (size: Size) => Size): Size | undefined => size && change(size);
const both = (a: Size | undefined, b: Size | undefined, combine: (a: Size, b: Size) => Size | undefined) =>
  a === undefined || b === undefined ? undefined : combine(a, b);

/** `runs over 0 .. n - 1`, with what is known of it. */
export function printInterval(interval: Interval | undefined): string {
  if (interval?.low === undefined && interval?.high === undefined) return "may be anything";
  const end = (size: Size | undefined) => (size === undefined ? "" : printSize(size));
  return `runs over ${end(interval.low)} .. ${end(interval.high)}`.replace("  ", " ").trimEnd();
}

/** The one of two sizes that is provably at most the other. */
function lesser(a: Size, b: Size, facts: SizeFacts): Size | undefined {
  if (provablyAtMost(a, b, facts)) return a;
  return provablyAtMost(b, a, facts) ? b : undefined;
}

/** The one of two sizes that is provably at least the other. */
function greater(a: Size, b: Size, facts: SizeFacts): Size | undefined {
  const least = lesser(a, b, facts);
  return least === undefined ? undefined : least === a ? b : a;
}

/** Bounds of an integer expression from its parts, for what is no polynomial: `t % 4`, `I[p] + 1`, `min(i, n - 1)`. */
export function intervalOf(context: Context, expression: Expression, facts: SizeFacts): Interval | undefined {
  const type = context.checker.tables.types.get(expression);
  const one = constantSize(1);
  if (type?.kind === "tensor" && type.element.below !== undefined) {
    return { low: constantSize(0), high: subtractSizes(type.element.below, one) };
  }
  if (expression.kind === "name") {
    const binding = lookUp(context.scope, expression.name);
    if (binding?.kind === "index") {
      const { range } = binding.variable;
      return range === undefined ? undefined : { low: constantSize(0), high: subtractSizes(range, one) };
    }
  }
  if (type?.kind === "tensor" && type.size !== undefined) return { low: type.size, high: type.size };
  if (expression.kind === "call" && expression.callee.kind === "name" && expression.arguments.length === 2) {
    const [a = {}, b = {}] = expression.arguments.map((argument) => intervalOf(context, argument.value, facts));
    const { name } = expression.callee;
    // Either of min's operands bounds it from above, but only the lesser low end from below; max the other way round.
    if (name === "min") {
      const least = both(a.high, b.high, (x, y) => lesser(x, y, facts));
      return { low: both(a.low, b.low, (x, y) => lesser(x, y, facts)), high: least ?? a.high ?? b.high };
    }
    if (name === "max") {
      const greatest = both(a.low, b.low, (x, y) => greater(x, y, facts));
      return { low: greatest ?? a.low ?? b.low, high: both(a.high, b.high, (x, y) => greater(x, y, facts)) };
    }
    return undefined;
  }
  if (expression.kind !== "binary") return undefined;
  const right = intervalOf(context, expression.right, facts);
  const divisor = onlyValue(right);
  if (expression.operator === "%" && divisor !== undefined && provablyNonNegative(subtractSizes(divisor, one), facts)) {
    return { low: constantSize(0), high: subtractSizes(divisor, one) };
  }
  const left = intervalOf(context, expression.left, facts);
  if (left === undefined || right === undefined) return undefined;
  switch (expression.operator) {
    case "+":
      return { low: both(left.low, right.low, addSizes), high: both(left.high, right.high, addSizes) };
    case "-":
      return { low: both(left.low, right.high, subtractSizes), high: both(left.high, right.low, subtractSizes) };
    case "*": {
      const factor = divisor ?? onlyValue(left);
      const other = divisor !== undefined ? left : right;
      if (factor === undefined) return undefined;
      const times = (end: Size | undefined) => map(end, (size) => multiplySizes(size, factor));
      if (provablyNonNegative(factor, facts)) return { low: times(other.low), high: times(other.high) };
      if (!provablyNonNegative(scaleSize(factor, -1n), facts)) return undefined;
      return { low: times(other.high), high: times(other.low) };
    }
    case "//":
      if (divisor === undefined || !provablyNonNegative(subtractSizes(divisor, one), facts)) return undefined;
      return {
        low: map(left.low, (size) => floorDivideSizes(size, divisor)),
        high: map(left.high, (size) => floorDivideSizes(size, divisor)),
      };
    default:
      return undefined;
  }
}

/** Whether the expression is proven to lie in 0 … dim - 1. */
export function staysInside(context: Context, expression: Expression, dim: Size, facts: SizeFacts): boolean {
  const last = subtractSizes(dim, constantSize(1));
  const polynomial = polynomialOf(context, expression);
  if (polynomial !== undefined && provablyNonNegative(polynomial, facts) && provablyAtMost(polynomial, last, facts))
    return true;
  const interval = intervalOf(context, expression, facts);
  if (interval?.low === undefined || interval.high === undefined) return false;
  return provablyNonNegative(interval.low, facts) && provablyAtMost(interval.high, last, facts);
}

/** The index an expression is, when it is nothing else. */
export function loneIndex(context: Context, expression: Expression): IndexVariable | undefined {
  if (expression.kind !== "name") return undefined;
  const binding = lookUp(context.scope, expression.name);
  return binding?.kind === "index" ? binding.variable : undefined;
}

/** Checks one subscript against the axis it reads; `guarded` when an `else` stands for what is outside. */
export function checkPlace(
  context: Context,
  object: Expression,
  expression: Expression,
  dim: Size,
  guarded: boolean,
): void {
  const type = checkTensor({ ...context, inSubscript: true }, expression);
  if (type === undefined) return;
  const variable = loneIndex(context, expression);
  if (variable !== undefined) {
    constrainIndex(context, variable, dim, {
      span: expression.span,
      text: `here \`${variable.name}\` walks ${printSize(dim)}`,
    });
    return;
  }
  const text = textOf(context, expression.span);
  if (!isIntegerElement(type.element)) {
    fail(context, expression.span, "index/not-an-integer", `the subscript \`${text}\` is no whole number`, {
      label: `this is ${printElement(type.element)}`,
      help:
        expression.kind === "binary" && expression.operator === "/" ? ["Whole-number division is written `//`."] : [],
    });
    return;
  }
  if (type.dims.length > 0) {
    fail(context, expression.span, "index/not-a-number", `the subscript \`${text}\` is a whole tensor`, {
      label: `this has axes ${printDims(type.dims)}`,
      help: [`Say which element: \`let Y[t, c] = ${textOf(context, object.span)}[${text}[t], c]\`.`],
    });
    return;
  }
  if (guarded) return;
  const scoped = context;
  context.statement.pending.push((isFinal) => {
    const inside = staysInside(scoped, expression, dim, factsWithIndices(scoped));
    if (inside || !isFinal) return inside;
    if (scoped.statement.variables.some((each) => each.range === undefined)) return true;
    const below = type.element.below;
    const interval = intervalOf(scoped, expression, factsWithIndices(scoped));
    const single = onlyValue(interval);
    const values = single === undefined ? printInterval(interval) : `this is ${printSize(single)}`;
    const whole = textOf(scoped, object.span);
    report(
      scoped,
      errorAt(expression.span, "index/range", `\`${text}\` can step outside of \`${whole}\``, {
        label: below === undefined ? values : `this is below ${printSize(below)}`,
        notes: [`The axis has places 0 .. ${printSize(subtractSizes(dim, constantSize(1)))}.`],
        help: [
          `Say what stands outside: \`${whole}[…] else 0\`.`,
          below !== undefined
            ? `Same size meant? Declare the table as \`idx<${printSize(dim)}>\`.`
            : interval?.low === undefined && interval?.high === undefined
              ? `A table that points into it has the type \`idx<${printSize(dim)}>\`.`
              : single !== undefined
                ? `State that there are enough: \`require ${printSize(dim)} > ${printSize(single)}\`.`
                : "Or restrict an index: `[k: k <= i]`.",
        ],
      }),
    );
    return true;
  });
}

/** `(h c)` as one axis: the ranges multiply to the axis; one that is unknown follows from the others. */
export function checkGroup(context: Context, indices: readonly GroupedIndex[], dim: Size, subscript: Subscript): void {
  const variables: IndexVariable[] = [];
  for (const index of indices) {
    const inner = { ...context, inSubscript: true };
    const type = checkExpression(inner, index.name);
    const variable = loneIndex(context, index.name);
    if (variable === undefined) {
      if (type.kind !== "unknown") {
        fail(context, index.span, "index/group", `\`${index.name.name}\` is not an index`, {
          help: ["Only indices are grouped; a product of numbers needs its sign: `(a * b)`."],
        });
      }
      if (index.range !== undefined) checkSize(context, index.range);
      continue;
    }
    variables.push(variable);
    const range = index.range === undefined ? undefined : checkSize(context, index.range);
    if (range !== undefined && index.range !== undefined) {
      constrainIndex(context, variable, range, {
        span: index.span,
        text: `here \`${variable.name}\` runs over ${printSize(range)}`,
      });
    }
  }
  if (variables.length < indices.length) {
    for (const variable of variables) if (variable.range === undefined) variable.failed = true;
    return;
  }
  context.statement.pending.push((isFinal) => {
    if (variables.some((variable) => variable.failed)) return true;
    const unknown = variables.filter((variable) => variable.range === undefined);
    const known = variables
      .filter((variable) => variable.range !== undefined)
      .reduce((product, variable) => multiplySizes(product, variable.range as Size), constantSize(1));
    const names = variables.map((variable) => variable.name).join(" ");
    const [single] = unknown;
    if (unknown.length > 1 || (single !== undefined && constantValue(known) === 0n)) {
      if (!isFinal) return false;
      for (const variable of unknown) variable.failed = true;
      const list = unknown.map((variable) => `\`${variable.name}\``).join(" and ");
      fail(context, subscript.span, "index/no-range", `\`(${names})\` can be split in several ways`, {
        label: `the ranges of ${list} are not known`,
        help: [
          `Give one range: \`(${variables.map((variable, i) => (i === 0 ? `${variable.name}: H` : variable.name)).join(" ")})\`.`,
        ],
      });
      return true;
    }
    const facts = context.facts;
    if (single === undefined) {
      if (provablyEqual(known, dim, facts)) return true;
      for (const variable of variables) variable.failed = true;
      fail(context, subscript.span, "size/mismatch", `\`(${names})\` does not fill the axis`, {
        label: `the axis has ${printSize(dim)}, the indices make ${printSize({ ...known, written: undefined })}`,
        notes: [`Nothing says ${printSize({ ...known, written: undefined })} = ${printSize(dim)}.`],
        secondary: variables.flatMap((variable) => (variable.source ? [variable.source] : [])),
      });
      return true;
    }
    const range = provableQuotient(dim, known, facts);
    if (range === undefined) {
      single.failed = true;
      const factor = printSize({ ...known, written: undefined });
      fail(context, subscript.span, "size/not-divisible", `nothing says that ${factor} divides ${printSize(dim)}`, {
        label: `so \`${single.name}\` has no whole range`,
        help: [
          `State it: \`require ${printSize(dim)} % ${/^[\p{L}\p{N}_]+$/u.test(factor) ? factor : `(${factor})`} == 0\`.`,
        ],
      });
      return true;
    }
    constrainIndex(context, single, range, {
      span: subscript.span,
      text: `here \`${single.name}\` has ${printSize(range)}`,
    });
    return true;
  });
}

/** A value of type `objectType` read through subscripts, on the right of a definition. */
export function checkSubscript(context: Context, expression: SubscriptExpression, objectType: ValueType): ValueType {
  const object = requireTensor(context, expression.object, objectType);
  const guarded = expression.otherwise !== undefined;
  const otherwise = expression.otherwise === undefined ? undefined : checkTensor(context, expression.otherwise);
  if (object === undefined) {
    // Still look inside, so that mistakes there are found; ranges cannot be.
    for (const subscript of expression.subscripts) {
      if (subscript.kind === "at") checkExpression({ ...context, inSubscript: true }, subscript.expression);
      const names = subscript.kind === "group" ? subscript.indices.map((index) => index.name) : [];
      for (const name of names) checkExpression({ ...context, inSubscript: true }, name);
      const variables =
        subscript.kind === "at"
          ? [loneIndex(context, subscript.expression)]
          : names.map((name) => loneIndex(context, name));
      for (const variable of variables)
        if (variable !== undefined && variable.range === undefined) variable.failed = true;
    }
    return unknownType;
  }
  const text = textOf(context, expression.object.span);
  if (expression.subscripts.length > object.dims.length) {
    const last = expression.subscripts[object.dims.length] as Subscript;
    const count = object.dims.length;
    const axes = count === 0 ? "no axes" : count === 1 ? "one axis" : `${count} axes`;
    return fail(context, last.span, "index/too-many", `\`${text}\` has ${axes}, not ${expression.subscripts.length}`, {
      label: "one subscript too many",
      secondary: [
        {
          span: expression.object.span,
          text: `this is ${printElement(object.element)}${count > 0 ? printDims(object.dims) : ""}`,
        },
      ],
    });
  }
  const dims: Size[] = [];
  const before = context.checker.diagnostics.length;
  expression.subscripts.forEach((subscript, axis) => {
    const dim = object.dims[axis] as Size;
    if (subscript.kind === "all") dims.push(dim);
    else if (subscript.kind === "group") checkGroup(context, subscript.indices, dim, subscript);
    else checkPlace(context, expression.object, subscript.expression, dim, guarded);
  });
  dims.push(...object.dims.slice(expression.subscripts.length));
  // Outside of definitions only sizes and constants are wanted: one report is enough.
  if (context.statement.kept === undefined && context.checker.diagnostics.length > before) return unknownType;
  let element: TensorValueType["element"] = object.element;
  if (expression.otherwise !== undefined) {
    if (otherwise === undefined) return unknownType;
    const combined = elementFits(otherwise.element, object.element)
      ? object.element
      : combineElements(object.element, otherwise.element);
    if (combined === undefined || otherwise.dims.length > 0) {
      return fail(
        context,
        expression.otherwise.span,
        "type/else",
        `the value after \`else\` must be one ${printElement({ dtype: object.element.dtype })}`,
        {
          label: `this is ${printElement(otherwise.element)}${otherwise.dims.length > 0 ? printDims(otherwise.dims) : ""}`,
        },
      );
    }
    // The bound of an idx survives only when the replacement keeps it; a plain integer need not.
    const below = object.element.below;
    const keeps =
      below !== undefined &&
      otherwise.size !== undefined &&
      provablyNonNegative(otherwise.size, context.facts) &&
      provablyAtMost(addSizes(otherwise.size, constantSize(1)), below, context.facts);
    element = keeps ? object.element : { dtype: combined.dtype };
  }
  return tensorOfType(element, dims);
}
