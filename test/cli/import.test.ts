/** `weft import`: the files that it writes run, and what it refuses. */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { openWeights } from "../../src/runtime/node.ts";
import { runOnnx } from "../import/agreement.ts";
import { modelBytes } from "../import/build-model.ts";
import { classifier, makeWorkplace } from "./command.ts";

const { weft, write, folder } = makeWorkplace();
for (const name of ["perceptron", "attention"]) {
  copyFileSync(`test/fixtures/onnx/${name}.onnx`, join(folder, `${name}.onnx`));
}
write("classifier.weft", classifier);
write("tokens.txt", "\u0001\u0005\u0000\u000a\u0003");

describe("weft import", () => {
  it("writes a text and weights that `weft run` takes, with the model's results", async () => {
    const exported = await weft(
      "export",
      "classifier.weft",
      "--to",
      "onnx",
      "-o",
      "net.onnx",
      "--set",
      "L=5",
      "--seed",
      "3",
    );
    expect(exported.status, exported.stderr).toBe(0);
    const { stderr, status } = await weft("import", "net.onnx", "-o", "out");
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/out\/net\.weft: \d+ nodes of operator set 18, and out\/net\.safetensors with 4 tensors/);
    const run = await weft(
      ...["run", "out/net.weft", "--weights", "out/net.safetensors", "--input", "tokens=tokens.txt"],
      ...["--device", "reference", "--output", "y.safetensors"],
    );
    expect(run.status, run.stderr).toBe(0);
    const file = await openWeights(join(folder, "y.safetensors"));
    const [name] = [...file.tensors.keys()] as [string];
    const values = Array.from((await file.read(name, "f32")).data);
    await file.close();
    const tokens = { kind: "i32", shape: [5], data: [1, 5, 0, 10, 3] } as const;
    const [wanted] = await runOnnx(new Uint8Array(readFileSync(join(folder, "net.onnx"))), { tokens });
    expect(wanted?.data.length).toBe(3);
    for (const [k, value] of values.entries()) expect(value).toBeCloseTo(wanted?.data[k] as number, 5);
  });

  it("keeps open sizes open, or fixes them", async () => {
    const open = await weft("import", "attention.onnx", "-o", "open.weft", "--json");
    expect(open.status, open.stderr).toBe(0);
    expect(JSON.parse(open.stdout)).toMatchObject({
      file: "open.weft",
      weights: "open.safetensors",
      sizes: ["B", "L"],
      operators: 17,
    });
    expect(readFileSync(join(folder, "open.weft"), "utf8")).toMatch(/entry forward<B, L>\(tokens: idx<20>\[B, L\]\)/);
    const fixed = await weft("import", "attention.onnx", "-o", "fixed.weft", "--set", "B=2", "--set", "L=5");
    expect(fixed.status, fixed.stderr).toBe(0);
    expect(readFileSync(join(folder, "fixed.weft"), "utf8")).toContain("tokens: idx<20>[2, 5]");
    const formatted = await weft("fmt", "--check", "open.weft", "fixed.weft");
    expect(formatted.status, formatted.stderr).toBe(0);
  });

  it("replaces nothing unasked", async () => {
    write("kept.weft", "// mine\n");
    const refused = await weft("import", "perceptron.onnx", "-o", "kept.weft");
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("kept.weft exists already");
    expect(readFileSync(join(folder, "kept.weft"), "utf8")).toBe("// mine\n");
    const forced = await weft("import", "perceptron.onnx", "-o", "kept.weft", "--force");
    expect(forced.status, forced.stderr).toBe(0);
  });

  it("says what is wrong, and writes nothing then", async () => {
    write("words.onnx", "no model");
    write(
      "unsaid.onnx",
      modelBytes({
        inputs: { x: { kind: "f32", shape: [2, 2] } },
        nodes: [
          { operator: "Det", name: "first", inputs: ["x"], outputs: ["a"] },
          { operator: "Det", name: "second", inputs: ["x"], outputs: ["b"] },
          { operator: "NonZero", name: "third", inputs: ["x"], outputs: ["c"] },
        ],
        outputs: ["a", "b", "c"],
      }),
    );
    const words = await weft("import", "words.onnx", "-o", "wrong");
    expect([words.status, words.stderr]).toEqual([1, expect.stringContaining("words.onnx: the file is no ONNX model")]);
    const unsaid = await weft("import", "unsaid.onnx", "-o", "wrong");
    expect(unsaid.status).toBe(1);
    expect(unsaid.stderr).toContain("Det (2 nodes)");
    expect(unsaid.stderr).toContain("at first, second");
    expect(unsaid.stderr).toContain("NonZero (1 node)");
    const size = await weft("import", "perceptron.onnx", "-o", "wrong", "--set", "B=0");
    expect([size.status, size.stderr]).toEqual([2, expect.stringContaining("a size is a whole number from 1")]);
    const none = await weft("import", "missing.onnx", "-o", "wrong");
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("missing.onnx does not exist")]);
    expect(existsSync(join(folder, "wrong", "words.weft"))).toBe(false);
    expect(existsSync(join(folder, "wrong", "unsaid.weft"))).toBe(false);
  });

  it("reads weights beside the model, and only there", async () => {
    const exported = await weft(
      "export",
      "classifier.weft",
      "--to",
      "onnx",
      "-o",
      "big.onnx",
      "--set",
      "L=5",
      "--external-data",
    );
    expect(exported.status, exported.stderr).toBe(0);
    const fine = await weft("import", "big.onnx", "-o", "big.weft");
    expect(fine.status, fine.stderr).toBe(0);
    const model = fromBinary(ModelProtoSchema, readFileSync(join(folder, "big.onnx")));
    const relocated = (location: string) => {
      for (const tensor of model.graph?.initializer ?? []) {
        for (const entry of tensor.externalData) if (entry.key === "location") entry.value = location;
      }
      return write("moved.onnx", toBinary(ModelProtoSchema, model));
    };
    const outside = await weft("import", relocated("../secret.data"), "-o", "moved.weft");
    expect([outside.status, outside.stderr]).toEqual([1, expect.stringContaining("outside of the model's folder")]);
    const lost = await weft("import", relocated("lost.data"), "-o", "moved.weft");
    expect([lost.status, lost.stderr]).toEqual([1, expect.stringContaining("lost.data does not exist")]);
    write("short.data", new Uint8Array(8));
    const short = await weft("import", relocated("short.data"), "-o", "moved.weft");
    expect([short.status, short.stderr]).toEqual([1, expect.stringContaining("the file is cut short")]);
  });
});
