/** Drawing the random matrices of a Performer anew on the host; the compiled graph only reads them. */
import { initialValues, randomStream } from "../../src/ir/index.ts";

/** Training calls after which the published code draws new matrices (`feature_redraw_interval`). */
export const redrawInterval = 1000;

/** Name of the random matrix of a layer, counted from 0. */
export function projectionPath(layer: number): string {
  return `performer.net.layers.${layer}.0.fn.fast_attention.projection_matrix`;
}

/** How many times the matrices have been drawn anew after that many training calls. */
export function redrawCount(trainingCalls: number): number {
  return Math.floor(trainingCalls / redrawInterval);
}

/**
 * The random matrix of one layer after `redraws` redraws: orthogonal in blocks of `width` rows, each row N(0, I)
 * (Choromanski et al. 2021, section 2.4). With `redraws` 0 it is the one a program initialised from `seed` starts with;
 * any other count gives a matrix independent of it, and the same on every machine.
 *
 * @param features rows m of the matrix
 * @param width    columns, channels of one head
 * @returns f32[features, width], row-major
 */
export function drawProjection(
  seed: number,
  layer: number,
  redraws: number,
  features: number,
  width: number,
): Float32Array {
  const path = projectionPath(layer);
  const stream = randomStream(seed, redraws === 0 ? path : `${path}#${redraws}`);
  return initialValues("orthogonal_features", [features, width], { scaling: 0 }, stream);
}

/** The random matrices of all layers by name, ready to replace those of a program. */
export function drawProjections(
  seed: number,
  redraws: number,
  shape: { readonly layers: number; readonly features: number; readonly width: number },
): ReadonlyMap<string, Float32Array> {
  const layers = Array.from({ length: shape.layers }, (_, layer) => layer);
  return new Map(
    layers.map((layer) => [projectionPath(layer), drawProjection(seed, layer, redraws, shape.features, shape.width)]),
  );
}
