/**
 * Scatter: `Y[I[n], c] += X[n, c]` adds every X[n, c] to its place, and `let Y[I[n], c] += …` starts from zeros. Indices that
 * stand alone on the left are kept; those that occur in computed places only are summed over.
 */
import { bindIndices, keptNames, typeOfTarget } from "./check-binding.ts";
import {
  type Context,
  checkExpression,
  constrainIndex,
  declare,
  factsWithIndices,
  fail,
  finishStatement,
  newStatement,
  report,
  settle,
  textOf,
} from "./check-context.ts";
import {
  bindPlaces,
  hasComputedPlace,
  type PlacedIndices,
  type PlaceSubscript,
  reportWithoutRange,
} from "./check-places.ts";
import { guardSizes } from "./check-size.ts";
import { intervalOf, printInterval, staysInside } from "./check-subscript.ts";
import type { ElementType, TensorValueType, ValueType } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import { elementFits, isFloatElement, printDims, printElement, printValueType, unknownType } from "./element-types.ts";
import { suggestion } from "./names.ts";
import { type Binding, findCollision, lookUp, visibleNames } from "./scope.ts";
import { constantSize, printSize, type Size, subtractSizes } from "./size.ts";
import { provablyEqual } from "./size-facts.ts";
import type { AccumulateStatement, BindingTarget, TargetSubscript } from "./syntax-tree.ts";

type ValueBinding = Extract<Binding, { kind: "value" }>;

/** Checks `Y[…] += …` and `let Y[…] += …`. */
export function checkAccumulate(outer: Context, statement: AccumulateStatement): void {
  if (statement.fresh) checkFresh(outer, statement);
  else checkUpdate(outer, statement);
}

function checkFresh(outer: Context, statement: AccumulateStatement): void {
  const { target } = statement;
  const { name } = target.name;
  const before = outer.checker.diagnostics.length;
  const type = hasComputedPlace(target) ? typeOfScatter(outer, statement, undefined) : withoutPlaces(outer, statement);
  const failed = outer.checker.diagnostics.length > before || type.kind === "unknown";
  outer.checker.tables.targets.set(target, failed ? unknownType : type);
  outer.checker.tables.uses.set(target.name, { kind: "local", target });
  if (failed) {
    if (findCollision(outer.scope, name) === undefined) outer.scope.names.set(name, { kind: "unknown" });
    return;
  }
  const definition = { kind: "local", target } as const;
  declare(
    outer,
    outer.scope,
    target.name,
    { kind: "value", definition, type, span: target.name.span },
    `To add to it, leave out \`let\`: \`${textOf(outer, target.span)} += …\`.`,
  );
}

function withoutPlaces(outer: Context, statement: AccumulateStatement): ValueType {
  return fail(outer, statement.target.span, "place/none", "nothing falls together here: each place gets one value", {
    label: "no computed place, as in `Y[I[n]]`",
    help: [`A plain definition has \`=\`: \`let ${textOf(outer, statement.target.span)} = …\`.`],
  });
}

/** The local value that is added to. */
function updated(outer: Context, target: BindingTarget): { binding: ValueBinding; type: TensorValueType } | undefined {
  const { name } = target.name;
  const binding = lookUp(outer.scope, name);
  const isOwn =
    binding?.kind === "value" &&
    (binding.definition.kind === "local" || binding.definition.kind === "parameter") &&
    findCollision(outer.scope, name) !== undefined;
  if (isOwn && binding.type.kind === "tensor") return { binding, type: binding.type };
  if (binding?.kind === "unknown" || outer.file.skippedNames.has(name)) return undefined;
  fail(
    outer,
    target.name.span,
    "name/assign",
    binding === undefined ? `there is no \`${name}\` to add to` : `\`${name}\` cannot be added to`,
    {
      help:
        binding === undefined
          ? [
              `To start from zeros, write \`let ${textOf(outer, target.span)} += …\`.`,
              ...suggestion(name, visibleNames(outer.scope)),
            ]
          : ["Only what `let` or a parameter of this function named can change."],
    },
  );
  return undefined;
}

const axesText = ({ dims }: TensorValueType): string => (dims.length === 1 ? "one axis" : `${dims.length} axes`);

function checkUpdate(outer: Context, statement: AccumulateStatement): void {
  const { target } = statement;
  const old = updated(outer, target);
  if (old === undefined) {
    const context: Context = { ...outer, statement: newStatement(statement.span, keptNames([target])) };
    if (!hasComputedPlace(target)) checkExpression(bindIndices(context, [target]).inner, statement.value);
    return;
  }
  outer.checker.tables.uses.set(target.name, old.binding.definition);
  outer.checker.tables.targets.set(target, old.type);
  if (target.subscripts !== undefined && target.subscripts.length > old.type.dims.length) {
    fail(
      outer,
      target.span,
      "index/too-many",
      `\`${target.name.name}\` has ${axesText(old.type)}, not ${target.subscripts.length}`,
    );
    return;
  }
  if (target.subscripts !== undefined && target.subscripts.length < old.type.dims.length) {
    fail(
      outer,
      target.span,
      "place/axes",
      `\`${target.name.name}\` has ${axesText(old.type)}, the left side ${target.subscripts.length}`,
      {
        label: `the value is ${printValueType(old.type)}`,
        help: ["Name the other axes with an index on both sides, or keep them with `:`."],
      },
    );
    return;
  }
  const { element } = old.type;
  if (element.dtype === "bool" || element.below !== undefined) {
    fail(
      outer,
      target.name.span,
      "type/accumulate",
      `\`${target.name.name}\` holds ${printElement(element)}, to which nothing can be added`,
      {
        help: element.dtype === "bool" ? ["Count instead: `f32(…)` or `i32(…)`."] : ["Convert it first: `i32(…)`."],
      },
    );
    return;
  }
  const type = typeOfScatter(outer, statement, old.type);
  if (type.kind !== "tensor") return;
  const axis = type.dims.findIndex((dim, i) => !provablyEqual(dim, old.type.dims[i] as Size, outer.facts));
  const untyped = element.dtype === "integer" || element.dtype === "real";
  if (!elementFits(type.element, element) && !untyped) {
    fail(outer, statement.value.span, "type/assign", `\`${target.name.name}\` keeps its type when something is added`, {
      label: `this is ${printValueType(type)}`,
      secondary:
        old.binding.span === undefined
          ? []
          : [{ span: old.binding.span, text: `\`${target.name.name}\` is ${printValueType(old.type)}` }],
      help: [`Convert it: \`${printElement(element)}(…)\`.`],
    });
    return;
  }
  if (axis >= 0) {
    fail(outer, statement.value.span, "size/mismatch", `what is added to \`${target.name.name}\` has other lengths`, {
      label: `this is ${printDims(type.dims)}`,
      notes: [`Nothing says ${printSize(old.type.dims[axis] as Size)} = ${printSize(type.dims[axis] as Size)}.`],
    });
    return;
  }
  const wider =
    untyped && element.dtype === "integer" && type.element.dtype !== "integer"
      ? { dtype: type.element.dtype }
      : element;
  old.binding.type = { kind: "tensor", element: wider, dims: old.type.dims };
  outer.checker.tables.targets.set(target, old.binding.type);
}

/** Type of the left side with all updates in. `old` is what is added to; without it the places must tell the lengths. */
function typeOfScatter(outer: Context, statement: AccumulateStatement, old: TensorValueType | undefined): ValueType {
  const { target } = statement;
  if (target.subscripts === undefined) {
    const context: Context = { ...outer, statement: newStatement(statement.span, []) };
    const type = checkExpression(context, statement.value);
    finishStatement(context);
    if (type.kind !== "tensor" || old === undefined) return unknownType;
    return type.dims.length === 0 ? { ...type, dims: old.dims } : type;
  }
  const indices = bindPlaces(outer, target);
  const { inner, lengths } = indices;
  target.subscripts.forEach((subscript, axis) => {
    const dim = old?.dims[axis];
    const variable = subscript.kind === "index" ? indices.kept.get(subscript.name.name) : undefined;
    if (variable !== undefined && dim !== undefined) {
      constrainIndex(inner, variable, dim, {
        span: subscript.span,
        text: `here \`${variable.name}\` walks ${printSize(dim)}`,
      });
    }
    if (subscript.kind === "at") settleLength(outer, target, subscript, dim, lengths);
  });
  const found = guardSizes(outer, statement.span, () => {
    const type = checkExpression(inner, statement.value);
    settle(inner, false);
    for (const subscript of target.subscripts ?? []) {
      const length = lengths.get(subscript);
      if (subscript.kind === "at" && length !== undefined) requireInside(inner, target, subscript, length);
    }
    const every = [...indices.kept.values(), ...indices.inPlaces.values()];
    if (type.kind === "unknown") for (const variable of every) if (variable.range === undefined) variable.failed = true;
    reportWithoutRange(inner, target, indices);
    finishStatement(inner);
    return every.some((variable) => variable.failed) || inner.statement.unbound.size > 0 ? unknownType : type;
  });
  if (found === undefined || found.kind === "unknown") return unknownType;
  if (found.kind !== "tensor" || found.element.dtype === "bool") {
    return fail(outer, statement.value.span, "type/accumulate", "only numbers can be added up", {
      label: `this is ${printValueType(found)}`,
      help: found.kind === "tensor" ? ["To count, add `if … then 1 else 0`."] : [],
    });
  }
  return scatteredType(inner, target, found, indices);
}

/** The length of an axis with a computed place: stated, known from before, or told by the table that gives the places. */
function settleLength(
  context: Context,
  target: BindingTarget,
  subscript: PlaceSubscript,
  known: Size | undefined,
  lengths: Map<TargetSubscript, Size>,
): void {
  const stated = lengths.get(subscript);
  if (known !== undefined) {
    if (stated !== undefined && !provablyEqual(stated, known, context.facts)) {
      fail(context, subscript.span, "size/mismatch", `this axis of \`${target.name.name}\` has another length`, {
        label: `this says ${printSize(stated)}, the axis has ${printSize(known)}`,
        notes: [`Nothing says ${printSize(known)} = ${printSize(stated)}.`],
      });
    }
    lengths.set(subscript, known);
    return;
  }
  if (stated !== undefined) return;
  const type = context.checker.tables.types.get(subscript.expression);
  if (type === undefined || type.kind === "unknown") return;
  const below = type.kind === "tensor" ? type.element.below : undefined;
  if (below !== undefined) {
    lengths.set(subscript, below);
    return;
  }
  const text = textOf(context, subscript.expression.span);
  fail(context, subscript.span, "place/length", `nothing says how long this axis of \`${target.name.name}\` is`, {
    label: `places \`${text}\``,
    help: [`State it: \`${target.name.name}[${text}: N]\`.`, "A table of type `idx<N>` says it by its type."],
  });
}

/** Waits for the ranges of the indices, then wants the place proven to lie inside. */
function requireInside(context: Context, target: BindingTarget, subscript: PlaceSubscript, length: Size): void {
  context.statement.pending.push((isFinal) => {
    const facts = factsWithIndices(context);
    const inside = staysInside(context, subscript.expression, length, facts);
    if (inside || !isFinal) return inside;
    if (context.statement.variables.some((each) => each.range === undefined)) return true;
    const interval = intervalOf(context, subscript.expression, facts);
    const type = context.checker.tables.types.get(subscript.expression);
    const below = type?.kind === "tensor" ? type.element.below : undefined;
    const text = textOf(context, subscript.expression.span);
    report(
      context,
      errorAt(subscript.span, "index/range", `\`${text}\` can step outside of \`${target.name.name}\``, {
        label: below !== undefined ? `this is below ${printSize(below)}` : printInterval(interval),
        notes: [`The axis has places 0 .. ${printSize(subtractSizes(length, constantSize(1)))}.`],
        help: [
          below === undefined && interval?.high !== undefined
            ? `Make the axis longer: places go up to ${printSize(interval.high)}.`
            : `A table of places has the type \`idx<${printSize(length)}>\`.`,
          "Or keep the place inside, `min(max(…, 0), N - 1)`, and add 0 where it was outside.",
        ],
      }),
    );
    return true;
  });
}

function scatteredType(
  context: Context,
  target: BindingTarget,
  value: TensorValueType,
  indices: PlacedIndices,
): ValueType {
  const subscripts = target.subscripts ?? [];
  const dims: Size[] = [];
  let position = 0;
  const plain = { ...target, subscripts: subscripts.filter((subscript) => subscript.kind !== "at") };
  const rest = typeOfTarget(context, plain, value, indices.kept);
  if (rest.kind !== "tensor") return unknownType;
  for (const subscript of subscripts) {
    const dim = subscript.kind === "at" ? indices.lengths.get(subscript) : rest.dims[position++];
    if (dim === undefined) return unknownType;
    dims.push(dim);
  }
  const element: ElementType =
    isFloatElement(value.element) || value.element.below === undefined ? value.element : { dtype: "i32" };
  return { kind: "tensor", element: { dtype: element.dtype }, dims };
}
