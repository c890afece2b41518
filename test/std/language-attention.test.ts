/** Attention under masks at sizes at which it is one kernel that stores no weights. */
import { describe, expect, it } from "vitest";
import { deviceModel, differences, evaluateModel, type ModelRequest, type Values } from "../models/compile-model.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";

const [heads, queries, keys, width] = [2, 67, 130, 9];
const noise = (shape: readonly number[], salt: number): Values => {
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) =>
    Math.fround(Math.sin(salt + 1.7 * k * k)),
  );
  return { shape, data };
};
const request = (present: (key: number) => boolean): ModelRequest => ({
  path: "std/attention.weft",
  entry: "softmax_attention_masked",
  inputs: {
    Q: noise([heads, queries, width], 1),
    K: noise([heads, keys, width], 2),
    V: noise([heads, keys, width], 3),
    mask: { shape: [keys], data: Array.from({ length: keys }, (_, key) => (present(key) ? 1 : 0)) },
  },
});

const masks: readonly { readonly name: string; readonly present: (key: number) => boolean }[] = [
  { name: "all keys", present: () => true },
  { name: "every third key", present: (key) => key % 3 === 1 },
  { name: "the last key alone", present: (key) => key === keys - 1 },
  { name: "no key", present: () => false },
];

describe("masked attention", () => {
  it("of every key is attention without a mask, of no key is zero", () => {
    const all = evaluateModel(request(() => true)).softmax_attention_masked as Float64Array;
    const { mask: _, ...inputs } = request(() => true).inputs ?? {};
    const plain = evaluateModel({ path: "std/attention.weft", entry: "softmax_attention", inputs });
    expect(differences(all, plain.softmax_attention as Float64Array).relative).toBeLessThanOrEqual(1e-14);
    const none = evaluateModel(request(() => false)).softmax_attention_masked as Float64Array;
    expect(none.every((value) => value === 0)).toBe(true);
  });

  it.skipIf(device === undefined).each(masks)("of $name on the device", async ({ present }) => {
    const want = evaluateModel(request(present)).softmax_attention_masked as Float64Array;
    const model = await deviceModel(theDevice(), request(present));
    try {
      expect(model.program.plan.kernels.length).toBe(1);
      const got = (await model.run(request(present).inputs ?? {})).softmax_attention_masked as ArrayLike<number>;
      expect(differences(got, want).absolute).toBeLessThanOrEqual(2e-6);
    } finally {
      model.dispose();
    }
  });
});
