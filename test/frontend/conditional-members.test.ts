/** Members that exist under a condition, arrays of modules that do not start at 0, and parts without a name in checkpoints. */
import { describe, expect, it } from "vitest";
import { array, elaborated, expectRun, noise, shortForm, sum } from "./elaborate-text.ts";

const blocks = `
use std/nn: LinearWithoutBias

module Block(d: size, out: size, biased: bool = false) {
  sub linear as "": LinearWithoutBias(d, out)
  sub shortcut: LinearWithoutBias(d, out) if d != out
  param bias: f32[out] = zeros() if biased

  fn forward(x: f32[d]) -> f32[out] {
    let y = linear(x)
    if biased { y[c] = y[c] + bias[c] }
    if d == out { return y + x }
    return y + shortcut(x)
  }
}

model Net(d: size = 2, out: size = 3, blocks: size = 3, biased: bool = false) {
  sub first as "layer.0": Block(d, out, biased)
  sub block as "layer": Block(out, out, biased)[1..blocks]

  entry run(x: f32[d]) -> f32[out] {
    let y = first(x)
    for l in 1..blocks { y = block[l](y) }
    return y
  }
}`;

const pathsOf = (settings: Readonly<Record<string, number | boolean>>) =>
  elaborated(blocks, { settings }).parameters.map(({ path }) => path);

describe("conditional members", () => {
  it("are parameters only where the condition holds, under the paths of the array", () => {
    expect(pathsOf({})).toEqual(["layer.0.weight", "layer.0.shortcut.weight", "layer.1.weight", "layer.2.weight"]);
    expect(pathsOf({ d: 3, blocks: 1 })).toEqual(["layer.0.weight"]);
    expect(pathsOf({ d: 3, blocks: 2, biased: true })).toEqual([
      "layer.0.weight",
      "layer.0.bias",
      "layer.1.weight",
      "layer.1.bias",
    ]);
  });

  it("compute what the chosen parts say", () => {
    const x = noise([2], 1);
    const first = noise([3, 2], 2);
    const shortcut = noise([3, 2], 3);
    const second = noise([3, 3], 4);
    const bias = [noise([3], 5), noise([3], 6)] as const;
    const y = array([3], (o) => sum(2, (c) => (first.at(o, c) + shortcut.at(o, c)) * x.at(c)) + bias[0].at(o));
    const want = array([3], (o) => sum(3, (c) => second.at(o, c) * y.at(c)) + bias[1].at(o) + y.at(o));
    const values = {
      x,
      "layer.0.weight": first,
      "layer.0.shortcut.weight": shortcut,
      "layer.0.bias": bias[0],
      "layer.1.weight": second,
      "layer.1.bias": bias[1],
    };
    expectRun(blocks, { settings: { blocks: 2, biased: true }, values }, want);
  });

  it("are refused where they do not exist", () => {
    const text = `
module Part(n: size, scaled: bool) {
  param scale: f32[n] = ones() if scaled
  fn forward(x: f32[n]) -> f32[n] = x * scale
}
model M(scaled: bool = false) {
  sub part: Part(4, scaled)
  entry run(x: f32[4]) -> f32[4] = part(x)
}`;
    expect(elaborated(text, { settings: { scaled: true } }).diagnostics).toEqual([]);
    expect(elaborated(text).diagnostics.map((each) => shortForm(each).split("\n")[0])).toEqual([
      "module/absent at 4:41: there is no `scale` in this instance (it exists where `scaled`)",
    ]);
  });

  it("leave requirements of absent parts alone, and empty ranges empty", () => {
    const text = `
module Even(n: size) {
  require n % 2 == 0
  fn forward(x: f32[n]) -> f32[n] = x
}
model M(n: size = 3) {
  sub even: Even(n) if n % 2 == 0
  entry run(x: f32[n]) -> f32[n] = x
}`;
    expect(elaborated(text).diagnostics).toEqual([]);
  });
});

describe("sizes in paths", () => {
  const text = (path: string) => `
module Unit(layer: size, d: size) {
  param gain as ${JSON.stringify(path)}: f32[d] = ones()
  fn forward(x: f32[d]) -> f32[d] = x * gain
}
model M() {
  sub a as "": Unit(4, 2)
  sub b as "": Unit(5, 2)
  entry run(x: f32[2]) -> f32[2] = b(a(x))
}`;

  it("stand for the numbers of the instance", () => {
    const { parameters } = elaborated(text("list.{layer}.gain_{layer}x{d}"));
    expect(parameters.map(({ path }) => path)).toEqual(["list.4.gain_4x2", "list.5.gain_5x2"]);
  });

  it("must make different paths", () => {
    expect(elaborated(text("gain_{d}")).diagnostics.map((each) => shortForm(each).split("\n")[0])).toEqual([
      "module/duplicate-path at 3:3: two parameters have the path `gain_2`",
    ]);
  });
});
