/** Recurrent networks, by the functions of std/recurrent: weights are rearranged to PyTorch's order of gates. */
import { constantSize, type Size, subtractSizes } from "../../frontend/index.ts";
import { at, type Expression, type Index, number, sizeOf, type Variable } from "../expression.ts";
import type { StoredTensor } from "../onnx-tensor.ts";
import {
  type Call,
  integer,
  type Operator,
  type OperatorTable,
  requireRank,
  tensorOf,
  text,
  texts,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { rearranged, tensorOfNumbers } from "../stored-tensor.ts";
import { type Draft, freshIndices, place, subscriptsOf, type Value } from "../value.ts";
import { type Cell, cells } from "./recurrent-cells.ts";

/** Part of the weights of a direction: rows `first` to `first + gates · hidden` with their gates in PyTorch's order. */
function gateRows(
  tensor: StoredTensor,
  direction: number,
  first: number,
  { gates, order }: Cell,
  hidden: number,
): StoredTensor {
  const [, rows, width = 1] = tensor.shape as readonly [number, number, number | undefined];
  const shape = tensor.shape.length === 3 ? [gates * hidden, width] : [gates * hidden];
  return rearranged(tensor, shape, (position) => {
    const [row, column] = [Math.floor(position / width), position % width];
    const source = first + (order[Math.floor(row / hidden)] as number) * hidden + (row % hidden);
    return (direction * rows + source) * width + column;
  });
}

function recurrent(call: Call, cell: Cell): readonly (Draft | undefined)[] {
  const { scope } = call;
  const [x, w, r, bias, lengths] = [call.input(0), call.input(1), call.input(2), call.optional(3), call.optional(4)];
  for (const value of [x, w, r]) requireRank(value, 3);
  const [weights, recurrentWeights, biases] = [tensorOf(w), tensorOf(r), tensorOf(bias)];
  if (weights === undefined || recurrentWeights === undefined || (bias !== undefined && biases === undefined)) {
    throw new Refusal("its weights are computed by the model; export it with constants folded");
  }
  if (integer(call, "layout") === 1) throw new Refusal("its layout has the batch first; export it with layout 0");
  if (call.optional(7) !== undefined) throw new Refusal("it has peepholes");
  if (call.node.attributes.has("clip") || integer(call, "input_forget") === 1)
    throw new Refusal("it clips, or couples its gates");
  const direction = text(call, "direction") ?? "forward";
  const reversals = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
  const given = texts(call, "activations")?.map((name) => name.toLowerCase());
  if (given?.some((name, k) => name !== cell.activations[k % cell.activations.length])) {
    throw new Refusal(`its activations are ${given.join(", ")}, not ${cell.activations.join(", ")}`);
  }
  const [steps, batch] = x.shape as [Size, Size, Size];
  const hidden = recurrentWeights.shape[2] as number;
  const size = constantSize(hidden);
  const sequence = batchFirst(call, x);
  const valid = validSteps(call, steps, batch, lengths);
  const stem = call.nameOf(0);
  const zero = sharedZero(call, batch, size);
  const runs = reversals.map((reverse, k) => {
    const suffix = reverse ? "_reverse" : "";
    const parameter = (kind: string, tensor: StoredTensor) => scope.parameter(tensor, `${stem}.${kind}${suffix}`);
    const zeros = tensorOfNumbers(
      "f32",
      [reversals.length, 2 * cell.gates * hidden],
      new Float64Array(2 * reversals.length * cell.gates * hidden),
    );
    const tensors = [
      parameter("weight_ih", gateRows(weights, k, 0, cell, hidden)),
      parameter("weight_hh", gateRows(recurrentWeights, k, 0, cell, hidden)),
      parameter("bias_ih", gateRows(biases ?? zeros, k, 0, cell, hidden)),
      parameter("bias_hh", gateRows(biases ?? zeros, k, cell.gates * hidden, cell, hidden)),
    ];
    const starts = Array.from({ length: cell.states }, (_, state) =>
      initialState(call, call.optional(5 + state), k, state, zero),
    );
    const states = Array.from({ length: cell.states }, (_, state) =>
      scope.variable(`${stem}_${state === 0 ? "h" : "c"}${suffix}`, { element: "f32", shape: [batch, steps, size] }),
    );
    const operands = [sequence, valid, ...starts, ...tensors].map(
      (variable): Expression => ({ kind: "read", variable, subscripts: [] }),
    );
    scope.emit({
      kind: "whole",
      variables: states,
      body: { kind: "call", name: cell.run(call, reverse), arguments: operands },
    });
    return { reverse, states };
  });
  const last = (state: number): Draft =>
    stacked(
      call,
      runs.map(({ reverse, states }) => {
        const step = reverse ? place(0) : sizeOf(subtractSizes(steps, constantSize(1)));
        return ([b, k]) => ({
          kind: "read",
          variable: states[state] as Variable,
          subscripts: [b as Expression, step, k as Expression],
        });
      }),
      [batch, size],
    );
  return [
    call.isUsed(0) ? allStates() : undefined,
    call.isUsed(1) ? last(0) : undefined,
    call.isUsed(2) && cell.states === 2 ? last(1) : undefined,
  ];

  function allStates(): Draft {
    const outputs = stacked(
      call,
      runs.map(({ states }) => ([t, b, k]) => {
        const read: Expression = {
          kind: "read",
          variable: states[0] as Variable,
          subscripts: [b, t, k] as Expression[],
        };
        if (lengths === undefined) return read;
        return {
          kind: "choose",
          condition: { kind: "read", variable: valid, subscripts: [b, t] as Expression[] },
          yes: read,
          no: number(0),
        };
      }),
      [steps, batch, size],
    );
    // The directions stand between steps and batch.
    return {
      ...outputs,
      shape: [steps, constantSize(runs.length), batch, size],
      elements: ([t, d, b, k]) => (outputs.elements as NonNullable<Draft["elements"]>)([d, t, b, k] as Expression[]),
    };
  }
}

/** The sequences one after another, as functions of one sequence are mapped over them. */
function batchFirst({ scope, nameOf }: Call, x: Value): Variable {
  const [steps, batch, width] = x.shape as [Size, Size, Size];
  const shape = [batch, steps, width];
  const indices = freshIndices(shape, ["b", "t", "c"]);
  const [b, t, c] = subscriptsOf(indices) as [Expression, Expression, Expression];
  const body = scope.elements(x)([t, b, c]);
  // Exporters turn what stood like this before.
  if (
    body.kind === "read" &&
    body.subscripts.length === 3 &&
    body.subscripts.every((each, k) => each.kind === "index" && each.index === indices[k])
  ) {
    return body.variable;
  }
  const variable = scope.variable(`${nameOf(0)}_sequence`, { element: "f32", shape });
  scope.emit({ kind: "equation", variable, targets: indices.map((index) => ({ kind: "index", index })), body });
  return variable;
}

/** Which steps of each sequence are there. */
function validSteps({ scope, nameOf }: Call, steps: Size, batch: Size, lengths: Value | undefined): Variable {
  const variable = scope.variable(`${nameOf(0)}_valid`, { element: "bool", shape: [batch, steps] });
  const [b, t] = freshIndices([batch, steps], ["b", "t"]) as [Index, Index];
  const body: Expression =
    lengths === undefined
      ? { kind: "boolean", value: true }
      : { kind: "binary", operator: "<", left: at(t), right: scope.elements(lengths)([at(b)]) };
  scope.emit({ kind: "equation", variable, targets: [b, t].map((index) => ({ kind: "index", index })), body });
  return variable;
}

/** The state before the first step where the model gives none: one for all directions. */
function sharedZero({ scope, nameOf }: Call, batch: Size, size: Size): () => Variable {
  let made: Variable | undefined;
  return () => {
    if (made !== undefined) return made;
    made = scope.variable(`${nameOf(0)}_start`, { element: "f32", shape: [batch, size] });
    const targets = freshIndices([batch, size], ["b", "k"]).map((index) => ({ kind: "index", index }) as const);
    scope.emit({ kind: "equation", variable: made, targets, body: number(0) });
    return made;
  };
}

function initialState(
  call: Call,
  start: Value | undefined,
  direction: number,
  state: number,
  zero: () => Variable,
): Variable {
  if (start === undefined) return zero();
  const { scope, nameOf } = call;
  const [batch, size] = start.shape.slice(1) as [Size, Size];
  const indices = freshIndices([batch, size], ["b", "k"]);
  const [b, k] = subscriptsOf(indices) as [Expression, Expression];
  const body = scope.elements(start)([place(direction), b, k]);
  if (body.kind === "number" && body.value === 0) return zero();
  const variable = scope.variable(`${nameOf(0)}_${state === 0 ? "h" : "c"}0`, { element: "f32", shape: [batch, size] });
  scope.emit({ kind: "equation", variable, targets: indices.map((index) => ({ kind: "index", index })), body });
  return variable;
}

type Read = (subscripts: readonly Expression[]) => Expression;

/** The results of the directions under a new first axis. */
function stacked({ scope, nameOf }: Call, parts: readonly Read[], shape: readonly Size[]): Draft {
  const [only] = parts as readonly [Read];
  const all = [constantSize(parts.length), ...shape];
  if (parts.length === 1) return { element: "f32", shape: all, kind: "view", elements: ([, ...rest]) => only(rest) };
  const variables = parts.map((part, k) => {
    const variable = scope.variable(`${nameOf(0)}_${k === 0 ? "forward" : "backward"}`, { element: "f32", shape });
    const indices = freshIndices(shape);
    scope.emit({
      kind: "equation",
      variable,
      targets: indices.map((index) => ({ kind: "index", index })),
      body: part(subscriptsOf(indices)),
    });
    return variable;
  });
  const both = scope.variable(`${nameOf(0)}_both`, { element: "f32", shape: all });
  const items = variables.map((variable): Expression => ({ kind: "read", variable, subscripts: [] }));
  scope.emit({ kind: "whole", variables: [both], body: { kind: "list", items } });
  return {
    element: "f32",
    shape: all,
    kind: "view",
    elements: (subscripts) => ({ kind: "read", variable: both, subscripts }),
  };
}

const lstm: Operator = (call) => recurrent(call, cells.lstm);
const gru: Operator = (call) =>
  recurrent(call, integer(call, "linear_before_reset") === 1 ? cells.gru : cells.gruResetFirst);
const rnn: Operator = (call) => {
  const activation = texts(call, "activations")?.[0]?.toLowerCase() ?? "tanh";
  return recurrent(call, activation === "relu" ? cells.rnnRelu : cells.rnnTanh);
};

export const recurrentOperators: OperatorTable = { LSTM: lstm, GRU: gru, RNN: rnn };
