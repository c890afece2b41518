/**
 * Networks for the peers, said once: what a network needs, in operations that each peer does in its own best way. Weft's side of
 * the same networks are the models of this repository.
 */
import type { Shape, WorkloadData } from "./workload.ts";

export interface ConvolutionLayer {
  readonly name: string;
  /** The batch normalisation behind it, folded into weights and bias as an exporter does. */
  readonly norm: string;
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly activation?: "relu" | "leaky-relu";
}

export interface FavorShape {
  readonly heads: number;
  readonly length: number;
  readonly width: number;
  readonly features: number;
}

/** Values of type T are sequences [L, d] or images with one batch axis, in the peer's own layout. */
export interface NetworkOperations<T> {
  input(name: string): T;
  /** W x + b, the parameters `name.weight` [to, from] and, unless told otherwise, `name.bias`. */
  linear(x: T, name: string, from: number, to: number, bias?: boolean): T;
  layerNorm(x: T, name: string, width: number, eps: number): T;
  add(a: T, b: T): T;
  gelu(x: T): T;
  relu(x: T): T;
  /** Softmax attention of several heads side by side. */
  attention(q: T, k: T, v: T, length: number, heads: number, width: number): T;
  /** FAVOR+ attention of several heads side by side, with the random matrix `name` [features, width]. */
  favor(q: T, k: T, v: T, name: string, shape: FavorShape): T;
  convolution(x: T, layer: ConvolutionLayer): T;
  /** 3 × 3 with stride 2. */
  maxPool(x: T): T;
  /** Image [1, channels, height, width] → [1, channels]. */
  averagePool(x: T): T;
}

/** A convolution's weights with its batch normalisation folded in: w γ / √(σ² + ε) and β - μ γ / √(σ² + ε). */
export function foldedWeights(data: WorkloadData, layer: ConvolutionLayer, eps = 1e-5) {
  const { from, to, kernel, name, norm } = layer;
  const shape: Shape = [to, from, kernel, kernel];
  const vector = (part: string) => data.parameter(`${norm}.${part}`, [to]);
  const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(vector) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const scale = gamma.map((value, channel) => value / Math.sqrt((variance[channel] as number) + eps));
  const perOutput = from * kernel * kernel;
  const weight = data
    .parameter(`${name}.weight`, shape)
    .map((value, at) => value * (scale[Math.floor(at / perOutput)] as number));
  const bias = beta.map((value, channel) => value - (mean[channel] as number) * (scale[channel] as number));
  return { shape, weight, bias };
}
