/** `weft build`: what lies in the folder afterwards, and what it refuses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openWeights } from "../../src/runtime/node.ts";
import { testDevice } from "../codegen/on-device.ts";
import { attention, classifier, makeWorkplace } from "./command.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { weft, write, folder } = makeWorkplace();
write("attention.weft", attention);
write("classifier.weft", classifier);
symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
const device = await testDevice();
device?.close();

const sizes = ["--set", "L=12", "--set", "S=10", "--set", "d=8", "--set", "e=4"];

/** Every file below a folder with its bytes. */
function contents(name: string): Record<string, string> {
  const path = join(folder, name);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((file) => {
      const full = join(file.parentPath, file.name);
      return [full.slice(path.length + 1), readFileSync(full, "base64")];
    }),
  );
}

describe("weft build", () => {
  it("writes the same bytes each time, and every file that the manifest names", async () => {
    const small = ["--preset", "small", "--set", "L=4", "--seed", "7"];
    const first = await weft("build", "classifier.weft", "-o", "one/module", ...small);
    expect(first.status, first.stderr).toBe(0);
    expect(first.stdout).toMatch(
      /^Classifier\.logits: \d+ files in one\/module, \d+ kernels?, \d+ dispatch.*\n4 parameters, .* in weights\.safetensors\n$/,
    );
    const second = await weft("build", join(folder, "classifier.weft"), "-o", "two", ...small, "--json");
    expect(JSON.parse(second.stdout)).toMatchObject({
      name: "Classifier.logits",
      parameters: 4,
      weights: "weights.safetensors",
    });
    expect(contents("two")).toEqual(contents("one/module"));
    const manifest = JSON.parse(readFileSync(join(folder, "two/manifest.json"), "utf8"));
    expect(Object.keys(contents("two")).sort()).toEqual(manifest.files);
    const weights = await openWeights(join(folder, "two/weights.safetensors"));
    expect([...weights.tensors.keys()].sort()).toEqual(["bias", "embedding", "scale", "weight"]);
    await weights.close();
  });

  it("replaces an earlier module whole, and touches no other folder", async () => {
    const parts = ["--set", "L=4", "-o", "again"];
    const fused = await weft("build", "classifier.weft", ...parts);
    expect(fused.stdout).toMatch(/4 parameters, .* to be given to load\(\) as `weights`\n$/);
    write("again/mine.txt", "kept");
    expect((await weft("build", "attention.weft", ...sizes, "-O0", "-o", "again")).status).toBe(0);
    const { files } = JSON.parse(readFileSync(join(folder, "again/manifest.json"), "utf8"));
    expect(Object.keys(contents("again")).sort()).toEqual([...files, "mine.txt"].sort());

    mkdirSync(join(folder, "foreign"));
    write("foreign/manifest.json", '{ "files": ["../attention.weft", "mine.txt"] }');
    for (const target of ["foreign", "attention.weft"]) {
      const { status, stderr } = await weft("build", "attention.weft", ...sizes, "-o", target);
      expect(status).toBe(1);
      expect(stderr).toMatch(/foreign is not empty and holds no module|attention\.weft is a file, not a folder/);
    }
    write(
      "foreign/manifest.json",
      '{ "generator": "weft 0", "files": ["../attention.weft", "/etc/hosts", "a/b.txt"] }',
    );
    expect((await weft("build", "attention.weft", ...sizes, "-o", "foreign")).status).toBe(0);
    expect(existsSync(join(folder, "attention.weft"))).toBe(true);
  });

  it("copies weights that fit, and leaves the folder alone for those that do not", async () => {
    await weft("build", "classifier.weft", "-o", "source", "--set", "L=4", "--seed", "3");
    const copied = await weft(
      "build",
      "classifier.weft",
      "-o",
      "copy",
      "--set",
      "L=4",
      "--weights",
      "source/weights.safetensors",
    );
    expect(copied.status).toBe(0);
    expect(contents("copy")).toEqual(contents("source"));
    const before = contents("copy");
    const wrong = ["--preset", "small", "--set", "L=4", "--weights", "source/weights.safetensors"];
    const { status, stderr } = await weft("build", "classifier.weft", "-o", "copy", ...wrong);
    expect(status).toBe(1);
    expect(stderr).toMatch(/embedding is \[11, 6\], but the model declares f32\[11, 2\]/);
    expect(contents("copy")).toEqual(before);
  });

  it("notes what every device does not have", async () => {
    write("double.weft", "fn double<n>(x: f16[n]) -> f16[n] = x * f16(2)\n");
    const half = await weft("build", "double.weft", "-o", "half", "--set", "n=6");
    expect(half.stderr).not.toContain("larger limits");
    const requires = (name: string) => JSON.parse(readFileSync(join(folder, name, "manifest.json"), "utf8")).requires;
    expect(requires("half").features).toEqual(["shader-f16"]);
    const large = await weft("build", "double.weft", "-o", "large", "--set", "n=200000000");
    expect(large.stderr).toMatch(/needs a device with larger limits .* 400,000,000 bytes/);
    expect(requires("large").maxStorageBufferBindingSize).toBe(400_000_000);
  });

  it("says which size is missing", async () => {
    const { status, stderr } = await weft("build", "attention.weft", "-o", "unsized");
    expect(status).toBe(1);
    expect(stderr).toMatch(/--set/);
    expect(existsSync(join(folder, "unsized"))).toBe(false);
  });

  it.skipIf(device === undefined)("gives a module that computes what `weft run` computes", async () => {
    write("tokens.txt", "");
    writeFileSync(join(folder, "tokens.txt"), Uint8Array.of(3, 1, 10, 4));
    const model = ["classifier.weft", "--set", "L=4", "--seed", "7"];
    const tokens = `tensor("i32", [4], [3, 1, 10, 4])`;
    expect((await weft("build", ...model, "--for", device!.profile.kind, "-o", "module")).status).toBe(0);
    const run = await weft("run", ...model, "--input", "tokens=tokens.txt", "--output", "y.safetensors");
    expect(run.stderr).not.toMatch(/error/);
    expect(run.status).toBe(0);
    const script = `import { load, tensor } from "./module/index.js";
      const program = await load();
      const { logits } = await program.run({ tokens: ${tokens} });
      program.dispose();
      console.log(JSON.stringify([...logits.data]));`;
    const child = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: folder,
      encoding: "utf8",
    });
    const weights = await openWeights(join(folder, "y.safetensors"));
    const { data } = await weights.read("logits", "f32");
    await weights.close();
    expect(JSON.parse(child.stdout)).toEqual([...data]);
    expect(new Set(data).size).toBe(3);
  });
});
