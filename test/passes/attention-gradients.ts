/** Test help: gradients of exact attention in its forms, as graphs. */
import type { Graph } from "../../src/ir/index.ts";
import { differentiate } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";

/** Forms of attention in std/attention, and one whose weights have dropout. */
export type AttentionGradientForm = "dense" | "causal" | "masked" | "biased" | "key-biased" | "dropped";

const rows = "Q: f32[H, L, d], K: f32[H, S, d], V: f32[H, S, d], T: f32[H, L, d]";

const texts: Readonly<
  Record<AttentionGradientForm, { readonly sizes: string; readonly more: string; readonly call: string }>
> = {
  dense: { sizes: "H, L, S, d", more: "", call: "softmax_attention(Q, K, V)" },
  causal: { sizes: "H, L, d", more: "", call: "softmax_attention_causal(Q, K, V)" },
  masked: { sizes: "H, L, S, d", more: ", m: bool[S]", call: "softmax_attention_masked(Q, K, V, m)" },
  biased: { sizes: "H, L, S, d", more: ", m: f32[L, S]", call: "softmax_attention_biased(Q, K, V, m)" },
  "key-biased": { sizes: "H, L, S, d", more: ", m: f32[S]", call: "softmax_attention_key_biased(Q, K, V, m)" },
  dropped: { sizes: "H, L, S, d", more: ", seed: u32", call: "dropped_attention(Q, K, V, seed)" },
};

const droppedAttention = `
    fn dropped_attention<L, S, d>(Q: f32[L, d], K: f32[S, d], V: f32[S, d], seed: u32) -> f32[L, d] {
      let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
      let u = uniform_like(A, seed)
      let kept[i, j] = if u[i, j] >= 0.1 then A[i, j] / 0.9 else 0
      let Y[i, c] = sum[j] kept[i, j] * V[j, c]
      return Y
    }`;

/** The graph of sum(T · attention(Q, K, V)²), which is not linear in the result, as no loss of a network is, and its gradients by Q, K and V. */
export function attentionGradient(form: AttentionGradientForm, sizes: Readonly<Record<string, number>>): Graph {
  const { sizes: names, more, call } = texts[form];
  const inputs = form === "causal" ? rows.replaceAll("S", "L") : rows;
  const settings = Object.fromEntries(names.split(", ").map((name) => [name, sizes[name] as number]));
  const text = `
    ${form === "dropped" ? droppedAttention : `use std/attention: ${call.slice(0, call.indexOf("("))}`}
    fn loss<${names}>(${inputs}${more}) -> f32 {
      let Y = ${call}
      return sum[a, i, c] Y[a, i, c]^2 * T[a, i, c]
    }`;
  return differentiate(graphOf(text, { entry: "loss", settings }), { by: ["Q", "K", "V"] });
}
