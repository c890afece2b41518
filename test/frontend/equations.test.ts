/** The equations of a file: every statement that computes something, under its name. */
import { describe, expect, it } from "vitest";
import { equationsOf, parse } from "../../src/frontend/index.ts";

const text = `fn twice<n>(x: f32[n]) -> f32[n] = 2 * x

module Layer(d: size) {
  param weight: f32[d] = ones()
  fn forward(x: f32[d]) -> f32[d] {
    require d > 1
    let (a[i], b[i]) = topk[j](x[j], 1)
    let y[i] = x[i]
      * weight[i]
    if training { y[i] = twice(y)[i] } else { y[0] += 1 }
    for l in 0..2 { y = tanh(y) }
    let P[2*t: d] = a[t], P[2*t + 1] = b[t]
    return y
  }
}

model Net(d: size = 4) {
  sub layer: Layer(d)
  entry run(x: f32[d]) -> f32[d] = layer(x)
}
`;

describe("the equations of a file", () => {
  const equations = equationsOf(parse("net.weft", text).file);

  it("are its statements in the order of the text, each with what it defines and where it stands", () => {
    expect(equations.map(({ definition, name, span }) => [definition, name, text.slice(span.start, span.end)])).toEqual(
      [
        ["twice", "return", "2 * x"],
        ["Layer.forward", "a, b", "let (a[i], b[i]) = topk[j](x[j], 1)"],
        ["Layer.forward", "y", "let y[i] = x[i]\n      * weight[i]"],
        ["Layer.forward", "y", "y[i] = twice(y)[i]"],
        ["Layer.forward", "y", "y[0] += 1"],
        ["Layer.forward", "y", "y = tanh(y)"],
        ["Layer.forward", "P", "let P[2*t: d] = a[t], P[2*t + 1] = b[t]"],
        ["Layer.forward", "return", "return y"],
        ["Net.run", "return", "layer(x)"],
      ],
    );
  });

  it("do not overlap", () => {
    equations.forEach(({ span }, i) => {
      const next = equations[i + 1];
      if (next !== undefined) expect(next.span.start).toBeGreaterThanOrEqual(span.end);
    });
  });
});
