/** The library's public face. */
import { describe, expect, it } from "vitest";
import { CompileError, compile } from "../src/index.ts";
import { attention, classifier } from "./cli/command.ts";

const sizes = { L: 5, S: 7, d: 4, e: 3 };

function softmaxAttention(Q: Float32Array, K: Float32Array, V: Float32Array): number[] {
  const { L, S, d, e } = sizes;
  const result: number[] = [];
  for (let i = 0; i < L; i++) {
    const scores = Array.from({ length: S }, (_, j) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += (Q[i * d + c] as number) * (K[j * d + c] as number);
      return Math.exp(sum / Math.sqrt(d));
    });
    const total = scores.reduce((all, score) => all + score, 0);
    for (let c = 0; c < e; c++) {
      result.push(scores.reduce((all, score, j) => all + (score / total) * (V[j * e + c] as number), 0));
    }
  }
  return result;
}

const wave = (count: number, step: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * step));

describe("compile", () => {
  it.each(["auto", "reference"] as const)("gives a program that computes attention (%s)", async (device) => {
    const program = await compile(attention, { settings: sizes, device });
    try {
      expect(program.name).toBe("attention");
      expect(program.inputs.Q).toEqual({ dtype: "f32", shape: [5, 4] });
      expect(program.outputs).toEqual({ attention: { dtype: "f32", shape: [5, 3] } });
      expect(program.ir).toMatch(/^graph attention \{/);
      expect(program.kernels.length).toBeGreaterThan(0);
      expect(program.adapter).toMatch(device === "reference" ? /^reference evaluator/ : /./);
      const [Q, K, V] = [wave(20, 0.7), wave(28, 1.1), wave(21, 0.3)];
      const { attention: got } = await program.run({ Q, K, V });
      const want = softmaxAttention(Q, K, V);
      for (const [i, value] of want.entries()) expect(Math.abs((got?.[i] as number) - value)).toBeLessThan(1e-6);
    } finally {
      program.dispose();
    }
  });

  it("takes parameter values, and initialises the others from the seed", async () => {
    const options = { settings: { L: 2, d: 2 }, device: "reference" } as const;
    const given = await compile(classifier, {
      ...options,
      parameters: (path) =>
        path === "bias" ? Float32Array.of(1, 2, 3) : path === "weight" ? new Float32Array(6) : undefined,
    });
    const tokens = Int32Array.of(1, 2);
    expect([...((await given.run({ tokens })).logits as Float32Array)]).toEqual([1, 2, 3]);
    expect(given.parameters.map(({ path, role }) => `${role} ${path}`)).toEqual([
      "param embedding",
      "param weight",
      "param bias",
      "buffer scale",
    ]);
    const logits = async (seed: number) => {
      const program = await compile(classifier, { ...options, seed });
      return [...((await program.run({ tokens })).logits as Float32Array)];
    };
    expect(await logits(3)).toEqual(await logits(3));
    expect(await logits(3)).not.toEqual(await logits(4));
  });

  it("refuses mistakes with located messages and bad inputs by name", async () => {
    await expect(compile("fn f<n>(x: f32[n]) -> f32 { return y }", { device: "reference" })).rejects.toThrow(
      CompileError,
    );
    await expect(compile("fn f<n>(x: f32[n]) -> f32 { return y }", { device: "reference" })).rejects.toThrow(
      /source\.weft:1:/,
    );
    const program = await compile(classifier, { settings: { L: 2 }, device: "reference" });
    await expect(program.run({ tokens: Int32Array.of(1, 99) })).rejects.toThrow(/99/);
    await expect(program.run({})).rejects.toThrow(/tokens/);
  });
});
