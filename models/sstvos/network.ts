/** The network of a video on a device: `encode` and `decode` of sstvos.weft, compiled for frames of one size. */
import type { DemoContext, DemoProgram } from "../../src/demo.ts";
import type { HostArray } from "../../src/index.ts";
import type { Picture } from "../shared/pictures.ts";
import { type FrameSize, framePlanes } from "./frames.ts";
import type { VideoNetwork } from "./video.ts";

const file = "models/sstvos/sstvos.weft";

export interface NetworkRequest {
  /** Size of the frames, and that at which they go through the network. */
  readonly picture: Pick<Picture, "width" | "height">;
  readonly size: FrameSize;
  /** Frames that are seen at once. */
  readonly window: number;
  /** Without the background. */
  readonly objects: number;
}

/** Compiles both entries; what it gives makes the network of a clip with such frames. */
export async function openNetwork(
  context: DemoContext,
  { picture, size, window, objects: given }: NetworkRequest,
): Promise<(frames: readonly Picture[]) => VideoNetwork> {
  const [H, W] = size;
  const [h, w] = [(H - 1) / 4 + 1, (W - 1) / 4 + 1];
  const objects = given + 1;
  const encoder = await context.compile({ file, entry: "encode", settings: { B: 1, H, W, objects } });
  const settings = { n: window, R: 1, h, w, H0: picture.height, W0: picture.width, objects };
  const decoder = await context.compile({ file, entry: "decode", settings });
  const [, pyramid] = shapeOf(encoder, "features");
  const [, low] = shapeOf(encoder, "low");
  const labelled = [picture.height, picture.width];
  return (frames) => ({
    encode: async (number) => {
      const planes = await context.stage("resize", () => framePlanes(frames[number] as Picture, size));
      const found = await encoder.run("encode", { frames: { shape: [1, 3, H, W], data: planes } });
      return { features: f32(found, "features"), low: f32(found, "low") };
    },
    decode: async ({ features, low: fine, frameIndex, keyValid, labels, references, referenceLabels }) => {
      const found = await decoder.run("decode", {
        features: { shape: [window, pyramid as number, h, w], data: joinedFloats(features) },
        low: { shape: [low as number, h, w], data: fine },
        frameIndex: { shape: [window], data: Int32Array.from(frameIndex) },
        keyValid: { shape: [window], data: Uint8Array.from(keyValid, Number) },
        labels: { shape: [labels.length, ...labelled], data: joinedLabels(labels) },
        references: { shape: [references.length, pyramid as number, h, w], data: joinedFloats(references) },
        referenceLabels: { shape: [references.length, ...labelled], data: joinedLabels(referenceLabels) },
      });
      return Int32Array.from(found.prediction as Int32Array);
    },
  });
}

const shapeOf = (program: DemoProgram, output: string) => program.outputs[output]?.shape ?? [];
const f32 = (found: Readonly<Record<string, HostArray>>, name: string) => found[name] as Float32Array<ArrayBuffer>;

function joinedFloats(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const length = parts[0]?.length ?? 0;
  const joined = new Float32Array(parts.length * length);
  parts.forEach((part, k) => {
    joined.set(part, k * length);
  });
  return joined;
}

function joinedLabels(parts: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  const length = parts[0]?.length ?? 0;
  const joined = new Int32Array(parts.length * length);
  parts.forEach((part, k) => {
    joined.set(part, k * length);
  });
  return joined;
}
