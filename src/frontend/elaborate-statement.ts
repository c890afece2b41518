/** Statements: definitions turn axis variables back into dims, `for` unrolls, `if` is decided, `require` is verified. */
import type { Node } from "../ir/index.ts";
import { axesAsLastDims, layOut, permuted } from "./align-values.ts";
import type { TensorValueType } from "./checked-program.ts";
import { bindIndex } from "./elaborate-range.ts";
import { constantIn, type Elaboration, extentIn, type Frame, sizeIn, sizeNotes, writtenText } from "./elaboration.ts";
import { convert, provenBelow } from "./elementwise-value.ts";
import { type Axis, constantOf, type Dimension, type IndexedValue } from "./indexed-value.ts";
import type {
  BindingTarget,
  Expression,
  ForStatement,
  IndexBinder,
  Statement,
  TargetSubscript,
} from "./syntax-tree.ts";

/** Runs statements in order. Returns the values of the `return` that was reached, if one was. */
export function runStatements(
  context: Elaboration,
  statements: readonly Statement[],
  frame: Frame,
): readonly IndexedValue[] | undefined {
  for (const statement of statements) {
    const returned = runStatement(context, statement, frame);
    if (returned !== undefined) return returned;
  }
  return undefined;
}

function runStatement(context: Elaboration, statement: Statement, frame: Frame): readonly IndexedValue[] | undefined {
  switch (statement.kind) {
    case "let":
      if (statement.initial.length > 0) notYet(context, statement, "a recurrence (`where`)");
      define(context, statement.targets, statement.value, frame);
      return undefined;
    case "assign":
      define(context, [statement.target], statement.value, frame);
      return undefined;
    case "accumulate":
      return notYet(context, statement, "`+=` on computed places");
    case "return":
      return context.evaluateAll(statement.value, frame);
    case "for":
      return runFor(context, statement, frame);
    case "if": {
      const holds = constantIn(context, statement.condition, frame) !== 0;
      return runStatements(context, holds ? statement.then : (statement.otherwise ?? []), frame);
    }
    case "require":
      verifyRequirement(context, statement.condition, frame);
      return undefined;
  }
}

function notYet(context: Elaboration, statement: Statement, what: string): never {
  return context.at(statement.span).refuse("todo/elaboration", `${what} cannot be compiled yet`);
}

/** More rounds than this are a mistake even where they compute nothing. */
const greatestRoundCount = 100_000;

function runFor(context: Elaboration, statement: ForStatement, frame: Frame): readonly IndexedValue[] | undefined {
  const from = constantIn(context, statement.from, frame);
  const to = constantIn(context, statement.to, frame);
  if (to - from > greatestRoundCount) {
    context.at(statement.span).refuse("size/too-many-operations", `this loop would be unrolled ${to - from} times`, {
      notes: sizeNotes(frame),
      help: ["a `for` is unrolled: its range wants to be short"],
    });
  }
  const name = loopName(context, statement);
  const before = frame.sizes.get(name);
  for (let round = from; round < to; round++) {
    frame.sizes.set(name, round);
    const returned = runStatements(context, statement.body, frame);
    if (returned !== undefined) return returned;
  }
  if (before === undefined) frame.sizes.delete(name);
  else frame.sizes.set(name, before);
  return undefined;
}

/** Name of the loop variable in sizes. */
function loopName(_context: Elaboration, statement: ForStatement): string {
  return statement.variable.name;
}

/** A fact that the checker relied on must hold for the numbers; both sides are shown as written and as numbers. */
export function verifyRequirement(context: Elaboration, condition: Expression, frame: Frame): void {
  if (constantIn(context, condition, frame) !== 0) return;
  const title = `\`require ${writtenText(context, condition.span)}\` does not hold`;
  const sides =
    condition.kind === "binary" && condition.operator !== "and" && condition.operator !== "or"
      ? [condition.left, condition.right].map((side) => sideText(context, side, frame))
      : [];
  context.at(condition.span).refuse("size/require-fails", title, {
    label: sides.join(" against "),
    notes: sizeNotes(frame),
  });
}

/** `` `L*H = 4096` `` or `` `64` `` for what is a number already. */
function sideText(context: Elaboration, side: Expression, frame: Frame): string {
  const written = writtenText(context, side.span);
  const value = String(constantIn(context, side, frame));
  return written === value ? `\`${value}\`` : `\`${written} = ${value}\``;
}

// ── Definitions ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Evaluates the right side with the left side's indices bound, and gives each target its value. */
function define(context: Elaboration, targets: readonly BindingTarget[], expression: Expression, frame: Frame): void {
  // Several targets share their indices by name: `let (a[i], b[i]) = f(x[i])`.
  const axes = new Map<string, Axis>();
  for (const binder of targets.flatMap((target) => (target.subscripts ?? []).flatMap(bindersOf))) {
    const known = axes.get(binder.name.name);
    if (known !== undefined) frame.indices.set(binder, known);
    else axes.set(binder.name.name, bindIndex(context, binder, frame));
  }
  const values = targets.length === 1 ? [context.evaluate(expression, frame)] : context.evaluateAll(expression, frame);
  targets.forEach((target, k) => {
    const value =
      target.subscripts === undefined ? values[k] : collected(context, target, values[k] as IndexedValue, frame);
    const typed = asType(context, value as IndexedValue, context.tables.targets.get(target), frame, target);
    if (expression.kind !== "name") nameNode(typed.node, target.name.name);
    frame.values.set(definedBy(context, target), typed);
  });
}

function bindersOf(subscript: TargetSubscript): readonly IndexBinder[] {
  return subscript.kind === "index" ? [subscript] : subscript.kind === "group" ? subscript.indices : [];
}

/** What later uses of the name refer to: this target, or for an assignment whatever introduced the name. */
function definedBy(context: Elaboration, target: BindingTarget): object {
  const definition = context.tables.uses.get(target.name);
  if (definition?.kind === "local") return definition.target;
  return definition?.kind === "parameter" ? definition.parameter : target;
}

/** The value with the target's indices as dims in the order written; grouped ones merged; `:` takes the next dim it has. */
function collected(context: Elaboration, target: BindingTarget, value: IndexedValue, frame: Frame): IndexedValue {
  const emit = context.at(target.span);
  const subscripts = target.subscripts ?? [];
  const axes = subscripts.flatMap((subscript) =>
    bindersOf(subscript).map((binder) => frame.indices.get(binder) as Axis),
  );
  const rank = value.dims.length;
  const bound = axesAsLastDims(emit, value, axes);
  const order: number[] = [];
  const groups: (readonly Dimension[])[] = [];
  let nextDim = 0;
  let nextAxis = rank;
  for (const subscript of subscripts) {
    if (subscript.kind === "at") emit.refuse("todo/elaboration", "computed places on the left cannot be compiled yet");
    const count = subscript.kind === "all" ? 1 : bindersOf(subscript).length;
    const positions = Array.from({ length: count }, () => (subscript.kind === "all" ? nextDim++ : nextAxis++));
    order.push(...positions);
    groups.push(positions.map((position) => bound.dims[position] as Dimension));
  }
  for (; nextDim < rank; nextDim++) {
    order.push(nextDim);
    groups.push([bound.dims[nextDim] as Dimension]);
  }
  const offset = bound.axes.length;
  let node = permuted(emit, bound.node, [...bound.axes.map((_, k) => k), ...order.map((k) => offset + k)]);
  const dims = groups.map((group): Dimension => {
    const [only] = group;
    return group.length === 1 && only !== undefined ? only : { size: group.reduce((size, dim) => size * dim.size, 1) };
  });
  if (groups.some((group) => group.length !== 1)) {
    node = emit.node("reshape", [node], {
      shape: [...bound.axes.map((axis) => axis.size), ...dims.map((dim) => dim.size)],
    });
  }
  return { ...bound, node, dims };
}

/**
 * The value in a declared or recorded type: untyped numbers take its element type, an index its bound, and a number given for
 * a tensor fills it.
 */
export function asType(
  context: Elaboration,
  value: IndexedValue,
  type: { readonly kind: string } | TensorValueType | undefined,
  frame: Frame,
  place: { readonly span: Parameters<Elaboration["at"]>[0] },
): IndexedValue {
  if (type === undefined || type.kind !== "tensor") return value;
  const { element, dims } = type as TensorValueType;
  const emit = context.at(place.span);
  let typed = value;
  if (element.dtype !== "integer" && element.dtype !== "real") typed = convert(emit, typed, element.dtype);
  if (element.below !== undefined) {
    const below = extentIn(context, element.below, frame, place.span);
    const number = constantOf(typed);
    if (number !== undefined && !(number >= 0 && number < below)) {
      emit.refuse("index/out-of-range", `${number} is no index below ${below}`, { notes: sizeNotes(frame) });
    }
    typed = provenBelow(emit, typed, below);
  }
  if (typed.dims.length === 0 && dims.length > 0) {
    const filled = dims.map((dim) => ({ size: extentIn(context, dim, frame, place.span) }));
    typed = { ...typed, node: layOut(emit, typed, typed.axes, filled), dims: filled };
  }
  typed.dims.forEach((dim, k) => {
    const wanted = sizeIn(context, dims[k] ?? unknownSize(place), frame, place.span);
    if (wanted !== dim.size)
      throw new Error(`an axis of ${dim.size} stands where ${wanted} was proven, line ${place.span.line}`);
  });
  return typed;
}

function unknownSize(place: { readonly span: Parameters<Elaboration["at"]>[0] }): never {
  throw new Error(`a value has more axes than its type, ${place.span.file}:${place.span.line}`);
}

/**
 * Gives a node the author's name. Nodes are still private to this elaboration, so the name is put in place; the last one wins,
 * which is the outermost, because a definition is named after its right side is complete.
 */
function nameNode(node: Node, name: string): void {
  if (node.op === "input" || node.op === "parameter" || node.op === "constant") return;
  (node as { name?: string }).name = name;
}
