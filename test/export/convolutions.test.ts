/** Contractions and reductions of windows: which become `Conv` and `MaxPool`, and that all mean the same. */
import { expect, it } from "vitest";
import { parseGraph } from "../../src/ir/index.ts";
import { randomValues } from "../ir/random-graph.ts";
import { differenceOf, exportWith } from "./onnx-session.ts";

interface Case {
  readonly about: string;
  readonly x: string;
  readonly w?: string;
  readonly window: string;
  readonly then: string;
  /** The operator that stands for both, or none. */
  readonly becomes?: "Conv" | "MaxPool";
}

const cases: readonly Case[] = [
  {
    about: "one channel, no batch",
    x: "f32[7, 8]",
    w: "f32[3, 2]",
    window: 'f32[5, 3, 7, 2] = window "y + i, x + j -> y i x j" %x shape=[5, 3, 7, 2]',
    then: 'f32[5, 7] = contract "y i x j, i j -> y x" %v, %w',
    becomes: "Conv",
  },
  {
    about: "strides, padding and dilation",
    x: "f32[2, 3, 9, 9]",
    w: "f32[4, 3, 3, 3]",
    window:
      'f32[2, 3, 3, 5, 5, 3] = window "b, c, 2 y + 2 i - 2, 2 x + j - 1 -> b c i y x j" %x shape=[2, 3, 3, 5, 5, 3]',
    then: 'f32[4, 2, 5, 5] = contract "o c i j, b c i y x j -> o b y x" %w, %v',
    becomes: "Conv",
  },
  {
    about: "groups that split the channels",
    x: "f32[1, 6, 5]",
    w: "f32[2, 4, 3, 3]",
    window: 'f32[1, 2, 3, 5, 3] = window "b, 3 g + c, x + i - 1 -> b g c x i" %x shape=[1, 2, 3, 5, 3]',
    then: 'f32[1, 2, 4, 5] = contract "g o c i, b g c x i -> b g o x" %w, %v',
    becomes: "Conv",
  },
  {
    about: "each channel by itself",
    x: "f32[4, 6]",
    w: "f32[4, 3]",
    window: 'f32[4, 6, 3] = window "c, x + i - 1 -> c x i" %x shape=[4, 6, 3]',
    then: 'f32[6, 4] = contract "c x i, c i -> x c" %v, %w',
    becomes: "Conv",
  },
  {
    about: "three spatial axes",
    x: "f32[2, 4, 4, 4]",
    w: "f32[3, 2, 2, 2, 2]",
    window:
      'f32[2, 3, 2, 3, 2, 3, 2] = window "c, z + k, y + i, x + j -> c z k y i x j" %x shape=[2, 3, 2, 3, 2, 3, 2]',
    then: 'f32[3, 3, 3, 3] = contract "c z k y i x j, o c k i j -> o z y x" %v, %w',
    becomes: "Conv",
  },
  {
    about: "a window that leaves out the end of its axis",
    x: "f32[9]",
    w: "f32[2]",
    window: 'f32[3, 2] = window "x + i -> x i" %x shape=[3, 2]',
    then: 'f32[3] = contract "x i, i -> x" %v, %w',
  },
  {
    about: "padding that is no zero",
    x: "f32[5]",
    w: "f32[3]",
    window: 'f32[5, 3] = window "x + i - 1 -> x i" %x shape=[5, 3] value=1',
    then: 'f32[5] = contract "x i, i -> x" %v, %w',
  },
  {
    about: "a transposed convolution",
    x: "f32[2, 4]",
    w: "f32[2, 3, 3]",
    window: 'f32[2, 8, 3] = window "c, (x - i + 1) / 2 -> c x i" %x shape=[2, 8, 3]',
    then: 'f32[3, 8] = contract "c x i, c o i -> o x" %v, %w',
  },
  {
    about: "taps that turn around",
    x: "f32[6]",
    w: "f32[3]",
    window: 'f32[6, 3] = window "x - i + 1 -> x i" %x shape=[6, 3]',
    then: 'f32[6] = contract "x i, i -> x" %v, %w',
  },
  {
    about: "a causal sum",
    x: "f32[5]",
    w: "f32[3]",
    window: 'f32[5, 3] = window "x + i - 2 -> x i" %x shape=[5, 3]',
    then: 'f32[5] = contract "x i, i -> x" %v, %w where="i <= x"',
  },
  {
    about: "pooling with padding below every number",
    x: "f32[2, 3, 9, 8]",
    window:
      'f32[2, 3, 5, 3, 4, 3] = window "b, c, 2 y + i - 1, 2 x + j - 1 -> b c y i x j" %x shape=[2, 3, 5, 3, 4, 3] value=-inf',
    then: 'f32[2, 3, 5, 4] = maximum "b c y i x j -> b c y x" %v',
    becomes: "MaxPool",
  },
  {
    about: "pooling with padding above most numbers",
    x: "f32[3, 7]",
    window: 'f32[3, 7, 3] = window "c, x + i - 1 -> c x i" %x shape=[3, 7, 3] value=0.25',
    then: 'f32[3, 7] = maximum "c x i -> c x" %v',
    becomes: "MaxPool",
  },
  {
    about: "the largest of all channels too",
    x: "f32[3, 7]",
    window: 'f32[3, 5, 3] = window "c, x + i -> c x i" %x shape=[3, 5, 3]',
    then: 'f32[5] = maximum "c x i -> x" %v',
  },
  {
    about: "the mean of a window",
    x: "f32[3, 8]",
    window: 'f32[3, 4, 2] = window "c, 2 x + i -> c x i" %x shape=[3, 4, 2]',
    then: 'f32[3, 4] = sum "c x i -> c x" %v',
  },
];

it.each(cases)("$about", async ({ x, w, window, then, becomes }) => {
  const weights = w === undefined ? [] : [`  %w: ${w} = parameter "w"`];
  const lines = [
    "graph g {",
    `  %x: ${x} = input "x"`,
    ...weights,
    `  %v: ${window}`,
    `  %y: ${then}`,
    "  return y = %y",
    "}",
  ];
  const graph = parseGraph(lines.join("\n"));
  const values = randomValues(graph, 5);
  expect(await differenceOf(graph, values)).toBeLessThan(1e-5);
  const exported = exportWith(graph, values);
  const operators = exported.kind === "exported" ? Object.keys(exported.operators) : [];
  expect(operators.filter((name) => name === "Conv" || name === "MaxPool")).toEqual(
    becomes === undefined ? [] : [becomes],
  );
});
