/** Statements: definitions turn axis variables back into dims, `for` unrolls, `if` is decided, `require` is verified. */
import { partsOf } from "./check-places.ts";
import { writeBuffer } from "./elaborate-buffer.ts";
import { asType, bindersOf, collected, definedBy, nameNode } from "./elaborate-definition.ts";
import { elaborateAccumulate, elaboratePlaced } from "./elaborate-places.ts";
import { bindIndex } from "./elaborate-range.ts";
import { elaborateRecurrence } from "./elaborate-recurrence.ts";
import { constantIn, type Elaboration, type Frame, sizeNotes, writtenText } from "./elaboration.ts";
import type { Axis, IndexedValue } from "./indexed-value.ts";
import type { BindingTarget, Expression, ForStatement, LetStatement, Statement } from "./syntax-tree.ts";

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
      runLet(context, statement, frame);
      return undefined;
    case "placed":
      elaboratePlaced(context, statement.parts, frame);
      return undefined;
    case "assign":
      define(context, [statement.target], statement.value, frame);
      return undefined;
    case "accumulate":
      elaborateAccumulate(context, statement, frame);
      return undefined;
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

function runLet(context: Elaboration, statement: LetStatement, frame: Frame): void {
  const recurrence = context.tables.recurrences.get(statement);
  const parts = partsOf(statement);
  if (recurrence !== undefined) elaborateRecurrence(context, statement, recurrence, frame);
  else if (parts !== undefined) elaboratePlaced(context, parts, frame);
  else define(context, statement.targets, statement.value, frame);
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
    const definition = context.tables.uses.get(target.name);
    if (definition?.kind === "tensor") writeBuffer(context, definition.member, typed, frame, target.span);
    else frame.values.set(definedBy(context, target), typed);
  });
}
