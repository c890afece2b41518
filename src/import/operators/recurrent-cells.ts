/** The cells of recurrent networks: which function runs them, and how their gates are ordered. */
import type { Call } from "../operator.ts";

/** One kind of cell. */
export interface Cell {
  /** How many rows of weights each unit has. */
  readonly gates: number;
  /** PyTorch's gates by their numbers in ONNX. */
  readonly order: readonly number[];
  readonly activations: readonly string[];
  /** Carried values: h, or h and c. */
  readonly states: 1 | 2;
  /** The function that runs a sequence, towards its end or its beginning. */
  readonly run: (call: Call, reverse: boolean) => string;
}

/** A cell of the library. */
const fromLibrary =
  (name: string) =>
  ({ scope }: Call, reverse: boolean): string =>
    scope.use("std/recurrent", reverse ? `${name}_reverse` : name);

/** A cell written out beside the model; `step` computes `next` from x and h. */
const writtenOut =
  (name: string, gates: number, comment: string, step: readonly string[]) =>
  ({ scope }: Call, reverse: boolean): string => {
    const rows = gates === 1 ? "H" : `${gates} * H`;
    const parameters = `weight_ih: f32[${rows}, I], weight_hh: f32[${rows}, H], bias_ih: f32[${rows}], bias_hh: f32[${rows}]`;
    const given = "weight_ih, weight_hh, bias_ih, bias_hh";
    scope.names.reserve(`${name}_step`);
    scope.helpers.set(
      `${name}_step`,
      `/// ${comment} Where the step is padding, the state stays.\nfn ${name}_step<I, H>(valid: bool, x: f32[I], h: f32[H], ${parameters}) -> f32[H] {\n${step.join("\n")}\nlet kept[k] = if valid then next[k] else h[k]\nreturn kept\n}`,
    );
    const own = reverse ? `${name}_reverse` : name;
    const [before, start] = reverse ? ["t+1", "T"] : ["t-1", "-1"];
    scope.names.reserve(own);
    scope.helpers.set(
      own,
      `fn ${own}<T, I, H>(x: f32[T, I], valid: bool[T], h0: f32[H], ${parameters}) -> f32[T, H] {\nlet h[t] = ${name}_step(valid[t], x[t], h[${before}], ${given})  where h[${start}] = h0\nreturn h\n}`,
    );
    return own;
  };

const plainStep = (activation: string) => [
  `let next[o] = ${activation}((sum[k] weight_ih[o, k] * x[k]) + bias_ih[o] + (sum[k] weight_hh[o, k] * h[k]) + bias_hh[o])`,
];

const resetFirst = [
  "let a[o] = (sum[k] weight_ih[o, k] * x[k]) + bias_ih[o]",
  "let W[g: 3, o: H, k] = weight_hh[(g o), k]",
  "let b[g: 3, o: H] = bias_hh[(g o)]",
  "let from_x[g: 3, o: H] = a[(g o)]",
  "let r[o] = σ(from_x[0, o] + (sum[k] W[0, o, k] * h[k]) + b[0, o])",
  "let z[o] = σ(from_x[1, o] + (sum[k] W[1, o, k] * h[k]) + b[1, o])",
  "let n[o] = tanh(from_x[2, o] + (sum[k] W[2, o, k] * r[k] * h[k]) + b[2, o])",
  "let next[o] = (1 - z[o]) * n[o] + z[o] * h[o]",
];

export const cells = {
  lstm: {
    gates: 4,
    order: [0, 2, 3, 1],
    activations: ["sigmoid", "tanh", "tanh"],
    states: 2,
    run: fromLibrary("lstm"),
  },
  gru: { gates: 3, order: [1, 0, 2], activations: ["sigmoid", "tanh"], states: 1, run: fromLibrary("gru") },
  gruResetFirst: {
    gates: 3,
    order: [1, 0, 2],
    activations: ["sigmoid", "tanh"],
    states: 1,
    run: writtenOut(
      "gru_reset_first",
      3,
      "A gated recurrent unit that resets the state before its product (Cho et al. 2014).",
      resetFirst,
    ),
  },
  rnnTanh: {
    gates: 1,
    order: [0],
    activations: ["tanh"],
    states: 1,
    run: writtenOut("rnn_tanh", 1, "tanh(W x + U h + b) (Elman 1990).", plainStep("tanh")),
  },
  rnnRelu: {
    gates: 1,
    order: [0],
    activations: ["relu"],
    states: 1,
    run: writtenOut("rnn_relu", 1, "relu(W x + U h + b).", plainStep("relu")),
  },
} as const satisfies Readonly<Record<string, Cell>>;
