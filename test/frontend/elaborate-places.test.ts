/** Computed places on the left: parts of one tensor, and scatter. */
import { describe, it } from "vitest";
import { array, expectRun, indices, noise, sum } from "./elaborate-text.ts";

describe("definitions in parts", () => {
  it("interleaves sines and cosines", () => {
    const text = `fn f(L: size, d: size) -> f32[L, d] {
      require d % 2 == 0
      let PE[t: L, 2*c: d] = sin(t / 10000^(2*c/d)), PE[t, 2*c + 1] = cos(t / 10000^(2*c/d))
      return PE
    }`;
    const want = array([5, 6], (t, c) => {
      const angle = t / 10000 ** ((2 * Math.floor(c / 2)) / 6);
      return c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    expectRun(text, { settings: { L: 5, d: 6 } }, want);
  });

  it("takes the range of an index from the right side", () => {
    const text = `fn f<n, m>(a: f32[m, n], b: f32[m, n], c: f32[m, n]) -> f32[m, 3 * n] {
      let Y[i, 3*k + 1] = b[i, k], Y[i, 3*k] = a[i, k], Y[i, 3*k + 2] = c[i, k]
      return Y
    }`;
    const [a, b, c] = [noise([2, 4], 1), noise([2, 4], 2), noise([2, 4], 3)];
    const want = array([2, 12], (i, k) => [a, b, c][k % 3]?.at(i, Math.floor(k / 3)) as number);
    expectRun(text, { values: { a, b, c }, settings: { n: 4, m: 2 } }, want);
  });

  it("lays parts end to end", () => {
    const text = `fn f<n, m>(cls: f32, a: f32[n], b: f32[m]) -> f32[n + m + 1] {
      let Y[0] = cls, Y[j + n + 1] = b[j], Y[i + 1] = a[i]
      return Y
    }`;
    const [cls, a, b] = [noise([], 1), noise([3], 2), noise([2], 3)];
    const want = array([6], (i) => (i === 0 ? cls.at() : i < 4 ? a.at(i - 1) : b.at(i - 4)));
    expectRun(text, { values: { cls, a, b }, settings: { n: 3, m: 2 } }, want);
  });

  it("reverses", () => {
    const text = "fn f<n>(x: f32[n, 2]) -> f32[n, 2] {\n let Y[n - 1 - t, c] = x[t, c]\n return Y\n}";
    const x = noise([5, 2]);
    expectRun(
      text,
      { values: { x }, settings: { n: 5 } },
      array([5, 2], (t, c) => x.at(4 - t, c)),
    );
  });

  it("divides two axes in all combinations, mapped over examples", () => {
    const text = `fn shuffle<H, W>(x: f32[4, H, W]) -> f32[2 * H, 2 * W] {
      let Y[2*y, 2*z] = x[0, y, z], Y[2*y, 2*z + 1] = x[1, y, z],
          Y[2*y + 1, 2*z] = x[2, y, z], Y[2*y + 1, 2*z + 1] = x[3, y, z]
      return Y
    }
    fn f<B, H, W>(x: f32[B, 4, H, W]) -> f32[B, 2 * H, 2 * W] = shuffle(x)`;
    const x = noise([2, 4, 3, 2]);
    const want = array([2, 6, 4], (b, y, z) => x.at(b, 2 * (y % 2) + (z % 2), Math.floor(y / 2), Math.floor(z / 2)));
    expectRun(text, { entry: "f", values: { x }, settings: { B: 2, H: 3, W: 2 } }, want);
  });

  it("keeps whole axes with a colon", () => {
    const text = `fn f<n, d>(a: f32[n, d], b: f32[d]) -> f32[n + 1, d] {
      let Y[0, :] = b, Y[i + 1, :] = a[i]
      return Y
    }`;
    const [a, b] = [noise([3, 2], 1), noise([2], 2)];
    const want = array([4, 2], (i, c) => (i === 0 ? b.at(c) : a.at(i - 1, c)));
    expectRun(text, { values: { a, b }, settings: { n: 3, d: 2 } }, want);
  });
});

describe("scatter", () => {
  it("adds what falls on one place", () => {
    const text = `fn f<N, V, d>(X: f32[N, d], I: idx<V>[N]) -> f32[V, d] {
      let Y[I[n], c] += X[n, c]
      return Y
    }`;
    const X = noise([7, 2]);
    const I = indices([7], 4);
    const want = array([4, 2], (v, c) => sum(7, (n) => (I.at(n) === v ? X.at(n, c) : 0)));
    expectRun(text, { values: { X, I }, settings: { N: 7, V: 4, d: 2 } }, want);
  });

  it("counts, with a computed place and a stated length", () => {
    const text = `fn f<N>(I: idx<5>[N]) -> f32[3] {
      let Y[I[n] // 2: 3] += 1
      Y[I[n] // 2] += 0.5 * f32(I[n])
      return Y
    }`;
    const I = indices([9], 5);
    const want = array([3], (v) => sum(9, (n) => (Math.floor(I.at(n) / 2) === v ? 1 + 0.5 * I.at(n) : 0)));
    expectRun(text, { values: { I }, settings: { N: 9 } }, want);
  });

  it("adds to what is there, in several updates, over several places", () => {
    const text = `fn f<N, H, W>(Y: f32[H, W], X: f32[N], r: idx<H>[N], q: idx<W>[N]) -> f32[H, W] {
      Y[r[n], q[n]] += X[n]
      Y[0, q[n]] += -X[n] / 2
      Y[i, j] += i
      Y += 1
      return Y
    }`;
    const [Y, X] = [noise([3, 2], 1), noise([6], 2)];
    const [r, q] = [indices([6], 3, 3), indices([6], 2, 4)];
    const want = array([3, 2], (i, j) => {
      const both = sum(6, (n) => (r.at(n) === i && q.at(n) === j ? X.at(n) : 0));
      const first = i === 0 ? sum(6, (n) => (q.at(n) === j ? -X.at(n) / 2 : 0)) : 0;
      return Y.at(i, j) + both + first + i + 1;
    });
    expectRun(text, { values: { Y, X, r, q }, settings: { N: 6, H: 3, W: 2 } }, want);
  });

  it("maps over examples with tables of their own", () => {
    const text = `fn spread<N, V>(X: f32[N], I: idx<V>[N]) -> f32[V] {
      let Y[I[n]] += X[n]
      return Y
    }
    fn f<B, N, V>(X: f32[B, N], I: idx<V>[B, N]) -> f32[B, V] = spread(X, I)`;
    const X = noise([3, 5]);
    const I = indices([3, 5], 4);
    const want = array([3, 4], (b, v) => sum(5, (n) => (I.at(b, n) === v ? X.at(b, n) : 0)));
    expectRun(text, { entry: "f", values: { X, I }, settings: { B: 3, N: 5, V: 4 } }, want);
  });

  it("adds at affine places: a transposed convolution", () => {
    const text = `fn f<n>(x: f32[n], w: f32[3]) -> f32[2 * n + 1] {
      let Y[2*i + k: 2*n + 1] += x[i] * w[k]
      return Y
    }`;
    const [x, w] = [noise([4], 1), noise([3], 2)];
    const want = array([9], (v) => sum(4, (i) => (v - 2 * i >= 0 && v - 2 * i < 3 ? x.at(i) * w.at(v - 2 * i) : 0)));
    expectRun(text, { values: { x, w }, settings: { n: 4 } }, want);
  });
});
