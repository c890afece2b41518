/** `weft export`: what it writes, what other engines make of it, and what it refuses. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataLocation, TensorProto_DataType } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { tensorOf, tensorType } from "../../src/ir/index.ts";
import { f32ArrayFromF16 } from "../../src/runtime/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import { runModel } from "../export/onnx-session.ts";
import { classifier, makeWorkplace } from "./command.ts";

const { weft, write, folder } = makeWorkplace();
write("classifier.weft", classifier);
write("tokens.txt", "\u0001\u0005\u0000\u000a\u0003");
const tokens = tensorOf(tensorType("i32", [5], 11), [1, 5, 0, 10, 3]);
const five = ["--set", "L=5"];
const modelOf = (file: string) => fromBinary(ModelProtoSchema, readFileSync(join(folder, file)));

describe("weft export", () => {
  it("writes a model that gives what `weft run` gives", async () => {
    const exported = await weft("export", "classifier.weft", "--to", "onnx", "-o", "m.onnx", ...five, "--seed", "3");
    expect(exported.stderr).toMatch(/m\.onnx: .*nodes, 4 parameters, operator set 18/);
    expect(exported.status).toBe(0);
    const run = await weft(
      ...["run", "classifier.weft", "--input", "tokens=tokens.txt", "--seed", "3", "--device", "reference"],
      ...["--output", "y.safetensors"],
    );
    expect(run.status, run.stderr).toBe(0);
    const file = await openWeights(join(folder, "y.safetensors"));
    const [name] = [...file.tensors.keys()] as [string];
    const values = Array.from((await file.read(name, "f32")).data);
    await file.close();
    const got = (await runModel(join(folder, "m.onnx"), { tokens }))[name];
    expect(got?.shape).toEqual([3]);
    for (const [k, value] of values.entries()) expect(got?.data[k]).toBeCloseTo(value, 5);
  });

  it("keeps names, types and provenance", async () => {
    const { stdout, status } = await weft(
      ...["export", "classifier.weft", "--to", "onnx", "-o", "named.onnx", ...five, "--json"],
    );
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      file: "named.onnx",
      operators: 18,
      inputs: [{ name: "tokens", type: "idx<11>[5]" }],
    });
    const { graph, producerName, irVersion } = modelOf("named.onnx");
    expect([producerName, irVersion]).toEqual(["weft", 8n]);
    expect(graph?.input.map(({ name, docString }) => [name, docString])).toEqual([["tokens", "idx<11>[5]"]]);
    const initialisers = graph?.initializer.map(({ name }) => name) ?? [];
    expect(initialisers).toEqual(expect.arrayContaining(["embedding", "weight", "bias", "scale"]));
    expect(graph?.output.map(({ name }) => name)).toEqual(report.outputs.map((each: { name: string }) => each.name));
    expect(graph?.node.some(({ docString }) => docString.includes("classifier.weft:9:"))).toBe(true);
  });

  it("leaves out parameters that the entry does not need, and puts the rest beside the model when asked", async () => {
    const { status } = await weft(
      ...[
        "export",
        "classifier.weft",
        "--entry",
        "norm",
        "--to",
        "onnx",
        "-o",
        "beside.onnx",
        ...five,
        "--external-data",
      ],
    );
    expect(status).toBe(0);
    const stored = modelOf("beside.onnx").graph?.initializer.filter(
      ({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL,
    );
    expect(stored?.map(({ name }) => name)).toEqual(["embedding"]);
    expect(statSync(join(folder, "beside.onnx.data")).size).toBe(4 * 11 * 6);
    await weft("export", "classifier.weft", "--entry", "norm", "--to", "onnx", "-o", "inside.onnx", ...five);
    const [first] = Object.values(await runModel(join(folder, "beside.onnx"), { tokens }));
    const [second] = Object.values(await runModel(join(folder, "inside.onnx"), { tokens }));
    expect(first?.data).toEqual(second?.data);
    expect(first?.data[0]).toBeGreaterThan(0);
  });

  it("writes the graph after the passes, with the gradients that are asked for", async () => {
    write("square.weft", "fn f<n>(x: f32[n], y: f32) -> f32 = y * sum[i] x[i] ^ 2\n");
    const { status, stderr } = await weft(
      ...[
        "export",
        "square.weft",
        "--set",
        "n=3",
        "--gradient",
        "x",
        "--optimised",
        "--to",
        "onnx",
        "-o",
        "square.onnx",
      ],
    );
    expect(stderr).not.toMatch(/error/);
    expect(status).toBe(0);
    const x = tensorOf(tensorType("f32", [3]), [1, -2, 0.5]);
    const results = await runModel(join(folder, "square.onnx"), { x, y: tensorOf(tensorType("f32", []), [2]) });
    expect(Object.values(results).map(({ data }) => data)).toEqual([[10.5], [4, -8, 2]]);
  });

  it("stores half precision as half precision", async () => {
    write(
      "half.ir",
      `graph half {
  %0: f32[3] = input "x"
  %1: f16[3] = parameter "w"
  %2: f32[3] = cast %1 to="f32"
  %3: f32[3] = mul %0, %2
  %4: f16[3] = cast %3 to="f16"
  return y = %3, z = %4
}`,
    );
    const { status } = await weft("export", "half.ir", "--to", "onnx", "-o", "half.onnx");
    expect(status).toBe(0);
    const [stored] = modelOf("half.onnx").graph?.initializer ?? [];
    expect(stored).toMatchObject({ name: "w", dataType: TensorProto_DataType.FLOAT16 });
    const weights = f32ArrayFromF16(new Uint16Array(Uint8Array.from(stored?.rawData ?? []).buffer));
    expect(weights.length).toBe(3);
    expect(weights.every((weight) => weight !== 0)).toBe(true);
    const ones = tensorOf(tensorType("f32", [3]), [1, 1, 1]);
    const { y, z } = await runModel(join(folder, "half.onnx"), { x: ones });
    expect(y?.data).toEqual(Array.from(weights));
    expect(z?.data).toEqual(Array.from(weights));
  });

  it("says everything that ONNX cannot say, with its places", async () => {
    write(
      "noise.ir",
      `graph noise {
  %0: u32[2] = input "x"
  %1: u32 = constant values=[1]
  %2: f32[2] = random %0, %1, %1             ; a.weft:3:5+4@20
  return y = %2
}`,
    );
    const { status, stderr } = await weft("export", "noise.ir", "--to", "onnx", "-o", "noise.onnx");
    expect(stderr).toMatch(/ONNX cannot say this graph: random draws numbers from a counter.*\n.*at a\.weft:3:5/);
    expect(status).toBe(1);
    expect(() => statSync(join(folder, "noise.onnx"))).toThrow();
  });

  it.each([
    { args: ["--to", "onnx", "-o", join("nowhere", "m.onnx")], status: 1, says: /cannot be written \(ENOENT\)/ },
    { args: ["--to", "onnx", "-o", "m.onnx", "--disable", "row-sums"], status: 2, says: /add --optimised/ },
    { args: ["--to", "onnx", "-o", "m.onnx", "--verify"], status: 2, says: /--verify checks passes/ },
    { args: ["--to", "tflite", "-o", "m.onnx"], status: 2, says: /Allowed choices are onnx/ },
    { args: ["--to", "onnx"], status: 2, says: /required option '-o, --output <file>' not specified/ },
  ])("refuses $args", async ({ args, status, says }) => {
    const outcome = await weft("export", "classifier.weft", ...five, ...args);
    expect(outcome.stderr).toMatch(says);
    expect(outcome.status).toBe(status);
  });
});
