/**
 * Recurrences become loops: one step is evaluated with the index that counts steps as a number that is only known at run time,
 * and what it reads of earlier steps as carried state.
 *
 * State and rows have the hidden axes of whatever maps over the function (a batch), so that one loop runs for all examples.
 * Which these are shows only when a step has been evaluated; it is evaluated again when a carried value turns out to have more.
 */
import { type Node, tensorType } from "../ir/index.ts";
import { axesAsFirstDims, layOut, permuted } from "./align-values.ts";
import type { Recurrence, RecurrentRead, RecurrentTarget, TensorValueType } from "./checked-program.ts";
import { asType, collected } from "./elaborate-definition.ts";
import { bindIndex, extentOf } from "./elaborate-range.ts";
import { type Elaboration, extentIn, type Frame, sizeNotes } from "./elaboration.ts";
import { constantValue, elementwise, provenBelow } from "./elementwise-value.ts";
import type { Axis, IndexedValue } from "./indexed-value.ts";
import { loopOf, packRow, unpackRows } from "./loop-body.ts";
import type { Emitter } from "./node-emitter.ts";
import { type ResolvedSubscript, readSubscripts } from "./read-subscripts.ts";
import type { BindingTarget, InitialValue, LetStatement, TargetSubscript } from "./syntax-tree.ts";

/** More steps than this are a mistake: nothing runs in parallel along them. */
export const greatestStepCount = 2 ** 20;

/** A target with its sizes, and its values before the first step, nearest first. */
interface Carried extends RecurrentTarget {
  /** Type of one step's value. */
  readonly type: TensorValueType;
  readonly shape: readonly number[];
  readonly initialValues: readonly IndexedValue[];
}

/** One step for given hidden axes of the state. */
interface Step {
  readonly inputs: readonly (readonly Node[])[];
  readonly step: Node;
  /** The value of each target, dims without the steps' axis. */
  readonly values: readonly IndexedValue[];
}

/** Defines the targets of a recurrence in the frame. */
export function elaborateRecurrence(
  context: Elaboration,
  statement: LetStatement,
  recurrence: Recurrence,
  frame: Frame,
): void {
  const emit = context.at(statement.span);
  const count = extentOf(context, recurrence.index, frame);
  if (count > greatestStepCount) {
    context
      .at(recurrence.index.span)
      .refuse("limit/recurrence-steps", `this would take ${count.toLocaleString("en")} steps`, {
        label: `steps run one after the other, at most ${greatestStepCount.toLocaleString("en")} of them`,
        notes: sizeNotes(frame),
      });
  }
  bindOtherIndices(context, statement, recurrence, frame);
  const targets = recurrence.targets.map((target) => withInitialValues(context, target, frame));
  let axes: readonly (readonly Axis[])[] = targets.map(({ initialValues }) =>
    unionOf(initialValues.map((value) => value.axes)),
  );
  let step: Step;
  for (;;) {
    step = evaluateStep(context, statement, recurrence, { targets, axes, count }, frame);
    const { values } = step;
    const next = targets.map(({ distance }, k) => {
      const found = unionOf([axes[k] as readonly Axis[], (values[k] as IndexedValue).axes]);
      return distance === 0 ? (values[k] as IndexedValue).axes : found;
    });
    const grown = next.some(
      (each, k) => (targets[k] as Carried).distance > 0 && each.length > (axes[k] as readonly Axis[]).length,
    );
    axes = next;
    if (!grown) break;
  }
  const results = step.values.map((value, k) => layOut(emit, value, axes[k] as readonly Axis[], value.dims));
  const used = targets.flatMap((target, k) => (isUsed(context, target.target) ? [k] : []));
  const kept = used.length === 0 ? [0] : used;
  const carried = targets.flatMap(({ initialValues }, k) =>
    initialValues.map((value, back) => ({
      input: step.inputs[k]?.[back] as Node,
      initial: layOut(emit, value, axes[k] as readonly Axis[], value.dims),
      next: back === 0 ? (results[k] as Node) : (step.inputs[k]?.[back - 1] as Node),
    })),
  );
  const row = packRow(
    emit,
    kept.map((k) => results[k] as Node),
  );
  const name = kept.map((k) => (targets[k] as Carried).target.name.name).join("_");
  const loop = loopOf(emit, { name, steps: count, carried, step: step.step, row });
  const parts = unpackRows(
    emit,
    loop,
    kept.map((k) => (results[k] as Node).type),
  );
  kept.forEach((k, position) => {
    const target = targets[k] as Carried;
    const all = parts[position] as Node;
    const ordered = recurrence.direction === "up" ? all : emit.node("reverse", [all], { axes: [0] });
    const value = whole(context, target, ordered, axes[k] as readonly Axis[]);
    (value.node as { name?: string }).name = target.target.name.name;
    frame.values.set(target.target, value);
  });
}

/** The rows of a target with their first axis where the target has it, hidden axes first. */
function whole(context: Elaboration, { target, axis }: Carried, rows: Node, axes: readonly Axis[]): IndexedValue {
  const emit = context.at(target.span);
  const hidden = axes.length;
  const rest = rows.type.shape.slice(1 + hidden);
  const order = [
    ...axes.map((_, k) => 1 + k),
    ...rest.slice(0, axis).map((_, k) => 1 + hidden + k),
    0,
    ...rest.slice(axis).map((_, k) => 1 + hidden + axis + k),
  ];
  const node = permuted(emit, rows, order);
  return { node, axes, dims: node.type.shape.slice(hidden).map((size) => ({ size })), restrictions: [] };
}

function unionOf(lists: readonly (readonly Axis[])[]): readonly Axis[] {
  return [...new Set(lists.flat())].sort((a, b) => a.serial - b.serial);
}

const bindersOf = (subscript: TargetSubscript) =>
  subscript.kind === "index" ? [subscript] : subscript.kind === "group" ? subscript.indices : [];

/** Indices of the left side besides the one that counts steps; targets share them by name. */
function bindOtherIndices(context: Elaboration, { targets }: LetStatement, { index }: Recurrence, frame: Frame): void {
  const axes = new Map<string, Axis>();
  for (const binder of targets.flatMap((target) => (target.subscripts ?? []).flatMap(bindersOf))) {
    if (binder.name.name === index.name.name) continue;
    const known = axes.get(binder.name.name);
    if (known !== undefined) frame.indices.set(binder, known);
    else axes.set(binder.name.name, bindIndex(context, binder, frame));
  }
}

/** Sizes of a target's step, and its values before the first one; where only guarded reads reach, anything will do. */
function withInitialValues(context: Elaboration, target: RecurrentTarget, frame: Frame): Carried {
  const recorded = context.tables.targets.get(target.target);
  if (recorded?.kind !== "tensor") throw new Error(`${target.target.name.name} has no type`);
  const type: TensorValueType = {
    kind: "tensor",
    element: recorded.element,
    dims: recorded.dims.filter((_, axis) => axis !== target.axis),
  };
  const { span } = target.target;
  const shape = type.dims.map((dim) => extentIn(context, dim, frame, span));
  const initialValues = target.initial.map((initial) => {
    if (initial !== undefined) return initialValue(context, target, initial, type, frame);
    const zero = constantValue(context.at(span), 0, "integer");
    return asType(context, zero, type, frame, target.target);
  });
  return { ...target, type, shape, initialValues };
}

/** `s[-1, d] = s0[d]`: the value with the axes of a step. */
function initialValue(
  context: Elaboration,
  { target, axis }: RecurrentTarget,
  { subscripts, value, span }: InitialValue,
  type: TensorValueType,
  frame: Frame,
): IndexedValue {
  const emit = context.at(span);
  const named = (target.subscripts ?? [])
    .slice(0, subscripts.length)
    .flatMap((subscript, k) => (k === axis ? [] : bindersOf(subscript)))
    .map((binder) => frame.indices.get(binder) as Axis);
  const rest = { ...type, dims: type.dims.slice(named.length) };
  return axesAsFirstDims(emit, asType(context, context.evaluate(value, frame), rest, frame, { span }), named);
}

/** Evaluates the right side with inputs for the carried values, which have the given hidden axes. */
function evaluateStep(
  context: Elaboration,
  statement: LetStatement,
  { index, direction }: Recurrence,
  {
    targets,
    axes,
    count,
  }: { readonly targets: readonly Carried[]; readonly axes: readonly (readonly Axis[])[]; readonly count: number },
  frame: Frame,
): Step {
  const emit = context.at(statement.span);
  const names = new Set(["step"]);
  const step = emit.source("input", { name: "step" }, tensorType("i32", [], count));
  const number: IndexedValue = { node: step, axes: [], dims: [], restrictions: [] };
  const last = constantValue(emit, count - 1, "i32");
  const place = direction === "up" ? number : provenBelow(emit, elementwise(emit, "sub", [last, number]), count);
  for (const subscript of statement.targets.flatMap((target) => (target.subscripts ?? []).flatMap(bindersOf))) {
    if (subscript.name.name === index.name.name) frame.steps.set(subscript, { ...place, weak: "integer" });
  }
  const inputs = targets.map((target, k) => {
    const hidden = axes[k] as readonly Axis[];
    const states = target.initialValues.map(({ node }, back) => {
      const name = freshName(`${target.target.name.name}${back === 0 ? "" : `_${back + 1}`}`, names);
      const type = tensorType(node.type.dtype, [...hidden.map(({ size }) => size), ...target.shape], node.type.below);
      return emit.source("input", { name }, type);
    });
    const dims = target.shape.map((size) => ({ size }));
    const values = states.map((node): IndexedValue => ({ node, axes: hidden, dims, restrictions: [] }));
    frame.carried.set(target.target, { values, step: number });
    return states;
  });
  context.written.recurrences++;
  const values =
    statement.targets.length === 1
      ? [context.evaluate(statement.value, frame)]
      : context.evaluateAll(statement.value, frame);
  context.written.recurrences--;
  const typed = targets.map(({ target, axis, type }, k): IndexedValue => {
    const subscripts = (target.subscripts ?? []).filter((_, position) => position !== axis);
    const value = collected(context, { ...target, subscripts }, values[k] as IndexedValue, frame);
    const plain = { ...value, dims: value.dims.map(({ size }) => ({ size })), restrictions: [] };
    return asType(context, plain, type, frame, target);
  });
  return { inputs, step, values: typed };
}

function freshName(wished: string, taken: Set<string>): string {
  let name = wished;
  for (let count = 2; taken.has(name); count++) name = `${wished}_${count}`;
  taken.add(name);
  return name;
}

/** `h[t-1]` inside the recurrence that defines `h`; subscripts are those of a step. */
export function readCarried(
  emit: Emitter,
  { target, distance }: RecurrentRead,
  subscripts: readonly ResolvedSubscript[],
  otherwise: IndexedValue | undefined,
  frame: Frame,
): IndexedValue {
  const state = frame.carried.get(target);
  const value = state?.values[distance - 1];
  if (state === undefined || value === undefined) throw new Error(`${target.name.name} is not carried here`);
  const read = readSubscripts(emit, value, subscripts, otherwise);
  if (otherwise === undefined) return read;
  const known = elementwise(emit, "ge", [state.step, constantValue(emit, distance, "i32")]);
  return elementwise(emit, "select", [known, read, otherwise]);
}

/** Targets that are read anywhere besides their own definition, once for each program. */
const usedTargets = new WeakMap<Elaboration["tables"], ReadonlySet<BindingTarget>>();

function isUsed({ tables }: Elaboration, target: BindingTarget): boolean {
  let used = usedTargets.get(tables);
  if (used === undefined) {
    const own = new Set([...tables.recurrentReads.keys()].map((read) => read.object));
    const found = [...tables.uses].flatMap(([name, definition]) =>
      name.kind === "name" && definition.kind === "local" && !own.has(name) ? [definition.target] : [],
    );
    used = new Set(found);
    usedTargets.set(tables, used);
  }
  return used.has(target);
}
