/**
 * Random numbers in equations: `uniform_like(x, seed)` draws one for each element of x, by position, and for each element of every
 * axis that x varies along: examples that a function is mapped over get draws of their own.
 */
import { hash64, tensorType } from "../ir/index.ts";
import type { Elaboration, Frame } from "./elaboration.ts";
import { constantValue, convert, elementwise } from "./elementwise-value.ts";
import type { IndexedValue } from "./indexed-value.ts";
import type { CallExpression, Expression } from "./syntax-tree.ts";

export function elaborateRandom(context: Elaboration, call: CallExpression, frame: Frame): IndexedValue {
  const emit = context.at(call.span);
  const named = (name: string, position: number): Expression => {
    const labelled = call.arguments.find(({ label }) => label?.name === name);
    const unlabelled = call.arguments.filter(({ label }) => label === undefined)[position];
    const argument = labelled ?? unlabelled;
    if (argument === undefined) throw new Error(`no ${name}, line ${call.span.line}`);
    return argument.value;
  };
  const x = context.evaluate(named("x", 0), frame);
  const seed = convert(
    emit,
    context.evaluate(named("seed", call.arguments[0]?.label?.name === "x" ? 0 : 1), frame),
    "u32",
  );
  const { shape } = x.node.type;
  const count = shape.reduce((product, size) => product * size, 1);
  const flat = emit.source("iota", { size: count }, tensorType("i32", [count], count));
  const places = shape.length === 1 ? flat : emit.node("reshape", [flat], { shape: [...shape] });
  const position: IndexedValue = {
    node: places,
    axes: x.axes,
    dims: x.dims.map(({ size }) => ({ size })),
    restrictions: [],
  };
  const stream = constantValue(emit, streamOf(context, frame), "u32");
  return elementwise(emit, "random", [convert(emit, position, "u32"), stream, seed]);
}

/** A number for each call in each module instance, so that layers draw differently from one seed. */
function streamOf(context: Elaboration, frame: Frame): number {
  const path = frame.instance?.path ?? "";
  const { draws } = context.state;
  const earlier = draws.get(path) ?? 0;
  draws.set(path, earlier + 1);
  return Number(hash64(`${path}#${earlier}`) & 0xffffffffn);
}
