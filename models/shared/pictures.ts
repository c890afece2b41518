/** Pictures as 8-bit red, green and blue: reading files with every check, and what networks take. Sizes change in resizing.ts, drawing is in draw.ts. */
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { DemoInputError } from "../../src/demo.ts";

/** A picture in memory. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** u8[height, width, 3]: red, green and blue of each pixel, rows from the top. */
  readonly rgb: Uint8Array;
}

/** Greatest number of pixels that is read: 50 million, 150 MB in memory. */
export const mostPixels = 50_000_000;

/** A picture of one colour. */
export function blankPicture(width: number, height: number, color: readonly [number, number, number]): Picture {
  const rgb = new Uint8Array(3 * width * height);
  for (let place = 0; place < rgb.length; place++) rgb[place] = color[place % 3] as number;
  return { width, height, rgb };
}

/**
 * Reads a PNG or JPEG file. Gray pictures get three equal channels, 16 bits are rounded to 8, transparency is ignored as the readers of
 * the published systems do, and the turn that a camera notes in a JPEG file (EXIF orientation) is done.
 *
 * @param name of the file, for messages
 * @throws DemoInputError that names the file, says what is wrong with it and what to do
 */
export function readPicture(name: string, bytes: Uint8Array): Picture {
  if (bytes.length === 0) throw problem(name, "is empty; give a PNG or JPEG picture");
  const kind = isPng(bytes) ? "PNG" : bytes[0] === 0xff && bytes[1] === 0xd8 ? "JPEG" : undefined;
  if (kind === undefined) throw problem(name, "is neither a PNG nor a JPEG picture; convert it to one of them");
  const size = kind === "PNG" ? sizeOfPng(bytes) : sizeOfJpeg(bytes);
  if (size === undefined) throw problem(name, `is a ${kind} picture that ends before its size is told; it is damaged`);
  const [width, height] = size;
  if (width === 0 || height === 0) throw problem(name, `has ${width} × ${height} pixels, so there is nothing to see`);
  if (width * height > mostPixels) {
    throw problem(
      name,
      `has ${width} × ${height} pixels, more than the ${mostPixels / 1e6} million that are read; make it smaller`,
    );
  }
  try {
    return kind === "PNG" ? decodePng(bytes) : decodeJpeg(bytes);
  } catch (error) {
    throw problem(name, `is a damaged ${kind} picture: ${(error as Error).message}; save it again`);
  }
}

const problem = (name: string, what: string) => new DemoInputError([`${name} ${what}`]);

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const isPng = (bytes: Uint8Array) => pngSignature.every((byte, place) => bytes[place] === byte);
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Width and height in the header of a PNG file, before anything is decoded: a small file may claim any size. */
function sizeOfPng(bytes: Uint8Array): readonly [number, number] | undefined {
  if (bytes.length < 24) return undefined;
  const view = viewOf(bytes);
  return [view.getUint32(16), view.getUint32(20)];
}

/** The segments of a JPEG file before its pixels: the marker's second byte, and where its content begins and ends. */
function* jpegSegments(bytes: Uint8Array): Generator<readonly [marker: number, start: number, end: number]> {
  const view = viewOf(bytes);
  let place = 2;
  while (place + 4 <= bytes.length && bytes[place] === 0xff) {
    const marker = bytes[place + 1] as number;
    if (marker === 0xff) {
      place++; // Fill bytes may stand before a marker.
      continue;
    }
    if (marker === 0xda) return;
    const end = place + 2 + view.getUint16(place + 2);
    yield [marker, place + 4, Math.min(end, bytes.length)];
    place = end;
  }
}

/** Width and height in the frame header of a JPEG file (ITU T.81, B.2.2). */
function sizeOfJpeg(bytes: Uint8Array): readonly [number, number] | undefined {
  for (const [marker, start, end] of jpegSegments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && end - start >= 5) return [viewOf(bytes).getUint16(start + 3), viewOf(bytes).getUint16(start + 1)];
  }
  return undefined;
}

function decodePng(bytes: Uint8Array): Picture {
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return withoutAlpha(width, height, data);
}

function decodeJpeg(bytes: Uint8Array): Picture {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: true,
    tolerantDecoding: false,
    maxResolutionInMP: mostPixels / 1e6,
    maxMemoryUsageInMB: 2048,
  });
  return turned(withoutAlpha(width, height, data), orientationOf(bytes));
}

function withoutAlpha(width: number, height: number, rgba: Uint8Array): Picture {
  const rgb = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) rgb[3 * pixel + channel] = rgba[4 * pixel + channel] as number;
  }
  return { width, height, rgb };
}

/** EXIF orientation, 1 to 8 (CIPA DC-008, tag 0x0112 in the first directory); 1 where none is noted. */
function orientationOf(bytes: Uint8Array): number {
  for (const [marker, start, end] of jpegSegments(bytes)) {
    if (marker !== 0xe1 || end - start < 14 || String.fromCharCode(...bytes.subarray(start, start + 4)) !== "Exif")
      continue;
    const view = viewOf(bytes.subarray(start + 6, end));
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    if (directory + 2 > view.byteLength) return 1;
    const entries = view.getUint16(directory, little);
    for (
      let entry = directory + 2;
      entry < directory + 2 + 12 * entries && entry + 12 <= view.byteLength;
      entry += 12
    ) {
      if (view.getUint16(entry, little) !== 0x0112) continue;
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
  }
  return 1;
}

/** The picture as the camera meant it: 2 to 4 mirror or turn by half, 5 to 8 exchange rows and columns as well. */
function turned(picture: Picture, orientation: number): Picture {
  if (orientation === 1) return picture;
  const exchanged = orientation >= 5;
  const [width, height] = exchanged ? [picture.height, picture.width] : [picture.width, picture.height];
  const flipsColumns = [2, 3, 7, 8].includes(orientation);
  const flipsRows = [3, 4, 6, 7].includes(orientation);
  const rgb = new Uint8Array(picture.rgb.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [storedRow, storedColumn] = exchanged ? [column, row] : [row, column];
      const sourceRow = flipsRows ? picture.height - 1 - storedRow : storedRow;
      const sourceColumn = flipsColumns ? picture.width - 1 - storedColumn : storedColumn;
      const source = 3 * (sourceRow * picture.width + sourceColumn);
      rgb.set(picture.rgb.subarray(source, source + 3), 3 * (row * width + column));
    }
  }
  return { width, height, rgb };
}

/** The bytes of a PNG file of the picture. */
export function pngBytes({ width, height, rgb }: Picture): Uint8Array {
  const png = new PNG({ width, height });
  for (let pixel = 0; pixel < width * height; pixel++) {
    png.data.set(rgb.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
    png.data[4 * pixel + 3] = 255;
  }
  return PNG.sync.write(png);
}

/** What is taken off each channel of a picture in 0..1, and what the rest is divided by. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Mean and deviation of ImageNet's colours, which most published networks expect. */
export const imageNet: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** f32[3, height, width]: (x / 255 - mean) / std for each channel; x / 255 without a normalisation. */
export function planesOf(
  { width, height, rgb }: Picture,
  { mean, std }: Normalisation = { mean: [0, 0, 0], std: [1, 1, 1] },
): { readonly shape: readonly [3, number, number]; readonly data: Float32Array<ArrayBuffer> } {
  const plane = width * height;
  const data = new Float32Array(3 * plane);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (const channel of [0, 1, 2] as const) {
      data[channel * plane + pixel] = ((rgb[3 * pixel + channel] as number) / 255 - mean[channel]) / std[channel];
    }
  }
  return { shape: [3, height, width], data };
}
