/** docs/api.md: every example compiles under `tsc --strict`, runs, and prints what the page says; every export is documented. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { formatWithOptions } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as library from "../src/index.ts";
import { writeWeights } from "../src/runtime/node.ts";
import { testDevice } from "./codegen/on-device.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Inside of the repository, where the compiler of types finds the packages.
const folder = join(root, ".weft", `docs-api-${process.pid}`);
const page = readFileSync(join(root, "docs/api.md"), "utf8");
const device = await testDevice();
device?.close();

/** An example with what it prints, under the heading it stands below. */
interface Example {
  readonly title: string;
  readonly code: string;
  readonly printed: string;
  readonly file: string;
}

const examples: Example[] = [];
let title = "";
for (const [, heading, code, printed] of page.matchAll(/^#+ (.*)\n|```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/gm)) {
  if (heading !== undefined) title = heading;
  else if (code !== undefined && printed !== undefined)
    examples.push({ title, code, printed, file: `example-${examples.length}.ts` });
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  for (const { code, file } of examples)
    writeFileSync(join(folder, file), code.replace('from "weft"', 'from "../../src/index.ts"'));
  await writeWeights(join(folder, "line.safetensors"), [
    { name: "weight", dtype: "f16", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: "bias", dtype: "f32", shape: [2], data: Float32Array.of(0.5, -0.5) },
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/api.md", () => {
  it("has an example for every subject, each followed by what it prints", () => {
    expect(examples.length).toBeGreaterThan(8);
    expect(page.match(/```ts/g)).toHaveLength(examples.length);
  });

  it("has examples that compile strictly", () => {
    const options = { strict: true, noEmit: true, target: "es2022", module: "nodenext", skipLibCheck: true };
    const compilerOptions = { ...options, allowImportingTsExtensions: true, types: ["node", "@webgpu/types"] };
    const files = examples.map(({ file }) => file);
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    expect(stdout.split("\n").filter((line) => line.includes("docs-api"))).toEqual([]);
  });

  it.skipIf(device === undefined).each(examples)("$title: $file prints what it says", async ({ file, printed }) => {
    const lines: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
      lines.push(formatWithOptions({ colors: false }, ...values));
    });
    const before = process.cwd();
    process.chdir(folder);
    try {
      await import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href);
    } finally {
      process.chdir(before);
      log.mockRestore();
    }
    expect(`${lines.join("\n")}\n`).toBe(printed);
  });

  it("names everything that the library exports", () => {
    for (const name of Object.keys(library))
      expect([name, page.includes(`\`${name}`) || page.includes(`${name}(`)]).toEqual([name, true]);
  });

  it("describes what has a sentence of its own where it is declared", () => {
    const files = ["index", "training", "prepare-training", "compile-error"];
    for (const file of files) {
      const lines = readFileSync(join(root, `src/${file}.ts`), "utf8").split("\n");
      lines.forEach((line, i) => {
        if (/^export (?:async )?(?:abstract )?(?:function|class|interface|type|const) \w/.test(line))
          expect([file, line, lines[i - 1]?.trim().endsWith("*/")]).toEqual([file, line, true]);
      });
    }
  });
});
