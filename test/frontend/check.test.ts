import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import { printValueType } from "../../src/frontend/element-types.ts";
import { type CheckedProgram, check, printSize, renderDiagnostics } from "../../src/frontend/index.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const builtins = languageBuiltins();

function checkText(text: string): CheckedProgram {
  const readSource = (path: string) => {
    if (path === "test.weft") return text;
    return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined;
  };
  return check("test.weft", { builtins, readSource });
}

/** The checked program of a text without mistakes. */
function sound(text: string): CheckedProgram {
  const program = checkText(text);
  expect(renderDiagnostics(program.diagnostics, program.sources)).toBe("");
  return program;
}

const codesOf = (text: string) => checkText(text).diagnostics.map((diagnostic) => diagnostic.code);

/** `Y: f32[L, e]` for every definition of the text itself, in order. */
function definitions(program: CheckedProgram): string[] {
  return [...program.tables.targets]
    .filter(([target]) => target.span.file === "test.weft")
    .map(([target, type]) => `${target.name.name}: ${printValueType(type)}`);
}

/** `j < S` for every index of the text itself, by place. */
function ranges(program: CheckedProgram): string[] {
  return [...program.tables.ranges]
    .filter(([binder]) => binder.span.file === "test.weft")
    .sort(([a], [b]) => a.span.start - b.span.start)
    .map(([binder, range]) => `${binder.name.name} < ${printSize(range)}`);
}

describe("indices", () => {
  it("get their ranges from the axes they walk", () => {
    const program = sound(`
fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}
`);
    expect(definitions(program)).toEqual(["A: f32[L, S]", "Y: f32[L, e]"]);
    expect(ranges(program)).toEqual(["i < L", "j < S", "j < S", "c < d", "i < L", "c < e", "j < S"]);
  });

  it("are proven to stay inside: convolutions, shifts, windows, tables", () => {
    sound(`
fn padded<C, O, H, W>(X: f32[C, H, W], w: f32[O, C, 3, 3]) -> f32[O, (H - 1) // 2 + 1, (W - 1) // 2 + 1] {
  let Y[o, y: (H - 1) // 2 + 1, x: (W - 1) // 2 + 1] =
    sum[c, ky, kx] w[o, c, ky, kx] * X[c, 2*y + ky - 1, 2*x + kx - 1] else 0
  return Y
}
fn valid<H>(x: f32[H], w: f32[3]) -> f32[(H - 3) // 2 + 1] {
  require H >= 3
  let y[i: (H - 3) // 2 + 1] = sum[k] w[k] * x[2*i + k]
  return y
}
fn causal<T>(x: f32[T], w: f32[T]) -> f32[T] {
  let y[t: T] = sum[s: T where s <= t] w[t - s] * x[s]
  return y
}
fn reversed<T>(x: f32[T]) -> f32[T] {
  let y[t: T] = x[T - 1 - t]
  return y
}
fn cyclic<T>(x: f32[T]) -> f32[2 * T] {
  let y[t: 2 * T] = x[t % T] + x[t // 2] + x[min(t, T - 1)]
  return y
}
fn looked_up<N, d, T>(E: f32[N, d], tokens: idx<N>[T]) -> f32[T, d] {
  let X[t, c] = E[tokens[t], c]
  return X
}
fn best<N, d>(E: f32[N, d], s: f32[N]) -> f32[d] {
  let k = argmax[n] s[n]
  let y[c] = E[k, c]
  return y
}
fn first<N>(x: f32[N]) -> f32 = x[0]
`);
  });

  it("are refused where the proof would be wrong", () => {
    expect(codesOf("fn f<H>(x: f32[H]) -> f32[H] {\n let y[i: H] = x[i + 1]\n return y\n}")).toEqual(["index/range"]);
    expect(codesOf("fn f<H>(x: f32[H]) -> f32[H] {\n let y[i: H] = x[i - 1]\n return y\n}")).toEqual(["index/range"]);
    expect(codesOf("fn f<H>(x: f32[H]) -> f32 = x[1]")).toEqual(["index/range"]);
    expect(
      codesOf(
        "fn f<H>(x: f32[H], w: f32[3]) -> f32[(H - 3) // 2 + 1] {\n let y[i: (H - 3) // 2 + 1] = sum[k] w[k] * x[2*i + k + 1]\n return y\n}",
      ),
    ).toEqual(["index/range"]);
    expect(codesOf("fn f<N, M>(x: f32[M], I: idx<N>[3]) -> f32[3] {\n let y[i] = x[I[i]]\n return y\n}")).toEqual([
      "index/range",
    ]);
    // A padding may be 0, every other size is at least 1.
    expect(
      codesOf("module A(p: size = 0) {\n fn forward<n>(x: f32[n]) -> f32 = sum[i: n] x[i + p - 1] else 0\n}"),
    ).toEqual([]);
    expect(codesOf("module A(p: size) {\n fn forward(x: f32[8 + p]) -> f32 = sum[i: 8] x[i + p - 1]\n}")).toEqual([]);
    expect(codesOf("module A(p: size = 0) {\n fn forward(x: f32[8 + p]) -> f32 = sum[i: 8] x[i + p - 1]\n}")).toEqual([
      "index/range",
    ]);
  });

  it("split and merge axes in groups", () => {
    const program = sound(`
fn heads<L, d, H>(Q: f32[L, d]) -> f32[L, d] {
  require d % H == 0
  let S[h: H, i, c] = Q[i, (h c)]
  let M[i, (h c)] = S[h, i, c]
  return M
}
fn fold<n>(x: f32[6 * n]) -> f32[n] {
  let y[i] = sum[a: 2, b] x[(a b: 3 i)]
  return y
}
fn pairs<n>(x: f32[2 * n]) -> f32[n, 2] {
  let y[k, s: 2] = x[(k s)]
  return y
}
`);
    expect(definitions(program)).toEqual(["S: f32[H, L, d//H]", "M: f32[L, (d//H)*H]", "y: f32[n]", "y: f32[n, 2]"]);
  });
});

describe("calls", () => {
  it("solve generic sizes and map over leading axes", () => {
    const program = sound(`
fn scale<n>(x: f32[n], by: f32) -> f32[n] = x * by
fn halves<n>(x: f32[2 * n + 1]) -> f32[n] {
  let y[i: n] = x[2 * i]
  return y
}
fn f<A, B, N>(x: f32[A, B, N], s: f32[A, B], z: f32[2 * N + 7]) -> f32[A, B, N] {
  let p = scale(x, s)
  let q = softmax(x) + scale(x, 2)
  let r[b, a, i] = softmax[a](x[a, b, i])
  let u = halves(z)
  let v = σ(s)
  return p + q
}
`);
    expect(definitions(program).slice(-5)).toEqual([
      "p: f32[A, B, N]",
      "q: f32[A, B, N]",
      "r: f32[B, A, N]",
      "u: f32[N + 3]",
      "v: f32[A, B]",
    ]);
    const calls = [...program.tables.calls]
      .filter(([call]) => call.span.file === "test.weft")
      .map(([, resolution]) => resolution);
    const solved = calls.flatMap((call) =>
      call.kind === "function"
        ? [
            `${call.declaration.name.name} ${[...call.sizes].map(([name, size]) => `${name}=${printSize(size)}`).join(" ")} over [${call.mapped.map(printSize).join(", ")}]`,
          ]
        : [],
    );
    expect(solved).toEqual([
      "scale n=N over [A, B]",
      "softmax n=N over [A, B]",
      "scale n=N over [A, B]",
      "softmax n=A over []",
      "halves n=N + 3 over []",
      "σ  over [A, B]",
    ]);
  });

  it("join along an index", () => {
    const program = sound(`
fn f<n, a, b>(x: f32[n, a], y: f32[b]) -> f32[n, a + b + 1] {
  let z[i, c] = concat[c](x[i, c], y[c], [1][c])
  return z
}
fn g<n, m, d>(x: f32[n, d], y: f32[m, d]) -> f32[n + m, d] = [x; y]
`);
    expect(definitions(program)).toEqual(["z: f32[n, a + b + 1]"]);
  });

  it("reach modules, their arrays and their tensors", () => {
    const program = sound(`
use std/nn: Linear
module Layer(d: size, wide: bool = false) {
  let half = d // 2
  require d % 2 == 0
  sub a: Linear(d, half)
  sub b: Linear(half, d)
  param gain: f32[half] = ones()
  fn forward(x: f32[d]) -> f32[d] {
    if wide { x = x + b(a(x)) } else { x = b(a(x) * gain) }
    return x
  }
}
model M(d: size = 8, n: size = 3) {
  require d % 2 == 0
  sub layer: Layer(d, wide: true)[n]
  entry run<L>(x: f32[L, d]) -> (y: f32[L, d], g: f32[d // 2]) {
    for l in 0..n { x = layer[l](x) }
    let g[i] = layer[n - 1].gain[i] + layer[0].a.bias[i]
    return (x, g)
  }
  entry again(x: f32[5, d]) -> f32[d] {
    let (y, g) = run(x)
    return y[0]
  }
}
preset tiny { d = 2, n = 1 }
`);
    const paths = [...program.tables.calls].flatMap(([node, call]) =>
      call.kind === "function" &&
      call.instance !== undefined &&
      call.instance.length > 0 &&
      node.span.file === "test.weft" &&
      call.declaration.name.name === "forward"
        ? [call.instance.map(({ sub, elements }) => `${sub.name.name}${"[]".repeat(elements.length)}`).join(".")]
        : [],
    );
    expect(paths).toEqual(["a", "b", "a", "b", "layer[]"]);
    const [first] = [...program.tables.subs]
      .filter(([sub]) => sub.name.name === "layer")
      .map(([, resolution]) => resolution);
    expect([...(first?.sizes ?? [])].map(([name, size]) => `${name}=${printSize(size)}`)).toEqual(["d=d"]);
    expect([...program.tables.presets.values()].map((model) => model.name.name)).toEqual(["M"]);
  });
});

describe("types", () => {
  it("of untyped numbers follow what they meet", () => {
    const program = sound(`
fn f<n>(x: f32[n], k: i32[n], h: f16[n], m: bool[n], b: bf16[n]) -> f32[n] {
  let two = 2
  let third = 1 / 3
  let a = x * two + third
  let c = k * two
  let d = h * third
  let e = k / k
  let g = b * b
  let p[i] = if m[i] then 1 else 0
  let q[i: n] = i
  let r = x ^ 2 + q
  let t[i] = f32(k[i]) + x[i]
  let big = argmax[i] x[i]
  let s = sum[i] p[i]
  return r
}
`);
    expect(definitions(program)).toEqual([
      "two: integer",
      "third: real",
      "a: f32[n]",
      "c: i32[n]",
      "d: f16[n]",
      "e: f32[n]",
      "g: f32[n]",
      "p: integer[n]",
      "q: integer[n]",
      "r: f32[n]",
      "t: f32[n]",
      "big: idx<n>",
      "s: integer",
    ]);
  });

  it("keep positions that have no index", () => {
    const program = sound(`
fn f<H, W, d>(x: f32[H, W, d], v: f32[d]) -> f32[H, W, 4 + d] {
  require d > 1
  let s[i: H, j: W, :] = [j / W, i / H, (j + 1) / W, (i + 1) / H]
  let t[i: H, j: W, :] = [s[i, j]; v]
  let u = x[0, :, 1]
  return t
}
`);
    expect(codesOf("fn f(x: f32) -> f32 {\n let s[i, j, :] = [i, j]\n return x\n}")).toEqual([
      "index/no-range",
      "index/no-range",
    ]);
    expect(definitions(program)).toEqual(["s: real[H, W, 4]", "t: f32[H, W, d + 4]", "u: f32[W]"]);
  });
});

describe("the library and the models", () => {
  const folders = [
    "std",
    ...readdirSync(join(root, "models"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `models/${entry.name}`),
  ];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith(".weft"))
      .map((file) => `${folder}/${file}`),
  );

  it.each(files)("%s has no mistakes", (path) => {
    const readSource = (wanted: string) =>
      existsSync(join(root, wanted)) ? readFileSync(join(root, wanted), "utf8") : undefined;
    const program = check(path, { builtins, readSource });
    expect(renderDiagnostics(program.diagnostics, program.sources)).toBe("");
  });
});
