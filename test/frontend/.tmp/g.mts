import * as ohm from "ohm-js";
import { grammarText } from "../../../src/frontend/grammar.ts";
import { prepareSource } from "../../../src/frontend/source-text.ts";
const g = ohm.grammar(grammarText);
const t = (s: string) => { const p = prepareSource("x", s); const t0=performance.now(); const m = g.match(p.blanked); console.log(m.succeeded() ? "ok" : m.message, (performance.now()-t0).toFixed(1)); };
t(`/// doc
fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d)) // hm
  let Y[i, c] = sum[j: j <= i] A[i, j] * V[j, c]
  let z = if c then X[i+1] else 0
  let Z[a, (b: H c)] = X[a, (h c), 2*y + ky - 1] else -1 + 3
  for l in 0..layers { x = layer[l](x) }
  let (h[t], c[t]) = lstm(x[t], h[t-1], c[t-1])  where h[-1] = h0, c[-1] = c0
  Y[I[n], c] += 3
  let u = attention(Q, K, V) @approx(favor, features: 256)
  let v[i,:] = [a; b] + [1, 2]
  return Y
}
fn σ(x: f32) -> f32 = 1 / (1 + exp(-x))
model P(a: size = 3, b: bool = true) { sub l as "0.x": Encoder(a, b: b)[layers]   // hi
 param weight: f32[a // b, c] = kaiming_uniform(fan_in: in)
 preset tiny { a = 3, b = 4 } 
 entry m(x: idx<a+1>[L]) -> (a: f32[L], b: f32) { return (a, b) } }`);
for (const n of [50,100,200,400,800,1600]) { try { t(`fn f() -> f32 = ${"(".repeat(n)}1${")".repeat(n)}`); } catch (e) { console.log(n, String(e)); } }
const big = "fn f(x: f32) -> f32 {\n" + "let y[i, j] = sum[c] Q[i, c] * K[j, c] / sqrt(d) + x[2*i+1, c] else 0\n".repeat(1000) + "return x\n}\n";
t(big); console.log(big.length, process.memoryUsage().heapUsed/1e6);
