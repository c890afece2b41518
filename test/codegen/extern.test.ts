/** Hand-written kernels: what the device computes with the author's text against the reference in the language. */
import { expect, test } from "vitest";
import { baselineProfile, makePlan } from "../../src/codegen/index.ts";
import {
  compareWithin,
  evaluateWithBounds,
  type Graph,
  graphNodes,
  parseGraph,
  printGraph,
} from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

/** Prefix sums of rows, one workgroup a row, and a scaled gather: two kernels with awkward operands. */
const kernels = `
fn prefix_sums_reference<rows, n>(x: f32[rows, n], start: f32) -> f32[rows, n] {
  let y[r, k: n] = start + sum[j: n where j <= k] x[r, j]
  return y
}

extern wgsl fn prefix_sums<rows, n>(x: f32[rows, n], start: f32) -> (sums: f32[rows, n]) {
  dispatch = rows,
  cost = rows * n,
  reference = prefix_sums_reference,
  source = """
    @compute @workgroup_size(1)
    fn main(@builtin(workgroup_id) group: vec3<u32>) {
      var total = start[0];
      for (var k = 0u; k < n; k++) {
        total += x[group.x * n + k];
        sums[group.x * n + k] = total;
      }
    }
  """
}

fn picked_reference<n, m>(x: f32[n], at: idx<n>[m]) -> f32[m] {
  let y[k] = 2 * x[at[k]]
  return y
}

extern wgsl fn picked<n, m>(x: f32[n], at: idx<n>[m]) -> f32[m] {
  dispatch = ((m + 63) // 64, 1),
  reference = picked_reference,
  source = """
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3<u32>) {
      if (id.x < m) { result[id.x] = 2.0 * x[at[id.x]]; }
    }
  """
}

fn twice_reference<n>(a: f32[n], b: f32[n], c: f32[n]) -> f32[n] = a * b + c

extern wgsl fn twice<n>(a: f32[n], b: f32[n], c: f32[n]) -> f32[n] {
  dispatch = n, cost = 2 * n, reference = twice_reference,
  source = """@compute @workgroup_size(1) fn main(@builtin(workgroup_id) g: vec3<u32>) { result[g.x] = a[g.x] * b[g.x] + c[g.x]; }"""
}
`;

const cases: Readonly<Record<string, string>> = {
  "between other kernels": `fn f<rows, n>(x: f32[rows, n]) -> f32[rows, n] {
    let y = prefix_sums(x * x, 0.5)
    let z[r, k] = y[r, k] / (1 + max[j] y[r, j])
    return z
  }`,
  "on views, and its own result": `fn f<rows, n>(x: f32[n, rows]) -> f32[rows, n] {
    let t[r, k] = x[k, r]
    return prefix_sums(prefix_sums(t, 0), 1)
  }`,
  "with one tensor twice and constants": `fn f<n>(x: f32[n]) -> f32[n] {
    let ones[k: n] = 1.0
    let s = twice(x * 2, x * 2, ones)
    return s
  }`,
  "with index tables": `fn f<n>(x: f32[n]) -> f32[n] {
    let order = argsort(x)
    let y = x + 1
    return picked(y, order) + picked(y, argsort_descending(y))
  }`,
};

const graphs = Object.entries(cases).map(([name, text]): readonly [string, Graph] => [
  name,
  graphOf(kernels + text, { entry: "f", settings: text.includes("rows") ? { rows: 3, n: 70 } : { n: 70 } }),
]);

test.each(graphs)("%s", async (_, graph) => {
  expect(graphNodes(graph).some(({ op }) => op === "extern")).toBe(true);
  expect(printGraph(parseGraph(printGraph(graph)))).toBe(printGraph(graph));
  const values = valuesOf(graph);
  const reference = evaluateWithBounds(graph, values);
  for (const optimise of [true, false]) {
    const made = optimise ? runPipeline(graph, { verify: { values } }).graph : graph;
    const { plan } = makePlan(made, baselineProfile, { fuse: optimise });
    expect(plan.kernels.some(({ wgsl }) => wgsl.includes("written by hand"))).toBe(true);
    if (device === undefined) continue;
    const results = await runValues(device, made, values, { fuse: optimise });
    for (const [name, { value, bound }] of Object.entries(reference)) {
      const worst = compareWithin(results[name] as Float64Array, value, bound, 2);
      expect(worst === undefined || worst.ratio <= 1, JSON.stringify(worst)).toBe(true);
    }
  }
});

test("the text has the sizes as constants and the buffers under their names", () => {
  const graph = graphOf(`${kernels}fn f<rows, n>(x: f32[rows, n]) -> f32[rows, n] = prefix_sums(x, 0)`, {
    entry: "f",
    settings: { rows: 2, n: 5 },
  });
  const { plan, kernels: planned } = makePlan(graph, baselineProfile);
  const kernel = plan.kernels.find(({ name }) => name === "prefix_sums");
  expect(kernel?.wgsl).toMatch(
    /^\/\/ prefix_sums: written by hand\n\n@group\(0\) @binding\(0\) var<storage, read> x: array<f32>;\n/,
  );
  expect(kernel?.wgsl).toContain("@group(0) @binding(2) var<storage, read_write> sums: array<f32>;\n");
  expect(kernel?.wgsl).toContain("const rows = 2u;\nconst n = 5u;\n");
  const step = planned.find(({ step: { label } }) => label === "prefix_sums")?.step;
  expect(step?.workgroups).toEqual([2, 1, 1]);
  expect(step?.flops).toBe(10);
});

test("a wrong kernel is found out by its reference", async () => {
  if (device === undefined) return;
  const wrong = kernels.replace("total += x", "total -= x");
  const graph = graphOf(`${wrong}fn f<rows, n>(x: f32[rows, n]) -> f32[rows, n] = prefix_sums(x, 0)`, {
    entry: "f",
    settings: { rows: 2, n: 5 },
  });
  const values = valuesOf(graph);
  const [{ value, bound }] = Object.values(evaluateWithBounds(graph, values)) as [
    ReturnType<typeof evaluateWithBounds>[string],
  ];
  const [got] = Object.values(await runValues(device, graph, values));
  expect(compareWithin(got as Float64Array, value, bound, 2)?.ratio).toBeGreaterThan(1);
});
