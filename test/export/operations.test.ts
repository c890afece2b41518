/** Every operation record as ONNX: small graphs run by onnxruntime, and what is refused with its reason. */
import { describe, expect, it } from "vitest";
import { unsupportedIn } from "../../src/export/index.ts";
import { operationOf, operations, parseGraph } from "../../src/ir/index.ts";
import { randomValues } from "../ir/random-graph.ts";
import { graphOf, valuesFor } from "../ir/text-evaluation.ts";
import { differenceOf } from "./onnx-session.ts";

type Case = readonly [types: readonly string[], line: string, lists?: readonly (readonly number[])[]];

const f = ["f32[3, 4]"];
const ff = ["f32[3, 4]", "f32[3, 4]"];
const ii = ["i32[6]", "i32[6]"];
const uu = ["u32[4]", "u32[4]"];
const bb = ["bool[4]", "bool[4]"];
const positive = [[0.1, 1, 2, 7.5, 0.3, 4, 9, 100, 3, 0.01, 1.5, 2.5]];
const halves = [[0.5, 1.5, -2.5, -0.5, 2.4, -2.6, 0, 1e6, -3, 3, 0.1, -0.1]];
const pairs = [positive[0] as number[], [2, -1, 0.5, 3, 0, 1, -2, 0.5, 2, 1, -3, 0.5]];
const lowest = -(2 ** 31);
const whole = [
  [7, -7, 7, -7, 5, lowest],
  [2, 2, -2, -2, 0, -1],
];
const unsigned = [
  [2 ** 32 - 1, 5, 7, 4_000_000_000],
  [3, 7, 0, 4_000_000_000],
];
const flags = [
  [0, 0, 1, 1],
  [0, 1, 0, 1],
];

/** Cases by operation; values that a case does not give are drawn. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  input: [[["f32[2]"], "f32[2] = neg %x"]],
  parameter: [[["f32[2]"], 'f32[3] = parameter "w"']],
  constant: [
    [["f32[2]"], "f32[2, 2] = constant values=[0.1, -inf, 3e38, 5]"],
    [["f32[2]"], "i32[2, 3] = constant values=[-7]"],
    [["f32[2]"], "u32 = constant values=[4294967295]"],
    [["f32[2]"], "bool[2] = constant values=[1, 0]"],
  ],
  iota: [[["f32[2]"], "idx<5>[5] = iota size=5"]],
  neg: [
    [f, "f32[3, 4] = neg %x"],
    [uu, "u32[4] = neg %x", unsigned],
  ],
  abs: [[f, "f32[3, 4] = abs %x"]],
  sign: [[f, "f32[3, 4] = sign %x"]],
  exp: [[f, "f32[3, 4] = exp %x"]],
  log: [[f, "f32[3, 4] = log %x", positive]],
  sqrt: [[f, "f32[3, 4] = sqrt %x", positive]],
  rsqrt: [[f, "f32[3, 4] = rsqrt %x", positive]],
  sin: [[f, "f32[3, 4] = sin %x"]],
  cos: [[f, "f32[3, 4] = cos %x"]],
  tan: [[f, "f32[3, 4] = tan %x", [[0.1, 1, -1, 0.5, 0, 2, 3, -2, 0.7, 0.2, 1.2, -0.3]]]],
  tanh: [[f, "f32[3, 4] = tanh %x"]],
  erf: [[f, "f32[3, 4] = erf %x"]],
  floor: [[f, "f32[3, 4] = floor %x", halves]],
  ceil: [[f, "f32[3, 4] = ceil %x", halves]],
  round: [[f, "f32[3, 4] = round %x", halves]],
  stop_gradient: [[f, "f32[3, 4] = stop_gradient %x"]],
  not: [[bb, "bool[4] = not %x", flags]],
  add: [
    [["f32[3, 4]", "f32"], "f32[3, 4] = add %y, %x"],
    [["i32[2]", "i32"], "i32[2] = add %x, %y", [[2 ** 31 - 1, 5], [1]]],
    [uu, "u32[4] = add %x, %y", unsigned],
  ],
  sub: [
    [ff, "f32[3, 4] = sub %x, %y"],
    [uu, "u32[4] = sub %x, %y", unsigned],
  ],
  mul: [
    [ff, "f32[3, 4] = mul %x, %y"],
    [["i32", "i32"], "i32 = mul %x, %y", [[123456789], [987654321]]],
    [uu, "u32[4] = mul %x, %y", unsigned],
  ],
  div: [
    [ff, "f32[3, 4] = div %x, %y"],
    [ii, "i32[6] = div %x, %y", whole],
    [uu, "u32[4] = div %x, %y", unsigned],
  ],
  mod: [
    [
      ["f32[4]", "f32[4]"],
      "f32[4] = mod %x, %y",
      [
        [5.5, -5.5, 5.5, 6],
        [2, 2, -2, 4],
      ],
    ],
    [ii, "i32[6] = mod %x, %y", whole],
    [uu, "u32[4] = mod %x, %y", unsigned],
  ],
  pow: [[ff, "f32[3, 4] = pow %x, %y", pairs]],
  max: [
    [ff, "f32[3, 4] = max %x, %y"],
    [ii, "i32[6] = max %x, %y", whole],
    [uu, "u32[4] = max %x, %y", unsigned],
  ],
  min: [
    [ff, "f32[3, 4] = min %x, %y"],
    [uu, "u32[4] = min %x, %y", unsigned],
  ],
  eq: [
    [ii, "bool[6] = eq %x, %y", whole],
    [bb, "bool[4] = eq %x, %y", flags],
  ],
  ne: [
    [
      ["f32[4]", "f32[4]"],
      "bool[4] = ne %x, %y",
      [
        [1, 2, 3, -1],
        [1, 0, 3, 1],
      ],
    ],
    [bb, "bool[4] = ne %x, %y", flags],
  ],
  lt: [
    [ff, "bool[3, 4] = lt %x, %y"],
    [bb, "bool[4] = lt %x, %y", flags],
    [uu, "bool[4] = lt %x, %y", unsigned],
  ],
  le: [[ii, "bool[6] = le %x, %y", whole]],
  gt: [[["f32[3]", "f32"], "bool[3] = gt %y, %x"]],
  ge: [[bb, "bool[4] = ge %x, %y", flags]],
  and: [[bb, "bool[4] = and %x, %y", flags]],
  or: [[bb, "bool[4] = or %x, %y", flags]],
  xor: [[bb, "bool[4] = xor %x, %y", flags]],
  select: [
    [["bool[3]", "f32", "f32[3]"], "f32[3] = select %x, %y, %z"],
    [["bool[4]", "bool[4]", "bool"], "bool[4] = select %x, %y, %z"],
    [["bool", "u32[2]", "u32[2]"], "u32[2] = select %x, %y, %z"],
    [["bool[2]", "i32", "i32"], "i32[2] = select %x, %y, %z"],
  ],
  cast: [
    [["f32[6]"], 'i32[6] = cast %x to="i32"', [[1.9, -1.9, 3e9, -3e9, Number.POSITIVE_INFINITY, 0]]],
    [["f32[4]"], 'u32[4] = cast %x to="u32"', [[1.9, -1.9, 5e9, 4e9]]],
    [["f32[3]"], 'idx<9>[3] = cast %x to="i32" below=9', [[0, 8.5, 3]]],
    [["f32[3]"], 'bool[3] = cast %x to="bool"', [[0, 0.25, -1]]],
    [["i32[3]"], 'u32[3] = cast %x to="u32"', [[-1, 5, lowest]]],
    [["u32[3]"], 'i32[3] = cast %x to="i32"', [[2 ** 32 - 1, 5, 2 ** 31]]],
    [["u32[3]"], 'f32[3] = cast %x to="f32"', [[2 ** 32 - 1, 5, 2 ** 31]]],
    [["bool[2]"], 'u32[2] = cast %x to="u32"', [[1, 0]]],
    [["bool[2]"], 'f32[2] = cast %x to="f32"', [[1, 0]]],
    // f16 keeps 11 bits; the difference of what f16 loses is not in the reference, so the numbers are exact in it.
    [["f32[3]"], 'f16[3] = cast %x to="f16"\n  %s: f32[3] = cast %r to="f32"', [[1.5, -2048, 0.125]]],
  ],
  contract: [
    [["f32[5, 3]", "f32[3, 4]"], 'f32[5, 4] = contract "i k, k j -> i j" %x, %y'],
    [["f32[5, 3]", "f32[4, 3]"], 'f32[4, 5] = contract "i k, j k -> j i" %x, %y'],
    [["f32[2, 5, 3]", "f32[2, 3, 4]"], 'f32[2, 5, 4] = contract "b i k, b k j -> b i j" %x, %y'],
    [["f32[2, 5, 3]", "f32[3]"], 'f32[2, 5] = contract "b i k, k -> b i" %x, %y'],
    [["f32[2, 5, 3]", "f32[2, 3, 4]"], 'f32[5, 4] = contract "b i k, b k j -> i j" %x, %y'],
    [["f32[3]", "f32[4]", "f32"], 'f32[4, 3] = contract "i, j, -> j i" %x, %y, %z'],
    [["f32[3, 4]", "f32[4, 5]", "f32[5]"], 'f32[3] = contract "i j, j k, k -> i" %x, %y, %z'],
    [["f32[3, 3, 2]"], 'f32[2, 3] = contract "i i c -> c i" %x'],
    [["f32[3, 4]"], 'f32 = contract "i j -> " %x'],
    [["f32[4, 3]", "f32[4, 3]"], 'f32[4] = contract "i r, j r -> i" %x, %y where="j <= i"'],
    [["f32[4, 4]", "f32[4]"], 'f32[4] = contract "i j, j -> i" %x, %y where="j <= i, i <= j + 1"'],
    [["i32[3, 4]", "i32[4, 2]"], 'i32[3, 2] = contract "i k, k j -> i j" %x, %y'],
    [
      ["u32[2]", "u32[2]"],
      'u32 = contract "i, i -> " %x, %y',
      [
        [4_000_000_000, 5],
        [3, 7],
      ],
    ],
    [
      ["i32[2]", "i32[2]"],
      'i32 = contract "i, i -> " %x, %y',
      [
        [123456789, 5],
        [987654321, 2 ** 31 - 1],
      ],
    ],
    [["f32[0, 3]", "f32[0]"], 'f32[3] = contract "i j, i -> j" %x, %y', [[], []]],
  ],
  sum: [
    [f, 'f32[4] = sum "i j -> j" %x'],
    [["f32[4, 4]"], 'f32[4] = sum "i j -> i" %x where="j <= i"'],
    [["u32[3]"], 'u32 = sum "i -> " %x', [[4_000_000_000, 4_000_000_000, 7]]],
    [["f32[0, 2]"], 'f32[2] = sum "i j -> j" %x', [[]]],
    [["i32[3]"], 'i32 = sum "i -> " %x', [[2 ** 31 - 1, 2 ** 31 - 1, 7]]],
  ],
  product: [
    [f, 'f32[3] = product "i j -> i" %x'],
    [["i32[3]"], 'i32 = product "i -> " %x', [[65536, 65536, 3]]],
  ],
  maximum: [
    [["f32[2, 2]"], 'f32[2] = maximum "i j -> i" %x', [[-Infinity, -Infinity, -Infinity, 3]]],
    [["u32[2, 2]"], 'u32[2] = maximum "i j -> i" %x', [[4_000_000_000, 1, 0, 0]]],
    [f, 'f32 = maximum "i j -> " %x'],
    [["f32[4, 4]"], 'f32[4] = maximum "i j -> i" %x where="j + 1 <= i"'],
    [["i32[4, 4]"], 'i32[4] = maximum "i j -> i" %x where="j + 1 <= i"'],
  ],
  minimum: [
    [["f32[2, 2]"], 'f32[2] = minimum "i j -> i" %x', [[Infinity, Infinity, Infinity, 3]]],
    [f, 'f32[4] = minimum "i j -> j" %x'],
    [["u32[4]"], 'u32 = minimum "i -> " %x', [[3_000_000_000, 2_900_000_000, 4, 7]]],
  ],
  any: [[["bool[3, 4]"], 'bool[3] = any "i j -> i" %x']],
  all: [[["bool[3, 4]"], 'bool[4] = all "i j -> j" %x where="j <= i"']],
  argmax: [
    [["f32[2, 4]"], 'idx<4>[2] = argmax "i j -> i" %x', [[1, 3, 3, 2, 5, 5, 1, 0]]],
    [["i32[3, 4]"], 'idx<4>[3] = argmax "i j -> i" %x where="i <= j"'],
  ],
  argmin: [[["f32[4, 2]"], 'idx<4>[2] = argmin "i j -> j" %x', [[1, 3, 3, 2, 1, 2, 5, 5]]]],
  cumulative_sum: [
    [f, "f32[3, 4] = cumulative_sum %x axis=0"],
    [f, "f32[3, 4] = cumulative_sum %x axis=1 exclusive=true reverse=true"],
    [["i32[3]"], "i32[3] = cumulative_sum %x axis=0", [[2 ** 31 - 1, 2 ** 31 - 1, 7]]],
    [["u32[3]"], "u32[3] = cumulative_sum %x axis=0", [[4_000_000_000, 4_000_000_000, 7]]],
  ],
  cumulative_product: [
    [f, "f32[3, 4] = cumulative_product %x axis=1 exclusive=true"],
    [f, "f32[3, 4] = cumulative_product %x axis=0 reverse=true"],
  ],
  cumulative_maximum: [
    [f, "f32[3, 4] = cumulative_maximum %x axis=0 reverse=true"],
    [["i32[5]"], "i32[5] = cumulative_maximum %x axis=0"],
  ],
  cumulative_minimum: [[f, "f32[3, 4] = cumulative_minimum %x axis=1"]],
  linear_recurrence: [
    [ff, "f32[3, 4] = linear_recurrence %x, %y axis=1"],
    [ff, "f32[3, 4] = linear_recurrence %x, %y axis=0 reverse=true"],
  ],
  reshape: [
    [f, "f32[2, 6] = reshape %x shape=[2, 6]"],
    [["f32[1]"], "f32 = reshape %x shape=[]"],
  ],
  transpose: [[["bool[2, 3, 4]"], "bool[4, 2, 3] = transpose %x permutation=[2, 0, 1]"]],
  broadcast: [
    [["f32[3]"], "f32[2, 3, 4] = broadcast %x shape=[2, 3, 4] axes=[1]"],
    [["u32"], "u32[2, 2] = broadcast %x shape=[2, 2] axes=[]"],
  ],
  slice: [[["i32[5, 6]"], "i32[2, 3] = slice %x starts=[1, 0] sizes=[2, 3] steps=[3, 2]"]],
  pad: [
    [f, "f32[5, 5] = pad %x low=[2, 0] high=[0, 1] value=-0.5"],
    [["i32[2]"], "i32[4] = pad %x low=[1] high=[1] value=7"],
    [["bool[2]"], "bool[4] = pad %x low=[1] high=[1] value=1"],
  ],
  concat: [[["f32[2, 3]", "f32[2, 1]"], "f32[2, 4] = concat %x, %y axis=1"]],
  reverse: [[["f32[2, 3, 4]"], "f32[2, 3, 4] = reverse %x axes=[0, 2]"]],
  approximate: [[["f32[3]", "f32[3]"], 'f32[3] = approximate "favor" %x, %y']],
  window: [
    [["f32[2, 7]"], 'f32[2, 3, 4] = window "c, 2 y + k - 1 -> c k y" %x shape=[2, 3, 4] value=0.5'],
    [["f32[5]"], 'f32[4, 3] = window "(y - k + 1) / 2 -> y k" %x shape=[4, 3]'],
    [["f32[6, 3]"], 'f32[2, 3, 3, 2] = window "3 g + c, x -> g x c b" %x shape=[2, 3, 3, 2]'],
    [["i32[4, 4]"], 'i32[4] = window "i, i + 1 -> i" %x shape=[4] value=-1'],
    [["f32[3, 4]"], 'f32[4] = window "2, j -> j" %x shape=[4]'],
  ],
  gather: [
    [["f32[5, 3]", "idx<5>[4]"], 'f32[4, 3] = gather "v c, l -> l c" %x, %y at="v"'],
    [["f32[3, 5]", "idx<5>[4, 2]"], 'f32[2, 3, 4] = gather "c v, l m -> m c l" %x, %y at="v"'],
    [["f32[4, 5]", "idx<5>[4]"], 'f32[4] = gather "l v, l -> l" %x, %y at="v"'],
    [["i32[3, 4, 5]", "idx<4>[5, 2]"], 'i32[2, 5, 3] = gather "b v l, l m -> m l b" %x, %y at="v"'],
    [["u32[5]", "idx<5>"], 'u32 = gather "v, -> " %x, %y at="v"'],
  ],
  scatter: [
    [["f32[4, 3]", "idx<5>[4]"], 'f32[5, 3] = scatter "l c, l -> v c" %x, %y at="v" size=5'],
    [["f32[4, 3]", "idx<2>[4]"], 'f32[3, 2] = scatter "l c, l -> c v" %x, %y at="v" size=2'],
    [["i32[4]", "idx<3>[4, 2]"], 'i32[3, 2] = scatter "l, l m -> v m" %x, %y at="v" size=3'],
    [["f32[4, 3]", "idx<3>[4]"], 'f32[3] = scatter "l c, l -> v" %x, %y at="v" size=3'],
  ],
  argsort: [
    [["f32[2, 6]"], "idx<6>[2, 6] = argsort %x axis=1", [[3, 1, 3, 2, 1, 3, 0, 0, -1, 5, 5, 2]]],
    [["f32[6]"], "idx<6>[6] = argsort %x axis=0 descending=true", [[3, 1, 3, 2, 1, 3]]],
    [["u32[4]"], "idx<4>[4] = argsort %x axis=0", unsigned],
  ],
  loop: [
    [
      ["f32[4, 2]", "f32[2]"],
      `f32[4, 2, 2] = loop %y, %x steps=4 carried=1 {
    graph body {
      %0: f32[2] = input "h"
      %1: f32[4, 2] = input "x"
      %2: idx<4> = input "step"
      %3: f32[2] = gather "v c, -> c" %1, %2 at="v"
      %4: f32[2] = add %0, %3
      %5: f32[2] = cumulative_product %4 axis=0
      %6: f32[1, 2] = reshape %4 shape=[1, 2]
      %7: f32[1, 2] = reshape %5 shape=[1, 2]
      %8: f32[2, 2] = concat %6, %7 axis=0
      return h = %5, row = %8
    }
  }`,
    ],
    // No state at all, and a row that the body only passes on.
    [
      ["f32[2]"],
      `f32[3, 2] = loop %x steps=3 carried=0 {
    graph body {
      %0: f32[2] = input "x"
      %1: idx<3> = input "step"
      return row = %0
    }
  }`,
    ],
  ],
};

/** Operations without a form in ONNX: the smallest graph, and what is said of it. */
const refused: Readonly<Record<string, readonly [types: readonly string[], line: string, says: RegExp]>> = {
  random: [["u32[2]", "u32", "u32"], "f32[2] = random %x, %y, %z", /random draws numbers from a counter/],
  extern: [
    ["f32[2]"],
    `f32[2] = extern "twice" %x source="" workgroups=[1, 1, 1] {
    graph body {
      %0: f32[2] = input "x"
      %1: f32[2] = add %0, %0
      return y = %1
    }
  }`,
    /extern is a kernel written by hand \(twice\)/,
  ],
};

describe("operations", () => {
  const table = Object.entries(cases).flatMap(([name, list]) =>
    list.map(([types, line, lists]) => ({ name, types, line, lists })),
  );

  it.each(table)("$name: $types $line", async ({ name, types, line, lists }) => {
    const graph = graphOf(types, line);
    if (name !== "input") expect(line).toContain(`= ${name}`);
    const values = lists === undefined ? randomValues(graph, 11) : valuesFor(graph, lists);
    expect(await differenceOf(graph, values)).toBeLessThan(1e-5);
  });

  it.each(Object.entries(refused))("%s is refused", (name, [types, line, says]) => {
    const [reason, ...others] = unsupportedIn(graphOf(types, line));
    expect(others).toEqual([]);
    expect(`${reason?.operation} ${reason?.reason}`).toMatch(says);
    expect(reason?.operation).toBe(name);
  });

  it("all have a case", () => {
    const known = new Set([...Object.keys(cases), ...Object.keys(refused)]);
    expect(operations.map(({ name }) => name).filter((name) => !known.has(name))).toEqual([]);
    expect([...known].filter((name) => operationOf(name) === undefined)).toEqual([]);
  });

  it("are refused all at once, also inside bodies, each with its places", () => {
    const graph = parseGraph(`graph f {
  %0: u32[2] = input "x"
  %1: u32 = constant values=[1]
  %2: f32[2] = random %0, %1, %1             ; a.weft:3:5+4@20
  %3: f32[2, 2] = loop %0 steps=2 carried=0 {  ; a.weft:9:1+9@90
    graph body {
      %0: u32[2] = input "x"
      %1: idx<2> = input "step"
      %2: u32 = constant values=[1]
      %3: f32[2] = random %0, %2, %2         ; a.weft:7:7+4@70
      return row = %3
    }
  }
  return y = %2, z = %3
}`);
    expect(unsupportedIn(graph)).toMatchObject([{ operation: "random", places: ["a.weft:3:5", "a.weft:7:7"] }]);
  });
});
