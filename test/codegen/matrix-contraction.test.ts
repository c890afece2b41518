/**
 * Contractions by matrix instructions of subgroups. No device here has them, so they are checked in two halves: Dawn's null backend, which
 * knows the extension, validates the texts as they are; and what they compute is compared with the evaluator after each instruction has
 * been written out as loops that read the same places of the same arrays.
 */
import { describe, expect, test } from "vitest";
import { baselineProfile, type MatrixProduct } from "../../src/codegen/device-profile.ts";
import { type DeviceSchedule, deviceSchedule, makePlan, type Plan } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, type Graph, parseGraph } from "../../src/ir/index.ts";
import { runPlan, testDevice, valuesOf } from "./on-device.ts";

/** A product of two inputs in full or in half precision, summed in f32 either way. */
const product = (
  dtype: "f32" | "f16",
  a: readonly number[],
  b: readonly number[],
  spec: string,
  result: readonly number[],
) => `
graph case {
  %0: ${dtype}[${a.join(", ")}] = input "a"
  %1: ${dtype}[${b.join(", ")}] = input "b"
  %2: f32[${a.join(", ")}] = ${dtype === "f16" ? 'cast %0 to="f32"' : "neg %0"}
  %3: f32[${b.join(", ")}] = ${dtype === "f16" ? 'cast %1 to="f32"' : "tanh %1"}
  %4: f32[${result.join(", ")}] = contract "${spec}" %2, %3
  %5: f32[${result.join(", ")}] = abs %4
  return y = %5
}`;

const cases: Readonly<Record<string, readonly [readonly number[], readonly number[], string, readonly number[]]>> = {
  matrices: [[32, 32], [32, 48], "i k, k j -> i j", [32, 48]],
  "second transposed": [[40, 24], [36, 24], "i k, j k -> i j", [40, 36]],
  "odd sizes": [[37, 21], [21, 43], "i k, k j -> i j", [37, 43]],
  batches: [[3, 24, 16], [3, 16, 24], "g i k, g k j -> g i j", [3, 24, 24]],
  "two summed indices": [[24, 3, 16], [3, 16, 24], "i p q, p q j -> i j", [24, 24]],
};

const products: readonly MatrixProduct[] = [
  { component: "f32", rows: 8, columns: 8, depth: 8 },
  { component: "f16", rows: 8, columns: 8, depth: 16 },
];

const device = await testDevice();

/** Plans by each schedule of matrix instructions that a product may have. */
function matrixPlans(graph: Graph, subgroup: number): { readonly schedule: string; readonly plan: Plan }[] {
  const profile = device?.profile ?? baselineProfile;
  const schedule: DeviceSchedule = {
    ...deviceSchedule({ ...profile, kind: "gpu" }),
    subgroup,
    matrices: products,
    workgroupMemory: { bytes: 32_768, threads: 256 },
  };
  const plans: { readonly schedule: string; readonly plan: Plan }[] = [];
  let count = 1;
  for (let place = 0; place < count; place++) {
    let chosen = "";
    const { plan } = makePlan(
      graph,
      { ...profile, features: { ...profile.features, f16: true } },
      {
        schedule,
        choose: (_, candidates, wider) => {
          const found = (wider?.() ?? []).filter(({ schedule: each }) => each !== undefined && "product" in each);
          count = found.length;
          chosen = JSON.stringify(found[place]?.schedule);
          return found[place] ?? candidates[0];
        },
      },
    );
    if (count > 0) plans.push({ schedule: chosen, plan });
  }
  return plans;
}

/** The text without the extension: a matrix becomes an array that every invocation holds whole. */
function writtenOut(wgsl: string): string {
  const loaded = new Map<string, { array: string; stride: number; rows: number; columns: number }>();
  return wgsl
    .replace(/enable chromium_experimental_subgroup_matrix;\n/, "")
    .replace(
      /let (\w+) = subgroupMatrixLoad<subgroup_matrix_\w+<\w+, (\d+), (\d+)>, row_major>\(&(\w+), (.*), (\d+)u\);/g,
      (_, name: string, columns: string, rows: string, array: string, offset: string, stride: string) => {
        loaded.set(name, { array, stride: Number(stride), rows: Number(rows), columns: Number(columns) });
        return `let ${name} = ${offset};`;
      },
    )
    .replace(/var (\w+): subgroup_matrix_result<f32, (\d+), (\d+)>;/g, (_, name: string, columns, rows) => {
      loaded.set(name, { array: "", stride: 0, rows: Number(rows), columns: Number(columns) });
      return `var ${name}: array<f32, ${Number(rows) * Number(columns)}>;`;
    })
    .replace(
      /(\w+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), \w+\);/g,
      (_, sum: string, left: string, right: string) => {
        const [a, b] = [loaded.get(left)!, loaded.get(right)!];
        return (
          `for (var i = id.z; i < ${a.rows}u; i++) { for (var j = id.z; j < ${b.columns}u; j++) { for (var k = id.z; k < ${a.columns}u; k++) {` +
          ` ${sum}[i * ${b.columns}u + j] += f32(${a.array}[${left} + i * ${a.stride}u + k]) * f32(${b.array}[${right} + k * ${b.stride}u + j]); } } }`
        );
      },
    )
    .replace(
      /subgroupMatrixStore<row_major>\(&(\w+), (.*), (\w+), (\d+)u\);/g,
      (_, array: string, offset: string, sum: string, stride) => {
        const { rows, columns } = loaded.get(sum)!;
        return (
          `for (var i = id.z; i < ${rows}u; i++) { for (var j = id.z; j < ${columns}u; j++) {` +
          ` ${array}[${offset} + i * ${stride}u + j] = ${sum}[i * ${columns}u + j]; } }`
        );
      },
    );
}

const graphs = Object.entries(cases).flatMap(([name, [a, b, spec, result]]) =>
  (["f32", "f16"] as const).map((dtype) => ({
    name: `${name}, ${dtype}`,
    graph: parseGraph(product(dtype, a, b, spec, result)),
  })),
);

describe.skipIf(device === undefined).each(graphs)("what $name give, written out", ({ name, graph }) => {
  if (device === undefined) return;
  const values = valuesOf(graph);
  const bounded = evaluateWithBounds(graph, values);
  const plans = matrixPlans(graph, device.profile.limits.subgroupSize[0]);

  test("has several schedules", () => expect(plans.length).toBeGreaterThanOrEqual(2));

  // Every invocation holds a matrix whole here: with many of them a software driver compiles for minutes.
  test.each(plans.slice(0, name === "second transposed, f32" ? 2 : 1))("$schedule", async ({ plan }) => {
    expect(plan.kernels.some(({ wgsl }) => wgsl.includes("subgroupMatrixMultiplyAccumulate"))).toBe(true);
    const kernels = plan.kernels.map((kernel) => ({ ...kernel, wgsl: writtenOut(kernel.wgsl) }));
    const got = await runPlan(device, { ...plan, kernels }, values);
    for (const [output, { value, bound }] of Object.entries(bounded)) {
      const worst = compareWithin(got[output] as Float64Array, value, bound, 4);
      expect(worst?.ratio ?? 0, `${output}: ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
    }
  });
});

describe("the texts as they are", () => {
  test("pass Dawn's validation", async () => {
    const { create } = await import("webgpu");
    const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
    const adapter = await gpu.requestAdapter();
    const features = ["chromium-experimental-subgroup-matrix", "subgroups", "shader-f16"] as GPUFeatureName[];
    const nothing = await adapter?.requestDevice({ requiredFeatures: features });
    if (nothing === undefined) throw new Error("Dawn has no null backend");
    let validated = 0;
    for (const { graph } of graphs) {
      for (const { plan } of matrixPlans(graph, 32)) {
        for (const { wgsl } of plan.kernels) {
          const messages = (await nothing.createShaderModule({ code: wgsl }).getCompilationInfo()).messages;
          expect(
            messages.map(({ message, lineNum }) => `${lineNum}: ${message}`),
            wgsl,
          ).toEqual([]);
          validated++;
        }
      }
    }
    expect(validated).toBeGreaterThanOrEqual(graphs.length);
    nothing.destroy();
  });
});

test("without the feature no schedule has them", () => {
  const graph = graphs[0]!.graph;
  makePlan(graph, baselineProfile, {
    choose: (_, candidates, wider) => {
      expect(JSON.stringify([...candidates, ...(wider?.() ?? [])])).not.toContain("product");
      return candidates[0];
    },
  });
});
