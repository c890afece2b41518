/**
 * Recurrences: definitions that read their own earlier values, `let h[t] = … h[t-1] … where h[-1] = h0`.
 *
 * The type of `h[t-1]` inside is that of the definition, which is not known before it has been checked. So the text is looked
 * at under assumptions (first those that the values of `where` suggest), and again under better ones until they agree with
 * what comes out. Only the last look reports. Which steps are read is judged at the end (recurrence-order.ts, recurrence-fit.ts).
 */
import { checkTensor } from "./check-arithmetic.ts";
import { bindIndices, itemsOfLet, keptNames, rejectComputedPlaces } from "./check-binding.ts";
import {
  type Context,
  checkExpression,
  constrainIndex,
  finishStatement,
  newStatement,
  withIndices,
} from "./check-context.ts";
import { guardSizes } from "./check-size.ts";
import type { ElementType, TensorValueType, ValueType } from "./checked-program.ts";
import { combineElements, elementFits } from "./element-types.ts";
import { type Assumption, initialFits, sameSizes, stepFits } from "./recurrence-fit.ts";
import { findSteps, type Steps } from "./recurrence-index.ts";
import { type CheckedInitial, judgeOrder } from "./recurrence-order.ts";
import { type CarriedValue, type IndexVariable, newScope } from "./scope.ts";
import { constantSize, multiplySizes, printSize, type Size } from "./size.ts";
import { provablyAtMost, provablyEqual } from "./size-facts.ts";
import type { BindingTarget, LetStatement } from "./syntax-tree.ts";

/** What one look found. */
interface Look {
  readonly context: Context;
  readonly variables: ReadonlyMap<string, IndexVariable>;
  readonly assumptions: readonly Assumption[];
  readonly initials: readonly CheckedInitial[];
  readonly carried: readonly CarriedValue[];
  /** The value of a step for each target; undefined after an error. */
  readonly values: readonly TensorValueType[] | undefined;
}

/** Looks that may be needed: for sizes, for a weak type, for a bound that does not hold, and one to report. */
const greatestLooks = 6;

/** Types of the targets of a recurrence, or undefined when an error in it was reported. */
export function typesOfRecurrence(outer: Context, statement: LetStatement): readonly ValueType[] | undefined {
  const { checker } = outer;
  if (rejectComputedPlaces(outer, statement.targets)) return undefined;
  const steps = findSteps(outer, statement);
  if (steps === undefined) return undefined;
  const before = { diagnostics: checker.diagnostics.length, edges: checker.edges.length };
  let assumptions: readonly Assumption[] | undefined;
  let ranges: ReadonlyMap<string, IndexVariable> = new Map();
  for (let count = 1; ; count++) {
    const look = lookOnce(outer, statement, steps, assumptions, ranges);
    const better = count < greatestLooks ? betterAssumptions(look) : undefined;
    if (better === undefined) return concluded(outer, statement, steps, look, before.diagnostics);
    checker.diagnostics.length = before.diagnostics;
    checker.edges.length = before.edges;
    assumptions = better;
    ranges = look.variables;
  }
}

// ── One look ───────────────────────────────────────────────────────────────────────────────────────────────────────

function lookOnce(
  outer: Context,
  statement: LetStatement,
  steps: Steps,
  given: readonly Assumption[] | undefined,
  ranges: ReadonlyMap<string, IndexVariable>,
): Look {
  const context: Context = { ...outer, statement: newStatement(statement.span, keptNames(statement.targets)) };
  const { inner, variables } = bindIndices(context, statement.targets);
  for (const variable of variables.values()) {
    const known = ranges.get(variable.name);
    if (variable.range !== undefined || known?.range === undefined || known.failed) continue;
    variable.range = known.range;
    variable.source = known.source;
  }
  const time = variables.get(steps.name) as IndexVariable;
  const initials = checkInitials(context, statement, steps, variables);
  const assumptions = given ?? statement.targets.map((_, k) => firstAssumption(context, initials, k));
  const scope = newScope(inner.scope, true);
  const carried = statement.targets.map((target, k): CarriedValue => {
    const assumption = assumptions[k] as Assumption;
    const value: CarriedValue = {
      target,
      time,
      axis: steps.axes[k] as number,
      indices: (target.subscripts ?? []).map((each) =>
        each.kind === "index" ? variables.get(each.name.name) : undefined,
      ),
      element: assumption.element,
      size: assumption.size,
      dims: () => assumption.dims && dimsOfTarget(target, assumption.dims, variables),
      reads: [],
      incomplete: false,
    };
    scope.names.set(target.name.name, { kind: "defining", span: target.name.span, used: false, carried: value });
    return value;
  });
  const inside: Context = { ...inner, scope };
  const type = guardSizes(context, statement.span, () => {
    const found = checkExpression(inside, statement.value);
    if (found.kind === "unknown") {
      for (const variable of variables.values()) if (variable.range === undefined) variable.failed = true;
    }
    finishStatement(inside);
    return found;
  });
  const values = type === undefined || type.kind === "unknown" ? undefined : itemsOfLet(context, statement, type);
  return { context, variables, assumptions, initials, carried, values };
}

/** Sizes of all axes of a target: its indices' ranges, and for `:` and whatever is behind, the axes of a step's value. */
function dimsOfTarget(
  target: BindingTarget,
  dims: readonly Size[],
  variables: ReadonlyMap<string, IndexVariable>,
): readonly (Size | undefined)[] {
  let next = 0;
  const named = (target.subscripts ?? []).map((subscript): Size | undefined => {
    if (subscript.kind === "all") return dims[next++];
    if (subscript.kind === "at") return undefined;
    const binders = subscript.kind === "index" ? [subscript] : subscript.indices;
    const ranges = binders.map((binder) => variables.get(binder.name.name)?.range);
    return ranges.reduce((a, b) => (a === undefined || b === undefined ? undefined : product(a, b)));
  });
  return [...named, ...dims.slice(next)];
}

const product = (a: Size, b: Size) => (a.key === constantSize(1).key ? b : multiplySizes(a, b));

/** Checks the values of `where`; the index that counts steps is not in scope there. */
function checkInitials(
  context: Context,
  statement: LetStatement,
  steps: Steps,
  variables: ReadonlyMap<string, IndexVariable>,
): CheckedInitial[] {
  const others = [...variables.values()].filter((variable) => variable.name !== steps.name);
  const scoped = withIndices(context, others);
  return statement.initial.map((initial): CheckedInitial => {
    const k = statement.targets.findIndex((target) => target.name.name === initial.name.name);
    const target = statement.targets[k] as BindingTarget;
    const axis = steps.axes[k] as number;
    const placeExpression = initial.subscripts[axis] as (typeof initial.subscripts)[0];
    initial.subscripts.forEach((subscript, position) => {
      if (position !== axis) checkExpression({ ...scoped, inSubscript: true }, subscript);
    });
    const place = checkExpression(context, placeExpression);
    const type = guardSizes(context, initial.span, () => checkTensor(scoped, initial.value));
    const covered = Math.max(initial.subscripts.length, axis + 1);
    const behind = (target.subscripts ?? []).slice(covered);
    if (type !== undefined && type.dims.length > 0) {
      behind.forEach((subscript, position) => {
        const dim = type.dims[position];
        const variable = subscript.kind === "index" ? variables.get(subscript.name.name) : undefined;
        if (dim === undefined || variable === undefined) return;
        constrainIndex(context, variable, dim, {
          span: initial.value.span,
          text: `here \`${variable.name}\` walks ${printSize(dim)}`,
        });
      });
    }
    return {
      initial,
      target: k,
      placeExpression,
      place: place.kind === "tensor" ? place.size : undefined,
      type,
      behind,
    };
  });
}

/** What the values of `where` say about a target before its steps have been looked at. */
function firstAssumption(context: Context, initials: readonly CheckedInitial[], k: number): Assumption {
  const own = initials.flatMap((initial) => (initial.target === k && initial.type !== undefined ? [initial] : []));
  let element: ElementType | undefined;
  for (const { type } of own) {
    const next = (type as TensorValueType).element;
    element = element === undefined ? next : (commonElement(context, element, next) ?? element);
  }
  const shaped = own.find(({ type }) => (type as TensorValueType).dims.length > 0);
  const dims = shaped === undefined ? [] : stepDimsOf(shaped);
  const [only] = own;
  return { element, size: own.length === 1 ? only?.type?.size : undefined, dims };
}

/** The axes of a step's value that a value of `where` shows: those at `:` and behind all subscripts. */
function stepDimsOf({ type, behind }: CheckedInitial): readonly Size[] {
  return (type?.dims ?? []).filter((_, position) => (behind[position]?.kind ?? "all") === "all");
}

function commonElement(context: Context, a: ElementType, b: ElementType): ElementType | undefined {
  if (a.below !== undefined && b.below !== undefined && provablyEqual(a.below, b.below, context.facts)) return a;
  return combineElements(a, b);
}

// ── Between looks ──────────────────────────────────────────────────────────────────────────────────────────────────

const isWeak = (element: ElementType) => element.dtype === "integer" || element.dtype === "real";

/** The type that steps carry on: numbers without a type get one, bf16 is not computed with. */
function concrete(element: ElementType): ElementType {
  if (element.dtype === "integer") return { dtype: "i32" };
  return element.dtype === "real" || element.dtype === "bf16" ? { dtype: "f32" } : element;
}

/** The element type to assume after a step under the old assumption gave `value`. */
function settledElement(context: Context, assumed: ElementType | undefined, value: TensorValueType): ElementType {
  const { element } = value;
  if (assumed === undefined) return concrete(element);
  if (isWeak(assumed)) {
    if (element.below !== undefined && assumed.dtype === "integer") return element;
    return concrete(combineElements(assumed, element) ?? element);
  }
  if (assumed.below === undefined) return concrete(assumed);
  const stays =
    element.below !== undefined
      ? provablyAtMost(element.below, assumed.below, context.facts)
      : value.size !== undefined;
  return stays || !elementFits(element, { dtype: "i32" }) ? assumed : { dtype: "i32" };
}

const sameElement = (a: ElementType | undefined, b: ElementType) =>
  a?.dtype === b.dtype && a.below?.key === b.below?.key;

/** Assumptions closer to what the look found, or undefined when it confirmed its own. */
function betterAssumptions({ context, variables, assumptions, initials, carried, values }: Look) {
  const incomplete = carried.some((value) => value.incomplete);
  if (values === undefined) {
    // Ranges that were found on the way may be what was missing.
    const found = [...variables.values()].every((variable) => variable.range !== undefined);
    return incomplete && found ? assumptions : undefined;
  }
  let changed = false;
  const next = assumptions.map((old, k): Assumption => {
    const value = values[k] as TensorValueType;
    const read = (carried[k] as CarriedValue).reads.length > 0;
    if (!read) return old;
    const element = settledElement(context, old.element, value);
    const isGiven = initials.some((initial) => initial.target === k && stepDimsOf(initial).length > 0);
    const dims = isGiven ? old.dims : value.dims;
    const sameDims = sameSizes(context, old.dims, dims);
    if (!sameElement(old.element, element) || old.size !== undefined || !sameDims) changed = true;
    return { element, size: undefined, dims: sameDims ? old.dims : dims };
  });
  if (changed) return next;
  const found = [...variables.values()].every((variable) => variable.range !== undefined);
  return incomplete && found && carried.some((value) => value.incomplete && value.dims() !== undefined)
    ? retried(next, carried)
    : undefined;
}

/** The same assumptions once more when axes that were unknown at a read are known now. */
function retried(next: readonly Assumption[], carried: readonly CarriedValue[]): readonly Assumption[] | undefined {
  const missing = carried.some(
    (value) => value.incomplete && value.dims()?.some((dim, axis) => dim === undefined && axis !== value.axis),
  );
  return missing ? undefined : next;
}

// ── After the last look ────────────────────────────────────────────────────────────────────────────────────────────

/** Judges what the last look found, and remembers the recurrence for elaboration. */
function concluded(
  outer: Context,
  statement: LetStatement,
  steps: Steps,
  look: Look,
  before: number,
): readonly ValueType[] | undefined {
  const { context, variables, carried, initials, values } = look;
  const { tables, diagnostics } = outer.checker;
  const time = variables.get(steps.name) as IndexVariable;
  // Mistakes in the order say more than what follows from them.
  const order = judgeOrder(context, statement, time, carried, initials);
  if (order === undefined || values === undefined || diagnostics.length > before) return undefined;
  if ([...variables.values()].some((variable) => variable.failed)) return undefined;
  const types = statement.targets.map((target, k): ValueType | undefined => {
    const value = values[k] as TensorValueType;
    const { reads, element } = carried[k] as CarriedValue;
    const own = initials.filter((initial) => initial.target === k);
    const carriedElement = reads.length > 0 && element !== undefined ? element : value.element;
    if (
      reads.length > 0 &&
      !stepFits(context, statement, { assumption: look.assumptions[k] as Assumption, value, initials: own }, k)
    )
      return undefined;
    const dims = dimsOfTarget(target, value.dims, variables) as readonly Size[];
    if (!own.every((initial) => initialFits(context, initial, carriedElement, stepDims(dims, steps, k))))
      return undefined;
    return { kind: "tensor", element: carriedElement, dims };
  });
  if (types.some((type) => type === undefined)) return undefined;
  tables.recurrences.set(statement, { index: time.binders[0] as (typeof time.binders)[0], ...order });
  for (const [k, { target, axis, reads }] of carried.entries()) {
    for (const read of reads) {
      const distance = (order.distances[k] as ReadonlyMap<unknown, number>).get(read.expression) as number;
      tables.recurrentReads.set(read.expression, { target, axis, distance });
      if (read.expression.object.kind === "name") {
        tables.uses.set(read.expression.object, { kind: "local", target });
      }
    }
  }
  return types as readonly ValueType[];
}

/** Sizes of the axes of one step: all but the one that the steps walk. */
const stepDims = (dims: readonly Size[], steps: Steps, k: number) => dims.filter((_, axis) => axis !== steps.axes[k]);
