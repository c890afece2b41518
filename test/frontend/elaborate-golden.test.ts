import { it } from "vitest";
import { irOf } from "./elaborate-text.ts";
const softmax = `fn softmax<n>(x: f32[n]) -> f32[n] {
  let m = max[k] x[k]
  let e[k] = exp(x[k] - m)
  let s = sum[k] e[k]
  let y[k] = e[k] / s
  return y
}
`;
it("try", () => {
  console.log(irOf(softmax + `fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}`, {entry: "attention", settings: {L: 5, S: 6, d: 4, e: 3}}));
  console.log(irOf(softmax + `fn attention<L, d, e>(Q: f32[L, d], K: f32[L, d], V: f32[L, e]) -> f32[L, e] {
  let A[i, j] = softmax[j: j <= i](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j: j <= i] A[i, j] * V[j, c]
  return Y
}`, {entry: "attention", settings: {L: 5, d: 4, e: 3}}));
});
