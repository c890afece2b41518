/** Which index of a recurrence counts its steps. */
import { type Context, fail, textOf } from "./check-context.ts";
import type { BindingTarget, Expression, InitialValue, LetStatement, SubscriptExpression } from "./syntax-tree.ts";

/** The index that counts steps, and for each target the axis it walks. */
export interface Steps {
  readonly name: string;
  readonly axes: readonly number[];
}

/** Name of the target's own index at an axis, where it has a plain one. */
function indexAt(target: BindingTarget, axis: number): string | undefined {
  const subscript = target.subscripts?.[axis];
  return subscript?.kind === "index" ? subscript.name.name : undefined;
}

const isName = (expression: Expression | undefined, name: string | undefined) =>
  expression?.kind === "name" && expression.name === name;

/**
 * Finds the index from `where h[-1] = …`, the axis at which something else than the index itself stands, or without a `where`
 * from the first read that moves an index. Undefined after a report.
 */
export function findSteps(context: Context, statement: LetStatement): Steps | undefined {
  const { targets, initial } = statement;
  let name: string | undefined;
  for (const each of initial) {
    const target = targets.find((other) => other.name.name === each.name.name);
    if (target === undefined) {
      const names = targets.map((other) => `\`${other.name.name}\``).join(", ");
      fail(context, each.name.span, "recurrence/where", `\`where\` gives a first value of \`${each.name.name}\``, {
        label: `only ${names} ${targets.length === 1 ? "is" : "are"} defined here`,
      });
      return undefined;
    }
    name ??= movedByInitial(context, target, each);
    if (name === undefined) return undefined;
  }
  name ??= movedByReads(context, statement);
  if (name === undefined) return undefined;
  const axes = targets.map((target) =>
    (target.subscripts ?? []).findIndex((_, axis) => indexAt(target, axis) === name),
  );
  const without = targets.find((_, k) => axes[k] === -1);
  if (without !== undefined) {
    fail(context, without.span, "recurrence/where", `\`${without.name.name}\` is not defined for every \`${name}\``, {
      label: `\`${name}\` counts the steps of this definition`,
      help: [`Write \`${without.name.name}[${name}]\`, or define it in a statement of its own.`],
    });
    return undefined;
  }
  for (const each of initial) if (!namesOtherIndices(context, statement, axes, each)) return undefined;
  return { name, axes };
}

function movedByInitial(context: Context, target: BindingTarget, initial: InitialValue): string | undefined {
  const axis = initial.subscripts.findIndex((subscript, k) => !isName(subscript, indexAt(target, k)));
  const name = indexAt(target, axis);
  if (name !== undefined) return name;
  const first = target.subscripts?.find((subscript) => subscript.kind === "index");
  const index = first?.kind === "index" ? first.name.name : "t";
  fail(
    context,
    initial.span,
    "recurrence/where",
    `this does not say which value of \`${target.name.name}\` comes first`,
    {
      secondary: [{ span: target.span, text: "this is what is being defined" }],
      help: [`For the step before \`${index} = 0\`: \`where ${target.name.name}[-1] = …\`.`],
    },
  );
  return undefined;
}

/** Besides the place before the first step, a value of `where` may have the target's own indices, from the left. */
function namesOtherIndices(
  context: Context,
  { targets }: LetStatement,
  axes: readonly number[],
  initial: InitialValue,
): boolean {
  const k = targets.findIndex((target) => target.name.name === initial.name.name);
  const target = targets[k] as BindingTarget;
  const axis = axes[k] as number;
  const wrong = initial.subscripts.find(
    (each, position) => position !== axis && !isName(each, indexAt(target, position)),
  );
  if (wrong === undefined && axis < initial.subscripts.length) return true;
  const wanted = (target.subscripts ?? []).map((_, position) =>
    position === axis ? "-1" : (indexAt(target, position) ?? "…"),
  );
  fail(
    context,
    (wrong ?? initial).span,
    "recurrence/where",
    "a first value is given for all places of a step at once",
    {
      label: wrong === undefined ? "this does not say which step" : `\`${textOf(context, wrong.span)}\` is one place`,
      help: [`Write \`${target.name.name}[${wanted.join(", ")}] = …\`.`],
    },
  );
  return false;
}

/** The index of the first read at another place than its own. */
function movedByReads(context: Context, { targets, value, span }: LetStatement): string | undefined {
  const reads = readsOf(value, new Map(targets.map((target) => [target.name.name, target])));
  for (const { expression, target } of reads) {
    for (const [axis, subscript] of expression.subscripts.entries()) {
      const name = indexAt(target, axis);
      if (name === undefined || subscript.kind !== "at" || isName(subscript.expression, name)) continue;
      if (mentions(subscript.expression, name)) return name;
    }
  }
  const [first] = reads;
  const [target] = targets as readonly [BindingTarget, ...BindingTarget[]];
  const name = first?.target.name.name ?? target.name.name;
  const index = indexAt(first?.target ?? target, 0) ?? "t";
  fail(context, first?.expression.span ?? span, "recurrence/no-progress", `\`${name}\` is defined by itself`, {
    label: "this is the very value that is being defined",
    help: [`An earlier step is read as \`${name}[${index}-1]\`.`],
  });
  return undefined;
}

interface Read {
  readonly expression: SubscriptExpression;
  readonly target: BindingTarget;
}

/** Reads of the targets anywhere in an expression, in the order of the text. */
function readsOf(value: Expression, targets: ReadonlyMap<string, BindingTarget>): readonly Read[] {
  const found: Read[] = [];
  visit(value, (part) => {
    if (part.kind !== "subscript" || part.object.kind !== "name") return;
    const target = targets.get(part.object.name);
    if (target !== undefined) found.push({ expression: part, target });
  });
  return found.sort((a, b) => a.expression.span.start - b.expression.span.start);
}

function mentions(value: Expression, name: string): boolean {
  let found = false;
  visit(value, (part) => {
    found ||= part.kind === "name" && part.name === name;
  });
  return found;
}

/** Calls `each` on every node of the tree below (and with) an expression. */
function visit(root: Expression, each: (part: Expression) => void): void {
  const pending: unknown[] = [root];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (Array.isArray(part)) pending.push(...part);
    else if (typeof part === "object" && part !== null) {
      each(part as Expression);
      pending.push(...Object.values(part).filter((child) => typeof child === "object"));
    }
  }
}
