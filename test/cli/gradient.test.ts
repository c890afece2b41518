/** `--gradient` of the command, and `gradient` of the library. */
import { describe, expect, it } from "vitest";
import { compile, DifferentiationError, gradientName } from "../../src/index.ts";
import { makeWorkplace } from "./command.ts";

const { weft, write } = makeWorkplace();

const net = `use std/nn: Linear
use std/norm: BatchNorm1d

model Net(n: size) {
  sub layer: Linear(n, 3)
  sub norm: BatchNorm1d(3)
  entry loss<B>(x: f32[B, n], t: idx<3>[B]) -> (loss: f32, right: f32) {
    let y = norm(layer(x))
    let l[b] = logsumexp[c] y[b, c] - y[b, t[b]]
    return (mean[b] l[b], mean[b] y[b, t[b]])
  }
  preset tiny { n = 2 }
}
`;
write("net.weft", net);
const asked = ["--preset", "tiny", "--set", "B=4", "--input", "all=random", "--device", "reference"];

describe("weft run --gradient", () => {
  it("adds the gradients by all parameters, not by buffers", async () => {
    const { status, stdout } = await weft("run", "net.weft", ...asked, "--gradient", "all", "--loss", "loss", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).outputs).toEqual({
      loss: { shape: [], dtype: "f32" },
      right: { shape: [], dtype: "f32" },
      "gradient(layer.weight)": { shape: [3, 2], dtype: "f32" },
      "gradient(layer.bias)": { shape: [3], dtype: "f32" },
      "gradient(norm.weight)": { shape: [3], dtype: "f32" },
      "gradient(norm.bias)": { shape: [3], dtype: "f32" },
    });
  });

  it.each([
    [["--gradient", "x"], "--gradient: Net.loss has no loss: several outputs are a single f32 (loss, right)"],
    [["--gradient", "t", "--loss", "loss"], "--gradient: t is i32, which has no gradient"],
    [["--gradient", "x,y", "--loss", "loss"], "--gradient: Net.loss has no input or parameter y"],
    [["--loss", "loss"], "--loss says what --gradient differentiates; give both"],
  ])("%j is refused", async (given, message) => {
    const { status, stderr } = await weft("run", "net.weft", ...asked, ...given);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("compile with a gradient", () => {
  const text = "fn loss<n>(x: f32[n]) -> f32 = sum[k] x[k]^3";

  it("gives it as an output", async () => {
    const program = await compile(text, { settings: { n: 3 }, gradient: ["x"], device: "reference" });
    const results = await program.run({ x: Float32Array.from([1, 2, -3]) });
    expect(Array.from(results[gradientName("x")] as Float32Array)).toEqual([3, 12, 27]);
    program.dispose();
  });

  it("throws for a request that does not fit", async () => {
    await expect(compile(text, { settings: { n: 3 }, gradient: ["y"], device: "reference" })).rejects.toThrow(
      DifferentiationError,
    );
  });
});
