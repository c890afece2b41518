/** Tensors from files: arrays (.npy, .safetensors), pictures and text. */
import { existsSync } from "node:fs";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { type DType, printType, type Shape, type TensorType } from "../ir/index.ts";
import { convertStored, type HostTensor, parseNpy } from "../runtime/index.ts";
import { openWeights, type WeightsFile } from "../runtime/node.ts";
import { InputProblems } from "./exit-status.ts";
import { readFileBytes } from "./source-files.ts";

/** Where the value of an argument comes from. The shape is known before the value is read. */
export type InputSource =
  | { readonly kind: "random" }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly shape: Shape;
      /** Reads the data as a dtype. Throws `InputProblems` or `WeightsError` when it does not convert. */
      readonly read: (type: TensorType) => Promise<HostTensor>;
    };

export interface InputSources {
  readonly byName: ReadonlyMap<string, InputSource>;
  /** `all=random`: arguments without a source of their own are drawn. */
  readonly restRandom: boolean;
  readonly close: () => Promise<void>;
}

/**
 * Opens everything that `--input` and `--inputs` name; reads headers, not yet data.
 *
 * @throws InputProblems naming every file that cannot be used
 */
export async function openInputs(
  assignments: ReadonlyMap<string, string>,
  inputsFile: string | undefined,
): Promise<InputSources> {
  const byName = new Map<string, InputSource>();
  const opened: WeightsFile[] = [];
  const problems: string[] = [];
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (error instanceof InputProblems) problems.push(...error.problems);
      else problems.push((error as Error).message);
    }
  };
  if (inputsFile !== undefined) {
    await attempt(async () => {
      const file = await openWeights(inputsFile);
      opened.push(file);
      for (const name of file.tensors.keys()) byName.set(name, storedSource(file, name, inputsFile));
    });
  }
  for (const [name, value] of assignments) {
    if (name === "all") continue;
    await attempt(async () => {
      byName.set(name, value === "random" ? { kind: "random" } : await openInput(name, value, opened));
    });
  }
  const all = assignments.get("all");
  if (all !== undefined && all !== "random") problems.push(`--input all=${all}: only \`all=random\` is possible`);
  const close = async () => {
    for (const file of opened) await file.close();
  };
  if (problems.length > 0) {
    await close();
    throw new InputProblems(problems);
  }
  return { byName, restRandom: all === "random", close };
}

async function openInput(name: string, path: string, opened: WeightsFile[]): Promise<InputSource> {
  const lower = path.toLowerCase();
  if (lower.endsWith(".safetensors") || lower.endsWith(".safetensors.index.json")) {
    const file = await openWeights(path);
    opened.push(file);
    const names = [...file.tensors.keys()];
    const chosen = file.tensors.has(name) ? name : names.length === 1 ? names[0] : undefined;
    if (chosen === undefined) {
      throw new InputProblems([
        `${path} has no tensor \`${name}\`; it holds ${names.slice(0, 8).join(", ") || "none"}`,
      ]);
    }
    return storedSource(file, chosen, path);
  }
  if (!existsSync(path)) {
    throw new InputProblems([
      `--input ${name}=${path}: the file ${path} does not exist; \`${name}=random\` draws values from the seed`,
    ]);
  }
  if (lower.endsWith(".npy")) return npySource(path);
  if (/\.(png|jpe?g)$/.test(lower)) return pictureSource(path);
  return textSource(path);
}

function storedSource(file: WeightsFile, name: string, path: string): InputSource {
  const shape = file.tensors.get(name)?.shape ?? [];
  return { kind: "file", path, shape, read: ({ dtype }) => file.read(name, dtype) };
}

function npySource(path: string): InputSource {
  const bytes = readFileBytes(path);
  const stored = parseNpy(bytes, path);
  const data = bytes.subarray(stored.start, stored.end);
  return {
    kind: "file",
    path,
    shape: stored.shape,
    read: async ({ dtype }) => ({ shape: stored.shape, data: convertStored(stored, data, dtype) }),
  };
}

/** Bytes as indices below 256. */
function textSource(path: string): InputSource {
  const bytes = readFileBytes(path);
  const shape = [bytes.length];
  return {
    kind: "file",
    path,
    shape,
    read: async (type) => {
      if (type.dtype !== "i32" && type.dtype !== "u32") {
        throw new InputProblems([
          `${path} is read as text, one byte a whole number below 256, but ${printType(type)} is wanted; arrays come as .npy or .safetensors, pictures as .png or .jpg`,
        ]);
      }
      return { shape, data: type.dtype === "i32" ? Int32Array.from(bytes) : Uint32Array.from(bytes) };
    },
  };
}

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha in turn, 8 bits each. */
  readonly data: Uint8Array;
}

/** A picture as f32[3, H, W], red, green and blue from 0 to 1; transparency is ignored. */
function pictureSource(path: string): InputSource {
  const { width, height, data } = decodePicture(path);
  const shape = [3, height, width];
  return {
    kind: "file",
    path,
    shape,
    read: async (type) => {
      if (!isFloatType(type.dtype)) {
        throw new InputProblems([`${path} is a picture, f32[3, H, W], but ${printType(type)} is wanted`]);
      }
      const planes = new Float32Array(3 * width * height);
      for (let pixel = 0; pixel < width * height; pixel++) {
        for (let channel = 0; channel < 3; channel++) {
          planes[channel * width * height + pixel] = (data[4 * pixel + channel] as number) / 255;
        }
      }
      return { shape, data: planes };
    },
  };
}

const isFloatType = (dtype: DType) => dtype === "f32" || dtype === "f16" || dtype === "bf16";

function decodePicture(path: string): Pixels {
  const bytes = readFileBytes(path);
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new InputProblems([`${path} is neither a PNG nor a JPEG picture`]);
  try {
    if (isPng) return PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return jpeg.decode(bytes, { useTArray: true, formatAsRGBA: true });
  } catch (error) {
    throw new InputProblems([`${path} cannot be decoded as a picture: ${(error as Error).message}`]);
  }
}
