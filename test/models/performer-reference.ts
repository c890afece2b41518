/**
 * The Performer in plain float64 loops, written from its published equations and not from the `.weft` texts: attention in
 * the linear order with running sums, layers one position at a time.
 */

/** A matrix as rows. */
export type Matrix = readonly (readonly number[])[];

/** Weights by published name, row-major. */
export type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;

export interface PerformerShape {
  readonly d: number;
  readonly heads: number;
  readonly layers: number;
  readonly causal: boolean;
  /** What stands for the softmax matrix; positive features when left out. */
  readonly kernel?: "relu" | "exact";
  /** What stands around a layer; layer norm before it when left out. */
  readonly residual?: "scale-norm" | "rezero";
  /** True for gated units in the feed-forward layer. */
  readonly gated?: boolean;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const at = (row: readonly number[] | ArrayLike<number>, i: number): number => row[i] as number;
const rowOf = (matrix: Matrix, i: number): readonly number[] => matrix[i] as readonly number[];
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((total, x, i) => total + x * at(b, i), 0);
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** erf by its Maclaurin series (|x| < 3) or the continued fraction of erfc (Abramowitz & Stegun 7.1.5 and 7.1.14). */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 120; k >= 1; k--) fraction = k / 2 / (z + fraction);
  const erfc = Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction);
  return Math.sign(x) * (1 - erfc);
}

// ── Features ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** u[i][r] = sum_c W[r][c] · c0 · X[i][c]. */
function projections(x: Matrix, w: Matrix, c0: number): number[][] {
  return x.map((row) => w.map((direction) => c0 * dot(direction, row)));
}

/** Positive softmax features of queries: one stabiliser for each row. */
export function queryFeatures(q: Matrix, w: Matrix, eps: number): number[][] {
  const c0 = rowOf(q, 0).length ** -0.25;
  return projections(q, w, c0).map((u, i) => {
    const h = (c0 * c0 * dot(rowOf(q, i), rowOf(q, i))) / 2;
    const stabiliser = Math.max(...u);
    return u.map((value) => (Math.exp(value - h - stabiliser) + eps) / Math.sqrt(w.length));
  });
}

/** Positive softmax features of keys: one stabiliser for all positions and features. */
export function keyFeatures(k: Matrix, w: Matrix, eps: number): number[][] {
  const c0 = rowOf(k, 0).length ** -0.25;
  const u = projections(k, w, c0);
  const stabiliser = Math.max(...u.flat());
  return u.map((row, j) => {
    const h = (c0 * c0 * dot(rowOf(k, j), rowOf(k, j))) / 2;
    return row.map((value) => (Math.exp(value - h - stabiliser) + eps) / Math.sqrt(w.length));
  });
}

/** ReLU(ratio · c0 · W x) + kappa. */
export function reluFeatures(x: Matrix, w: Matrix, kappa = 1e-3): number[][] {
  return projections(x, w, rowOf(x, 0).length ** -0.25).map((row) => row.map((value) => Math.max(0, value) + kappa));
}

// ── Attention ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Keys and values are summed first: KV[r][e] and z[r]. `mask` leaves keys out of both sums. */
export function linearAttention(qp: Matrix, kp: Matrix, v: Matrix, mask?: readonly boolean[]): number[][] {
  const m = rowOf(qp, 0).length;
  const e = rowOf(v, 0).length;
  const kept = kp.map((_, j) => mask === undefined || mask[j] === true);
  const kv = range(m).map((r) =>
    range(e).map((c) => total(kp.map((row, j) => (kept[j] ? at(row, r) * at(rowOf(v, j), c) : 0)))),
  );
  const z = range(m).map((r) => total(kp.map((row, j) => (kept[j] ? at(row, r) : 0))));
  return qp.map((q) => range(e).map((c) => total(q.map((value, r) => value * at(rowOf(kv, r), c))) / dot(q, z)));
}

/** Running sums S_i and s_i, one position after the other. */
export function causalLinearAttention(qp: Matrix, kp: Matrix, v: Matrix, eps2: number): number[][] {
  const m = rowOf(qp, 0).length;
  const e = rowOf(v, 0).length;
  const state = range(m).map(() => new Array<number>(e).fill(0));
  const sums = new Array<number>(m).fill(0);
  return qp.map((q, i) => {
    for (const r of range(m)) {
      const key = at(rowOf(kp, i), r);
      sums[r] = at(sums, r) + key;
      const row = state[r] as number[];
      for (const c of range(e)) row[c] = at(row, c) + key * at(rowOf(v, i), c);
    }
    const denominator = total(q.map((value, r) => value * (at(sums, r) + eps2)));
    return range(e).map((c) => total(q.map((value, r) => value * at(state[r] as number[], c))) / denominator);
  });
}

/** softmax(Q Kᵀ / √d) V, position i seeing all keys or, with `causal`, those up to i. */
export function softmaxAttention(q: Matrix, k: Matrix, v: Matrix, causal = false): number[][] {
  const scale = 1 / Math.sqrt(rowOf(q, 0).length);
  return q.map((query, i) => {
    const scores = (causal ? k.slice(0, i + 1) : k).map((key) => scale * dot(query, key));
    const greatest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - greatest));
    const sum = total(weights);
    return range(rowOf(v, 0).length).map((c) => total(weights.map((weight, j) => weight * at(rowOf(v, j), c))) / sum);
  });
}

// ── Layers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const matrixOf = (weights: Weights, name: string): number[][] => {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new Error(`no weight named ${name}`);
  const [rows, columns] = tensor.shape as [number, number];
  return range(rows).map((i) => range(columns).map((j) => at(tensor.data, i * columns + j)));
};
const vectorOf = (weights: Weights, name: string): number[] => {
  const tensor = weights.get(name);
  if (tensor === undefined) throw new Error(`no weight named ${name}`);
  return Array.from(tensor.data);
};

const linear = (weights: Weights, name: string, x: Matrix, bias: boolean): number[][] => {
  const w = matrixOf(weights, `${name}.weight`);
  const b = bias ? vectorOf(weights, `${name}.bias`) : undefined;
  return x.map((row) => w.map((direction, o) => dot(direction, row) + (b === undefined ? 0 : at(b, o))));
};

const layerNorm = (weights: Weights, name: string, x: Matrix): number[][] => {
  const gamma = vectorOf(weights, `${name}.weight`);
  const beta = vectorOf(weights, `${name}.bias`);
  return x.map((row) => {
    const mean = total(row) / row.length;
    const variance = total(row.map((value) => (value - mean) ** 2)) / row.length;
    return row.map((value, c) => ((value - mean) / Math.sqrt(variance + 1e-5)) * at(gamma, c) + at(beta, c));
  });
};

const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const plus = (a: Matrix, b: Matrix): number[][] => a.map((row, i) => row.map((value, c) => value + at(rowOf(b, i), c)));
const headOf = (x: Matrix, head: number, width: number): number[][] =>
  x.map((row) => row.slice(head * width, (head + 1) * width));

/** Angle of pair k at position p among `width` channels. */
const angle = (p: number, k: number, width: number): number => p * 10000 ** ((-2 * k) / width);

/** The sinusoid table, sines in the first half. */
export function sinusoidTable(length: number, width: number): number[][] {
  return range(length).map((p) => [
    ...range(width / 2).map((k) => Math.sin(angle(p, k, width))),
    ...range(width / 2).map((k) => Math.cos(angle(p, k, width))),
  ]);
}

/** Turns the pairs (2k, 2k+1) of row p by `angle(p, k)`, as a multiplication of complex numbers. */
function rotate(x: Matrix): number[][] {
  return x.map((row, p) =>
    range(row.length / 2).flatMap((k) => {
      const phase = angle(p, k, row.length);
      const [re, im] = [at(row, 2 * k), at(row, 2 * k + 1)];
      return [re * Math.cos(phase) - im * Math.sin(phase), im * Math.cos(phase) + re * Math.sin(phase)];
    }),
  );
}

/** One head: attention of rows that are already rotated. */
function attend(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  w: Matrix,
  shape: PerformerShape,
  mask?: readonly boolean[],
): number[][] {
  if (shape.kernel === "exact") return softmaxAttention(q, k, v, shape.causal);
  const [qp, kp] =
    shape.kernel === "relu"
      ? [reluFeatures(q, w), reluFeatures(k, w)]
      : [queryFeatures(q, w, 1e-4), keyFeatures(k, w, 1e-4)];
  return shape.causal ? causalLinearAttention(qp, kp, v, 1e-6) : linearAttention(qp, kp, v, mask);
}

function selfAttention(
  weights: Weights,
  name: string,
  x: Matrix,
  shape: PerformerShape,
  mask?: readonly boolean[],
): number[][] {
  return multiHead(weights, name, x, x, shape, mask, rotate);
}

/** Queries from x, keys and values from `context`. */
function multiHead(
  weights: Weights,
  name: string,
  x: Matrix,
  context: Matrix,
  shape: PerformerShape,
  mask: readonly boolean[] | undefined,
  turn: (rows: Matrix) => Matrix,
): number[][] {
  const width = shape.d / shape.heads;
  const w = matrixOf(weights, `${name}.fast_attention.projection_matrix`);
  const q = linear(weights, `${name}.to_q`, x, false);
  const k = linear(weights, `${name}.to_k`, context, false);
  const v = linear(weights, `${name}.to_v`, context, false);
  const heads = range(shape.heads).map((head) =>
    attend(turn(headOf(q, head, width)), turn(headOf(k, head, width)), headOf(v, head, width), w, shape, mask),
  );
  const joined = x.map((_, i) => heads.flatMap((head) => [...rowOf(head, i)]));
  return linear(weights, `${name}.to_out`, joined, false);
}

/** x + f(norm(x)), or what the shape has instead. `name` is the path of the residual layer. */
function residual(
  weights: Weights,
  name: string,
  x: Matrix,
  shape: PerformerShape,
  f: (x: Matrix) => Matrix,
): number[][] {
  if (shape.residual === undefined) return plus(x, f(layerNorm(weights, `${name}.norm`, x)));
  const g = at(vectorOf(weights, `${name}.g`), 0);
  if (shape.residual === "rezero")
    return plus(
      x,
      f(x).map((row) => row.map((value) => g * value)),
    );
  const scaled = x.map((row) => row.map((value) => (g * value) / Math.max(Math.sqrt(dot(row, row)), 1e-5)));
  return plus(x, f(scaled));
}

function feedForward(weights: Weights, name: string, x: Matrix, gated = false): number[][] {
  const hidden = linear(weights, `${name}.w1`, x, true);
  const half = rowOf(hidden, 0).length / 2;
  const activated = hidden.map((row) =>
    gated ? row.slice(0, half).map((value, i) => gelu(value) * at(row, half + i)) : row.map(gelu),
  );
  return linear(weights, `${name}.w2`, activated, true);
}

const embed = (weights: Weights, name: string, tokens: readonly number[], d: number): number[][] => {
  const embedding = matrixOf(weights, name);
  return plus(
    tokens.map((token) => rowOf(embedding, token)),
    sinusoidTable(tokens.length, d),
  );
};

/** Last hidden states, after the final norm. Names of parameters begin with `prefix`. */
export function encode(
  weights: Weights,
  tokens: readonly number[],
  shape: PerformerShape,
  mask?: readonly boolean[],
  prefix = "",
): number[][] {
  let x = embed(weights, `${prefix}token_emb.weight`, tokens, shape.d);
  for (const l of range(shape.layers)) {
    const base = `${prefix}performer.net.layers.${l}`;
    x = residual(weights, `${base}.0`, x, shape, (y) => selfAttention(weights, `${base}.0.fn`, y, shape, mask));
    x = residual(weights, `${base}.1`, x, shape, (y) => feedForward(weights, `${base}.1.fn.fn`, y, shape.gated));
  }
  return layerNorm(weights, `${prefix}norm`, x);
}

/** Logits of every position. */
export function logits(
  weights: Weights,
  tokens: readonly number[],
  shape: PerformerShape,
  mask?: readonly boolean[],
): number[][] {
  return linear(weights, "to_out", encode(weights, tokens, shape, mask), true);
}

/** Logits of the encoder-decoder: causal self-attention, then attention to the encoded source, at every level. */
export function translate(
  weights: Weights,
  source: readonly number[],
  sourceMask: readonly boolean[],
  target: readonly number[],
  shape: PerformerShape,
  levels: number,
): number[][] {
  const context = encode(weights, source, { ...shape, causal: false }, sourceMask, "enc.");
  let x = embed(weights, "dec.net.token_emb.weight", target, shape.d);
  const causal = { ...shape, causal: true };
  for (const level of range(levels)) {
    const base = `dec.net.performer.net.layers.${level}`;
    x = residual(weights, `${base}.0`, x, shape, (y) => selfAttention(weights, `${base}.0.fn`, y, causal));
    x = residual(weights, `${base}.1`, x, shape, (y) => feedForward(weights, `${base}.1.fn.fn`, y));
    x = residual(weights, `${base}.2`, x, shape, (y) =>
      multiHead(weights, `${base}.2.fn`, y, context, { ...shape, causal: false }, sourceMask, (rows) => rows),
    );
    x = residual(weights, `${base}.3`, x, shape, (y) => feedForward(weights, `${base}.3.fn.fn`, y));
  }
  return linear(weights, "dec.net.to_out", layerNorm(weights, "dec.net.norm", x), true);
}

/** Mean of log(sum exp(logits)) - logits[target] over the chosen positions. */
export function crossEntropy(rows: Matrix, targets: readonly number[], mask: readonly boolean[]): number {
  const losses = rows.flatMap((row, t) => {
    if (mask[t] !== true) return [];
    const greatest = Math.max(...row);
    return [greatest + Math.log(total(row.map((value) => Math.exp(value - greatest)))) - at(row, at(targets, t))];
  });
  return total(losses) / losses.length;
}
