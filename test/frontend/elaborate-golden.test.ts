/** The graphs of the equations that matter most, in full: what a reader of the IR sees before any pass. */
import { expect, it } from "vitest";
import { irOf } from "./elaborate-text.ts";

it("attention over heads, from projections to merged heads", () => {
  const text = `use std/attention: softmax_attention
fn heads<L, d, H>(x: f32[L, d], W: f32[d, d], U: f32[d, d], Z: f32[d, d]) -> f32[L, d] {
  require d % H == 0
  let q[h: H, i, c] = sum[a] W[(h c), a] * x[i, a]
  let k[h: H, i, c] = sum[a] U[(h c), a] * x[i, a]
  let v[h: H, i, c] = sum[a] Z[(h c), a] * x[i, a]
  let o = softmax_attention(q, k, v)
  let y[i, (h c)] = o[h, i, c]
  return y
}`;
  expect(irOf(text, { entry: "heads", settings: { L: 16, d: 8, H: 2 } })).toMatchInlineSnapshot(`
    "graph heads {
      %0: f32[16, 8] = input "x"
      %1: f32[8, 8] = input "W"
      %2: f32[8, 8] = input "U"
      %3: f32[8, 8] = input "Z"
      %4: f32[2, 4, 8] = reshape %1 shape=[2, 4, 8]
      %5: f32[2, 16, 4] = contract "h c a, i a -> h i c" %4, %0
      %6: f32[2, 4, 8] = reshape %2 shape=[2, 4, 8]
      %7: f32[2, 16, 4] = contract "h c a, i a -> h i c" %6, %0
      %8: f32[2, 16, 16] = contract "b i c, b j c -> b i j" %5, %7
      %9: f32 = constant values=[2]
      %10: f32[2, 16, 16] = div %8, %9
      %11: f32[2, 16] = maximum "b i k -> b i" %10
      %12: f32[2, 16] = stop_gradient %11
      %13: f32[2, 16, 16] = broadcast %12 shape=[2, 16, 16] axes=[0, 1]
      %14: f32[2, 16, 16] = sub %10, %13
      %15: f32[2, 16, 16] = exp %14
      %16: f32[2, 16] = sum "b i k -> b i" %15
      %17: f32[2, 16, 16] = broadcast %16 shape=[2, 16, 16] axes=[0, 1]
      %18: f32[2, 16, 16] = div %15, %17
      %19: f32[2, 4, 8] = reshape %3 shape=[2, 4, 8]
      %20: f32[2, 16, 4] = contract "h c a, i a -> h i c" %19, %0
      %21: f32[2, 16, 4] = contract "b i j, b j c -> b i c" %18, %20
      %22: f32[16, 2, 4] = transpose %21 permutation=[1, 0, 2]
      %23: f32[16, 8] = reshape %22 shape=[16, 8]
      return heads = %23
    }
    "
  `);
});

it("causal attention", () => {
  const text = `fn causal<L, d, e>(Q: f32[L, d], K: f32[L, d], V: f32[L, e]) -> f32[L, e] {
  let A[i, j] = softmax[j: j <= i](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j: j <= i] A[i, j] * V[j, c]
  return Y
}`;
  expect(irOf(text, { settings: { L: 16, d: 8, e: 4 } })).toMatchInlineSnapshot(`
    "graph causal {
      %0: f32[16, 8] = input "Q"
      %1: f32[16, 8] = input "K"
      %2: f32[16, 4] = input "V"
      %3: idx<16>[16] = iota size=16
      %4: idx<16>[16, 16] = broadcast %3 shape=[16, 16] axes=[1]
      %5: idx<16>[16] = iota size=16
      %6: idx<16>[16, 16] = broadcast %5 shape=[16, 16] axes=[0]
      %7: bool[16, 16] = le %4, %6
      %8: f32[16, 16] = contract "i c, j c -> i j" %0, %1
      %9: f32 = constant values=[2.8284271247461903]
      %10: f32[16, 16] = div %8, %9
      %11: f32[16] = maximum "i k -> i" %10 where="k <= i"
      %12: f32[16] = stop_gradient %11
      %13: f32[16, 16] = broadcast %12 shape=[16, 16] axes=[0]
      %14: f32[16, 16] = sub %10, %13
      %15: f32[16, 16] = exp %14
      %16: f32[16] = sum "i k -> i" %15 where="k <= i"
      %17: f32[16, 16] = broadcast %16 shape=[16, 16] axes=[0]
      %18: f32[16, 16] = div %15, %17
      %19: f32 = constant values=[0]
      %20: f32[16, 16] = select %7, %18, %19
      %21: f32[16, 4] = contract "i j, j c -> i c" %20, %2 where="j <= i"
      return causal = %21
    }
    "
  `);
});

it("FAVOR+", () => {
  const text = `fn favor<L, S, m, e>(Qp: f32[L, m], Kp: f32[S, m], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = sum[r] Qp[i, r] * Kp[j, r]
  let Y[i, c] = (sum[j] A[i, j] * V[j, c]) / (sum[j] A[i, j])
  return Y
}`;
  expect(irOf(text, { settings: { L: 16, S: 16, m: 6, e: 4 } })).toMatchInlineSnapshot(`
    "graph favor {
      %0: f32[16, 6] = input "Qp"
      %1: f32[16, 6] = input "Kp"
      %2: f32[16, 4] = input "V"
      %3: f32[16, 16] = contract "i r, j r -> i j" %0, %1
      %4: f32[16, 4] = contract "i j, j c -> i c" %3, %2
      %5: f32[16] = sum "i j -> i" %3
      %6: f32[16, 4] = broadcast %5 shape=[16, 4] axes=[0]
      %7: f32[16, 4] = div %4, %6
      return favor = %7
    }
    "
  `);
});

it("causal FAVOR+", () => {
  const text = `fn favor<L, m, e>(Qp: f32[L, m], Kp: f32[L, m], V: f32[L, e]) -> f32[L, e] {
  let A[i, j] = sum[r] Qp[i, r] * Kp[j, r]
  let Y[i, c] = (sum[j: j <= i] A[i, j] * V[j, c]) / (sum[j: j <= i] A[i, j])
  return Y
}`;
  expect(irOf(text, { settings: { L: 16, m: 6, e: 4 } })).toMatchInlineSnapshot(`
    "graph favor {
      %0: f32[16, 6] = input "Qp"
      %1: f32[16, 6] = input "Kp"
      %2: f32[16, 4] = input "V"
      %3: f32[16, 16] = contract "i r, j r -> i j" %0, %1
      %4: f32[16, 4] = contract "i j, j c -> i c" %3, %2 where="j <= i"
      %5: f32[16] = sum "i j -> i" %3 where="j <= i"
      %6: f32[16, 4] = broadcast %5 shape=[16, 4] axes=[0]
      %7: f32[16, 4] = div %4, %6
      return favor = %7
    }
    "
  `);
});

it("an embedding with positions and a layer norm", () => {
  const text = `use std/nn: Embedding, LayerNorm
model M(vocab: size = 11, d: size = 4) {
  sub embed: Embedding(vocab, d)
  sub norm: LayerNorm(d)
  entry go<L>(tokens: idx<vocab>[L]) -> f32[L, d] {
    let x = embed(tokens)
    let p[i, c] = x[i, c] + i / L
    return norm(p)
  }
}`;
  expect(irOf(text, { settings: { L: 6 } })).toMatchInlineSnapshot(`
    "graph M.go {
      %0: idx<11>[6] = input "tokens"
      %1: f32[11, 4] = parameter "embed.weight"
      %2: f32[4] = parameter "norm.weight"
      %3: f32[4] = parameter "norm.bias"
      %4: f32[6, 4] = gather "at c, b -> b c" %1, %0 at="at"
      %5: idx<6>[6] = iota size=6
      %6: f32[6] = cast %5 to="f32"
      %7: f32 = constant values=[6]
      %8: f32[6] = div %6, %7
      %9: f32[6, 4] = broadcast %8 shape=[6, 4] axes=[0]
      %10: f32[6, 4] = add %4, %9
      %11: f32[6] = sum "b c -> b" %10
      %12: f32 = constant values=[4]
      %13: f32[6] = div %11, %12
      %14: f32[6, 4] = broadcast %13 shape=[6, 4] axes=[0]
      %15: f32[6, 4] = sub %10, %14
      %16: f32[6, 4] = broadcast %13 shape=[6, 4] axes=[0]
      %17: f32[6, 4] = sub %10, %16
      %18: f32[6, 4] = mul %17, %17
      %19: f32[6] = sum "b c -> b" %18
      %20: f32 = constant values=[4]
      %21: f32[6] = div %19, %20
      %22: f32 = constant values=[0.00001]
      %23: f32[6] = add %21, %22
      %24: f32[6] = sqrt %23
      %25: f32[6, 4] = broadcast %24 shape=[6, 4] axes=[0]
      %26: f32[6, 4] = div %15, %25
      %27: f32[6, 4] = broadcast %2 shape=[6, 4] axes=[1]
      %28: f32[6, 4] = mul %26, %27
      %29: f32[6, 4] = broadcast %3 shape=[6, 4] axes=[1]
      %30: f32[6, 4] = add %28, %29
      return go = %30
    }
    "
  `);
});

it("sparse attention through an index tensor", () => {
  const text = `fn sparse<P, S, N, d>(Q: f32[P, d], K: f32[S, d], V: f32[S, d], I: idx<S>[P, N]) -> f32[P, d] {
  let A[p, n] = softmax[n](sum[c] Q[p, c] * K[I[p, n], c])
  let Y[p, c] = sum[n] A[p, n] * V[I[p, n], c]
  return Y
}`;
  expect(irOf(text, { settings: { P: 5, S: 9, N: 3, d: 4 } })).toMatchInlineSnapshot(`
    "graph sparse {
      %0: f32[5, 4] = input "Q"
      %1: f32[9, 4] = input "K"
      %2: f32[9, 4] = input "V"
      %3: idx<9>[5, 3] = input "I"
      %4: f32[5, 3, 4] = gather "at c, p n -> p n c" %1, %3 at="at"
      %5: f32[5, 3] = contract "p c, p n c -> p n" %0, %4
      %6: f32[5] = maximum "p k -> p" %5
      %7: f32[5] = stop_gradient %6
      %8: f32[5, 3] = broadcast %7 shape=[5, 3] axes=[0]
      %9: f32[5, 3] = sub %5, %8
      %10: f32[5, 3] = exp %9
      %11: f32[5] = sum "p k -> p" %10
      %12: f32[5, 3] = broadcast %11 shape=[5, 3] axes=[0]
      %13: f32[5, 3] = div %10, %12
      %14: f32[5, 3, 4] = gather "at c, p n -> p n c" %2, %3 at="at"
      %15: f32[5, 4] = contract "p n, p n c -> p c" %13, %14
      return sparse = %15
    }
    "
  `);
});

it("pairs but not with oneself", () => {
  const text = `fn relate<n, c>(f: f32[n, c], Λ: f32[n, n, c]) -> f32[n, c] {
  let g[i, c] = f[i, c] + sum[j: j != i] Λ[i, j, c] * f[i, c]
  return g
}`;
  expect(irOf(text, { settings: { n: 3, c: 4 } })).toMatchInlineSnapshot(`
    "graph relate {
      %0: f32[3, 4] = input "f"
      %1: f32[3, 3, 4] = input "Λ"
      %2: idx<3>[3] = iota size=3
      %3: idx<3>[3, 3] = broadcast %2 shape=[3, 3] axes=[1]
      %4: idx<3>[3] = iota size=3
      %5: idx<3>[3, 3] = broadcast %4 shape=[3, 3] axes=[0]
      %6: bool[3, 3] = ne %3, %5
      %7: bool[3, 3, 4] = broadcast %6 shape=[3, 3, 4] axes=[0, 1]
      %8: f32 = constant values=[0]
      %9: f32[3, 3, 4] = select %7, %1, %8
      %10: f32[3, 4] = sum "i j c -> i c" %9
      %11: f32[3, 4] = mul %10, %0
      %12: f32[3, 4] = add %0, %11
      return relate = %12
    }
    "
  `);
});
