/** The systems' modules in a real browser: on another device than Node's, as near to the exact values as f32 can promise. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/index.ts";
import {
  buildSystem,
  type CompiledSystem,
  compileSystem,
  expectedRounding,
  referenceValues,
  runnerText,
  systemModules,
} from "../codegen/system-modules.ts";
import { openBrowser } from "../inspect/browser.ts";
import { type FolderServer, serveFolder } from "./serve-folder.ts";

const switches = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const browser = process.env.WEFT_BROWSER_TESTS === undefined ? undefined : await openBrowser(switches);
const folder = mkdtempSync(join(tmpdir(), "weft-browser-systems-"));
let server: FolderServer | undefined;
afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

function numbersOf(dtype: string, data: string): ArrayLike<number> {
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  if (dtype === "bool") return bytes;
  if (dtype === "i32") return new Int32Array(bytes.buffer);
  return dtype === "u32" ? new Uint32Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

describe.skipIf(browser === undefined)("modules of the systems in a browser", () => {
  it("give the values of the equations, as near as f32 comes", async () => {
    const systems = new Map<string, CompiledSystem>();
    for (const module of systemModules) {
      await buildSystem(module, folder, "software");
      systems.set(module.name, compileSystem(module, "software"));
    }
    server = await serveFolder(folder);
    const page = await browser!.newPage();
    await page.goto(server.base);
    const results = await page.evaluate<Record<string, [string, string, number[], string][]>>(
      `(async () => { ${runnerText(systems, "/")} return results; })()`,
    );
    await page.close();
    for (const [name, system] of systems) {
      const { graph } = system.program;
      const wanted = evaluateGraph(graph, referenceValues(system));
      const rounding = expectedRounding(graph);
      expect(results[name]).toHaveLength(graph.outputs.length);
      for (const [output, dtype, shape, data] of results[name]!) {
        const { type, data: exact } = wanted[output]!;
        const got = numbersOf(dtype, data);
        expect([dtype, shape], `${name} ${output}`).toEqual([type.dtype, type.shape]);
        expect(got.length).toBe(exact.length);
        const greatest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const off = exact.reduce((most, value, i) => Math.max(most, Math.abs((got[i] as number) - value)), 0);
        // Places and labels are whole numbers, and none of these networks sees a tie: they must be the same.
        const allowed = type.dtype === "f32" ? rounding * greatest : 0;
        expect(off, `${name} ${output}: greatest value ${greatest}`).toBeLessThanOrEqual(allowed);
      }
    }
  });
});
