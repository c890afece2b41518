/** Modules and models: instances, parameter paths, presets, requirements, and limits, with their messages. */
import { describe, expect, it } from "vitest";
import { listEntries } from "../../src/frontend/choose-entry.ts";
import { instantiate } from "../../src/frontend/instantiate.ts";
import { solveGenerics } from "../../src/frontend/solve-generics.ts";
import { evaluateGraph } from "../../src/ir/index.ts";
import {
  array,
  checked,
  elaborated,
  expectRun,
  expectTensor,
  graphOf,
  indices,
  type NumberArray,
  noise,
  shortForm,
  sum,
} from "./elaborate-text.ts";

const model = `use std/nn: Linear, LayerNorm, Embedding

/// One block.
module Block(d: size, hidden: size, scale: f32 = 0.5) {
  require hidden % d == 0
  let half = scale / 2
  sub norm: LayerNorm(d)
  sub up as "0.fn": Linear(d, hidden)
  sub down as "1": Linear(hidden, d)
  fn forward<L>(x: f32[L, d]) -> f32[L, d] {
    let h = down(relu(up(norm(x))))
    return x + half * h
  }
}

model Net(vocab: size = 11, d: size = 4, layers: size = 2, tied: bool = true) {
  sub embed: Embedding(vocab, d)
  sub layer: Block(d, 2 * d, scale: 0.25)[layers]
  /// Positions.
  buffer table as "positions.table": f32[8, d] = normal(std: 0.02)
  param out: f32[vocab, d] = uniform(-1 / sqrt(d), 1 / sqrt(d))
  buffer ramp: f32[d] = 2

  entry logits<L>(tokens: idx<vocab>[L]) -> f32[L, vocab] {
    require L <= 8
    let x = embed(tokens)
    let p[i, c] = x[i, c] + table[0 + i, c]
    let h = p
    for l in 0..layers { h = layer[l](h) }
    if tied {
      let y[i, v] = sum[c] h[i, c] * embed.weight[v, c]
      return y
    } else {
      let y[i, v] = sum[c] h[i, c] * out[v, c]
      return y
    }
  }

  entry first<L>(x: f32[L, d]) -> (value: f32[L, d], average: f32) {
    let whole = layer[0].up(x)
    let y[i, c: d] = whole[i, 0 + c]
    let z[i, c] = y[i, c] + ramp[c]
    return (z, mean[i, c] z[i, c])
  }
}

preset wide of Net { d = 8, layers = 3 }
preset tiny { d = 2, layers = 1, tied = false }
`;

describe("a model", () => {
  const program = checked(model);

  it("lists its entries", () => {
    expect(listEntries(program).map(({ kind, model, name, presets }) => [kind, model, name, presets])).toEqual([
      ["entry", "Net", "logits", ["wide", "tiny"]],
      ["entry", "Net", "first", ["wide", "tiny"]],
    ]);
  });

  it("lists all parameters in order, under their published paths", () => {
    const { value } = instantiate(program, {});
    expect(value?.name).toBe("Net.logits");
    expect(value?.parameters.map(({ path, role, type }) => `${role} ${path} ${type.shape.join("x")}`)).toEqual([
      "param embed.weight 11x4",
      ...[0, 1].flatMap((l) => [
        `param layer.${l}.norm.weight 4`,
        `param layer.${l}.norm.bias 4`,
        `param layer.${l}.0.fn.weight 8x4`,
        `param layer.${l}.0.fn.bias 8`,
        `param layer.${l}.1.weight 4x8`,
        `param layer.${l}.1.bias 4`,
      ]),
      "buffer positions.table 8x4",
      "param out 11x4",
      "buffer ramp 4",
    ]);
  });

  it("resolves initialisers to records with numbers, or to a graph", () => {
    const parameters = new Map(instantiate(program, {}).value?.parameters.map((one) => [one.path, one]));
    expect(parameters.get("layer.1.0.fn.weight")?.initialiser).toEqual({
      kind: "record",
      name: "kaiming_uniform",
      arguments: { fan_in: 4 },
    });
    expect(parameters.get("layer.1.1.bias")?.initialiser).toEqual({
      kind: "record",
      name: "uniform",
      arguments: { low: -1 / Math.sqrt(8), high: 1 / Math.sqrt(8) },
    });
    expect(parameters.get("positions.table")).toMatchObject({
      initialiser: { kind: "record", name: "normal", arguments: { std: 0.02 } },
      doc: "Positions.",
    });
    const ramp = parameters.get("ramp")?.initialiser;
    if (ramp?.kind !== "graph") throw new Error("ramp starts from an expression");
    expectTensor(
      evaluateGraph(ramp.graph, { inputs: {}, parameters: {} }).ramp,
      array([4], () => 2),
    );
  });

  it("computes what its text says", () => {
    const tokens = indices([5], 11);
    const shapes = instantiate(program, {}).value?.parameters ?? [];
    const values: Record<string, NumberArray> = { tokens };
    shapes.forEach(({ path, type }, k) => {
      values[path] = noise(type.shape, k + 20);
    });
    const p = (path: string, ...position: number[]) => (values[path] as NumberArray).at(...position);
    let h = array([5, 4], (i, c) => p("embed.weight", tokens.at(i), c) + p("positions.table", i, c));
    for (const l of [0, 1]) {
      const x = h;
      const mean = array([5], (i) => sum(4, (c) => x.at(i, c)) / 4);
      const variance = array([5], (i) => sum(4, (c) => (x.at(i, c) - mean.at(i)) ** 2) / 4);
      const n = array(
        [5, 4],
        (i, c) =>
          ((x.at(i, c) - mean.at(i)) / Math.sqrt(variance.at(i) + 1e-5)) * p(`layer.${l}.norm.weight`, c) +
          p(`layer.${l}.norm.bias`, c),
      );
      const up = array([5, 8], (i, o) =>
        Math.max(0, p(`layer.${l}.0.fn.bias`, o) + sum(4, (c) => p(`layer.${l}.0.fn.weight`, o, c) * n.at(i, c))),
      );
      h = array(
        [5, 4],
        (i, o) =>
          x.at(i, o) +
          0.125 * (p(`layer.${l}.1.bias`, o) + sum(8, (c) => p(`layer.${l}.1.weight`, o, c) * up.at(i, c))),
      );
    }
    const want = (weight: string) => array([5, 11], (i, v) => sum(4, (c) => h.at(i, c) * p(weight, v, c)));
    expectRun(model, { settings: { L: 5 }, values }, want("embed.weight"));
    expectRun(model, { settings: { L: 5, tied: false }, values }, want("out"));
  });

  it("a graph lists the parameters that its entry uses, once each", () => {
    const graph = graphOf(model, { entry: "first", settings: { L: 3 } });
    expect(graph.name).toBe("Net.first");
    expect(graph.parameters.map((node) => node.attributes.name)).toEqual([
      "layer.0.0.fn.weight",
      "layer.0.0.fn.bias",
      "ramp",
    ]);
    expect(graph.outputs.map((output) => output.name)).toEqual(["value", "average"]);
    const tied = graphOf(model, { settings: { L: 3 } });
    expect(tied.parameters.filter((node) => node.attributes.name === "embed.weight")).toHaveLength(1);
    expect(tied.parameters.some((node) => node.attributes.name === "out")).toBe(false);
  });

  it("presets change the defaults, settings change presets", () => {
    const shapes = (request: Parameters<typeof instantiate>[1]) =>
      instantiate(program, request).value?.parameters.map(({ path, type }) => `${path} ${type.shape.join("x")}`) ?? [];
    expect(shapes({ preset: "wide" })).toContain("layer.2.1.weight 8x16");
    expect(shapes({ preset: "tiny" })).not.toContain("layer.1.1.weight 2x4");
    expect(shapes({ preset: "tiny", settings: { layers: 2 } })).toContain("layer.1.1.weight 2x4");
    expect(shapes({ preset: "paper" })).toEqual(shapes({}));
  });

  it("names values after the author's words and keeps their places", () => {
    const graph = graphOf(model, { settings: { L: 3 } });
    const logits = graph.outputs[0]?.node;
    expect(logits?.name).toBe("y");
    expect(logits?.origins.map((span) => span.file)).toEqual(["test.weft"]);
  });
});

describe("generic sizes from inputs", () => {
  const text =
    "fn f<n, m>(x: f32[n, 2 * m + 1], y: f32[m]) -> f32[n] {\n  let r[i] = sum[c: m] x[i, c + 1] * y[c]\n  return r\n}";
  const program = checked(text);
  const [entry] = listEntries(program);
  const solve = (shapes: Record<string, readonly number[]>) => solveGenerics(program, entry!, {}, shapes);

  it("are solved", () => {
    expect(solve({ x: [3, 7] })).toEqual({ sizes: { n: 3, m: 3 }, mapped: [], diagnostics: [] });
    expect(solve({ y: [5] })).toEqual({ sizes: { m: 5 }, mapped: [], diagnostics: [] });
    expect(solve({ x: [9, 2, 7], y: [9, 3] })).toMatchObject({ sizes: { n: 2, m: 3 }, mapped: [9], shared: [] });
    expect(solve({ x: [9, 2, 7], y: [3] })).toMatchObject({ sizes: { n: 2, m: 3 }, mapped: [9], shared: ["y"] });
  });

  it("and contradictions are reported", () => {
    expect(solve({ x: [3, 7], y: [4] }).diagnostics.map(shortForm)).toEqual([
      "size/mismatch at 1:34: axis 1 of the input `y` has the wrong length (4 given for `m = 3`)",
    ]);
    expect(solve({ x: [3, 6] }).diagnostics.map(shortForm)).toEqual([
      "size/mismatch at 1:12: axis 2 of the input `x` has the wrong length (6 given for `2 * m + 1`)",
    ]);
    expect(solve({ x: [7] }).diagnostics.map(shortForm)).toEqual([
      "shape/rank at 1:12: the input `x` has too few axes (shape [7] for [n, 2 * m + 1])",
    ]);
    expect(solve({ z: [7] }).diagnostics.map(shortForm)).toEqual([
      "entry/unknown-input at 1:4: `f` has no input `z`\n  it has x, y",
    ]);
    expect(solve({ x: [9, 2, 7], y: [8, 3] }).diagnostics.map(shortForm)).toEqual([
      "shape/mapped at 1:34: the inputs have different leading axes ([8] before [m])\n  `x` has [9]",
    ]);
  });
});

describe("messages", () => {
  const message = (text: string, request: Parameters<typeof elaborated>[1] = {}) =>
    elaborated(text, request).diagnostics.map(shortForm).join("\n");

  it("a requirement that fails shows both sides and the way to it", () => {
    const text = `module Inner(a: size, b: size) {
  require a * 2 == b
  param w: f32[a] = zeros()
}
module Outer(n: size) { sub part: Inner(n, 4)[2] }
model Top(n: size = 3) {
  sub outer: Outer(n)
  entry go() -> f32 = sum[k] outer.part[1].w[k]
}`;
    expect(message(text)).toBe(
      "size/require-fails at 2:11: `require a * 2 == b` does not hold (`a * 2 = 6` against `b = 4`)\n  sizes here: a = 3, b = 4\n  reached through model Top → outer: Outer → part.0: Inner",
    );
    expect(message(text, { settings: { n: 2 } })).toBe("");
  });

  it("a requirement of a function", () => {
    const text = "fn f<L, S>(x: f32[L], y: f32[S]) -> f32[L] {\n  require L == S\n  return x + y\n}";
    expect(message(text, { settings: { L: 4096, S: 1024 } })).toBe(
      "size/require-fails at 2:11: `require L == S` does not hold (`L = 4096` against `S = 1024`)\n  sizes here: L = 4096, S = 1024",
    );
  });

  const limits: Readonly<
    Record<string, { readonly text: string; readonly settings: Record<string, number>; readonly want: RegExp }>
  > = {
    "an input beyond every array": {
      text: "fn f<L>(x: f32[L, L]) -> f32[L, L] = x",
      settings: { L: 1e12 },
      want: /^size\/too-large at 1:9: /,
    },
    "a value beyond every array": {
      text: "fn f<L>(x: f32[L]) -> f32[L, L, L] {\n  let y[i, j, k] = x[i] * x[j] * x[k]\n  return y\n}",
      settings: { L: 200_000 },
      want: /^size\/too-large at 2:20: this value would have 8,000,000,000,000,000 elements/,
    },
    "a size beyond numbers": {
      text: "fn f<L>(x: f32[L]) -> f32[L * L * L] {\n  let y[k: L * L * L] = 1\n  return y\n}",
      settings: { L: 1e12 },
      want: /^size\/too-large at /,
    },
    "a loop without end": {
      text: "fn f<n>(x: f32, k: size) -> f32 {\n  let y = x\n  for i in 0..k { y = y * 2 }\n  return y\n}".replace(
        "<n>",
        "",
      ),
      settings: { k: 1e9 },
      want: /^size\/too-many-operations at 3:3: this loop would be unrolled 1000000000 times/,
    },
    "loops that multiply": {
      text: "fn f(x: f32, k: size) -> f32 {\n  let y = x\n  for i in 0..k { for j in 0..k { y = y * x } }\n  return y\n}",
      settings: { k: 90000 },
      want: /^size\/too-many-operations at 3:/,
    },
    "an empty axis": {
      text: "fn f<n>(x: f32[n]) -> f32[n - 1] {\n  let y[i: n - 1] = x[i + 1]\n  return y\n}",
      settings: { n: 1 },
      want: /^size\/empty at /,
    },
    "a size that is none": {
      text: "fn f<n>(x: f32[n]) -> f32[n] = x",
      settings: { n: 2.5 },
      want: /^size\/not-a-size at 1:4: `n` must be a whole number above zero, not 2.5$/,
    },
    "a size that is missing": {
      text: "fn f<n, m>(x: f32[n, m], k: size) -> f32[n, m] = k * x",
      settings: { n: 2 },
      want: /^size\/not-given at 1:4: nothing says how large `m`, `k` of `f` are$/,
    },
    "an unknown setting": {
      text: "fn f<n>(x: f32[n]) -> f32[n] = x",
      settings: { m: 2 },
      want: /^module\/unknown-setting at 1:4: `f` has no size or parameter `m` to set/,
    },
  };
  for (const [name, { text, settings, want }] of Object.entries(limits)) {
    it(name, () => {
      expect(message(text, { settings })).toMatch(want);
    });
  }

  it("too many modules", () => {
    const text =
      "module M(d: size) { param w: f32[d] = zeros() }\nmodel N(k: size = 1) {\n  sub m: M(2)[k]\n  entry e() -> f32 = 1\n}";
    expect(message(text, { settings: { k: 1e9 } })).toMatch(
      /^size\/too-many-modules at 3:3: `m` would be 1000000000 modules/,
    );
  });

  it("unknown models, entries and presets", () => {
    const text =
      "model A(d: size = 1) { entry e() -> f32 = d }\nmodel B(d: size) { entry g() -> f32 = d }\npreset small { d = 2 }";
    expect(message(text)).toBe(
      "entry/several-models at 1:1: several models fit: name one with `--model`\n  there are: A, B",
    );
    expect(message(text, { model: "C" })).toBe(
      "entry/unknown-model at 1:1: there is no model `C` in this file\n  there are: A, B",
    );
    expect(message(text, { model: "A", entry: "g" })).toBe(
      "entry/unknown at 1:1: `A` has no entry `g`\n  there are: e",
    );
    expect(message(text, { entry: "h" })).toBe(
      "entry/unknown at 1:1: there is no entry or function `h` in this file\n  there are: e, g",
    );
    expect(message(text, { model: "B", preset: "huge" })).toBe(
      "preset/unknown at 2:7: `B` has no preset `huge`\n  there are: small",
    );
    expect(message(text, { model: "B" })).toBe("module/no-value at 2:9: `d` of `B` has no value (no default)");
    expect(message(text, { entry: "g", preset: "small" })).toBe("");
  });

  it("parameters that share a path", () => {
    const text =
      'module M(d: size) { param w as "b.w": f32[d] = zeros() }\nmodel N(d: size = 2) {\n  sub a: M(d)\n  sub c as "a.b": M(d)\n  param v as "a.b.w": f32[d] = zeros()\n  entry e() -> f32 = 1\n}';
    expect(message(text)).toBe("module/duplicate-path at 5:3: two parameters have the path `a.b.w`");
  });
});

it("`training` chooses while building", () => {
  const text = "fn f<n>(x: f32[n]) -> f32[n] {\n  if training { return 2 * x }\n  return x\n}";
  expectRun(text, { settings: { n: 2 }, values: { x: noise([2]) } }, noise([2]));
  expectRun(
    text,
    { settings: { n: 2 }, training: true, values: { x: noise([2]) } },
    array([2], (k) => 2 * noise([2]).at(k)),
  );
});
