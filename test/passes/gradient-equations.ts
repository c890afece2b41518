/** Equations whose gradients tests take, in float64 and on the device. */

/** Equations of one function `f`, by what they are about. */
export const equations: Readonly<Record<string, string>> = {
  "matrix product":
    "fn f(x: f32[3, 4], y: f32[4, 2]) -> f32[3, 2] { let r[i, j] = sum[k] x[i, k] * y[k, j]  return r }",
  "bilinear form":
    "fn f(x: f32[3], W: f32[3, 4, 2], y: f32[4]) -> f32[2] { let r[o] = sum[i, j] x[i] * W[i, j, o] * y[j]  return r }",
  "quotients of sums":
    "fn f(x: f32[3, 4], y: f32[4]) -> f32[3] { let r[i] = (sum[k] x[i, k] * y[k]) / (2 + sum[k] x[i, k]^2)  return r }",
  "a value used many times":
    "fn f(x: f32[4]) -> f32[4] { let s = sum[k] exp(x[k])  let r[i] = x[i] * s + s^2 / (1 + x[i]^2)  return r }",
  softmax: "fn f(x: f32[3, 4]) -> f32[3, 4] { let r[i, j] = softmax[j](x[i, j])  return r }",
  "restricted softmax":
    "fn f(x: f32[4, 4], v: f32[4, 2]) -> f32[4, 2] { let r[i, c] = sum[j: j <= i] softmax[j: j <= i](x[i, j]) * v[j, c]  return r }",
  "masked softmax":
    "fn f(x: f32[3, 4], m: bool[3, 4], v: f32[4]) -> f32[3] { let a[i, j] = softmax[j: m[i, j]](x[i, j])  let r[i] = sum[j: m[i, j]] a[i, j] * v[j]  return r }",
  logsumexp: "fn f(x: f32[3, 4]) -> f32[3] { let r[i] = logsumexp[j] x[i, j]  return r }",
  "restricted logsumexp": "fn f(x: f32[4, 4]) -> f32[4] { let r[i] = logsumexp[j: j <= i] x[i, j]  return r }",
  "extremes and products":
    "fn f(x: f32[3, 4]) -> f32[3] { let r[i] = (max[j] x[i, j]) * (min[j] x[i, j]) + prod[j] x[i, j]  return r }",
  "convolution with stride":
    "fn f(x: f32[2, 7], w: f32[3, 2, 3]) -> f32[3, 4] { let r[o, y: 4] = sum[c, k] w[o, c, k] * (x[c, 2*y + k - 1] else 0)  return r }",
  "causal convolution":
    "fn f(x: f32[6], w: f32[6]) -> f32[6] { let r[t: 6] = sum[s: 6 where s <= t] w[t - s] * x[s]  return r }",
  "max pooling":
    "fn f(x: f32[2, 6, 5]) -> f32[2, 3, 2] { let r[c, u: 3, v: 2] = max[i: 3, j: 3] (x[c, 2*u + i - 1, 2*v + j - 1] else -inf)  return r }",
  "looking up and reshaping":
    "fn f(E: f32[5, 6], t: idx<5>[4]) -> f32[2, 4, 3] { let r[h: 2, i, c] = E[t[i], (h c)]  return r }",
  "joins and lists": "fn f(x: f32[3], y: f32[3]) -> f32[2, 6] = [[x; y], [y; x * y]]",
  "sorted values": "fn f(x: f32[6]) -> f32[6] { let s = sort(x)  let r[i] = s[i] * (1 + i)  return r }",
  "the greatest three": "fn f(x: f32[6]) -> f32[3] { let (v, p) = topk(x, 3)  let r[i] = v[i]^2  return r }",
  scatter: "fn f(x: f32[4, 2], at: idx<3>[4]) -> f32[3, 2] { let Y[at[n], c] += x[n, c]^2  return Y }",
  "a linear recurrence":
    "fn f(a: f32[5, 2], b: f32[5, 2]) -> f32[5, 2] { let s[t, c] = a[t, c] * s[t-1, c] + b[t, c] where s[-1, c] = 0.5  return s }",
  "a recurrence with weights":
    "fn f(x: f32[5, 2], W: f32[3, 3], U: f32[3, 2], b: f32[3], h0: f32[3]) -> f32[5, 3] { let h[t, o] = tanh((sum[k] W[o, k] * h[t-1, k]) + (sum[c] U[o, c] * x[t, c]) + b[o]) where h[-1] = h0  return h }",
  "a recurrence backwards":
    "fn f(x: f32[5, 3], W: f32[3, 3]) -> f32[5, 3] { let h[t, o] = tanh((sum[k] W[o, k] * h[t+1, k]) + x[t, o]) where h[5, o] = 0  return h }",
  "a recurrence of distance two":
    "fn f(x: f32[6], a: f32, b: f32) -> f32[6] { let h[t] = a * h[t-1] + b * sin(h[t-2]) + x[t] where h[-1] = 0.3, h[-2] = -0.2  return h }",
  "a recurrence reading rows of a table":
    "fn f(E: f32[4, 3], at: idx<4>[5], W: f32[3, 3]) -> f32[5, 3] { let h[t, o] = tanh((sum[k] W[o, k] * h[t-1, k]) + E[at[t], o]) where h[-1, o] = 0  return h }",
  "a recurrence that feeds back a choice":
    "fn f(E: f32[4, 3], W: f32[4, 3]) -> f32[5, 4] { let (k[t: 5], s[t, v]) = (argmax[v] (sum[c] W[v, c] * E[k[t-1], c]), sum[c] W[v, c] * E[k[t-1], c]) where k[-1] = 0  return s }",
};
