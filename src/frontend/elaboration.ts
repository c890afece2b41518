/**
 * What elaboration carries along: the checked program, the module instance and function activation it is in, and the numbers
 * that symbolic sizes have there.
 */
import type { Span, TensorType } from "../ir/index.ts";
import type { CheckedProgram, CheckTables, InstancePath } from "./checked-program.ts";
import { constantValue } from "./elementwise-value.ts";
import { type Axis, constantOf, type IndexedValue } from "./indexed-value.ts";
import { type Emitter, type EmitterState, emitterAt } from "./node-emitter.ts";
import { evaluateSize, printSize, type Size } from "./size.ts";
import type {
  BindingTarget,
  Expression,
  IndexBinder,
  ModuleDeclaration,
  SubMember,
  TensorMember,
} from "./syntax-tree.ts";

/** One module with numbers for its parameters. The model itself has the empty path. */
export interface Instance {
  readonly module: ModuleDeclaration;
  /** Path components in checkpoints, joined by dots. */
  readonly path: string;
  /** How it was reached, for messages: `model Performer`, `encoder: Encoder`, `layer.3: EncoderLayer`. */
  readonly chain: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
  /** Parameters that are no sizes, by name. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly subs: ReadonlyMap<SubMember, InstanceArray>;
  readonly tensors: ReadonlyMap<TensorMember, InstanceTensor>;
}

/** Value of a compile-time parameter of type f32 or bool. */
export interface Setting {
  readonly value: number;
  readonly dtype: "f32" | "bool";
}

/** `counts` is empty for a single instance; `elements` are in row-major order. */
export interface InstanceArray {
  readonly counts: readonly number[];
  /** Number of the first element along each axis. */
  readonly starts: readonly number[];
  readonly elements: readonly Instance[];
}

/** A `param` or `buffer` of one instance. */
export interface InstanceTensor {
  readonly path: string;
  readonly type: TensorType;
  readonly member: TensorMember;
}

/** Inside a recurrence: what a name was one, two, … steps before, and the number of the step, from 0. */
export interface CarriedState {
  readonly values: readonly IndexedValue[];
  readonly step: IndexedValue;
}

/** One activation of a function, or the top of a module. */
export interface Frame {
  /** Numbers of all names that occur in sizes here. */
  readonly sizes: Map<string, number>;
  /** Values of lets and parameters, by the target or parameter that introduced them. */
  readonly values: Map<object, IndexedValue>;
  readonly indices: Map<IndexBinder, Axis>;
  /** Indices that count the steps of a recurrence being evaluated: one number each, known at run time. */
  readonly steps: Map<IndexBinder, IndexedValue>;
  readonly carried: Map<BindingTarget, CarriedState>;
  readonly instance?: Instance;
  /** How the enclosing module was reached. */
  readonly chain: readonly string[];
  /** Number of activations around this one. */
  readonly depth: number;
}

/** What the statements so far have written into buffers; reads after them see it, and a training keeps it. */
export interface BufferWrites {
  /** The last value written. */
  readonly values: Map<InstanceTensor, IndexedValue>;
  /** Recurrences around the statement that is being evaluated. */
  recurrences: number;
}

/** Elaboration of one program; the functions are handed around here so that files need not import each other in circles. */
export interface Elaboration {
  readonly program: CheckedProgram;
  readonly tables: CheckTables;
  readonly training: boolean;
  readonly state: EmitterState;
  readonly at: (span: Span) => Emitter;
  readonly evaluate: (expression: Expression, frame: Frame) => IndexedValue;
  /** For expressions that may have several values: tuples and calls of functions with several results. */
  readonly evaluateAll: (expression: Expression, frame: Frame) => readonly IndexedValue[];
  readonly written: BufferWrites;
  /** The node of a `param` or `buffer`, made on first use; of a buffer that was written, the new value. */
  readonly parameterValue: (tensor: InstanceTensor) => IndexedValue;
}

export function newFrame(
  instance: Instance | undefined,
  sizes: Iterable<readonly [string, number]>,
  depth: number,
): Frame {
  return {
    sizes: new Map(sizes),
    values: new Map(),
    indices: new Map(),
    steps: new Map(),
    carried: new Map(),
    ...(instance === undefined ? {} : { instance }),
    chain: instance?.chain ?? [],
    depth,
  };
}

/** The number that a size has in a frame. Refuses numbers that no array can have. */
export function sizeIn(context: Pick<Elaboration, "at">, size: Size, frame: Frame, span: Span): number {
  const result = evaluateSize(size, frame.sizes);
  switch (result.kind) {
    case "value":
      return result.value;
    case "unbound":
      throw new Error(`the size ${printSize(size)} depends on ${JSON.stringify(result.name)}, which has no number`);
    case "division-by-zero":
      return context.at(span).refuse("size/division-by-zero", `the size \`${printSize(size)}\` divides by zero`, {
        notes: sizeNotes(frame),
      });
    case "too-large":
      return context.at(span).refuse("size/too-large", `the size \`${printSize(size)}\` is beyond every array`, {
        label: `${printSize(size)} = ${result.value}`,
        notes: sizeNotes(frame),
      });
  }
}

/** Number of elements along an axis: at least 1. */
export function extentIn(context: Pick<Elaboration, "at">, size: Size, frame: Frame, span: Span): number {
  const value = sizeIn(context, size, frame, span);
  if (value >= 1) return value;
  return context.at(span).refuse("size/empty", `an axis of size \`${printSize(size)}\` has no elements`, {
    label: `${printSize(size)} = ${value}`,
    notes: sizeNotes(frame),
  });
}

/** What the sizes are here and how the module was reached, as notes of a diagnostic. */
export function sizeNotes(frame: Frame): string[] {
  const named = [...frame.sizes].filter(([name]) => !name.includes("\0"));
  const numbers = named.map(([name, value]) => `${name} = ${value}`).join(", ");
  const notes = named.length === 0 ? [] : [`sizes here: ${numbers}`];
  return frame.chain.length === 0 ? notes : [...notes, `reached through ${frame.chain.join(" → ")}`];
}

/** A member that is declared with `if` is used in an instance where that does not hold. */
export function refuseAbsent(context: Elaboration, member: TensorMember | SubMember, frame: Frame, span: Span): never {
  if (member.presence === undefined) throw new Error(`no ${member.name.name} at ${span.file}:${span.line}`);
  return context.at(span).refuse("module/absent", `there is no \`${member.name.name}\` in this instance`, {
    label: `it exists where \`${writtenText(context, member.presence.span)}\``,
    notes: sizeNotes(frame),
    help: ["Use it inside an `if … { }` with the same condition."],
  });
}

/** The instance at the end of a path from the frame's own module. */
export function instanceAt(context: Elaboration, path: InstancePath, frame: Frame, span: Span): Instance {
  let instance = frame.instance;
  for (const step of path) {
    const array = instance?.subs.get(step.sub);
    if (array === undefined) refuseAbsent(context, step.sub, frame, span);
    let position = 0;
    step.elements.forEach((element, k) => {
      const count = array.counts[k] as number;
      const start = array.starts[k] as number;
      const number = constantIn(context, element, frame);
      const chosen = number - start;
      if (!(chosen >= 0 && chosen < count)) {
        context.at(element.span).refuse("index/out-of-range", `\`${step.sub.name.name}\` has no element ${number}`, {
          label: `elements are ${start} to ${start + count - 1}`,
          notes: sizeNotes(frame),
        });
      }
      position = position * count + chosen;
    });
    instance = array.elements[position];
  }
  if (instance === undefined) throw new Error(`a module is needed at ${span.file}:${span.line}`);
  return instance;
}

/** The value of a compile-time expression. */
export function constantIn(context: Elaboration, expression: Expression, frame: Frame): number {
  const value = constantOf(context.evaluate(expression, frame));
  if (value !== undefined) return value;
  return context.at(expression.span).refuse("module/not-constant", "this value is not known at compile time");
}

/** A size as a value: an integer that takes the type of whatever it meets. */
export function sizeValue(context: Elaboration, value: number, span: Span): IndexedValue {
  return constantValue(context.at(span), value, "integer");
}

/** The text of an expression as the author wrote it, on one line. */
export function writtenText(context: Pick<Elaboration, "program">, span: Span): string {
  return (context.program.sources.get(span.file) ?? "").slice(span.start, span.end).replace(/\s+/g, " ");
}

export function makeEmitters(state: EmitterState): (span: Span) => Emitter {
  return (span) => emitterAt(span, state);
}
