/**
 * The experiment of the paper's figure 2: how far FAVOR+ is from exact attention as the number of random features grows.
 * Inputs, exact result and statistics; running the compiled attention is the caller's.
 */
import { initialValues, randomStream } from "../../src/ir/index.ts";

/** Shape of one experiment. `norm` is the length of the scaled rows c₀q and c₀k; short rows are where the error is 1/m. */
export interface ApproximationSetting {
  readonly length: number;
  readonly width: number;
  readonly norm: number;
}

/** The setting of the test: L = 1024, d = 16, ‖c₀q‖ = ‖c₀k‖ = 1/2. */
export const standardSetting: ApproximationSetting = { length: 1024, width: 16, norm: 0.5 };

/** Numbers of features in the experiment. */
export const featureCounts: readonly number[] = [16, 32, 64, 128, 256, 512];

/** Inputs of one attention head, row-major f32[length, width]. */
export interface AttentionInputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Random queries and keys of the setting's norm, and normal values. */
export function approximationInputs(setting: ApproximationSetting, seed: number): AttentionInputs {
  const { length, width, norm } = setting;
  const draw = (name: string) => randomStream(seed, `approximation.${name}`).normal(length * width);
  const rows = (name: string): Float32Array => {
    const values = draw(name);
    for (let i = 0; i < length; i++) {
      const row = values.subarray(i * width, (i + 1) * width);
      const scale = (norm * width ** 0.25) / Math.hypot(...row);
      for (let c = 0; c < width; c++) row[c] = (row[c] as number) * scale;
    }
    return Float32Array.from(values);
  };
  return { q: rows("q"), k: rows("k"), v: Float32Array.from(draw("v")) };
}

/** A random matrix f32[features, width] with orthogonal blocks or independent rows. */
export function approximationProjection(
  kind: "orthogonal" | "independent",
  features: number,
  width: number,
  seed: number,
): Float32Array {
  const name = kind === "orthogonal" ? "orthogonal_features" : "gaussian_features";
  return initialValues(
    name,
    [features, width],
    { scaling: 0 },
    randomStream(seed, `approximation.${kind}.${features}`),
  );
}

/** softmax(q kᵀ / √d) v in float64, row-major. */
export function exactAttention(setting: ApproximationSetting, { q, k, v }: AttentionInputs): Float64Array {
  const { length, width } = setting;
  const result = new Float64Array(length * width);
  const scores = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let greatest = -Infinity;
    for (let j = 0; j < length; j++) {
      let score = 0;
      for (let c = 0; c < width; c++) score += (q[i * width + c] as number) * (k[j * width + c] as number);
      scores[j] = score / Math.sqrt(width);
      greatest = Math.max(greatest, scores[j] as number);
    }
    let sum = 0;
    for (let j = 0; j < length; j++) {
      const weight = Math.exp((scores[j] as number) - greatest);
      sum += weight;
      for (let c = 0; c < width; c++)
        result[i * width + c] = (result[i * width + c] as number) + weight * (v[j * width + c] as number);
    }
    for (let c = 0; c < width; c++) result[i * width + c] = (result[i * width + c] as number) / sum;
  }
  return result;
}

/** Mean of the squared differences. */
export function meanSquaredError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < want.length; i++) sum += ((got[i] as number) - (want[i] as number)) ** 2;
  return sum / want.length;
}

/** Slope of log(y) over log(x) by least squares: -1 when y falls as 1/x. */
export function logSlope(x: readonly number[], y: readonly number[]): number {
  const [logX, logY] = [x.map(Math.log), y.map(Math.log)];
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [centreX, centreY] = [mean(logX), mean(logY)];
  const products = logX.map((value, i) => (value - centreX) * ((logY[i] as number) - centreY));
  return mean(products) / mean(logX.map((value) => (value - centreX) ** 2));
}
