/** The question parser of NS-VQA written out in float64 for one question, independent of the compiler. */
import type { Values } from "./compile-model.ts";

type Vector = readonly number[];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** What may be chosen about the decoder. */
export interface ParserSettings {
  readonly masked: boolean;
  readonly learnt: boolean;
  readonly direct: boolean;
}

/** A parser from its parameters by path. */
export function questionParser(parameters: ReadonlyMap<string, Values>, settings: ParserSettings) {
  const matrix = (path: string): Vector[] => {
    const { shape, data } = parameters.get(path)!;
    const [rows, columns] = shape as [number, number];
    return Array.from({ length: rows }, (_, r) => Array.from(data).slice(r * columns, (r + 1) * columns));
  };
  const vector = (path: string): Vector => Array.from(parameters.get(path)!.data);
  const linear = (path: string, x: Vector) => {
    const bias = vector(`${path}.bias`);
    return matrix(`${path}.weight`).map((row, o) => dot(row, x) + bias[o]!);
  };
  const cell = (rnn: string, suffix: string) => {
    const [inner, recurrent] = [matrix(`${rnn}.weight_ih_${suffix}`), matrix(`${rnn}.weight_hh_${suffix}`)];
    const [innerBias, recurrentBias] = [vector(`${rnn}.bias_ih_${suffix}`), vector(`${rnn}.bias_hh_${suffix}`)];
    return (x: Vector, h: Vector, c: Vector): [Vector, Vector] => {
      const z = inner.map((row, o) => dot(row, x) + innerBias[o]! + dot(recurrent[o]!, h) + recurrentBias[o]!);
      const n = h.length;
      const next = c.map((old, k) => sigmoid(z[n + k]!) * old + sigmoid(z[k]!) * Math.tanh(z[2 * n + k]!));
      return [next.map((value, k) => sigmoid(z[3 * n + k]!) * Math.tanh(value)), next];
    };
  };
  const sequence = (rnn: string, suffix: string, inputs: readonly Vector[], h: Vector, c: Vector) => {
    const step = cell(rnn, suffix);
    let state: [Vector, Vector] = [h, c];
    const outputs = inputs.map((x) => {
      state = step(x, ...state);
      return state[0];
    });
    return { outputs, state };
  };

  /** e for each word, zeros for padding up to the length of the array, and the decoder's first states. */
  function encode(question: readonly number[]) {
    const words = matrix("encoder.embedding.weight");
    let inputs = question.filter((word) => word !== 0).map((word) => words[word]!);
    const hidden = parameters.get("encoder.rnn.weight_hh_l0")!.shape[1]!;
    const zero = Array.from({ length: hidden }, () => 0);
    const first = ["l0", "l1"].map((layer) => {
      const forward = sequence("encoder.rnn", layer, inputs, zero, zero);
      const backward = sequence("encoder.rnn", `${layer}_reverse`, inputs.toReversed(), zero, zero);
      const outputs = backward.outputs.toReversed();
      inputs = forward.outputs.map((h, i) => [...h, ...outputs[i]!]);
      return [0, 1].map((part) => [...forward.state[part]!, ...backward.state[part]!]) as unknown as [Vector, Vector];
    });
    const padding = question.slice(inputs.length).map(() => [...zero, ...zero]);
    return { e: [...inputs, ...padding], words: inputs.length, first };
  }

  function scores(q: Vector, e: readonly Vector[], words: number): number[] {
    const weight = settings.learnt ? matrix("decoder.attention.attn_weight.weight") : undefined;
    const query =
      weight === undefined
        ? q
        : q.map((_, b) =>
            dot(
              q,
              weight.map((row) => row[b]!),
            ),
          );
    const seen = settings.masked ? e.slice(0, words) : e;
    const exponentials = seen.map((each) => Math.exp(dot(query, each)));
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    const context = q.map((_, b) => seen.reduce((sum, each, i) => sum + (exponentials[i]! / total) * each[b]!, 0));
    const both = [...context, ...q];
    return linear(
      "decoder.out_linear",
      settings.direct ? both : linear("decoder.attention.linear_out", both).map(Math.tanh),
    );
  }

  /** log p of every function at each step, where `next` tells the function after those so far and their scores. */
  function decode(question: readonly number[], steps: number, next: (t: number, logProbabilities: Vector) => number) {
    const { e, words, first } = encode(question);
    const functions = matrix("decoder.embedding.weight");
    const cells = [cell("decoder.rnn", "l0"), cell("decoder.rnn", "l1")] as const;
    let [lower, upper] = first as [[Vector, Vector], [Vector, Vector]];
    let previous = 1;
    return Array.from({ length: steps }, (_, t) => {
      lower = cells[0](functions[previous]!, ...lower);
      upper = cells[1](lower[0], ...upper);
      const s = scores(upper[0], e, words);
      const logTotal = Math.log(s.reduce((sum, value) => sum + Math.exp(value), 0));
      const logProbabilities = s.map((value) => value - logTotal);
      previous = next(t, logProbabilities);
      return { logProbabilities, chosen: previous };
    });
  }
  return { decode };
}
