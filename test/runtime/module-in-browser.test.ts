/** Built modules in a real browser; with the page tests, `WEFT_BROWSER_TESTS=1` asks for it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { writeWeights } from "../../src/runtime/node.ts";
import { openBrowser } from "../inspect/browser.ts";
import { type FolderServer, serveFolder } from "./serve-folder.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const switches = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const browser = process.env.WEFT_BROWSER_TESTS === undefined ? undefined : await openBrowser(switches);
const folder = mkdtempSync(join(tmpdir(), "weft-browser-"));
let server: FolderServer | undefined;
let example: ChildProcess | undefined;
afterAll(async () => {
  await browser?.close();
  server?.close();
  example?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Whole numbers throughout, so that every device must give the same. */
const layers = `model Layers(n: size = 7, h: size = 9) {
  param first: f32[h, n] = zeros()
  param second: f32[h] = zeros()
  entry score<B>(x: f32[B, n], row: idx<B>) -> (scores: f32[B], best: idx<B>, chosen: f32) {
    let u[b, o] = max(sum[k] first[o, k] * x[b, k], 0)
    let y[b] = sum[o] second[o] * u[b, o]
    return (y, argmax[b] y[b], y[row])
  }
}
`;

describe.skipIf(browser === undefined)("a module in a browser", () => {
  it("reads its files and weights from addresses, runs, and says what is wrong", async () => {
    writeFileSync(join(folder, "layers.weft"), layers);
    const first = Float32Array.from({ length: 63 }, (_, i) => ((i * i * 5) % 13) - 6);
    const second = Float32Array.from({ length: 9 }, (_, i) => ((i * 3) % 7) - 2);
    const tensors = [
      { name: "first", dtype: "f32", shape: [9, 7], data: first },
      { name: "second", dtype: "f32", shape: [9], data: second },
    ] as const;
    await writeWeights(join(folder, "layers.safetensors"), tensors);
    const options = ["--set", "B=5", "--weights", "layers.safetensors", "-o", "site/module"];
    mkdirSync(join(folder, "site"));
    const built = spawnSync(process.execPath, [join(root, "bin/weft.mjs"), "build", "layers.weft", ...options], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(built.status, built.stderr).toBe(0);

    // The same values in two shards.
    mkdirSync(join(folder, "site/shards"));
    await writeWeights(join(folder, "site/shards/1.safetensors"), [tensors[0]!]);
    await writeWeights(join(folder, "site/shards/2.safetensors"), [tensors[1]!]);
    const index = { weight_map: { first: "1.safetensors", second: "2.safetensors" } };
    writeFileSync(join(folder, "site/shards/index.json"), JSON.stringify(index));
    server = await serveFolder(join(folder, "site"));
    const { asked, base } = server;

    const x = Float32Array.from({ length: 35 }, (_, i) => ((i * 3) % 11) - 5);
    const page = await browser!.newPage();
    await page.goto(base);
    const result = await page.evaluate<{
      scores: number[];
      fromShards: number[];
      best: number;
      chosen: number;
      adapter: string;
      errors: string[];
    }>(`(async () => {
      const { load, tensor } = await import("/module/index.js");
      const program = await load();
      const x = tensor("f32", [5, 7], ${JSON.stringify([...x])});
      const { scores, best, chosen } = await program.run({ x, row: tensor("i32", [], [3]) });
      const sharded = await load({ weights: "/shards/index.json" });
      const fromShards = [...(await sharded.run({ x, row: tensor("i32", [], [3]) }, { read: ["scores"] })).scores.data];
      sharded.dispose();
      const errors = [];
      for (const work of [
        () => program.run({ x, row: tensor("i32", [], [5]) }),
        () => load({ weights: "/missing.safetensors" }),
        () => load({ gpu: { requestAdapter: async () => null } }),
      ]) await work().catch((error) => errors.push(error.name + ": " + error.message));
      program.dispose();
      return { scores: [...scores.data], fromShards, best: best.data[0], chosen: chosen.data[0], adapter: program.adapter, errors };
    })()`);
    const expected = Array.from({ length: 5 }, (_, b) => {
      const hidden = Array.from(second, (_w, o) => {
        const sum = Array.from({ length: 7 }, (_v, k) => (first[o * 7 + k] as number) * (x[b * 7 + k] as number));
        return Math.max(
          0,
          sum.reduce((total, value) => total + value, 0),
        );
      });
      return hidden.reduce((total, value, o) => total + value * (second[o] as number), 0);
    });
    expect(result.scores).toEqual(expected);
    expect(result.fromShards).toEqual(expected);
    expect(new Set(expected).size).toBeGreaterThan(2);
    expect(result.best).toBe(expected.indexOf(Math.max(...expected)));
    expect(result.chosen).toBe(expected[3]);
    expect(result.errors).toEqual([
      "InputError: input `row` is 5, but idx<5> allows 0 to 4",
      `WeightsError: ${base}/missing.safetensors cannot be fetched: 404 Not Found`,
      expect.stringMatching(/^DeviceError: WebGPU finds no adapter\. Browsers need WebGPU switched on/),
    ]);
    // What Node needs stays on the server.
    expect(asked).not.toContain("/module/runtime-node.js");
    await page.close();
  });

  it("is what the example page shows", async () => {
    example = spawn(process.execPath, [join(root, "examples/serve.mjs"), "0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const address = await new Promise<string>((resolve, reject) => {
      let text = "";
      example?.stdout?.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        const found = /http:\S+/.exec(text);
        if (found !== null) resolve(found[0]);
      });
      example?.on("close", () => reject(new Error(text)));
    });
    const page = await browser!.newPage();
    await page.goto(address);
    await page.waitForFunction(`/ ms on /.test(document.querySelector("#status").textContent)`);
    const light = await page.evaluate<number[]>(`(() => {
      const { data } = document.querySelector("#edges").getContext("2d").getImageData(0, 0, 256, 256);
      const at = (x, y) => data[4 * (256 * y + x)];
      return [at(60, 100), at(90, 50)];
    })()`);
    // Dark inside the first disc, light at its upper rim.
    expect(light[0]).toBeLessThan(5);
    expect(light[1]).toBeGreaterThan(60);
    await page.close();
  });
});
