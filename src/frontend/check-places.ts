/**
 * Computed places on the left: `let P[t, 2*c] = …, P[t, 2*c + 1] = …` defines one tensor in parts.
 *
 * Along every axis that has a computed place, the parts must fill each position exactly once. Two layouts are proven: parts
 * that interleave (`a*c`, `a*c + 1`, … up to `a*c + a - 1`) and parts that lie one after another (`c`, `c + n`; `0`, `c + 1`;
 * `n - 1 - c`). Several such axes must be combined in all ways: `Y[2*y, 2*x]`, `Y[2*y, 2*x + 1]`, and so on.
 */
import { agreeOnElement, type Operand } from "./check-arithmetic.ts";
import { bindIndices, keptNames } from "./check-binding.ts";
import {
  type Context,
  checkExpression,
  constrainIndex,
  declare,
  fail,
  finishStatement,
  newIndexVariable,
  newStatement,
  settle,
  textOf,
  withIndices,
} from "./check-context.ts";
import { checkSize, guardSizes, polynomialOf } from "./check-size.ts";
import type { ElementType, TensorValueType } from "./checked-program.ts";
import { isIntegerElement, printDims, printElement, printValueType, unknownType } from "./element-types.ts";
import { filledLength, formKey, inAllCombinations, type PlaceForm } from "./place-cover.ts";
import { findCollision, type IndexVariable, lookUp } from "./scope.ts";
import { constantSize, constantValue, multiplySizes, namesOf, printSize, type Size } from "./size.ts";
import { linearCoefficient, provableQuotient, provablyEqual } from "./size-facts.ts";
import type {
  BindingTarget,
  Expression,
  IndexBinder,
  LetStatement,
  NameExpression,
  Placement,
  TargetSubscript,
} from "./syntax-tree.ts";

export type PlaceSubscript = Extract<TargetSubscript, { kind: "at" }>;

/** True when the left side has a computed place. */
export function hasComputedPlace(target: BindingTarget): boolean {
  return (target.subscripts ?? []).some((subscript) => subscript.kind === "at");
}

/** A `let` of one tensor with a computed place, as the single part of a definition in parts. */
export function partsOf(statement: LetStatement): readonly Placement[] | undefined {
  const [target, ...others] = statement.targets;
  if (target === undefined || others.length > 0 || statement.initial.length > 0 || !hasComputedPlace(target))
    return undefined;
  return [{ kind: "placement", target, value: statement.value, span: statement.span }];
}

/** Names inside an expression, in order, each once. */
function namesIn(expression: Expression): NameExpression[] {
  const found = new Map<string, NameExpression>();
  const visit = (part: unknown) => {
    if (Array.isArray(part)) for (const each of part) visit(each);
    else if (typeof part === "object" && part !== null) {
      const node = part as { readonly kind?: string; readonly name?: unknown };
      if (node.kind === "name" && !found.has(node.name as string))
        found.set(node.name as string, part as NameExpression);
      for (const [key, child] of Object.entries(part)) if (key !== "span" && key !== "callee") visit(child);
    }
  };
  visit(expression);
  return [...found.values()];
}

/** A left side whose indices are in scope. */
export interface PlacedIndices {
  readonly inner: Context;
  /** Indices that stand alone or in groups on the left. */
  readonly kept: ReadonlyMap<string, IndexVariable>;
  /** Indices that occur in computed places only. */
  readonly inPlaces: ReadonlyMap<string, IndexVariable>;
  readonly lengths: Map<TargetSubscript, Size>;
}

/** Names of all indices of a left side, those of computed places included: what the right side may use freely. */
function indexNames(context: Context, target: BindingTarget): string[] {
  const own = keptNames([target]);
  const places = placeNames(context, target).map(({ name }) => name);
  return [...own, ...places];
}

/** A name in a computed place that means nothing else is an index. */
function placeNames(context: Context, target: BindingTarget): NameExpression[] {
  const kept = new Set(keptNames([target]));
  const found = new Map<string, NameExpression>();
  for (const subscript of target.subscripts ?? []) {
    if (subscript.kind !== "at") continue;
    for (const name of namesIn(subscript.expression)) {
      if (kept.has(name.name) || found.has(name.name) || context.file.skippedNames.has(name.name)) continue;
      if (lookUp(context.scope, name.name) === undefined) found.set(name.name, name);
    }
  }
  return [...found.values()];
}

/** Puts the indices of a left side with computed places in scope, and checks the places and the stated lengths. */
export function bindPlaces(outer: Context, target: BindingTarget): PlacedIndices {
  const context: Context = { ...outer, statement: newStatement(target.span, indexNames(outer, target)) };
  const { inner, variables } = bindIndices(context, [target]);
  const binders = placeNames(context, target).map(
    ({ name, span }): IndexBinder => ({ kind: "index", name: { kind: "identifier", name, span }, span }),
  );
  const inPlaces = new Map(binders.map((binder) => [binder.name.name, newIndexVariable(context, binder)]));
  const scoped = withIndices(inner, [...inPlaces.values()]);
  const lengths = new Map<TargetSubscript, Size>();
  for (const subscript of target.subscripts ?? []) {
    if (subscript.kind !== "at") continue;
    if (subscript.length !== undefined) {
      const length = checkSize(context, subscript.length);
      if (length !== undefined) lengths.set(subscript, length);
    }
    checkPlaceExpression(scoped, target, subscript);
  }
  context.checker.tables.places.set(target, { binders, lengths });
  return { inner: scoped, kept: variables, inPlaces, lengths };
}

function checkPlaceExpression(context: Context, target: BindingTarget, subscript: PlaceSubscript): void {
  const type = checkExpression({ ...context, inSubscript: true }, subscript.expression);
  if (type.kind === "unknown") return;
  const text = textOf(context, subscript.expression.span);
  if (type.kind !== "tensor" || !isIntegerElement(type.element)) {
    fail(context, subscript.span, "index/not-an-integer", `the place \`${text}\` is no whole number`, {
      label: `this is ${type.kind === "tensor" ? printElement(type.element) : printValueType(type)}`,
    });
  } else if (type.dims.length > 0) {
    fail(context, subscript.span, "index/not-a-number", `the place \`${text}\` is a whole tensor`, {
      label: `this has axes ${printDims(type.dims)}`,
      help: subscript.expression.kind === "name" ? [`Say which element: \`${target.name.name}[${text}[n]]\`.`] : [],
    });
  }
}

// ── Parts that fill every place once ───────────────────────────────────────────────────────────────────────────────

/** One part after its own check. */
interface CheckedPart {
  readonly part: Placement;
  readonly type: TensorValueType;
  readonly indices: PlacedIndices;
}

/** Checks a definition in parts and puts its name in scope. */
export function checkPlaced(outer: Context, parts: readonly Placement[]): void {
  const [first] = parts as readonly [Placement, ...Placement[]];
  const { name } = first.target;
  const before = outer.checker.diagnostics.length;
  const type = typeOfParts(outer, parts);
  for (const { target } of parts) outer.checker.tables.uses.set(target.name, { kind: "local", target: first.target });
  outer.checker.tables.targets.set(first.target, type ?? unknownType);
  if (type === undefined || outer.checker.diagnostics.length > before) {
    if (findCollision(outer.scope, name.name) === undefined) outer.scope.names.set(name.name, { kind: "unknown" });
    return;
  }
  const definition = { kind: "local", target: first.target } as const;
  declare(outer, outer.scope, name, { kind: "value", definition, type, span: name.span });
}

function typeOfParts(outer: Context, parts: readonly Placement[]): TensorValueType | undefined {
  const [first] = parts as readonly [Placement, ...Placement[]];
  const rank = first.target.subscripts?.length ?? 0;
  for (const { target } of parts) {
    if (target.name.name !== first.target.name.name) {
      fail(
        outer,
        target.name.span,
        "place/other-name",
        `this part defines \`${target.name.name}\`, not \`${first.target.name.name}\``,
        {
          secondary: [{ span: first.target.name.span, text: "the first part" }],
          help: ["Parts after a comma belong to one tensor. Another tensor has its own `let`."],
        },
      );
      return undefined;
    }
    if ((target.subscripts?.length ?? 0) !== rank || rank === 0) {
      fail(outer, target.span, "place/axes", `all parts of \`${target.name.name}\` must have the same axes`, {
        label: `this has ${target.subscripts?.length ?? 0}`,
        secondary: target === first.target ? [] : [{ span: first.target.span, text: `this has ${rank}` }],
      });
      return undefined;
    }
  }
  const computed = Array.from({ length: rank }, (_, axis) =>
    parts.some(({ target }) => target.subscripts?.[axis]?.kind === "at"),
  );
  const lengths: (Size | undefined)[] = computed.map(() => undefined);
  const checked: CheckedPart[] = [];
  for (const part of parts) {
    const one = checkPart(outer, part, computed, lengths);
    if (one === undefined) return undefined;
    checked.push(one);
  }
  const dims = computed.map((isComputed, axis) => (isComputed ? undefined : plainLength(outer, checked, axis)));
  if (dims.some((dim, axis) => dim === undefined && !computed[axis])) return undefined;
  const forms = checked.map(({ part, indices }) =>
    computed.map((isComputed, axis) => (isComputed ? formOf(outer, part, indices, axis) : undefined)),
  );
  if (forms.some((row) => row.some((form, axis) => computed[axis] && form === undefined))) return undefined;
  if (!inAllCombinations(outer, parts, forms as PlaceForm[][], computed)) return undefined;
  for (const [axis, isComputed] of computed.entries()) {
    if (!isComputed) continue;
    const distinct = new Map(forms.map((row) => [formKey(row[axis] as PlaceForm), row[axis] as PlaceForm]));
    const length = filledLength(outer, first.target, [...distinct.values()], lengths[axis]);
    if (length === undefined) return undefined;
    dims[axis] = length;
  }
  const operands = checked.map(({ part, type }): Operand => ({ expression: part.value, type }));
  const element = agreeOnElement(outer, operands, `in the parts of \`${first.target.name.name}\``);
  if (element === undefined) return undefined;
  const concrete: ElementType = { dtype: element.dtype };
  return { kind: "tensor", element: concrete, dims: dims as Size[] };
}

/** Checks one part by itself, with the lengths of axes that earlier parts have fixed. */
function checkPart(
  outer: Context,
  part: Placement,
  computed: readonly boolean[],
  lengths: (Size | undefined)[],
): CheckedPart | undefined {
  const { target } = part;
  const before = outer.checker.diagnostics.length;
  const indices = bindPlaces(outer, target);
  const { inner } = indices;
  const subscripts = target.subscripts ?? [];
  subscripts.forEach((subscript, axis) => {
    const stated = indices.lengths.get(subscript);
    const known = lengths[axis];
    if (stated !== undefined && known !== undefined && !provablyEqual(stated, known, outer.facts)) {
      fail(outer, subscript.span, "size/mismatch", `axis ${axis + 1} of \`${target.name.name}\` is given two lengths`, {
        label: `this says ${printSize(stated)}`,
        notes: [`Nothing says ${printSize(known)} = ${printSize(stated)}.`],
      });
    }
    lengths[axis] = known ?? stated;
    const length = lengths[axis];
    const variable = subscript.kind === "index" ? indices.kept.get(subscript.name.name) : undefined;
    if (variable === undefined || computed[axis]) return;
    if (length !== undefined)
      constrainIndex(inner, variable, length, {
        span: subscript.span,
        text: `here \`${variable.name}\` walks ${printSize(length)}`,
      });
  });
  const type = guardSizes(outer, part.span, () => {
    const found = checkExpression(inner, part.value);
    settle(inner, false);
    inferFromStride(inner, indices, subscripts, lengths);
    const every = [...indices.kept.values(), ...indices.inPlaces.values()];
    if (found.kind === "unknown")
      for (const variable of every) if (variable.range === undefined) variable.failed = true;
    reportWithoutRange(inner, target, indices);
    finishStatement(inner);
    return every.some((variable) => variable.failed) ? unknownType : found;
  });
  subscripts.forEach((subscript, axis) => {
    const variable = subscript.kind === "index" ? indices.kept.get(subscript.name.name) : undefined;
    if (variable?.range !== undefined && !computed[axis]) lengths[axis] ??= variable.range;
  });
  if (type === undefined || type.kind === "unknown" || outer.checker.diagnostics.length > before) return undefined;
  if (type.kind !== "tensor") {
    fail(outer, part.value.span, "type/tuple", "a part is one value", { label: `this is ${printValueType(type)}` });
    return undefined;
  }
  const axesOfValue = subscripts.filter((subscript) => subscript.kind === "all").length;
  if (type.dims.length !== axesOfValue) {
    fail(
      outer,
      part.value.span,
      "shape/rank",
      `this part has ${type.dims.length} axes of its own, its left side takes ${axesOfValue}`,
      {
        label: `this is ${printValueType(type)}`,
        help: ["Give each axis an index on both sides, or keep it with `:` on the left."],
      },
    );
    return undefined;
  }
  return { part, type, indices };
}

/** Reports indices of computed places whose range nothing tells; there is no binder at which it could be given. */
export function reportWithoutRange(context: Context, target: BindingTarget, indices: PlacedIndices): void {
  if (context.statement.unbound.size > 0) return;
  for (const subscript of target.subscripts ?? []) {
    if (subscript.kind !== "at") continue;
    const used = namesIn(subscript.expression).flatMap(({ name }) => indices.inPlaces.get(name) ?? []);
    for (const variable of used) {
      if (variable.range !== undefined || variable.failed) continue;
      variable.failed = true;
      const place = textOf(context, subscript.expression.span);
      fail(context, subscript.span, "index/no-range", `nothing says how far \`${variable.name}\` runs`, {
        label: "used only inside arithmetic",
        help: [
          ...(subscript.length === undefined ? [`State the length of the axis: \`${place}: N\`.`] : []),
          `Or use \`${variable.name}\` as a subscript on the right, as in \`x[${variable.name}]\`.`,
        ],
      });
    }
  }
}

/** Where the axis has a known length, `2*c` and `2*c + 1` say that `c` runs over half of it. */
function inferFromStride(
  context: Context,
  indices: PlacedIndices,
  subscripts: readonly TargetSubscript[],
  lengths: readonly (Size | undefined)[],
): void {
  subscripts.forEach((subscript, axis) => {
    const length = lengths[axis];
    if (subscript.kind !== "at" || length === undefined) return;
    const linear = linearPlace(context, subscript.expression, indices);
    const variable = linear?.variable;
    if (linear === undefined || variable === undefined || variable.range !== undefined || variable.failed) return;
    const stride = constantSize(linear.coefficient < 0n ? -linear.coefficient : linear.coefficient);
    const range = provableQuotient(length, stride, context.facts);
    if (linear.coefficient <= 1n) return;
    if (range === undefined) {
      variable.failed = true;
      fail(
        context,
        subscript.span,
        "size/not-divisible",
        `nothing says that ${printSize(stride)} divides ${printSize(length)}`,
        {
          label: `so \`${variable.name}\` has no whole range`,
          help: [`State it: \`require ${printSize(length)} % ${printSize(stride)} == 0\`.`],
        },
      );
      return;
    }
    constrainIndex(context, variable, range, {
      span: subscript.span,
      text: `here \`${variable.name}\` has ${printSize(range)}`,
    });
  });
}

/** `coefficient * index + offset`, or undefined when a place is something else. */
function linearPlace(
  context: Context,
  expression: Expression,
  indices: PlacedIndices,
): { readonly variable?: IndexVariable; readonly coefficient: bigint; readonly offset: Size } | undefined {
  const polynomial = polynomialOf({ ...context, scope: indices.inner.scope }, expression);
  if (polynomial === undefined) return undefined;
  const names = namesOf(polynomial);
  const used = [...indices.kept.values(), ...indices.inPlaces.values()].filter(({ atom }) => names.has(atom));
  const [variable, ...others] = used;
  if (variable === undefined) return { coefficient: 0n, offset: polynomial };
  const linear = others.length > 0 ? undefined : linearCoefficient(polynomial, variable.atom);
  const coefficient = linear === undefined ? undefined : constantValue(linear.coefficient);
  if (linear === undefined || coefficient === undefined) return undefined;
  return { variable, coefficient, offset: linear.rest };
}

/** Length of an axis without computed places: its index, its group, or what the value has there. */
function plainLength(context: Context, parts: readonly CheckedPart[], axis: number): Size | undefined {
  let length: Size | undefined;
  let first: TargetSubscript | undefined;
  for (const { part, type, indices } of parts) {
    const subscripts = part.target.subscripts ?? [];
    const subscript = subscripts[axis] as TargetSubscript;
    const own = lengthOf(subscripts, axis, type, indices);
    if (own === undefined) return undefined;
    if (length !== undefined && !provablyEqual(own, length, context.facts)) {
      fail(
        context,
        subscript.span,
        "size/mismatch",
        `axis ${axis + 1} of \`${part.target.name.name}\` is given two lengths`,
        {
          label: `this has ${printSize(own)}`,
          secondary: first === undefined ? [] : [{ span: first.span, text: `this has ${printSize(length)}` }],
          notes: [`Nothing says ${printSize(length)} = ${printSize(own)}.`],
        },
      );
      return undefined;
    }
    length ??= own;
    first ??= subscript;
  }
  return length;
}

function lengthOf(
  subscripts: readonly TargetSubscript[],
  axis: number,
  type: TensorValueType,
  indices: PlacedIndices,
): Size | undefined {
  const subscript = subscripts[axis] as TargetSubscript;
  if (subscript.kind === "all") {
    return type.dims[subscripts.slice(0, axis).filter((other) => other.kind === "all").length];
  }
  const binders = subscript.kind === "index" ? [subscript] : subscript.kind === "group" ? subscript.indices : [];
  const ranges = binders.map((binder) => indices.kept.get(binder.name.name)?.range);
  if (ranges.some((range) => range === undefined)) return undefined;
  return (ranges as Size[]).reduce((a, b) => multiplySizes(a, b), constantSize(1));
}

/** The form of a part's place along a computed axis. Reports what is no such form. */
function formOf(context: Context, part: Placement, indices: PlacedIndices, axis: number): PlaceForm | undefined {
  const subscript = part.target.subscripts?.[axis] as TargetSubscript;
  const text = textOf(context, subscript.span);
  if (subscript.kind === "index") {
    const range = indices.kept.get(subscript.name.name)?.range;
    if (range === undefined) return undefined;
    return { coefficient: 1n, offset: constantSize(0), count: range, text: subscript.name.name, subscript };
  }
  const linear = subscript.kind === "at" ? linearPlace(context, subscript.expression, indices) : undefined;
  const used = linear?.variable;
  const elsewhere =
    used !== undefined &&
    (indices.kept.has(used.name) ||
      (part.target.subscripts ?? []).some(
        (other) =>
          other !== subscript &&
          other.kind === "at" &&
          namesIn(other.expression).some(({ name }) => name === used.name),
      ));
  if (subscript.kind !== "at" || linear === undefined || elsewhere) {
    fail(context, subscript.span, "place/form", `nothing proves that the places \`${text}\` are all different`, {
      label: elsewhere
        ? `\`${used?.name}\` stands on another axis too`
        : "a place is a multiple of one index plus a size",
      help: [
        "To add up what falls on one place, write `+=` instead of `=`.",
        "Several indices that fill one axis row by row are a group: `[(h c)]`.",
      ],
    });
    return undefined;
  }
  const written = textOf(context, subscript.expression.span);
  if (used === undefined) {
    return { coefficient: 0n, offset: linear.offset, count: constantSize(1), text: written, subscript };
  }
  if (used.range === undefined) return undefined;
  return { coefficient: linear.coefficient, offset: linear.offset, count: used.range, text: written, subscript };
}
