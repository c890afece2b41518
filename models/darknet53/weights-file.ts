/**
 * Reading `.weights` files of the Darknet program (pjreddie/darknet, `src/parser.c`): numbers without names, layer by layer, little-endian.
 * Header: major, minor and revision as i32, then the images seen: 8 bytes from version 0.2 on, 4 before. Then for every convolution with
 * normalisation its shift, scale, running mean and running variance, without one its bias; then its kernels f32[out, in, height, width].
 */

/** A parameter or buffer of the model that is filled. */
interface LayerTensor {
  readonly path: string;
  readonly type: { readonly shape: readonly number[] };
}

/** A file that does not hold what the model wants; the message says how much is there and what is wanted. */
export class DarknetWeightsError extends Error {
  override readonly name = "DarknetWeightsError";
}

const normalised = ["bias", "weight", "running_mean", "running_var"] as const;

/**
 * Values for all parameters and buffers of a model of layers.weft, by path.
 *
 * @param name of the file, for messages
 * @param tensors of the model: `….conv_7.weight`, `….batch_norm_7.bias`, …
 * @throws DarknetWeightsError when the file does not end exactly where the last layer does
 */
export function readDarknetWeights(
  name: string,
  bytes: Uint8Array,
  tensors: readonly LayerTensor[],
): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const order = storedOrder(tensors);
  const start = headerLength(name, bytes);
  const wanted = order.reduce((sum, { type }) => sum + countOf(type.shape), 0);
  const found = (bytes.length - start) / 4;
  if (found !== wanted) {
    throw new DarknetWeightsError(
      `${name} holds ${found.toLocaleString("en")} numbers after its header, and the model takes ${wanted.toLocaleString("en")}: it belongs to another network or is cut off`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  let place = 0;
  return new Map(
    order.map(({ path, type }) => {
      const values = Float32Array.from({ length: countOf(type.shape) }, (_, k) =>
        view.getFloat32(4 * (place + k), true),
      );
      place += values.length;
      return [path, values];
    }),
  );
}

const countOf = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

function headerLength(name: string, bytes: Uint8Array): number {
  if (bytes.length < 16) throw new DarknetWeightsError(`${name} has ${bytes.length} bytes, fewer than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [major, minor] = [view.getInt32(0, true), view.getInt32(4, true)];
  const countsIn64Bits = major * 10 + minor >= 2 && major < 1000 && minor < 1000;
  return countsIn64Bits ? 20 : 16;
}

/** The tensors as they lie in the file: layers by number, and in each the convolution's kernels last. */
function storedOrder(tensors: readonly LayerTensor[]): readonly LayerTensor[] {
  const byPath = new Map(tensors.map((tensor) => [tensor.path, tensor]));
  const kernels = tensors.flatMap((tensor) => {
    const match = /^(.*)conv_(\d+)\.weight$/.exec(tensor.path);
    return match === null ? [] : [{ tensor, prefix: match[1] as string, layer: Number(match[2]) }];
  });
  kernels.sort((a, b) => a.layer - b.layer);
  return kernels.flatMap(({ tensor, prefix, layer }) => {
    const norm = normalised.flatMap((part) => byPath.get(`${prefix}batch_norm_${layer}.${part}`) ?? []);
    const bias = byPath.get(`${prefix}conv_${layer}.bias`);
    return [...norm, ...(bias === undefined ? [] : [bias]), tensor];
  });
}
