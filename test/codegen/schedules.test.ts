/** Every schedule that a kernel may have gives the same results: each is run on the device and compared with the evaluator. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makePlan, type PlanOptions } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, parseGraph } from "../../src/ir/index.ts";
import { largeTiles, runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

type Candidates = Parameters<NonNullable<PlanOptions["choose"]>>[1];

/** A contraction of two inputs with something before and after it, so that prologues and epilogues are scheduled too. */
const product = (a: readonly number[], b: readonly number[], spec: string, result: readonly number[], where = "") => `
graph case {
  %0: f32[${a.join(", ")}] = input "a"
  %1: f32[${b.join(", ")}] = input "b"
  %2: f32[${a.join(", ")}] = tanh %0
  %3: f32[${result.join(", ")}] = contract "${spec}" %2, %1${where === "" ? "" : ` where="${where}"`}
  %4: f32[${result.join(", ")}] = abs %3
  return y = %4
}`;

const kernelFile = (name: string) => readFileSync(new URL(`./kernels/${name}.ir`, import.meta.url), "utf8");

const convolution = (stride: number, dilation: number) => {
  const [from, to] = stride === 1 ? ["13, 18", "13, 18"] : ["13, 34", "7, 17"];
  const index = (name: string) => `${stride} ${name} + ${dilation} k${name} - ${dilation}`;
  return `
graph convolution {
  %0: f32[6, ${from}] = input "x"
  %1: f32[17, 6, 3, 3] = parameter "weight"
  %2: f32[6, 3, 3, ${to}] = window "c, ${index("y")}, ${index("x")} -> c ky kx y x" %0 shape=[6, 3, 3, ${to}]
  %3: f32[17, ${to}] = contract "o c ky kx, c ky kx y x -> o y x" %1, %2
  return y = %3
}`;
};

/** A sum of products of inputs, with something before and after it. */
const sums = (spec: string, shapes: readonly (readonly number[])[], result: readonly number[]) => {
  const inputs = shapes.map((shape, k) => `  %${k}: f32[${shape.join(", ")}] = input "x${k}"`);
  const [first = []] = shapes;
  const n = shapes.length;
  return `
graph sums {
${inputs.join("\n")}
  %${n}: f32[${first.join(", ")}] = tanh %0
  %${n + 1}: f32[${result.join(", ")}] = contract "${spec}" %${n}${shapes
    .slice(1)
    .map((_, k) => `, %${k + 1}`)
    .join("")}
  %${n + 2}: f32[${result.join(", ")}] = abs %${n + 1}
  return y = %${n + 2}
}`;
};

const rows = (length: number) => `
graph rows {
  %0: f32[5, ${length}] = input "x"
  %1: f32[5] = maximum "i j -> i" %0
  %2: f32[5, ${length}] = broadcast %1 shape=[5, ${length}] axes=[0]
  %3: f32[5, ${length}] = sub %0, %2
  %4: f32[5, ${length}] = exp %3
  %5: f32[5] = sum "i j -> i" %4
  %6: f32[5, ${length}] = broadcast %5 shape=[5, ${length}] axes=[0]
  %7: f32[5, ${length}] = div %4, %6
  return y = %7, total = %5
}`;

const cases: Readonly<Record<string, string>> = {
  matrices: product([24, 16], [16, 72], "i k, k j -> i j", [24, 72]),
  "matrices, second transposed": product([17, 24], [37, 24], "i k, j k -> i j", [17, 37]),
  "matrices of odd sizes": product([19, 21], [21, 23], "i k, k j -> i j", [19, 23]),
  "matrices of many blocks": product([70, 40], [40, 136], "i k, k j -> i j", [70, 136]),
  batches: product([3, 18, 8], [3, 8, 20], "g i k, g k j -> g i j", [3, 18, 20]),
  "two summed indices": product([18, 5, 4], [5, 4, 20], "i p q, p q j -> i j", [18, 20]),
  "lower triangle of the first": product([24, 24], [24, 36], "i k, k j -> i j", [24, 36], "k <= i"),
  "lower triangle of the second": product([24, 24], [24, 36], "i k, k j -> i j", [24, 36], "k <= j"),
  "a triangle of the result": product([24, 16], [16, 24], "i k, k j -> i j", [24, 24], "j <= i"),
  convolution: convolution(1, 1),
  "convolution, dilated": convolution(1, 2),
  "convolution, stride 2": convolution(2, 1),
  "matrix times vector": sums("i k, k -> i", [[37, 520], [520]], [37]),
  "vector times matrix": sums("k, k j -> j", [[150], [150, 72]], [72]),
  "vector times matrix of odd sizes": sums("k, k j -> j", [[77], [77, 31]], [31]),
  "three factors, two summed indices": sums(
    "i p q, p q, q i -> i",
    [
      [9, 5, 260],
      [5, 260],
      [260, 9],
    ],
    [9],
  ),
  "one number": sums("k, k a -> a", [[1030], [1030, 1]], [1]),
  "rows of vectors": rows(1040),
  "rows of odd length": rows(77),
  attention: kernelFile("attention"),
  "attention of odd sizes": kernelFile("attention-odd-sizes"),
  "attention, causal": kernelFile("attention-causal"),
  "attention, masked": kernelFile("attention-masked"),
};

/**
 * Here schedules are run too that only `weft tune` tries: so many, evenly chosen, since a driver takes about a second for each.
 * WEFT_ALL_SCHEDULES=1 runs all of them.
 */
const widened = new Set(["matrices of many blocks", "lower triangle of the first", "convolution, stride 2"]);
const widerCount = process.env.WEFT_ALL_SCHEDULES === "1" ? Number.POSITIVE_INFINITY : 4;

/** What is meant for a GPU runs on a software device too, only not fast; of that, what is no schedule of software devices. */
const runs = Object.entries(cases).flatMap(([name, text]) => [
  { name, text, kind: "software" as const },
  ...(/triangle|attention (of odd|masked)|attention, masked/.test(name) ? [] : [{ name, text, kind: "gpu" as const }]),
]);

describe.skipIf(device === undefined).each(runs)("$name, as on a $kind device", ({ name, text, kind }) => {
  if (device === undefined) return;
  const graph = parseGraph(text);
  const schedule = largeTiles({ ...device.profile, kind });
  const schedules = new Map<string, number>();
  const isMeant = ({ schedule }: Candidates[number]) =>
    kind === "software" || /"block"|"together"|"copying"|"threads":(?!1\b)/.test(JSON.stringify(schedule));
  const all = (candidates: Candidates, wider: (() => Candidates) | undefined) => {
    const more = widened.has(name) ? (wider?.() ?? []).filter(isMeant) : [];
    const stride = Math.max(1, Math.ceil(more.length / widerCount));
    return [...candidates.filter(isMeant), ...more.filter((_, k) => k % stride === 0)];
  };
  makePlan(graph, device.profile, {
    schedule,
    choose: (_, candidates, wider) => {
      all(candidates, wider).forEach((candidate, k) => {
        schedules.set(JSON.stringify(candidate.schedule), k);
      });
      return candidates[0] as (typeof candidates)[number];
    },
  });
  const values = valuesOf(graph);
  const bounded = evaluateWithBounds(graph, values);

  test.each([...schedules])("%s", async (_, place) => {
    const got = await runValues(device, graph, values, {
      schedule,
      choose: (_, candidates, wider) => all(candidates, wider)[place],
    });
    for (const [output, { value, bound }] of Object.entries(bounded)) {
      const worst = compareWithin(got[output] as Float64Array, value, bound, 4);
      expect(worst?.ratio ?? 0, `${output}: ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
    }
  });
});
