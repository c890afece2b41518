/** Mistakes in files and data: exit status 1, a message that names the file and the mend, never a stack trace. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { attention, classifier, makeWorkplace, type Outcome, smallAttention } from "./command.ts";

const { weft, write, folder } = makeWorkplace();
write("attention.weft", attention);
write("classifier.weft", classifier);
mkdirSync(join(folder, "folder.weft"));

function expectInputError({ status, stderr }: Outcome, ...says: readonly RegExp[]): void {
  for (const pattern of says) expect(stderr).toMatch(pattern);
  expect(stderr).not.toMatch(/\n {4}at |a bug in Weft/);
  expect(status).toBe(1);
}

/** A .npy file of 32-bit integers or floats. */
function npy(kind: "<i4" | "<f4", shape: readonly number[], data: Int32Array | Float32Array): Uint8Array {
  const header = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const length = padded.length;
  const prefix = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 255, length >> 8];
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array([...prefix, ...new TextEncoder().encode(padded), ...bytes]);
}

/** A safetensors file of f32 zeros. */
function safetensors(shapes: Readonly<Record<string, readonly number[]>>): Uint8Array {
  let end = 0;
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const start = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype: "F32", shape, data_offsets: [start, end] }];
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const bytes = new Uint8Array(8 + header.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
}

describe("files that are no source texts", () => {
  it("are refused with a reason", async () => {
    write("binary.weft", new Uint8Array([0x66, 0x6e, 0x0a, 0x20, 0xff, 0xfe]));
    write("nested.weft", `fn f(x: f32) -> f32 { return ${"(".repeat(20_000)}x${")".repeat(20_000)} }`);
    const [missing, directory, binary, nested] = await Promise.all([
      weft("run", "nowhere.weft"),
      weft("check", "folder.weft"),
      weft("check", "binary.weft"),
      weft("check", "nested.weft"),
    ]);
    expectInputError(missing, /nowhere\.weft does not exist/);
    expectInputError(directory, /folder\.weft is a folder/);
    expectInputError(binary, /binary\.weft is not UTF-8 text: byte 0xff at offset 4 \(line 2\)/);
    expectInputError(nested, /limit\/nesting/);
  });

  it("report several mistakes of several files, and what is right", async () => {
    write("wrong.weft", "fn f(x: f32[n]) -> f32 { return y }\nfn g<n>(x: f32[n]) -> f32 { return z }\n");
    const { status, stdout, stderr } = await weft("check", "wrong.weft", "attention.weft");
    expect(status).toBe(1);
    expect(stderr).toMatch(/wrong\.weft:1:/);
    expect(stderr).toMatch(/wrong\.weft:2:/);
    expect(stdout).toMatch(/^wrong\.weft: \d errors$/m);
    expect(stdout).toMatch(/^attention\.weft: ok \(attention\)$/m);
  });

  it("give diagnostics as JSON", async () => {
    write("one.weft", "fn f<n>(x: f32[n]) -> f32 { return sum[i] y[i] }\n");
    const { status, stdout } = await weft("check", "one.weft", "--json");
    expect(status).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.ok).toBe(false);
    expect(report.files[0].diagnostics[0]).toMatchObject({
      severity: "error",
      primary: { span: { file: "one.weft", line: 1 } },
    });
  });
});

describe("names that do not exist", () => {
  it("are refused with suggestions", async () => {
    const [entry, model, preset, setting, input] = await Promise.all([
      weft("run", "attention.weft", "--entry", "atention", ...smallAttention),
      weft("run", "classifier.weft", "--model", "Clasifier"),
      weft("run", "classifier.weft", "--preset", "smal"),
      weft("run", "classifier.weft", "--set", "vocabulary=3", "--set", "L=4"),
      weft("run", "attention.weft", ...smallAttention, "--input", "q=random"),
    ]);
    expectInputError(entry, /no entry or function `atention`/, /`attention`/);
    expectInputError(model, /no model `Clasifier`/, /`Classifier`/);
    expectInputError(preset, /no preset `smal`/, /`small`/);
    expectInputError(setting, /`vocabulary`/);
    expectInputError(input, /no argument `q`; did you mean `Q`/);
  });
});

describe("inputs", () => {
  it("that are missing are listed together", async () => {
    const result = await weft("run", "attention.weft", ...smallAttention.slice(0, 8), "--input", "Q=random");
    expectInputError(result, /no value for K: f32\[10, 8\] and V: f32\[10, 4\]/, /--input all=random/);
  });

  it("whose sizes disagree are refused", async () => {
    write("q.npy", npy("<f4", [2, 3], new Float32Array(6)));
    write("k.npy", npy("<f4", [2, 5], new Float32Array(10)));
    const files = ["--input", "Q=q.npy", "--input", "K=k.npy", "--input", "V=random", "--set", "e=2"];
    expectInputError(await weft("run", "attention.weft", ...files), /`K`/, /size\/mismatch/);
    const set = await weft(
      "run",
      "attention.weft",
      "--set",
      "L=7",
      "--input",
      "Q=q.npy",
      "--input",
      "all=random",
      "--set",
      "S=2",
      "--set",
      "e=2",
    );
    expectInputError(set, /2 given for `L = 7`/);
  });

  it("with indices out of range name the element", async () => {
    write("tokens.npy", npy("<i4", [3], new Int32Array([1, 11, 2])));
    const result = await weft("run", "classifier.weft", "--input", "tokens=tokens.npy");
    expectInputError(result, /`tokens`: element \[1\] is 11, but idx<11> allows 0 to 10/);
  });

  it("in files that do not exist, are damaged, or are something else, are all reported", async () => {
    write("picture.png", "no picture");
    write("array.npy", "no array");
    const files = ["--input", "Q=nowhere.npy", "--input", "K=picture.png", "--input", "V=array.npy"];
    const result = await weft("run", "attention.weft", ...files);
    expectInputError(
      result,
      /nowhere\.npy does not exist/,
      /picture\.png is neither a PNG nor a JPEG/,
      /array\.npy: it is no \.npy file/,
    );
  });

  it("of another kind are refused", async () => {
    write("text.txt", "abcdefgh");
    const result = await weft(
      "run",
      "attention.weft",
      ...smallAttention.slice(0, 8),
      "--input",
      "Q=text.txt",
      "--input",
      "all=random",
    );
    expectInputError(result, /`Q`/);
  });
});

describe("absurd sizes", () => {
  it("are refused before anything is allocated", async () => {
    const sizes = (L: string) => [
      "--set",
      `L=${L}`,
      "--set",
      "S=4",
      "--set",
      "d=4",
      "--set",
      "e=4",
      "--input",
      "all=random",
    ];
    const [huge, larger, fraction, negative] = await Promise.all([
      weft("run", "attention.weft", ...sizes("1000000000000")),
      weft("run", "attention.weft", ...sizes("1e300")),
      weft("run", "attention.weft", ...sizes("2.5")),
      weft("run", "attention.weft", ...sizes("-1")),
    ]);
    expectInputError(huge, /attention\.weft:2:/, /4,000,000,000,000 elements/);
    expectInputError(larger, /`L`/);
    expectInputError(fraction, /`L` must be a whole number/);
    expectInputError(negative, /`L` must be a whole number/);
  });
});

describe("weights", () => {
  const tokens = ["--set", "L=4", "--input", "all=random"];

  it("that do not fit are listed all at once", async () => {
    write("ill.safetensors", safetensors({ embedding: [11, 5], weights: [3, 6], bias: [3], extra: [1] }));
    const result = await weft("run", "classifier.weft", ...tokens, "--weights", "ill.safetensors");
    expectInputError(
      result,
      /embedding is \[11, 5\], but the model declares f32\[11, 6\]/,
      /lacks weight: f32\[3, 6\] \(it has weights\)/,
      /lacks scale: f32\[6\]/,
      /has extra, which the model does not/,
    );
  });

  it("may be incomplete when allowed", async () => {
    write("part.safetensors", safetensors({ bias: [3] }));
    const result = await weft("run", "classifier.weft", ...tokens, "--weights", "part.safetensors", "--allow-missing");
    expect(result.status).toBe(0);
    expect(result.stderr).toMatch(/3 of 4 parameters are not in part\.safetensors/);
  });

  it("that are damaged or missing are refused", async () => {
    write("short.safetensors", safetensors({ bias: [3] }).subarray(0, 30));
    const [short, missing] = await Promise.all([
      weft("run", "classifier.weft", ...tokens, "--weights", "short.safetensors"),
      weft("run", "classifier.weft", ...tokens, "--weights", "nowhere.safetensors"),
    ]);
    expectInputError(short, /short\.safetensors is cut short/);
    expectInputError(missing, /nowhere\.safetensors cannot be opened/);
  });
});

describe("IR texts", () => {
  it("that are wrong name the place", async () => {
    write("wrong.ir", 'graph g {\n  %0: f32[2] = input "x"\n  %1: f32[3] = exp %0\n  return y = %1\n}\n');
    const [run, check, option] = await Promise.all([
      weft("run", "wrong.ir", "--input", "all=random"),
      weft("check", "wrong.ir"),
      weft("run", "wrong.ir", "--entry", "g"),
    ]);
    expectInputError(run, /wrong\.ir:3:7: expected the type f32\[2\]/);
    expectInputError(check, /wrong\.ir:3:7:/);
    expect(option.status).toBe(2);
  });
});
