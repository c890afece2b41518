/** Definitions: `let` and rebinding, with or without indices on the left. */

import {
  type Context,
  checkExpression,
  constrainIndex,
  declare,
  fail,
  finishStatement,
  newIndexVariable,
  newStatement,
  textOf,
  withIndices,
} from "./check-context.ts";
import { checkSize, guardSizes } from "./check-size.ts";
import type { TensorValueType, ValueType } from "./checked-program.ts";
import { combineElements, elementFits, printDims, printElement, printValueType, unknownType } from "./element-types.ts";
import { suggestion } from "./names.ts";
import { type Binding, findCollision, type IndexVariable, lookUp, newScope, visibleNames } from "./scope.ts";
import { constantSize, multiplySizes, printSize, type Size } from "./size.ts";
import { provablyEqual } from "./size-facts.ts";
import type { AssignStatement, BindingTarget, IndexBinder, LetStatement } from "./syntax-tree.ts";

/** Indices a target binds, those in groups included, in order. */
export function bindersOfTarget(target: BindingTarget): IndexBinder[] {
  return (target.subscripts ?? []).flatMap((subscript) => {
    if (subscript.kind === "index") return [subscript];
    return subscript.kind === "group" ? subscript.indices : [];
  });
}

/** Puts the indices of the left side in scope; targets of one definition share indices of the same name. */
export function bindIndices(
  context: Context,
  targets: readonly BindingTarget[],
): { inner: Context; variables: ReadonlyMap<string, IndexVariable> } {
  const variables = new Map<string, IndexVariable>();
  for (const target of targets) {
    const seen = new Set<string>();
    for (const binder of bindersOfTarget(target)) {
      const { name } = binder.name;
      if (seen.has(name)) {
        fail(context, binder.span, "index/duplicate", `\`${name}\` stands twice on the left`, {
          help: ["A diagonal is read, not defined: `let d[i] = A[i, i]`."],
        });
        continue;
      }
      seen.add(name);
      rejectLoopNumber(context, target, binder);
      const shared = variables.get(name);
      if (shared === undefined) variables.set(name, newIndexVariable(context, binder));
      else {
        shared.binders.push(binder);
        context.checker.tables.uses.set(binder.name, { kind: "index", binder: shared.binders[0] as IndexBinder });
      }
      if (binder.predicate !== undefined) {
        fail(context, binder.predicate.span, "index/predicate", "what is defined cannot be restricted", {
          help: ["Choose the value instead: `if j <= i then … else 0`."],
        });
      }
    }
  }
  const inner = withIndices(context, [...variables.values()]);
  for (const binder of targets.flatMap(bindersOfTarget)) {
    const variable = variables.get(binder.name.name);
    if (binder.range === undefined || variable === undefined) continue;
    const range = checkSize(context, binder.range);
    if (range === undefined) variable.failed = true;
    else
      constrainIndex(context, variable, range, {
        span: binder.span,
        text: `here \`${variable.name}\` runs over ${printSize(range)}`,
      });
  }
  return { inner, variables };
}

/** In a `for`, its variable is one number; as an index it would run over all places in every turn, which is never meant. */
function rejectLoopNumber(context: Context, target: BindingTarget, { name, span }: IndexBinder): void {
  const known = lookUp(context.scope, name.name);
  if (known?.kind !== "value" || known.definition.kind !== "loop") return;
  const text = textOf(context, target.span);
  fail(context, span, "index/loop", `\`${name.name}\` is a number here, not an index`, {
    label: "an index on the left runs over the whole axis",
    secondary: known.span === undefined ? [] : [{ span: known.span, text: `\`${name.name}\` counts the turns` }],
    help: [
      `To add at one place, compute it: \`${text.replace(new RegExp(`\\b${name.name}\\b`, "u"), `0 + ${name.name}`)} += …\`.`,
      "Is an index meant? Give it another name.",
    ],
  });
}

/** Type of a target from the value it gets: its indices become axes, `:` takes over the value's. */
export function typeOfTarget(
  context: Context,
  target: BindingTarget,
  value: TensorValueType,
  variables: ReadonlyMap<string, IndexVariable>,
): ValueType {
  if (target.subscripts === undefined) return value;
  const dims: Size[] = [];
  let position = 0;
  for (const subscript of target.subscripts) {
    if (subscript.kind === "at") return unknownType;
    if (subscript.kind === "all") {
      const dim = value.dims[position++];
      if (dim === undefined) {
        return fail(context, subscript.span, "shape/rank", "the right side has no axis left for this `:`", {
          label: `the value is ${printValueType(value)}`,
        });
      }
      dims.push(dim);
      continue;
    }
    const ranges = (subscript.kind === "index" ? [subscript] : subscript.indices).map(
      (binder) => variables.get(binder.name.name)?.range,
    );
    if (ranges.some((range) => range === undefined)) return unknownType;
    dims.push((ranges as Size[]).reduce((a, b) => (a.key === constantSize(1).key ? b : multiplySizes(a, b))));
  }
  if (position < value.dims.length) {
    const left = value.dims.slice(position);
    return fail(
      context,
      target.span,
      "shape/left-over",
      `the right side still has ${left.length === 1 ? "an axis" : "axes"} ${printDims(left)}`,
      {
        label: "it has no place on the left",
        help: ["Give it an index on both sides.", `Or keep it as it is: \`${target.name.name}[…, :]\`.`],
      },
    );
  }
  return { kind: "tensor", element: value.element, dims };
}

/** Names of the indices on the left. */
export function keptNames(targets: readonly BindingTarget[]): string[] {
  return [...new Set(targets.flatMap(bindersOfTarget).map((binder) => binder.name.name))];
}

/** Reports a computed place among the targets; true when there is one. */
export function rejectComputedPlaces(context: Context, targets: readonly BindingTarget[]): boolean {
  const place = targets.flatMap((target) => target.subscripts ?? []).find((subscript) => subscript.kind === "at");
  if (place === undefined) return false;
  fail(context, place.span, "place/assign", "a computed place stands on the left of `+=`, or of a `let` in parts", {
    label: "only indices, `(h c)` and `:` can stand here",
    help: ["Several parts are one definition: `let P[2*c] = …, P[2*c + 1] = …`."],
  });
  return true;
}

/** The checker of recurrences, which has a file of its own. */
export type RecurrenceChecker = (outer: Context, statement: LetStatement) => readonly ValueType[] | undefined;

/** Types of the targets of a `let`, or undefined when an error in it was reported. */
function typesOfLet(
  outer: Context,
  statement: LetStatement,
  recurrence: RecurrenceChecker,
): readonly ValueType[] | undefined {
  if (statement.initial.length > 0) return recurrence(outer, statement);
  const { checker } = outer;
  const context: Context = { ...outer, statement: newStatement(statement.span, keptNames(statement.targets)) };
  if (rejectComputedPlaces(context, statement.targets)) return undefined;
  const before = { diagnostics: checker.diagnostics.length, edges: checker.edges.length };
  const { inner, variables } = bindIndices(context, statement.targets);
  const scope = newScope(inner.scope, true);
  const own: Extract<Binding, { kind: "defining" }>[] = [];
  for (const target of statement.targets) {
    if (lookUp(inner.scope, target.name.name) !== undefined) continue;
    const binding = { kind: "defining", span: target.name.span, used: false } as const;
    own.push(binding);
    scope.names.set(target.name.name, binding);
  }
  const inside: Context = { ...inner, scope };
  const type = guardSizes(context, statement.span, () => {
    const found = checkExpression(inside, statement.value);
    if (found.kind === "unknown") {
      // What failed may have held the only use that fixes a range.
      for (const variable of variables.values()) if (variable.range === undefined) variable.failed = true;
    }
    finishStatement(inside);
    return found;
  });
  if (own.some((binding) => binding.used)) {
    checker.diagnostics.length = before.diagnostics;
    checker.edges.length = before.edges;
    return recurrence(outer, statement);
  }
  // Whatever was wrong in the statement, its result is not to be trusted in later ones.
  const failed =
    checker.diagnostics.length > before.diagnostics || [...variables.values()].some((variable) => variable.failed);
  if (type === undefined || type.kind === "unknown" || failed) return undefined;
  const items = itemsOfLet(context, statement, type);
  return (
    items && statement.targets.map((target, i) => typeOfTarget(context, target, items[i] as TensorValueType, variables))
  );
}

/** The value for each target of a `let`, or undefined when there are more or fewer of them, or no values at all. */
export function itemsOfLet(
  context: Context,
  statement: LetStatement,
  type: Exclude<ValueType, { kind: "unknown" }>,
): readonly TensorValueType[] | undefined {
  if (type.kind === "instance") {
    fail(
      context,
      statement.value.span,
      "type/not-a-value",
      `\`${textOf(context, statement.value.span)}\` is a module, not a value`,
    );
    return undefined;
  }
  const items = type.kind === "tuple" ? type.items : [type];
  if (items.length === statement.targets.length) return items;
  fail(
    context,
    statement.value.span,
    "type/tuple",
    `this gives ${items.length === 1 ? "one value" : `${items.length} values`}, ${statement.targets.length} are taken`,
    {
      secondary: [{ span: (statement.targets[0] as BindingTarget).span, text: "taken here" }],
      help:
        items.length > 1 ? [`Take all: \`let (${items.map((_, i) => "abcdefgh"[i] ?? "…").join(", ")}) = …\`.`] : [],
    },
  );
  return undefined;
}

/** Checks a `let` and puts its names in scope. */
export function checkLet(outer: Context, statement: LetStatement, recurrence: RecurrenceChecker): void {
  const types = typesOfLet(outer, statement, recurrence);
  statement.targets.forEach((target, i) => {
    const targetType = types?.[i] ?? unknownType;
    outer.checker.tables.targets.set(target, targetType);
    const { name } = target.name;
    outer.checker.tables.uses.set(target.name, { kind: "local", target });
    if (targetType.kind === "unknown") {
      if (findCollision(outer.scope, name) === undefined) outer.scope.names.set(name, { kind: "unknown" });
    } else {
      declare(
        outer,
        outer.scope,
        target.name,
        { kind: "value", definition: { kind: "local", target }, type: targetType, span: target.name.span },
        `To give it a new value, leave out \`let\`: \`${name} = …\`.`,
      );
    }
  });
}

/** What an assignment may give a new value: a name of this function, or a buffer of its module. */
function isAssignable({ scope }: Context, name: string, binding: Binding | undefined): boolean {
  if (binding?.kind !== "value") return false;
  const { definition } = binding;
  if (definition.kind === "tensor") return definition.member.role === "buffer";
  return (definition.kind === "local" || definition.kind === "parameter") && findCollision(scope, name) !== undefined;
}

/** Checks `x = expr` and `x[i] = expr`: the name must exist and keeps its type. */
export function checkAssign(outer: Context, statement: AssignStatement): void {
  const { target } = statement;
  const { name } = target.name;
  const context: Context = { ...outer, statement: newStatement(statement.span, keptNames([target])) };
  const binding = lookUp(outer.scope, name);
  const known = binding?.kind === "value" && isAssignable(outer, name, binding) ? binding : undefined;
  const old = known?.type.kind === "tensor" ? known.type : undefined;
  if (old === undefined || known === undefined) {
    if (binding?.kind !== "unknown" && !outer.file.skippedNames.has(name)) {
      fail(
        context,
        target.name.span,
        "name/assign",
        binding === undefined
          ? `there is no \`${name}\` to give a new value`
          : `\`${name}\` cannot be given a new value`,
        {
          help:
            binding === undefined
              ? [`Define it: \`let ${name} = …\`.`, ...suggestion(name, visibleNames(outer.scope))]
              : binding.kind === "value" && binding.definition.kind === "tensor"
                ? ["The optimiser changes a `param`; what a training writes itself is a `buffer`."]
                : ["Only what `let` or a parameter of this function named can change."],
        },
      );
    }
    checkExpression(bindIndices(context, [target]).inner, statement.value);
    return;
  }
  if (rejectComputedPlaces(context, [target])) return;
  const { inner, variables } = bindIndices(context, [target]);
  if (target.subscripts !== undefined && target.subscripts.length > old.dims.length) {
    fail(
      context,
      target.span,
      "index/too-many",
      `\`${name}\` has ${old.dims.length} axes, not ${target.subscripts.length}`,
    );
    return;
  }
  target.subscripts?.forEach((subscript, axis) => {
    const variable = subscript.kind === "index" ? variables.get(subscript.name.name) : undefined;
    const dim = old.dims[axis] as Size;
    if (variable !== undefined)
      constrainIndex(context, variable, dim, {
        span: subscript.span,
        text: `here \`${variable.name}\` walks ${printSize(dim)}`,
      });
  });
  const type = guardSizes(context, statement.span, () => {
    const found = checkExpression(inner, statement.value);
    finishStatement(inner);
    return found;
  });
  outer.checker.tables.uses.set(target.name, known.definition);
  if (type?.kind !== "tensor") {
    if (type?.kind === "tuple")
      fail(context, statement.value.span, "type/tuple", `this gives ${type.items.length} values, one is taken`);
    if (type?.kind === "instance")
      fail(context, statement.value.span, "type/not-a-value", "this is a module, not a value");
    return;
  }
  if ([...variables.values()].some((variable) => variable.failed) || context.statement.unbound.size > 0) return;
  const next = typeOfTarget(context, target, type, variables);
  if (next.kind !== "tensor") return;
  const axis = next.dims.findIndex(
    (dim, i) => old.dims[i] === undefined || !provablyEqual(dim, old.dims[i] as Size, outer.facts),
  );
  const sameRank = next.dims.length === old.dims.length;
  const untyped = old.element.dtype === "integer" || old.element.dtype === "real";
  const fits =
    elementFits(next.element, old.element) || (untyped && combineElements(old.element, next.element) !== undefined);
  if (!sameRank || axis >= 0 || !fits) {
    const sizes =
      sameRank && axis >= 0
        ? [`Nothing says ${printSize(old.dims[axis] as Size)} = ${printSize(next.dims[axis] as Size)}.`]
        : [];
    fail(
      context,
      statement.value.span,
      fits && sameRank ? "size/mismatch" : "type/assign",
      `\`${name}\` keeps its type when it gets a new value`,
      {
        label: `this is ${printValueType(next)}`,
        secondary:
          known.span === undefined ? [] : [{ span: known.span, text: `\`${name}\` is ${printValueType(old)}` }],
        notes: sizes,
        help: [`Give the new value its own name: \`let ${name}2 = …\`.`],
      },
    );
    return;
  }
  const below = old.element.below;
  const keepsBound =
    below === undefined || (next.element.below !== undefined && provablyEqual(next.element.below, below, outer.facts));
  if (!keepsBound) {
    fail(context, statement.value.span, "index/range", `\`${name}\` must stay below ${printSize(below as Size)}`, {
      label: `this is ${printElement(next.element)}`,
    });
    return;
  }
  // A buffer has its type for good.
  if (known.definition.kind === "tensor") {
    outer.checker.tables.targets.set(target, old);
    return;
  }
  known.type = {
    kind: "tensor",
    element: untyped
      ? { dtype: next.element.dtype === "integer" ? old.element.dtype : next.element.dtype }
      : old.element,
    dims: old.dims,
  };
  outer.checker.tables.targets.set(target, known.type);
}
