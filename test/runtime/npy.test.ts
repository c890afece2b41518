import { describe, expect, it } from "vitest";
import { convertStored, parseNpy, WeightsError } from "../../src/runtime/index.ts";

/** An .npy file as NumPy lays it out: magic, version, header padded to 64 bytes, data. */
function npy(header: string, data: ArrayBufferView<ArrayBuffer>, major = 1): Uint8Array<ArrayBuffer> {
  const before = major === 1 ? 10 : 12;
  const text = new TextEncoder().encode(
    `${header.padEnd(Math.ceil((before + header.length + 1) / 64) * 64 - before - 1)}\n`,
  );
  const bytes = new Uint8Array(before + text.byteLength + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, 0]);
  const view = new DataView(bytes.buffer);
  if (major === 1) view.setUint16(8, text.byteLength, true);
  else view.setUint32(8, text.byteLength, true);
  bytes.set(text, before);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), before + text.byteLength);
  return bytes;
}

const header = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe("npy files", () => {
  it.each([1, 2, 3])("of version %s are read", (major) => {
    const bytes = npy(header("<f4", "(2, 3)"), Float32Array.of(1, 2, 3, 4, 5, 6), major);
    const tensor = parseNpy(bytes, "x.npy");
    expect([tensor.type, tensor.shape]).toEqual(["F32", [2, 3]]);
    expect(convertStored(tensor, bytes.subarray(tensor.start, tensor.end), "f32")).toEqual(
      Float32Array.of(1, 2, 3, 4, 5, 6),
    );
  });

  it("hold scalars, vectors and 64-bit numbers", () => {
    const scalar = npy(header("<f8", "()"), Float64Array.of(2.5));
    expect(parseNpy(scalar, "x")).toMatchObject({ type: "F64", shape: [] });
    const vector = npy(header("<i8", "(2,)", "True"), BigInt64Array.of(1n, -1n));
    const tensor = parseNpy(vector, "x");
    expect(tensor.shape).toEqual([2]);
    expect(convertStored(tensor, vector.subarray(tensor.start, tensor.end), "i32")).toEqual(Int32Array.of(1, -1));
    expect(parseNpy(npy(header("|b1", "(1,)"), Uint8Array.of(1)), "x").type).toBe("BOOL");
  });

  const four = Float32Array.of(1, 2, 3, 4);
  const good = npy(header("<f4", "(4,)"), four);
  it.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
    ["another kind of file", new TextEncoder().encode("P5 4 4 255 ..."), /no \.npy file/],
    ["nothing", new Uint8Array(0), /no \.npy file/],
    ["an unknown version", npy(header("<f4", "(4,)"), four, 9), /version 9/],
    [
      "Fortran order",
      npy(header("<f4", "(2, 2)", "True"), four),
      /Fortran order; save it again with numpy\.ascontiguousarray/,
    ],
    ["big-endian numbers", npy(header(">f4", "(4,)"), four), /big-endian/],
    ["complex numbers", npy(header("<c8", "(2,)"), four), /element type <c8/],
    ["records", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }", four), /holds records/],
    ["a header without a shape", npy("{'descr': '<f4', 'fortran_order': False}", four), /header is not understood/],
    ["a shape of words", npy(header("<f4", "(a, b)"), four), /shape \(a, b\) is not understood/],
    ["too little data", good.slice(0, -4), /takes 16 bytes, but 12 follow/],
    ["too much data", npy(header("<f4", "(3,)"), four), /takes 12 bytes, but 16 follow/],
    ["a cut header", good.slice(0, 40), /cut short inside its header/],
  ])("with %s are refused", (_, bytes, message) => {
    expect(() => parseNpy(bytes, "x.npy")).toThrow(message);
    expect(() => parseNpy(bytes, "x.npy")).toThrow(WeightsError);
  });
});
