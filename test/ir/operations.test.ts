/** Every operation against values computed by hand, and the quick paths against the plain definition. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  evaluateGraph,
  IrError,
  indexSizes,
  largestF32,
  makeBuilder,
  makeNode,
  type Node,
  operations,
  parseConstraints,
  parseSpec,
  satisfies,
  stridesOf,
  tensorOf,
  tensorType,
} from "../../src/ir/index.ts";
import { uniforms } from "./random-graph.ts";
import { evaluateLine } from "./text-evaluation.ts";

type Case = readonly [
  types: readonly string[],
  line: string,
  lists: readonly (readonly number[])[],
  result: readonly number[],
];

const f = ["f32[4]"];
const ff = ["f32[4]", "f32[4]"];
const ii = ["i32[4]", "i32[4]"];
const bb = ["bool[4]", "bool[4]"];
const flagsX = [0, 0, 1, 1];
const flagsY = [0, 1, 0, 1];
const { E, PI, SQRT2, LN2 } = Math;

const elementwiseCases: readonly Case[] = [
  [f, "f32[4] = neg %x", [[1, -2, 0.5, 3]], [-1, 2, -0.5, -3]],
  [["i32[2]"], "i32[2] = neg %x", [[0, -(2 ** 31)]], [0, -(2 ** 31)]],
  [f, "f32[4] = abs %x", [[1, -2, -0.5, 0]], [1, 2, 0.5, 0]],
  [f, "f32[4] = sign %x", [[7, -2, 0, 0.1]], [1, -1, 0, 1]],
  [f, "f32[4] = exp %x", [[0, 1, -1, LN2]], [1, E, 1 / E, 2]],
  [f, "f32[4] = log %x", [[1, E, 2, 0]], [0, 1, LN2, Number.NEGATIVE_INFINITY]],
  [f, "f32[4] = sqrt %x", [[0, 1, 2, 9]], [0, 1, SQRT2, 3]],
  [f, "f32[4] = rsqrt %x", [[1, 4, 2, 0.25]], [1, 0.5, 1 / SQRT2, 2]],
  [f, "f32[4] = sin %x", [[0, PI / 2, PI / 6, -PI / 2]], [0, 1, 0.5, -1]],
  [f, "f32[4] = cos %x", [[0, PI / 2, PI / 3, PI]], [1, 0, 0.5, -1]],
  [f, "f32[4] = tan %x", [[0, PI / 4, -PI / 4, PI / 3]], [0, 1, -1, Math.sqrt(3)]],
  [f, "f32[4] = tanh %x", [[0, 0.5, -0.5, 100]], [0, (E - 1) / (E + 1), (1 - E) / (E + 1), 1]],
  // erf from the tables of Abramowitz and Stegun (7.1) and beyond the switch of formulas at 3.
  [
    ["f32[5]"],
    "f32[5] = erf %x",
    [[0, 0.5, -1, 2, 3.5]],
    [0, 0.5204998778130465, -0.8427007929497149, 0.9953222650189527, 0.9999992569016276],
  ],
  [f, "f32[4] = stop_gradient %x", [[1, -2, 0.5, 3]], [1, -2, 0.5, 3]],
  [["f32[5]"], "f32[5] = floor %x", [[1.5, -1.5, 2, -0.5, 0.5]], [1, -2, 2, -1, 0]],
  [["f32[5]"], "f32[5] = ceil %x", [[1.5, -1.5, 2, 0.25, 1.25]], [2, -1, 2, 1, 2]],
  [["f32[8]"], "f32[8] = round %x", [[0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4, 2.6]], [0, 2, 2, 0, -2, -2, 0, 3]],
  [["bool[2]"], "bool[2] = not %x", [[0, 1]], [1, 0]],
  [
    ff,
    "f32[4] = add %x, %y",
    [
      [1, 2, 3, 4],
      [0.5, -2, 7, 0],
    ],
    [1.5, 0, 10, 4],
  ],
  [["i32[2]", "i32"], "i32[2] = add %x, %y", [[2 ** 31 - 1, 5], [1]], [-(2 ** 31), 6]],
  [["u32[2]", "u32"], "u32[2] = sub %x, %y", [[0, 5], [1]], [2 ** 32 - 1, 4]],
  [["f32", "f32[2]"], "f32[2] = sub %x, %y", [[1], [3, 0.5]], [-2, 0.5]],
  [
    ff,
    "f32[4] = mul %x, %y",
    [
      [1, 2, 3, 4],
      [0.5, -2, 0, 4],
    ],
    [0.5, -4, 0, 16],
  ],
  [["i32", "i32"], "i32 = mul %x, %y", [[123456789], [987654321]], [-67153019]],
  [
    ff,
    "f32[4] = div %x, %y",
    [
      [1, -6, 0, 1],
      [2, 4, 3, 0],
    ],
    [0.5, -1.5, 0, Number.POSITIVE_INFINITY],
  ],
  [
    ii,
    "i32[4] = div %x, %y",
    [
      [7, -7, 7, 5],
      [2, 2, -2, 0],
    ],
    [3, -3, -3, 5],
  ],
  [
    ff,
    "f32[4] = mod %x, %y",
    [
      [5.5, -5.5, 5.5, 6],
      [2, 2, -2, 3],
    ],
    [1.5, 0.5, -0.5, 0],
  ],
  [
    ii,
    "i32[4] = mod %x, %y",
    [
      [7, -7, 7, 5],
      [3, 3, -3, 0],
    ],
    [1, 2, -2, 0],
  ],
  [
    ff,
    "f32[4] = pow %x, %y",
    [
      [2, 9, -2, 5],
      [10, 0.5, 3, 0],
    ],
    [1024, 3, -8, 1],
  ],
  [
    ff,
    "f32[4] = max %x, %y",
    [
      [1, 2, -3, 4],
      [0.5, 2, -1, 9],
    ],
    [1, 2, -1, 9],
  ],
  [
    ff,
    "f32[4] = min %x, %y",
    [
      [1, 2, -3, 4],
      [0.5, 2, -1, 9],
    ],
    [0.5, 2, -3, 4],
  ],
  [
    ff,
    "bool[4] = eq %x, %y",
    [
      [1, 2, 0, 4],
      [1, 3, -0, 5],
    ],
    [1, 0, 1, 0],
  ],
  [
    ff,
    "bool[4] = ne %x, %y",
    [
      [1, 2, 0, 4],
      [1, 3, -0, 5],
    ],
    [0, 1, 0, 1],
  ],
  [
    ff,
    "bool[4] = lt %x, %y",
    [
      [1, 2, 3, 4],
      [1, 3, 2, 4],
    ],
    [0, 1, 0, 0],
  ],
  [
    ff,
    "bool[4] = le %x, %y",
    [
      [1, 2, 3, 4],
      [1, 3, 2, 4],
    ],
    [1, 1, 0, 1],
  ],
  [
    ff,
    "bool[4] = gt %x, %y",
    [
      [1, 2, 3, 4],
      [1, 3, 2, 4],
    ],
    [0, 0, 1, 0],
  ],
  [
    ff,
    "bool[4] = ge %x, %y",
    [
      [1, 2, 3, 4],
      [1, 3, 2, 4],
    ],
    [1, 0, 1, 1],
  ],
  [bb, "bool[4] = and %x, %y", [flagsX, flagsY], [0, 0, 0, 1]],
  [bb, "bool[4] = or %x, %y", [flagsX, flagsY], [0, 1, 1, 1]],
  [bb, "bool[4] = xor %x, %y", [flagsX, flagsY], [0, 1, 1, 0]],
  [["bool[3]", "f32[3]", "f32"], "f32[3] = select %x, %y, %z", [[1, 0, 1], [1, 2, 3], [9]], [1, 9, 3]],
  [["f32[6]"], 'i32[6] = cast %x to="i32"', [[1.9, -1.9, 3e9, -3e9, 0, -0.5]], [1, -1, 2 ** 31 - 1, -(2 ** 31), 0, 0]],
  [["f32[3]"], 'u32[3] = cast %x to="u32"', [[1.9, -1.9, 5e9]], [1, 0, 2 ** 32 - 1]],
  [["u32[2]"], 'i32[2] = cast %x to="i32"', [[2 ** 32 - 1, 7]], [-1, 7]],
  [["i32[2]"], 'u32[2] = cast %x to="u32"', [[-1, 7]], [2 ** 32 - 1, 7]],
  [["f32[3]"], 'bool[3] = cast %x to="bool"', [[0, -0.5, 2]], [0, 1, 1]],
  [["bool[2]"], 'f32[2] = cast %x to="f32"', [[0, 1]], [0, 1]],
];

const six = [1, 2, 3, 4, 5, 6];
const m23 = ["f32[2, 3]"];
const none: readonly number[] = [];

const otherCases: readonly Case[] = [
  // The first word of the known answer of Philox4x32-10 for zeros is 6627e8d5 (Random123, kat_vectors).
  [["u32", "u32", "u32"], "f32 = random %x, %y, %z", [[0], [0], [0]], [0x6627e9 / 2 ** 24]],
  [
    ["f32[2]", "f32[2]"],
    'f32[2] = approximate "favor" %x, %y features=3',
    [
      [1, 2],
      [3, 4],
    ],
    [1, 2],
  ],
  [[], "f32[2, 2] = constant values=[7]", [], [7, 7, 7, 7]],
  [[], "i32[3] = constant values=[3, 1, 2]", [], [3, 1, 2]],
  [[], "idx<4>[4] = iota size=4", [], [0, 1, 2, 3]],
  [["f32[2, 3]", "f32[3, 2]"], 'f32[2, 2] = contract "i k, k j -> i j" %x, %y', [six, six], [22, 28, 49, 64]],
  [
    ["f32[2]", "f32[3]"],
    'f32[2, 3] = contract "i, j -> i j" %x, %y',
    [
      [1, 2],
      [3, 4, 5],
    ],
    [3, 4, 5, 6, 8, 10],
  ],
  [["f32[3, 3]"], 'f32 = contract "i i -> " %x', [[1, 2, 3, 4, 5, 6, 7, 8, 9]], [15]],
  [["f32[2, 3]"], 'f32[3] = contract "i j -> j" %x', [six], [5, 7, 9]],
  [
    ["f32[3]", "f32[3]", "f32[3]"],
    'f32 = contract "i, i, i -> " %x, %y, %z',
    [
      [1, 2, 3],
      [1, 10, 100],
      [1, 2, 2],
    ],
    [641],
  ],
  [["f32[3]", "f32[3, 2]"], 'f32[3, 2] = contract "j, j c -> j c" %x, %y', [[1, 2, 3], six], [1, 2, 6, 8, 15, 18]],
  [
    ["f32[3, 3]", "f32[3]"],
    'f32[3] = contract "i j, j -> i" %x, %y where="j <= i"',
    [
      [1, 1, 1, 1, 1, 1, 1, 1, 1],
      [1, 10, 100],
    ],
    [1, 11, 111],
  ],
  [
    ["f32[3]", "f32[2]"],
    'f32[3] = contract "i, j -> i" %x, %y where="i <= 2 j"',
    [
      [1, 2, 3],
      [10, 20],
    ],
    [30, 40, 60],
  ],
  [["f32[0, 2]"], 'f32[2] = contract "i j -> j" %x', [none], [0, 0]],
  [
    ["i32[2]", "i32[2]"],
    'i32 = contract "i, i -> " %x, %y',
    [
      [2 ** 30, 1],
      [4, 5],
    ],
    [5],
  ],
  [m23, 'f32[2] = sum "i j -> i" %x', [six], [6, 15]],
  [m23, 'f32[3] = sum "i j -> j" %x', [six], [5, 7, 9]],
  [m23, 'f32 = sum "i j -> " %x where="j <= i"', [six], [1 + 4 + 5]],
  [["i32[2]"], 'i32 = sum "i -> " %x', [[2 ** 31 - 1, 2]], [-(2 ** 31) + 1]],
  [m23, 'f32[2] = product "i j -> i" %x', [six], [6, 120]],
  [["i32[3]"], 'i32 = product "i -> " %x', [[65537, 65537, 3]], [393219]],
  [m23, 'f32[3] = maximum "i j -> j" %x', [[1, 5, 3, 4, 2, 6]], [4, 5, 6]],
  [["f32[0]"], 'f32 = maximum "i -> " %x', [none], [-largestF32]],
  [m23, 'f32[3] = minimum "i j -> j" %x', [[1, 5, 3, 4, 2, 6]], [1, 2, 3]],
  [["bool[2, 2]"], 'bool[2] = any "i j -> i" %x', [[0, 1, 0, 0]], [1, 0]],
  [["bool[2, 2]"], 'bool[2] = all "i j -> i" %x', [[1, 1, 0, 1]], [1, 0]],
  [m23, 'idx<3>[2] = argmax "i j -> i" %x', [[1, 7, 7, -5, -9, -5]], [1, 0]],
  [m23, 'idx<2>[3] = argmin "i j -> j" %x', [[1, 7, 7, 0, 9, 7]], [1, 0, 0]],
  [m23, 'idx<3>[2] = argmax "i j -> i" %x where="j <= i"', [[1, 7, 7, 2, 5, 9]], [0, 1]],
  [m23, "f32[2, 3] = cumulative_sum %x axis=1", [six], [1, 3, 6, 4, 9, 15]],
  [m23, "f32[2, 3] = cumulative_sum %x axis=0", [six], [1, 2, 3, 5, 7, 9]],
  [m23, "f32[2, 3] = cumulative_sum %x axis=1 exclusive=true", [six], [0, 1, 3, 0, 4, 9]],
  [m23, "f32[2, 3] = cumulative_sum %x axis=1 reverse=true", [six], [6, 5, 3, 15, 11, 6]],
  [m23, "f32[2, 3] = cumulative_sum %x axis=1 exclusive=true reverse=true", [six], [5, 3, 0, 11, 6, 0]],
  [m23, "f32[2, 3] = cumulative_product %x axis=1", [six], [1, 2, 6, 4, 20, 120]],
  [
    ["f32[4]", "f32[4]"],
    "f32[4] = linear_recurrence %x, %y axis=0",
    [
      [9, 2, -1, 0.5],
      [1, 2, 3, 4],
    ],
    [1, 4, -1, 3.5],
  ],
  [
    ["f32[4]", "f32[4]"],
    "f32[4] = linear_recurrence %x, %y axis=0 reverse=true",
    [
      [9, 2, -1, 0.5],
      [1, 2, 3, 4],
    ],
    [1, 0, -1, 4],
  ],
  [
    ["f32[2, 2]", "f32[2, 2]"],
    "f32[2, 2] = linear_recurrence %x, %y axis=0",
    [
      [0, 0, 10, 100],
      [1, 2, 3, 4],
    ],
    [1, 2, 13, 204],
  ],
  [["f32[4]"], "f32[4] = cumulative_maximum %x axis=0", [[2, 1, 3, 0]], [2, 2, 3, 3]],
  [["f32[4]"], "f32[4] = cumulative_minimum %x axis=0 reverse=true", [[2, 1, 3, 0]], [0, 0, 0, 0]],
  [m23, "f32[3, 2] = reshape %x shape=[3, 2]", [six], six],
  [m23, "f32[3, 2] = transpose %x permutation=[1, 0]", [six], [1, 4, 2, 5, 3, 6]],
  [["f32[1, 2, 3]"], "f32[3, 1, 2] = transpose %x permutation=[2, 0, 1]", [six], [1, 4, 2, 5, 3, 6]],
  [["f32[2]"], "f32[2, 3] = broadcast %x shape=[2, 3] axes=[0]", [[1, 2]], [1, 1, 1, 2, 2, 2]],
  [["f32[3]"], "f32[2, 3] = broadcast %x shape=[2, 3] axes=[1]", [[1, 2, 3]], [1, 2, 3, 1, 2, 3]],
  [["f32"], "f32[3] = broadcast %x shape=[3] axes=[]", [[4]], [4, 4, 4]],
  [
    ["f32[2, 4]"],
    "f32[2, 2] = slice %x starts=[0, 1] sizes=[2, 2] steps=[1, 2]",
    [[0, 1, 2, 3, 4, 5, 6, 7]],
    [1, 3, 5, 7],
  ],
  [["f32[2]"], "f32[5] = pad %x low=[1] high=[2] value=9", [[1, 2]], [9, 1, 2, 9, 9]],
  [["f32[1, 2]"], "f32[2, 3] = pad %x low=[1, 0] high=[0, 1]", [[1, 2]], [0, 0, 0, 1, 2, 0]],
  [
    ["f32[2, 1]", "f32[2, 2]"],
    "f32[2, 3] = concat %x, %y axis=1",
    [
      [1, 2],
      [3, 4, 5, 6],
    ],
    [1, 3, 4, 2, 5, 6],
  ],
  [["idx<3>[2]", "idx<5>[1]"], "idx<5>[3] = concat %x, %y axis=0", [[1, 2], [4]], [1, 2, 4]],
  [m23, "f32[2, 3] = reverse %x axes=[1]", [six], [3, 2, 1, 6, 5, 4]],
  [m23, "f32[2, 3] = reverse %x axes=[0, 1]", [six], [6, 5, 4, 3, 2, 1]],
  [["f32[3, 2]", "idx<3>[2]"], 'f32[2, 2] = gather "v c, l -> l c" %x, %y at="v"', [six, [2, 0]], [5, 6, 1, 2]],
  [["f32[3, 2]", "idx<3>[2]"], 'f32[2, 2] = gather "v c, l -> c l" %x, %y at="v"', [six, [2, 0]], [5, 1, 6, 2]],
  [["f32[2, 3]", "idx<3>[2]"], 'f32[2] = gather "i j, i -> i" %x, %y at="j"', [six, [2, 0]], [3, 4]],
  [["f32[3]", "idx<3>"], 'f32 = gather "v,  -> " %x, %y at="v"', [[7, 8, 9], [1]], [8]],
  [["f32[3]"], 'f32[2, 3] = window "y + k - 1 -> k y" %x shape=[2, 3]', [[1, 2, 3]], [0, 1, 2, 1, 2, 3]],
  [["f32[3]"], 'f32[3] = window "2 y - 1 -> y" %x shape=[3] value=9', [[1, 2, 3]], [9, 2, 9]],
  [m23, 'f32[3] = window "1, -x + 2 -> x" %x shape=[3]', [six], [6, 5, 4]],
  [
    ["f32[3, 2]", "idx<2>[3]"],
    'f32[2, 2] = scatter "l c, l -> v c" %x, %y at="v" size=2',
    [six, [1, 0, 1]],
    [3, 4, 6, 8],
  ],
  [
    ["f32[3]", "idx<4>[3]"],
    'f32[4] = scatter "l, l -> v" %x, %y at="v" size=4',
    [
      [1, 2, 4],
      [2, 2, 0],
    ],
    [4, 0, 3, 0],
  ],
  [["f32[4]"], "idx<4>[4] = argsort %x axis=0", [[3, 1, 2, 1]], [1, 3, 2, 0]],
  [["f32[4]"], "idx<4>[4] = argsort %x axis=0 descending=true", [[3, 1, 2, 1]], [0, 2, 1, 3]],
  [["f32[2, 2]"], "idx<2>[2, 2] = argsort %x axis=0", [[3, 1, 2, 5]], [1, 0, 0, 1]],
];

describe.each([
  ["elementwise", elementwiseCases],
  ["the other families", otherCases],
])("%s", (_family, cases) => {
  it.each(cases.map((one) => [one[1], one] as const))("%s", (_line, [types, line, lists, result]) => {
    const found = evaluateLine(types, line, lists);
    expect(found.length).toBe(result.length);
    found.forEach((value, i) => {
      const wanted = result[i] as number;
      if (Number.isFinite(wanted))
        expect(Math.abs(value - wanted)).toBeLessThanOrEqual(4e-16 * Math.abs(wanted) + 1e-16);
      else expect(value).toBe(wanted);
    });
  });
});

it("every operation with semantics of its own has a case (those with bodies have theirs in evaluate.test.ts and codegen)", () => {
  const tried = new Set([...elementwiseCases, ...otherCases].map(([, line]) => /= (\w+)/.exec(line)?.[1]));
  const untried = operations.filter(
    (operation) =>
      operation.evaluate !== undefined &&
      operation.family !== "loop" &&
      operation.family !== "extern" &&
      !tried.has(operation.name),
  );
  expect(untried.map((operation) => operation.name)).toEqual([]);
});

/** Sum of products by the definition: every assignment of every index. */
function definedContract(
  spec: string,
  where: string,
  shapes: readonly (readonly number[])[],
  lists: readonly number[][],
) {
  const parsed = parseSpec(spec);
  const sizes = indexSizes(
    parsed,
    shapes.map((shape) => tensorType("f32", shape)),
  );
  const names = [...sizes.keys()];
  const resultShape = parsed.result.map((name) => sizes.get(name) as number);
  const result = new Array<number>(resultShape.reduce((a, b) => a * b, 1)).fill(0);
  const total = names.reduce((count, name) => count * (sizes.get(name) as number), 1);
  for (let point = 0; point < total; point++) {
    const at = new Map<string, number>();
    let rest = point;
    for (const name of names) {
      at.set(name, rest % (sizes.get(name) as number));
      rest = Math.floor(rest / (sizes.get(name) as number));
    }
    if (!satisfies(parseConstraints(where), (name) => at.get(name) as number)) continue;
    const offset = (indices: readonly string[], shape: readonly number[]) =>
      indices.reduce((sum, name, axis) => sum + (at.get(name) as number) * (stridesOf(shape)[axis] as number), 0);
    let product = 1;
    parsed.operands.forEach((indices, k) => {
      product *= (lists[k] as number[])[offset(indices, shapes[k] as number[])] as number;
    });
    const out = offset(parsed.result, resultShape);
    result[out] = (result[out] as number) + product;
  }
  return result;
}

describe("contraction by its quick paths is the definition", () => {
  const sizeOf: Record<string, number> = { a: 3, b: 5, i: 6, j: 7, k: 9, l: 2 };
  // Large enough for the packed matrix product, with every role an index can play.
  const packed = [
    "a i k, a k j -> a i j",
    "i k l, l k j -> j i",
    "k i, j k -> i j",
    "a b k, b k j -> j b a",
    "i k, j k l -> i j",
  ];
  const random = fc
    .tuple(
      fc.array(fc.subarray(Object.keys(sizeOf), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      fc.nat(63),
      fc.constantFrom("", "i <= j", "2 i + 1 <= k", "j <= 3, 1 <= i", "a + b <= 4"),
    )
    .map(([operands, kept, where]) => {
      const names = [...new Set(operands.flat())];
      const result = names.filter((_, at) => ((kept >> at) & 1) === 1).reverse();
      const usable = [...where.matchAll(/[a-z]/g)].every(([name]) => names.includes(name));
      return {
        spec: `${operands.map((own) => own.join(" ")).join(", ")} -> ${result.join(" ")}`,
        where: usable ? where : "",
      };
    });

  function check(spec: string, where: string, seed: number) {
    const parsed = parseSpec(spec);
    const next = uniforms(seed);
    const b = makeBuilder();
    const shapes = parsed.operands.map((indices) => indices.map((name) => sizeOf[name] as number));
    const inputs = shapes.map((shape, k) => b.input(`x${k}`, tensorType("f32", shape)));
    const lists = shapes.map((shape) =>
      Array.from({ length: shape.reduce((p, q) => p * q, 1) }, () => Math.floor(next() * 9) - 4),
    );
    const node = b.contract(spec, inputs, where);
    const found = evaluateGraph(
      { name: "c", inputs, parameters: [], outputs: [{ name: "r", node }] },
      {
        inputs: Object.fromEntries(inputs.map((input, k) => [`x${k}`, tensorOf(input.type, lists[k] as number[])])),
        parameters: {},
      },
    );
    expect(Array.from(found.r?.data ?? [])).toEqual(definedContract(spec, where, shapes, lists));
  }

  it.each(packed)("for %s", (spec) => check(spec, "", 1));

  it("for random specs and conditions", () => {
    fc.assert(
      fc.property(random, fc.nat(), ({ spec, where }, seed) => check(spec, where, seed)),
      { numRuns: 300 },
    );
  });
});

describe("ill-formed nodes are refused", () => {
  const x = makeBuilder().input("x", tensorType("f32", [2, 3]));
  const flag = makeBuilder().input("b", tensorType("bool", [2, 3]));
  const whole = makeBuilder().input("i", tensorType("i32", [2, 3]));
  const wide = makeBuilder().input("w", tensorType("i32", [2], 9));
  const cases: readonly [string, Node[], Record<string, number | string | number[]>, RegExp][] = [
    ["add", [x], {}, /takes 2 operands, 1 given/],
    ["add", [x, whole], {}, /mixes f32 and i32/],
    ["exp", [whole], {}, /floating-point/],
    ["add", [flag, flag], {}, /numbers/],
    ["and", [x, x], {}, /booleans/],
    ["select", [x, x, x], {}, /boolean condition/],
    ["add", [x, makeBuilder().input("y", tensorType("f32", [3, 2]))], {}, /one shape/],
    ["contract", [x, x], { spec: "i j, j k -> i k" }, /index j is both 3 and 2 long/],
    ["contract", [x], { spec: "i j -> k" }, /in no operand/],
    ["contract", [x], { spec: "i j -> i i" }, /repeated/],
    ["contract", [x], { spec: "i j -> i", where: "k <= i" }, /unknown index k/],
    ["contract", [x], { spec: "i -> i" }, /has 2 axes/],
    ["contract", [flag], { spec: "i j -> i" }, /not bool/],
    ["sum", [x], { spec: "i j -> j i" }, /in order/],
    ["argmax", [x], { spec: "i j -> " }, /exactly one index/],
    ["any", [x], { spec: "i j -> " }, /booleans/],
    ["cumulative_sum", [x], { axis: 2 }, /axis 2 of 2/],
    ["linear_recurrence", [x, x], { axis: 2 }, /axis 2 of 2/],
    ["linear_recurrence", [x, whole], { axis: 0 }, /wants/],
    ["reshape", [x], { shape: [5] }, /number of elements/],
    ["transpose", [x], { permutation: [0, 0] }, /permutation/],
    ["broadcast", [x], { shape: [3, 2], axes: [0, 1] }, /cannot lay/],
    ["slice", [x], { starts: [0, 2], sizes: [2, 2], steps: [1, 1] }, /takes 2 positions from 2/],
    ["pad", [x], { low: [0, -1], high: [0, 0] }, /non-negative/],
    ["concat", [x, x], { axis: 5 }, /axis 5/],
    ["gather", [x, whole], { spec: "v c, i j -> i j c", at: "v" }, /index tensor/],
    ["gather", [x, wide], { spec: "v c, l -> l c", at: "v" }, /positions below 9/],
    ["neg", [x], { axis: 1 }, /no attribute axis/],
    ["sum", [x], {}, /needs the attribute spec/],
    ["reverse", [x], { axes: "0" }, /wants numbers/],
    ["frobnicate", [x], {}, /no operation/],
  ];
  it.each(cases)("%s %#", (op, operands, attributes, message) => {
    expect(() => makeNode(op, operands, attributes)).toThrow(IrError);
    expect(() => makeNode(op, operands, attributes)).toThrow(message);
  });
});
