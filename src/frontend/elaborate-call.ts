/** Calls: built-in functions, conversions, concatenation, and functions, which are elaborated where they are called. */
import type { Node } from "../ir/index.ts";
import { axesAsFirstDims, axesAsLastDims, lastDimsAsAxes, layOut } from "./align-values.ts";
import type { CallResolution, FunctionCall } from "./checked-program.ts";
import { refuseMappedBatch } from "./elaborate-batch.ts";
import { asType } from "./elaborate-definition.ts";
import { elaborateExtern } from "./elaborate-extern.ts";
import { elaborateRandom } from "./elaborate-random.ts";
import { bindIndex } from "./elaborate-range.ts";
import { conditionOfBinders } from "./elaborate-reduction.ts";
import { runStatements } from "./elaborate-statement.ts";
import { constantIn, type Elaboration, type Frame, instanceAt, newFrame, sizeIn, sizeValue } from "./elaboration.ts";
import { commonElement, constantValue, convert, elementwise } from "./elementwise-value.ts";
import { type Axis, type IndexedValue, leadingDimsAsAxes, type Restriction, unionOfAxes } from "./indexed-value.ts";
import { type Condition, conditionValue, noCondition } from "./reduce-values.ts";
import { outerIndices } from "./step-index.ts";
import type {
  CallExpression,
  ConcatExpression,
  Expression,
  IndexBinder,
  ListExpression,
  NameExpression,
} from "./syntax-tree.ts";

export function elaborateCall(context: Elaboration, call: CallExpression, frame: Frame): readonly IndexedValue[] {
  const resolution = context.tables.calls.get(call);
  switch (resolution?.kind) {
    case "builtin":
      return [elaborateBuiltin(context, call, resolution.name, frame)];
    case "cast": {
      const [argument] = call.arguments;
      return [
        convert(
          context.at(call.span),
          context.evaluate((argument as (typeof call.arguments)[0]).value, frame),
          resolution.to,
        ),
      ];
    }
    case "concat":
      return [elaborateAxisConcat(context, call, resolution, frame)];
    case "random":
      return [elaborateRandom(context, call, frame)];
    case "order":
      return [elaborateOrder(context, call, resolution.descending, frame)];
    case "extern":
      return [elaborateExtern(context, call, resolution, frame)];
    case "function":
      return callFunction(context, call, resolution, frame);
    case "initialiser":
      return context.at(call.span).refuse("module/initialiser", `\`${resolution.name}\` stands for a whole parameter`);
    case undefined:
      throw new Error(`an unresolved call at ${call.span.file}:${call.span.line}`);
  }
}

/** An elementwise operation by its own name, on arguments of the element type that the checker found for the result. */
function elaborateBuiltin(context: Elaboration, call: CallExpression, name: string, frame: Frame): IndexedValue {
  const emit = context.at(call.span);
  const values = call.arguments.map((argument) => context.evaluate(argument.value, frame));
  const type = context.tables.types.get(call);
  const given = commonElement(values);
  const wanted = type?.kind === "tensor" ? type.element.dtype : given;
  const element = wanted === "real" && given !== "integer" ? given : wanted === "integer" ? given : wanted;
  const weak = element === "integer" || element === "real" ? element : undefined;
  return elementwise(
    emit,
    name,
    values.map((value) => convert(emit, value, element)),
    weak,
  );
}

/** Places along the last axis in the order of what lies there. */
function elaborateOrder(context: Elaboration, call: CallExpression, descending: boolean, frame: Frame): IndexedValue {
  const emit = context.at(call.span);
  const [argument] = call.arguments as readonly [(typeof call.arguments)[0], ...typeof call.arguments];
  const given = context.evaluate(argument.value, frame);
  const element = commonElement([given]);
  const value = convert(emit, given, element === "integer" ? "i32" : element === "real" ? "f32" : element);
  if (value.dims.some(({ restriction }) => restriction !== undefined)) {
    emit.refuse("todo/restricted-order", "a vector with a restricted range cannot be ordered", {
      help: ["give what is excluded a value that comes last, such as `-inf`"],
    });
  }
  const axis = value.node.type.shape.length - 1;
  const node = emit.node("argsort", [value.node], { axis, descending });
  return { node, axes: value.axes, dims: value.dims, restrictions: [] };
}

// ── Joining ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `concat[c](a, b)`: each argument walks its own part of the axis. */
function elaborateAxisConcat(
  context: Elaboration,
  call: CallExpression,
  resolution: Extract<CallResolution, { kind: "concat" }>,
  frame: Frame,
): IndexedValue {
  const emit = context.at(call.span);
  const parts = call.arguments.map((argument, k) => {
    const extent = sizeIn(context, resolution.extents[k] as (typeof resolution.extents)[0], frame, argument.span);
    const axis = bindIndex(context, resolution.axis, frame, extent);
    return axesAsFirstDims(emit, context.evaluate(argument.value, frame), [axis]);
  });
  const joined = joinedAlongFirst(context, call, parts);
  const { axes, atStep } = outerIndices(emit, frame, [resolution.outer]);
  return atStep(leadingDimsAsAxes(joined, axes));
}

/** `[a; b]`: one after another along the first axis. */
export function elaborateConcat(context: Elaboration, expression: ConcatExpression, frame: Frame): IndexedValue {
  return joinedAlongFirst(
    context,
    expression,
    expression.parts.map((part) => context.evaluate(part, frame)),
  );
}

/** `[a, b, c]`: a new first axis. */
export function elaborateList(context: Elaboration, expression: ListExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  const items = expression.items.map((item) => context.evaluate(item, frame));
  const parts = items.map((item) => {
    const shape = item.node.type.shape;
    const split = [...shape.slice(0, item.axes.length), 1, ...shape.slice(item.axes.length)];
    return { ...item, node: emit.node("reshape", [item.node], { shape: split }), dims: [{ size: 1 }, ...item.dims] };
  });
  return joinedAlongFirst(context, expression, parts);
}

function joinedAlongFirst(context: Elaboration, place: Expression, parts: readonly IndexedValue[]): IndexedValue {
  const emit = context.at(place.span);
  const element = commonElement(parts);
  const kept = parts.every((part) => part.node.type.dtype === "bf16") ? "bf16" : element;
  const typed = parts.map((part) => convert(emit, part, kept));
  const [only] = typed;
  if (only !== undefined && typed.length === 1) return only;
  const axes = unionOfAxes(typed);
  const nodes = typed.map((part) => layOut(emit, part, axes, part.dims));
  const node = emit.node("concat", nodes, { axis: axes.length });
  const size = typed.reduce((sum, part) => sum + (part.dims[0]?.size ?? 0), 0);
  const weak = element === "integer" || element === "real" ? { weak: element } : {};
  return { node, axes, dims: [{ size }, ...(only?.dims.slice(1) ?? [])], restrictions: [], ...weak };
}

// ── Functions ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Calls nested deeper than this have no end. */
const greatestDepth = 200;

function callFunction(
  context: Elaboration,
  call: CallExpression,
  resolution: FunctionCall,
  frame: Frame,
): readonly IndexedValue[] {
  const emit = context.at(call.span);
  if (frame.depth >= greatestDepth) {
    emit.refuse("limit/call-depth", `calls are nested more than ${greatestDepth} deep`);
  }
  const { declaration } = resolution;
  const instance =
    resolution.instance === undefined ? undefined : instanceAt(context, resolution.instance, frame, call.span);
  const sizes = [...resolution.sizes].map(([name, size]) => [name, sizeIn(context, size, frame, call.span)] as const);
  const inner = newFrame(instance, [...(instance?.sizes ?? []), ...sizes], frame.depth + 1);
  // A function outside of modules reports the chain of whoever called it.
  const callee: Frame = instance === undefined ? { ...inner, chain: frame.chain } : inner;

  const bound = resolution.axes.map(({ inner: binder }) => bindIndex(context, binder, frame));
  const condition = conditionOfBinders(
    context,
    resolution.axes.map(({ inner: binder }) => binder),
    frame,
  );
  const mapped = resolution.mapped.map((size) => emit.axis("b", sizeIn(context, size, frame, call.span)));
  const inherited: Restriction[] = [];
  const given: IndexedValue[] = [];

  declaration.parameters.forEach((parameter, k) => {
    const argument = resolution.arguments[k];
    const size = callee.sizes.get(parameter.name.name);
    if (parameter.type.element.kind === "named" && parameter.type.element.name === "size" && size !== undefined) {
      callee.values.set(parameter, sizeValue(context, size, parameter.span));
      return;
    }
    const declared = context.tables.declared.get(parameter.type);
    if (argument === undefined) {
      if (parameter.default === undefined)
        throw new Error(`no argument for ${parameter.name.name}, line ${call.span.line}`);
      const value = context.evaluate(parameter.default, callee);
      callee.values.set(parameter, asType(context, value, declared, callee, parameter));
      return;
    }
    let value = context.evaluate(argument.value, frame);
    const rank = declared?.dims.length ?? 0;
    const used = bound.filter((_, i) => mentionsIndex(context, argument.value, (resolution.axes[i] as AxisPair).inner));
    if (used.length > 0) {
      inherited.push(...value.restrictions.filter((restriction) => used.includes(restriction.subject)));
      value = axesAsLastDims(context.at(argument.span), restricted(value, used, condition), used);
    }
    if (value.dims.length > rank) value = leadingDimsAsAxes(value, mapped);
    const typed = asType(context, value, declared, callee, argument);
    given.push(typed);
    callee.values.set(parameter, typed);
  });

  refuseMappedBatch(context, call, declaration, [...mapped, ...given.flatMap(({ axes }) => axes)]);
  const returned = runStatements(context, declaration.body, callee);
  if (returned === undefined) throw new Error(`${declaration.name.name} ended without a return`);
  const marked = approximated(
    context,
    call,
    returned,
    given.map(({ node }) => node),
    frame,
  );
  return marked.map((value, k) => {
    const result = declaration.results[k];
    const typed = asType(
      context,
      value,
      result && context.tables.declared.get(result.type),
      callee,
      result ?? declaration,
    );
    const whole = axesAsFirstDims(emit, typed, mapped);
    if (typed.dims.length < bound.length) return whole;
    return givenBack(context, call, resolution, whole, condition, bound, inherited, frame);
  });
}

/** What `@approx(…)` on the call allows, as nodes around its results: approximate, but not beyond the arguments. */
function approximated(
  context: Elaboration,
  call: CallExpression,
  values: readonly IndexedValue[],
  given: readonly Node[],
  frame: Frame,
): readonly IndexedValue[] {
  const request = context.tables.approximations.get(call);
  if (request === undefined) return values;
  const emit = context.at(call.span);
  const features = request.features === undefined ? 0 : constantIn(context, request.features, frame);
  const seed = request.seed === undefined ? 0 : constantIn(context, request.seed, frame);
  return values.map((value) => ({
    ...value,
    node: emit.node("approximate", [value.node, ...given], { method: request.method, features, seed }),
  }));
}

type AxisPair = FunctionCall["axes"][number];

/**
 * Whether the index is used anywhere in the expression, by name or by taking back an axis (`softmax[j](softmax[j](…))`). Such an
 * argument has it as an axis even if its value is constant along it.
 */
function mentionsIndex(context: Elaboration, expression: Expression, binder: IndexBinder): boolean {
  const pending: unknown[] = [expression];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (Array.isArray(part)) {
      pending.push(...part);
    } else if (typeof part === "object" && part !== null) {
      const definition = context.tables.uses.get(part as NameExpression);
      if (definition?.kind === "index" && definition.binder === binder) return true;
      const resolution = context.tables.calls.get(part as CallExpression);
      if (resolution?.kind === "concat" && resolution.outer === binder) return true;
      if (resolution?.kind === "function" && resolution.axes.some(({ outer }) => outer === binder)) return true;
      pending.push(...Object.values(part).filter((child) => typeof child === "object"));
    }
  }
  return false;
}

/** Carries the predicate of `f[j: predicate](…)` along with the axes that it restricts. */
function restricted(value: IndexedValue, bound: readonly Axis[], condition: Condition): IndexedValue {
  if (condition.constraints.length + condition.predicates.length === 0) return value;
  const added = bound.map((subject) => {
    const before = value.restrictions.filter((restriction) => restriction.subject === subject);
    return {
      subject,
      constraints: [...before.flatMap((one) => one.constraints), ...condition.constraints],
      predicates: [...before.flatMap((one) => one.predicates), ...condition.predicates],
    };
  });
  return {
    ...value,
    restrictions: [...value.restrictions.filter(({ subject }) => !bound.includes(subject)), ...added],
  };
}

/**
 * After `f[j](…)` the result's last dims are read by the outer index again, and what the predicate excluded is 0 (false for
 * booleans), whatever the function made of it.
 */
function givenBack(
  context: Elaboration,
  call: CallExpression,
  resolution: FunctionCall,
  value: IndexedValue,
  condition: Condition,
  bound: readonly Axis[],
  inherited: readonly Restriction[],
  frame: Frame,
): IndexedValue {
  const emit = context.at(call.span);
  const kept = resolution.axes.flatMap(({ outer }, k) =>
    outer === undefined ? [] : [{ outer, inner: bound[k] as Axis }],
  );
  if (kept.length === 0) return value;
  const { axes: outers, atStep } = outerIndices(
    emit,
    frame,
    kept.map(({ outer }) => outer),
  );
  const plain = { ...value, dims: value.dims.map(({ size }) => ({ size })) };
  const back = lastDimsAsAxes(emit, plain, outers);
  const rename = (axis: Axis): Axis => {
    const at = kept.findIndex(({ inner }) => inner === axis);
    return at < 0 ? axis : (outers[at] as Axis);
  };
  const restrictions = inherited.map((restriction) => renamedRestriction(restriction, rename));
  const result = { ...back, restrictions: [...back.restrictions, ...restrictions] };
  // A function that changes the length of the axis has nothing at the excluded places.
  if (kept.some(({ inner }, k) => inner.size !== (outers[k] as Axis).size)) return atStep(result);
  const allowed = conditionValue(emit, renamedCondition(condition, rename));
  if (allowed === undefined) return atStep(result);
  const element = result.weak ?? result.node.type.dtype;
  const selected = elementwise(emit, "select", [allowed, result, constantValue(emit, 0, element)], result.weak);
  return atStep({ ...selected, restrictions: result.restrictions });
}

function renamedCondition(condition: Condition, rename: (axis: Axis) => Axis): Condition {
  return {
    constraints: condition.constraints.map(({ terms, constant }) => ({
      terms: new Map([...terms].map(([axis, coefficient]) => [rename(axis), coefficient])),
      constant,
    })),
    predicates: condition.predicates.map((predicate) => ({ ...predicate, axes: predicate.axes.map(rename) })),
  };
}

function renamedRestriction(restriction: Restriction, rename: (axis: Axis) => Axis): Restriction {
  return { subject: rename(restriction.subject), ...renamedCondition({ ...noCondition, ...restriction }, rename) };
}
