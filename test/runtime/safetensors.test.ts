import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DType } from "../../src/ir/index.ts";
import { type HostArray, type TensorToStore, WeightsError } from "../../src/runtime/index.ts";
import { openWeights, writeWeights } from "../../src/runtime/node.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-weights-"));
});
afterAll(() => rm(folder, { recursive: true }));

const tensors: readonly TensorToStore[] = [
  { name: "w", dtype: "f32", shape: [2, 2], data: Float32Array.of(1, -2.5, 3, Number.NEGATIVE_INFINITY) },
  { name: "10", dtype: "f16", shape: [3], data: Float32Array.of(0.5, 65504, -1) },
  { name: "2", dtype: "bf16", shape: [1], data: Float32Array.of(1.5) },
  { name: "i", dtype: "i32", shape: [2], data: Int32Array.of(-5, 7) },
  { name: "u", dtype: "u32", shape: [], data: Uint32Array.of(2 ** 32 - 1) },
  { name: "mask", dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "empty", dtype: "f32", shape: [0, 4], data: new Float32Array(0) },
];

/** A file with the given header, and `dataBytes` bytes of data. */
function file(header: unknown, dataBytes: number, change: { length?: bigint; text?: string } = {}): Uint8Array {
  const text = new TextEncoder().encode(change.text ?? JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, change.length ?? BigInt(text.byteLength), true);
  bytes.set(text, 8);
  return bytes;
}

const f32 = (shape: readonly number[], start: number, end: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [start, end],
});

describe("safetensors", () => {
  it("come back as they were written", async () => {
    const path = join(folder, "all.safetensors");
    await writeWeights(path, tensors, { format: "weft" });
    const weights = await openWeights(path);
    expect(weights.metadata).toEqual({ format: "weft" });
    expect(weights.tensors.size).toBe(tensors.length);
    for (const { name, dtype, shape, data } of tensors)
      expect(await weights.read(name, dtype)).toEqual({ shape, data });
    await weights.close();
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("have the same bytes whatever the order of the tensors, with an aligned header", async () => {
    const [one, two] = [join(folder, "one.safetensors"), join(folder, "two.safetensors")];
    await writeWeights(one, tensors);
    await writeWeights(two, [...tensors].reverse());
    const bytes = await readFile(one);
    expect(bytes.equals(await readFile(two))).toBe(true);
    expect(bytes.readBigUInt64LE(0) % 8n).toBe(0n);
  });

  it("come back for any shapes and values", async () => {
    const path = join(folder, "random.safetensors");
    const tensor = fc.uniqueArray(
      fc.record({ name: fc.string({ minLength: 1 }), values: fc.array(fc.float({ noNaN: true }), { maxLength: 20 }) }),
      { selector: ({ name }) => name, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(tensor, async (random) => {
        const named = random.filter(({ name }) => name !== "__metadata__");
        await writeWeights(
          path,
          named.map(({ name, values }) => ({
            name,
            dtype: "f32",
            shape: [values.length],
            data: Float32Array.from(values),
          })),
        );
        const weights = await openWeights(path);
        for (const { name, values } of named)
          expect((await weights.read(name, "f32")).data).toEqual(Float32Array.from(values));
        await weights.close();
      }),
      { numRuns: 50 },
    );
  });

  it.each<[string, DType, ArrayBufferView, HostArray]>([
    ["F64", "f32", Float64Array.of(1.5, -2), Float32Array.of(1.5, -2)],
    ["F16", "f32", Uint16Array.of(0x3e00, 0xc000), Float32Array.of(1.5, -2)],
    ["BF16", "f32", Uint16Array.of(0x3fc0, 0xc000), Float32Array.of(1.5, -2)],
    ["I64", "i32", BigInt64Array.of(-3n, 2n ** 31n - 1n), Int32Array.of(-3, 2 ** 31 - 1)],
    ["I16", "i32", Int16Array.of(-3, 4), Int32Array.of(-3, 4)],
    ["I8", "i32", Int8Array.of(-3, 4), Int32Array.of(-3, 4)],
    ["U16", "u32", Uint16Array.of(3, 65535), Uint32Array.of(3, 65535)],
    ["U8", "i32", Uint8Array.of(3, 255), Int32Array.of(3, 255)],
    ["U8", "bool", Uint8Array.of(1, 0), Uint8Array.of(1, 0)],
    ["BOOL", "u32", Uint8Array.of(1, 0), Uint32Array.of(1, 0)],
  ])("convert %s to %s", async (stored, wanted, data, expected) => {
    const path = join(folder, "convert.safetensors");
    const header = { x: { dtype: stored, shape: [2], data_offsets: [0, data.byteLength] } };
    const bytes = file(header, data.byteLength);
    bytes.set(new Uint8Array(data.buffer), bytes.byteLength - data.byteLength);
    await writeFile(path, bytes);
    const weights = await openWeights(path);
    expect((await weights.read("x", wanted)).data).toEqual(expected);
    await weights.close();
  });

  it.each<[string, DType, ArrayBufferView, RegExp]>([
    ["I64", "i32", BigInt64Array.of(0n, 2n ** 31n), /its element 1 is 2147483648, which i32 does not hold/],
    ["I32", "u32", Int32Array.of(0, -1), /its element 1 is -1, which u32 does not hold/],
    ["U8", "bool", Uint8Array.of(0, 2), /its element 1 is 2, which bool does not hold/],
    ["F32", "i32", Float32Array.of(0, 1), /tensor x is F32 in its file: it does not convert to i32/],
    ["I32", "f32", Int32Array.of(0, 1), /does not convert to f32/],
  ])("refuse to convert %s to %s when it loses something", async (stored, wanted, data, message) => {
    const path = join(folder, "refuse.safetensors");
    const bytes = file({ x: { dtype: stored, shape: [2], data_offsets: [0, data.byteLength] } }, data.byteLength);
    bytes.set(new Uint8Array(data.buffer), bytes.byteLength - data.byteLength);
    await writeFile(path, bytes);
    const weights = await openWeights(path);
    await expect(weights.read("x", wanted)).rejects.toThrow(message);
    await weights.close();
  });

  const damaged: [string, Uint8Array, RegExp][] = [
    ["an empty file", new Uint8Array(0), /has 0 bytes, fewer than 8/],
    ["an absurd header length", file({}, 0, { length: 2n ** 62n }), /header would be 4611686018427387904 bytes long/],
    ["a header length of nothing", file({}, 0, { length: 0n }), /its header is 0 bytes long/],
    [
      "a header longer than the file",
      file({}, 0, { length: 500n }),
      /cut short: its header needs 500 bytes, but 2 follow/,
    ],
    ["a header that is not UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff), /not UTF-8/],
    ["a header that is not JSON", file({}, 0, { text: "{nope}" }), /not JSON/],
    ["a header that is a list", file([], 0), /not a JSON object/],
    [
      "metadata that is no map of strings",
      file({ __metadata__: { a: 1 } }, 0),
      /__metadata__ must map strings to strings/,
    ],
    ["an entry that is no object", file({ x: 3 }, 0), /tensor x: its entry is not an object/],
    ["an unknown element type", file({ x: { ...f32([1], 0, 4), dtype: "F4" } }, 4), /element type "F4" is not one of/],
    [
      "an inherited name as element type",
      file({ x: { ...f32([1], 0, 4), dtype: "toString" } }, 4),
      /"toString" is not one of/,
    ],
    ["a negative size", file({ x: f32([-1], 0, 4) }, 4), /its shape \[-1\] is not a list of sizes/],
    ["a fractional size", file({ x: f32([0.5], 0, 2) }, 2), /is not a list of sizes/],
    ["a missing range", file({ x: { dtype: "F32", shape: [1] } }, 4), /its byte range undefined is not a pair/],
    ["a range that does not fit its shape", file({ x: f32([2], 0, 4) }, 4), /takes 8 bytes, but its range has 4/],
    ["a range that runs backwards", file({ x: f32([1], 8, 4) }, 8), /takes 4 bytes, but its range has -4/],
    ["overlapping tensors", file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), /tensor b overlaps a/],
    [
      "a hole between tensors",
      file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      /4 bytes before tensor b belong to none/,
    ],
    ["truncated data", file({ a: f32([4], 0, 16) }, 8), /cut short: tensor a ends at byte/],
    ["trailing bytes", file({ a: f32([1], 0, 4) }, 8), /the last 4 bytes belong to no tensor/],
    [
      "a name that occurs twice",
      file({}, 4, { text: `{"x":${JSON.stringify(f32([1], 0, 4))},"x":${JSON.stringify(f32([1], 0, 4))}}` }),
      /holds the tensor x twice/,
    ],
  ];

  it.each(damaged)("refuse %s", async (_, bytes, message) => {
    const path = join(folder, "damaged.safetensors");
    await writeFile(path, bytes);
    const opening = openWeights(path);
    await expect(opening).rejects.toBeInstanceOf(WeightsError);
    await expect(opening).rejects.toThrow(message);
  });

  it("refuse any cut of a good file", async () => {
    const path = join(folder, "cut.safetensors");
    await writeWeights(path, tensors);
    const bytes = await readFile(path);
    for (let length = 0; length < bytes.byteLength; length += 7) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(openWeights(path)).rejects.toBeInstanceOf(WeightsError);
    }
  });

  it("refuse what cannot be written, and leave nothing behind", async () => {
    const one = tensors[0]!;
    await expect(writeWeights(join(folder, "no.safetensors"), [one, one])).rejects.toThrow(
      "cannot hold the tensor w twice",
    );
    await expect(writeWeights(join(folder, "no.safetensors"), [{ ...one, shape: [3] }])).rejects.toThrow(
      "shape is [3]",
    );
    await expect(writeWeights(join(folder, "no", "such.safetensors"), [one])).rejects.toThrow(/cannot be written/);
    expect((await readdir(folder)).filter((name) => name.startsWith("no") || name.includes("tmp"))).toEqual([]);
  });

  it("say which file is missing", async () => {
    await expect(openWeights(join(folder, "absent.safetensors"))).rejects.toThrow(
      /absent\.safetensors cannot be opened/,
    );
    await expect(openWeights(folder)).rejects.toThrow(/is a folder/);
  });
});

describe("an index of shards", () => {
  const index = (map: unknown) =>
    writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  const open = () => openWeights(join(folder, "model.safetensors.index.json"));

  beforeAll(async () => {
    await writeWeights(join(folder, "shard-1.safetensors"), tensors.slice(0, 1));
    await writeWeights(join(folder, "shard-2.safetensors"), tensors.slice(1));
  });

  it("reads every tensor from its shard", async () => {
    await index(Object.fromEntries(tensors.map(({ name }, i) => [name, `shard-${i === 0 ? 1 : 2}.safetensors`])));
    const weights = await open();
    for (const { name, dtype, shape, data } of tensors)
      expect(await weights.read(name, dtype)).toEqual({ shape, data });
    await expect(weights.read("toString", "f32")).rejects.toThrow("has no tensor toString");
    await weights.close();
  });

  it("is refused when it is wrong", async () => {
    await index({ w: "shard-2.safetensors", i: "shard-1.safetensors" });
    await expect(open()).rejects.toThrow(/shard-2\.safetensors has no tensor w; shard-1\.safetensors has no tensor i/);
    await index({ w: "../secret.safetensors" });
    await expect(open()).rejects.toThrow(/is not a file beside the index/);
    await index({ w: "absent.safetensors" });
    await expect(open()).rejects.toThrow(/absent\.safetensors cannot be opened/);
    await index([]);
    await expect(open()).rejects.toThrow(/has no weight_map/);
    await writeFile(join(folder, "model.safetensors.index.json"), "{");
    await expect(open()).rejects.toThrow(/cannot be read as an index/);
  });
});
