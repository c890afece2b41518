/** Recurrences on the device: inside one kernel when the body is small, dispatched step by step when it is not. */
import { expect, test } from "vitest";
import { baselineProfile, makePlan } from "../../src/codegen/index.ts";
import {
  compareWithin,
  evaluateWithBounds,
  type Graph,
  makeBuilder,
  makeNode,
  tensorType,
} from "../../src/ir/index.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

/** `h[t] = tanh(W x[t] + U h[t-1])`, the plain recurrent network, with rows h[t]. */
function recurrence(steps: number, inputs: number, hidden: number): Graph {
  const b = makeBuilder();
  const x = b.input("x", tensorType("f32", [steps, inputs]));
  const h0 = b.input("h0", tensorType("f32", [hidden]));
  const w = b.parameter("w", tensorType("f32", [hidden, inputs]));
  const u = b.parameter("u", tensorType("f32", [hidden, hidden]));

  const before = b.input("h", tensorType("f32", [hidden]));
  const xs = b.input("xs", x.type);
  const wIn = b.input("w", w.type);
  const uIn = b.input("u", u.type);
  const step = b.input("step", tensorType("i32", [], steps));
  const now = b.node("gather", [xs, step], { spec: "t c,  -> c", at: "t" });
  const fromInput = b.contract("o c, c -> o", [wIn, now]);
  const fromState = b.contract("o i, i -> o", [uIn, before]);
  const h = b.apply("tanh", b.apply("add", fromInput, fromState));
  const body: Graph = {
    name: "body",
    inputs: [before, xs, wIn, uIn, step],
    parameters: [],
    outputs: [
      { name: "h", node: h },
      { name: "row", node: h },
    ],
  };
  const loop = makeNode("loop", [h0, x, w, u], { steps, carried: 1 }, { regions: [body], name: "h" });
  return { name: "rnn", inputs: [x, h0], parameters: [w, u], outputs: [{ name: "h", node: loop }] };
}

test("a small body is one kernel, whatever the number of steps", () => {
  expect(makePlan(recurrence(512, 8, 12), { ...baselineProfile }).plan.steps.length).toBe(1);
});

test("a large body is recorded: its kernels, which count the steps themselves", () => {
  const { plan } = makePlan(recurrence(10, 512, 768), baselineProfile);
  // Before the steps: the initial state and the reset of the count.
  expect(plan.steps.length).toBe(2 + 10 * 3);
  expect(plan.kernels.length).toBe(5);
});

test.skipIf(device === undefined).each([
  ["inside one kernel", 9, 8, 12],
  ["odd sizes", 5, 3, 7],
  ["step by step", 6, 512, 768],
])("%s agrees with the reference", async (_, steps, inputs, hidden) => {
  if (device === undefined) return;
  const graph = recurrence(steps, inputs, hidden);
  const values = valuesOf(graph);
  // Rows of weights sum to about 1 in magnitude, so that errors do not grow from step to step and the bound says something.
  for (const { data } of Object.values(values.parameters)) data.set(data.map((x) => Math.fround((2 * x) / hidden)));
  const { value, bound } = evaluateWithBounds(graph, values).h as NonNullable<
    ReturnType<typeof evaluateWithBounds>[string]
  >;
  const got = await runValues(device, graph, values);
  expect(Math.max(...bound.data)).toBeLessThan(1e-2);
  const worst = compareWithin(got.h as Float64Array, value, bound, 4);
  expect(worst?.ratio, JSON.stringify(worst)).toBeLessThanOrEqual(1);
});

/** Two carried values of many places; what each step takes from outside is a product of `terms` numbers, evaluated in place. */
function wideRecurrence(terms: number): Graph {
  const steps = 3;
  const size = tensorType("f32", [1 << 17]);
  const rows = tensorType("f32", [steps, 1 << 17]);
  const b = makeBuilder();
  const given = Array.from({ length: terms }, (_, k) => b.input(`x${k}`, tensorType("f32", [steps])));
  const spread = given.map((each) => b.node("broadcast", [each], { shape: rows.shape, axes: [0] }));
  const outside = spread.reduce((product, each) => b.apply("mul", product, each));
  const initial = [b.input("g0", size), b.input("h0", size)];
  const [g, h] = [b.input("g", size), b.input("h", size)];
  const x = b.input("x", rows);
  const step = b.input("step", tensorType("i32", [], steps));
  const now = b.node("gather", [x, step], { spec: "t c,  -> c", at: "t" });
  const nextG = b.apply("tanh", b.apply("add", b.apply("mul", now, h), g));
  const nextH = b.apply("sub", nextG, g);
  const outputs = [nextG, nextH, nextG].map((node, k) => ({ name: `next${k}`, node }));
  const body: Graph = { name: "body", inputs: [g, h, x, step], parameters: [], outputs };
  const loop = makeNode("loop", [...initial, outside], { steps, carried: 2 }, { regions: [body], name: "g" });
  return { name: "wide", inputs: [...given, ...initial], parameters: [], outputs: [{ name: "g", node: loop }] };
}

test.each([2, 5])("steps bind no more than a device allows where %i values come from around the loop", (terms) => {
  const { plan } = makePlan(wideRecurrence(terms), baselineProfile);
  expect(Math.max(...plan.kernels.map(({ bindings }) => bindings.length))).toBeLessThanOrEqual(
    baselineProfile.limits.maxBindings,
  );
});
