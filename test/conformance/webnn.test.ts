/** Every twentieth case of the WebNN vectors, all the texts, and the judge itself. `npm run conformance` runs all cases. */
import { afterAll, describe, expect, it } from "vitest";
import { f16FromNumber, type WeftDevice } from "../../src/runtime/index.ts";
import { testDevice } from "../codegen/on-device.ts";
import { budgetOf, unitsApart } from "./budget.ts";
import { weftText } from "./operators.ts";
import { report, suffices, tallyOf } from "./report.ts";
import { runCase } from "./run-case.ts";
import { readSuites, type VectorCase, vectorsFolder } from "./vectors.ts";

const folder = vectorsFolder();
if (folder === undefined)
  console.log("WebNN vectors are skipped: the folder that WEFT_WEBNN_VECTORS names does not exist");
const vectors = folder === undefined ? [] : [...readSuites(folder).values()].flat();
const device = folder === undefined ? undefined : await testDevice();
afterAll(() => device?.close());

function caseNamed(name: string): VectorCase {
  const found = vectors.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  return found;
}

const textOf = (name: string): string => {
  const source = weftText(caseNamed(name));
  return source.kind === "text" ? `\n${source.text}` : source.reason;
};

/** The same case, with one expected value moved. */
function withExpected(vector: VectorCase, element: number, move: (value: number) => number): VectorCase {
  const [output, ...others] = vector.outputs;
  if (output === undefined) throw new Error("the case has no output");
  const data = output.data.map((value, i) => (i === element ? move(value) : value));
  return { ...vector, outputs: [{ ...output, data }, ...others] };
}

/** The value that many units in the last place of f32 above a positive one. */
function unitsAbove(value: number, units: number): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0] as number) + units;
  return new Float32Array(bits.buffer)[0] as number;
}

describe.skipIf(folder === undefined)("WebNN vectors", () => {
  // Two cases have 36 million elements.
  const chosen = vectors.filter((vector, i) => i % 20 === 0 && vector.outputs.every(({ data }) => data.length <= 1e5));
  it.each(chosen.map((vector) => [vector.suite, vector.name, vector] as const))(
    "%s: %s",
    async (_suite, _name, vector) => {
      const verdict = await runCase(vector, { device });
      expect(verdict).toSatisfy(
        ({ kind, mappable }) => kind === "passed" || (kind === "unsupported" && !mappable),
        JSON.stringify(verdict, undefined, 2),
      );
    },
  );

  it("have a text each, but for values that no type holds", () => {
    const reasons = vectors.flatMap((vector) => {
      const source = weftText(vector);
      return source.kind === "unsupported" ? [`${vector.suite}: ${source.reason}`] : [];
    });
    const counts = Object.fromEntries(
      [...new Set(reasons)].map((reason) => [reason, reasons.filter((each) => each === reason).length]),
    );
    expect(vectors).toHaveLength(1477);
    expect(counts).toEqual({
      "abs: 64-bit integers": 1,
      "clamp: 64-bit integers": 3,
      "clamp: infinities and NaN were lost when the vectors became JSON": 7,
      "neg: 64-bit integers": 1,
      "relu: 64-bit integers": 1,
    });
  });
});

describe.skipIf(folder === undefined)("the texts read as equations", () => {
  it("of whole tensors and of constants", () => {
    expect(
      textOf("hardSigmoid float32 positive 4D tensor specified positive options.alpha default options.beta"),
    ).toMatchInlineSnapshot(`
      "
      fn apply(x: f32[1, 2, 3, 4]) -> f32[1, 2, 3, 4] {
        let y = max(min(0.7854232544278235 * x + 0.5, 1), 0)
        return y
      }
      "
    `);
    expect(textOf("conv2d float32 4D both input and filter constant tensors default options")).toMatchInlineSnapshot(`
      "
      model Constants() {
        param x: f32[1, 1, 5, 5] = zeros()
        param w: f32[1, 1, 3, 3] = zeros()
        entry apply() -> f32[1, 1, 3, 3] {
          let y[n, o, r: 3, s: 3] = sum[c, p, q] w[o, c, p, q] * (x[n, c, r + p, s + q] else 0)
          return y
        }
      }
      "
    `);
  });

  it("with indices where axes are repeated, moved, joined, read through tables or reduced", () => {
    expect(textOf("add float32 broadcast 3D to 4D")).toMatchInlineSnapshot(`
      "
      fn apply(a: f32[2, 2, 2, 3], b: f32[2, 2, 1]) -> f32[2, 2, 2, 3] {
        let y[i, j, k, l] = a[i, j, k, l] + b[j, k, 0]
        return y
      }
      "
    `);
    expect(textOf("reshape float32 tensor to a new shape (reorder all dimensions)")).toMatchInlineSnapshot(`
      "
      fn apply(x: f32[2, 3, 4]) -> f32[4, 2, 3] {
        let flat[(i j k)] = x[i, j, k]
        let y[a: 4, b: 2, c: 3] = flat[(a b c)]
        return y
      }
      "
    `);
    expect(textOf("slice float32 2D tensor with strides")).toMatchInlineSnapshot(`
      "
      fn apply(x: f32[2, 12]) -> f32[2, 3] {
        let y[i, j: 3] = x[i, 4*j + 2]
        return y
      }
      "
    `);
    expect(textOf("gather float32 3D tensor and 2D indices options.axis=2")).toMatchInlineSnapshot(`
      "
      model Constants() {
        param at: idx<2>[2, 2] = zeros()
        entry apply(x: f32[3, 4, 2]) -> f32[3, 4, 2, 2] {
          let y[i, j, k, l] = x[i, j, at[k, l]]
          return y
        }
      }
      "
    `);
    expect(textOf("reduceL2 float16 4D tensor options.axes with options.keepDimensions=true")).toMatchInlineSnapshot(`
      "
      fn apply(x: f16[2, 2, 2, 3]) -> f16[2, 1, 2, 1] {
        let y[i, b: 1, k, d: 1] = f16(sqrt(sum[j, l] f32(x[i, j, k, l])^2))
        return y
      }
      "
    `);
    expect(textOf("layerNormalization float32 4D tensor options.scale and options.axes=[0, 2]")).toMatchInlineSnapshot(`
      "
      model Constants() {
        param γ: f32[2, 4] = zeros()
        entry apply(input: f32[2, 1, 4, 3]) -> f32[2, 1, 4, 3] {
          let μ[j, l] = mean[i, k] input[i, j, k, l]
          let v[j, l] = mean[i, k] (input[i, j, k, l] - μ[j, l])^2
          let y[i, j, k, l] = (input[i, j, k, l] - μ[j, l]) / sqrt(v[j, l] + 0.00001) * γ[i, k]
          return y
        }
      }
      "
    `);
  });

  it("with windows and groups", () => {
    expect(textOf("conv2d float32 4D input and filter tensors all options")).toMatchInlineSnapshot(`
      "
      model Constants() {
        param w: f32[2, 2, 1, 2] = zeros()
        param b: f32[2] = zeros()
        entry apply(x: f32[1, 2, 5, 5]) -> f32[1, 2, 5, 5] {
          let y[n, (g: 2 o), r: 5, s: 5] = sum[c: 1, p, q] w[p, q, c, (g o)] * (x[n, (g c), r + p - 1, s + q] else 0) + b[(g o)]
          return y
        }
      }
      "
    `);
    expect(
      textOf("convTranspose2d float32 4D input and filter tensors options.groups=2 options.strides=[2, 2]"),
    ).toMatchInlineSnapshot(`
      "
      model Constants() {
        param w: f32[2, 1, 2, 2] = zeros()
        entry apply(x: f32[1, 2, 2, 2]) -> f32[1, 2, 4, 4] {
          let y[n, (g: 2 o), r: 4, s: 4] = sum[c: 1, p: 2 where (r - p) % 2 == 0, q: 2 where (s - q) % 2 == 0] w[(g c), o, p, q] * (x[n, (g c), (r - p) // 2, (s - q) // 2] else 0)
          return y
        }
      }
      "
    `);
  });
});

describe.skipIf(folder === undefined)("the judge", () => {
  const transposed = () => caseNamed("transpose float32 2D tensor default options");

  it("sees one wrong bit where no error is allowed, and says where", async () => {
    const exact = transposed();
    expect(await runCase(exact, {})).toEqual({ kind: "passed" });
    const verdict = await runCase(
      withExpected(exact, 4, (value) => value + 2 ** -18),
      {},
    );
    expect(verdict).toMatchObject({ kind: "failed", reason: expect.stringContaining("ULP off, 0 allowed: element 4") });
  });

  it("allows the budget and not one unit more", async () => {
    const sum = caseNamed("reduceSum float32 1D tensor all positive default options");
    expect(budgetOf(sum, "float32")).toEqual({ kind: "ulp", count: 24 });
    const reference = (sum.inputs.get("reduceSumInput") as { data: Float64Array }).data.reduce((a, b) => a + b, 0);
    const expecting = (units: number) => withExpected(sum, 0, () => unitsAbove(reference, units));
    expect((await runCase(expecting(24), {})).kind).toBe("passed");
    expect(await runCase(expecting(25), {})).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(/^the reference evaluator is 25 ULP off, 24 allowed: element 0 is /),
    });
  });

  it.skipIf(device === undefined)("asks the device too", async () => {
    const lost = { ...(device as WeftDevice), guard: () => Promise.reject(new Error("the device is gone")) };
    const verdict = await runCase(transposed(), { device: lost });
    expect(verdict).toMatchObject({ kind: "failed", reason: "Error: the device is gone" });
  });

  it("fails a text that the compiler refuses", async () => {
    const exact = transposed();
    const output = { ...(exact.outputs[0] as VectorCase["outputs"][number]), shape: [4, 6] };
    expect(await runCase({ ...exact, outputs: [output] }, {})).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("the text is refused: size/mismatch"),
    });
  });

  it("reports failures and reasons, and asks for 99 of 100", async () => {
    const exact = transposed();
    const failing = withExpected(exact, 0, () => 7);
    const judged = [
      { vector: exact, verdict: await runCase(exact, {}) },
      { vector: failing, verdict: await runCase(failing, {}) },
      { vector: caseNamed("minValue as NaN"), verdict: await runCase(caseNamed("minValue as NaN"), {}) },
    ];
    expect(report(["clamp", "max_pool2d", "transpose"], judged)).toMatchInlineSnapshot(`
      "operation   passed  failed  unsupported
      clamp            0       0            1
      max_pool2d       0       0            0
      transpose        1       1            0

      The vectors hold no cases of max_pool2d.

      Failed:
        transpose: transpose float32 2D tensor default options
          the reference evaluator is 2199302814 ULP off, 0 allowed: element 0 is -45.67443084716797, expected 7

      Unsupported:
           1  infinities and NaN were lost when the vectors became JSON

      1 passed, 1 failed, 1 unsupported"
    `);
    expect(tallyOf(judged)).toEqual({ passed: 1, failed: 1, unsupported: 1, mappable: 2 });
    expect(suffices({ passed: 99, failed: 1, unsupported: 0, mappable: 100 })).toBe(true);
    expect(suffices({ passed: 98, failed: 1, unsupported: 9, mappable: 99 })).toBe(false);
    expect(suffices({ passed: 98, failed: 0, unsupported: 2, mappable: 100 })).toBe(false);
    expect(suffices({ passed: 0, failed: 0, unsupported: 0, mappable: 0 })).toBe(false);
  });
});

describe("distances", () => {
  it("count the steps between neighbours of the type", () => {
    const apart = (dataType: "float32" | "float16" | "int32", a: number, b: number) =>
      unitsApart(dataType, a, b, f16FromNumber);
    expect(apart("float32", 1, 1 + 2 ** -23)).toBe(1);
    expect(apart("float32", 1, 1 - 2 ** -24)).toBe(1);
    expect(apart("float32", -1e-45, 1e-45)).toBe(2);
    expect(apart("float32", 0, -0)).toBe(0);
    expect(apart("float32", 2, 4)).toBe(2 ** 23);
    expect(apart("float16", 1, 1 + 2 ** -10)).toBe(1);
    expect(apart("float16", -2, -2 - 2 ** -8)).toBe(2);
    expect(apart("float16", 65504, Infinity)).toBe(1);
    expect(apart("int32", -3, 4)).toBe(7);
    expect(apart("float32", Number.NaN, Number.NaN)).toBe(0);
    expect(apart("float32", Number.NaN, 1)).toBe(Infinity);
  });
});
