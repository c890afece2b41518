/** The built playground in a real browser, with the browser's own WebGPU; `WEFT_BROWSER_TESTS=1` asks for it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examples } from "../../playground/src/examples.ts";
import { libraryTexts } from "../../playground/src/library-texts.ts";
import { compile } from "../../src/index.ts";
import { randomInput } from "../../src/random-data.ts";
import { openBrowser } from "../inspect/browser.ts";

const switches = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const wanted = process.env.WEFT_BROWSER_TESTS !== undefined;
const browser = wanted ? await openBrowser(switches) : undefined;
const folder = mkdtempSync(join(tmpdir(), "weft-playground-"));
/** Not at the root, so that a path that begins with a slash would lead nowhere. */
const mount = "/some/where/";
let server: Server;
let address: string;

beforeAll(async () => {
  if (browser === undefined) return;
  const { build } = await import("vite");
  const configFile = fileURLToPath(new URL("../../playground/vite.config.ts", import.meta.url));
  await build({ configFile, logLevel: "warn", build: { outDir: folder, emptyOutDir: true } });
  const types: Readonly<Record<string, string>> = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
  };
  server = createServer(({ url = "/" }, response) => {
    try {
      const { pathname } = new URL(url, "http://host");
      if (!pathname.startsWith(mount)) throw new Error("elsewhere");
      const file = pathname.slice(mount.length) || "index.html";
      const bytes = readFileSync(join(folder, file));
      response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}${mount}`;
});
afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  /** Errors of the page, and requests that lead elsewhere. */
  readonly problems: readonly string[];
}

async function open(
  fragment = "",
  options: BrowserContextOptions & { readonly before?: string } = {},
): Promise<Opened> {
  const { before, ...context } = options;
  const page = await browser!.newPage({ viewport: { width: 1280, height: 800 }, ...context });
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // Chromium itself remarks on experimental WebGPU.
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("response", (response) => {
    if (!response.ok()) problems.push(`${response.url()}: ${response.status()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(address) && !/^(blob|data):/.test(request.url())) problems.push(request.url());
  });
  if (before !== undefined) await page.addInitScript(before);
  await page.goto(address + fragment);
  return { page, problems };
}

/** Waits for the status line, which says what happened last. */
async function status(page: Page, pattern: RegExp): Promise<string> {
  const line = page.locator(".status", { hasText: pattern });
  await line.waitFor({ timeout: 60_000 });
  return (await line.textContent()) as string;
}
const compiled = (page: Page) => status(page, /^Compiled in/);
const drawn = (page: Page) =>
  page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
const content = (page: Page): Locator => page.locator(".cm-content");

async function write(page: Page, text: string): Promise<void> {
  await content(page).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

async function values(page: Page, name: string): Promise<number[]> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Save ${name} as JSON` }).click(),
  ]);
  return (JSON.parse(readFileSync(await download.path(), "utf8")) as { values: number[] }).values;
}

describe.skipIf(browser === undefined)("the playground", () => {
  it("shows what a mistyped text is told at its place, while one types, and what mends it", async () => {
    const { page, problems } = await open();
    await compiled(page);
    await write(page, "fn norm<n>(x: f32[n]) -> f32 = sqr(sum[i] x[i] * x[i])\n");
    await status(page, /^1 mistake/);
    expect(await texts(page, ".cm-lintRange-error")).toEqual(["sqr"]);
    const item = page.locator(".problems-list li");
    expect(await item.textContent()).toMatch(/1:32.*name\/unknown.*there is no function `sqr`.*Did you mean `sqrt`\?/);
    await page.locator(".cm-lintRange-error").hover();
    expect(await page.locator(".cm-tooltip-lint").textContent()).toMatch(/Did you mean `sqrt`\?/);
    await item.getByRole("button", { name: "Write `sqrt`" }).click();
    await compiled(page);
    expect(await content(page).textContent()).toContain("= sqrt(sum[i]");
    expect(await item.count()).toBe(0);
    expect(await page.locator(".cm-lintRange").count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("marks the IR, the kernels and the WGSL of an equation, and the equation of those", async () => {
    const { page, problems } = await open("#example=edges");
    await compiled(page);
    expect(await texts(page, ".marked")).toEqual([]);
    await page.locator(".cm-line", { hasText: "let grey" }).locator("span.number", { hasText: "0.7152" }).click();
    await drawn(page);
    expect((await texts(page, ".cm-content .marked")).join("")).toContain("0.7152");
    expect(await page.locator("#panel-0 .row.marked").count()).toBeGreaterThan(0);
    expect(await page.locator(".launches .row.marked").count()).toBeGreaterThan(0);
    expect(await page.locator(".foot").textContent()).toMatch(/playground\.weft:3 .*places? in the source/);

    await page.getByRole("listbox", { name: /^IR/ }).press("Escape");
    await drawn(page);
    expect(await texts(page, ".marked")).toEqual([]);
    await page.locator("#panel-0 .row", { hasText: "; grey" }).first().click();
    await drawn(page);
    expect((await texts(page, ".cm-content .marked")).join("")).toContain("0.2126 * picture[0, y, x]");
    expect(await page.locator(".wgsl .marked").count()).toBeGreaterThan(0);
    await page.locator(".launches .row").first().click();
    await drawn(page);
    expect((await texts(page, ".cm-content .marked")).length).toBeGreaterThan(3);

    // An edit takes the marks away: they speak of the text before.
    await content(page).press("ControlOrMeta+End");
    await page.keyboard.insertText("// more\n");
    await drawn(page);
    expect(await texts(page, ".cm-content .marked")).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("runs the Performer on the browser's GPU and gives the numbers that Node gives", async () => {
    const { page, problems } = await open("#example=performer");
    await compiled(page);
    await page.getByRole("button", { name: "Run" }).click();
    expect(await status(page, /^Run by/)).not.toContain("reference evaluator");
    const shown = await page.locator(".result").textContent();
    expect(shown).toMatch(/logits: f32\[32, 16\] = \[/);
    expect(shown).toMatch(/run[\d.]+ ms.*\d+ kernels, \d+ dispatches.*KiB of activations/);
    const found = await values(page, "logits");

    const { draft } = examples.find(({ name }) => name === "performer")!;
    const { text, path, model, entry, preset, settings } = draft;
    const request = { path, model, entry, preset, settings, readSource: (name: string) => libraryTexts.get(name) };
    const program = await compile(text, request);
    const tokens = randomInput({ dtype: "i32", shape: [32], below: 16 }, 0, "tokens");
    const { logits } = await program.run({ tokens });
    program.dispose();
    const expected = [...(logits as Float32Array)];
    const largest = Math.max(...expected.map(Math.abs));
    expect(found).toHaveLength(32 * 16);
    expect(largest).toBeGreaterThan(0.1);
    const error = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
    expect(error / largest).toBeLessThan(1e-5);

    // Another seed gives other numbers, and what is shown is known to be old until then.
    await page.getByLabel("Seed").fill("3");
    await page.locator(".result.old").waitFor();
    await compiled(page);
    await content(page).press("ControlOrMeta+Enter");
    await status(page, /^Run by/);
    expect(await values(page, "logits")).not.toEqual(found);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("puts text and settings into the address, and takes them from there", async () => {
    const { page } = await open();
    await compiled(page);
    const text = "/// φ of x̂: «»\nfn double<n>(x: f32[n]) -> f32[n] {\n  let y[i] = 2 * x[i]\n  return y\n}\n";
    await write(page, text);
    await page.getByLabel("n", { exact: true }).fill("5");
    await page.getByLabel("Seed").fill("9");
    await compiled(page);
    expect(page.url()).toBe(address);
    await page.getByRole("button", { name: "Share" }).click();
    await status(page, /link|address/);
    const link = page.url();
    expect(link).toMatch(/#text=1\.[\w-]+$/);

    const other = await open(link.slice(address.length));
    await compiled(other.page);
    expect((await other.page.locator(".cm-line").allTextContents()).join("\n")).toBe(text);
    expect(await other.page.getByLabel("n", { exact: true }).inputValue()).toBe("5");
    expect(await other.page.getByLabel("Seed").inputValue()).toBe("9");
    await other.page.getByRole("button", { name: "Run" }).click();
    await status(other.page, /^Run by/);
    expect(await other.page.locator(".output").textContent()).toMatch(/double: f32\[5\]/);
    expect(other.problems).toEqual([]);
    await other.page.close();
    // A reload keeps what was written even without a link.
    await page.evaluate("history.replaceState(null, '', location.pathname)");
    await page.reload();
    await compiled(page);
    expect(await content(page).textContent()).toContain("fn double");
    // An example does not take its place for good.
    await page.getByLabel("Example").selectOption({ label: "Edges of a picture" });
    await content(page).filter({ hasText: "fn edges" }).waitFor();
    await page.getByLabel("Example").selectOption({ label: "your text" });
    await content(page).filter({ hasText: "fn double" }).waitFor();
    await page.close();
  });

  it("says what is wrong with a link, and works on", async () => {
    const { page, problems } = await open("#text=1.eJyrVspIzcnJVyrPL8pJUQIAKZ0F");
    expect(await page.getByRole("alert").textContent()).toMatch(/link cannot be read: it is cut short or changed/);
    await compiled(page);
    await page.evaluate("location.hash = '#example=nothing'");
    await page.getByRole("alert").filter({ hasText: "There is no example `nothing`; there are attention" }).waitFor();
    await page.evaluate("location.hash = '#example=recurrence'");
    await content(page).filter({ hasText: "gated_state" }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("computes with the reference evaluator where there is no WebGPU, and says so", async () => {
    const hide = "Object.defineProperty(Object.getPrototypeOf(navigator), 'gpu', { get: () => undefined })";
    const worker = `const RealWorker = Worker;
      const module = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const hiding = module(${JSON.stringify(hide)});
      globalThis.Worker = class extends RealWorker {
        constructor(address, options) {
          super(module([hiding, address].map((each) => "import " + JSON.stringify(String(each)) + ";").join("")), options);
        }
      };`;
    const { page } = await open("#example=recurrence", { before: worker });
    expect(await compiled(page)).toMatch(/run by the reference evaluator.* because this browser has no WebGPU/);
    await page.getByRole("button", { name: "Run" }).click();
    await status(page, /^Run by the reference evaluator/);
    expect(await page.locator(".result").textContent()).toMatch(/no WebGPU.*gated_state: f32\[64, 32\] = \[/s);
    await page.close();
  });

  it("gives up work that is no longer wanted, and answers meanwhile", async () => {
    const { page, problems } = await open("#example=performer");
    await compiled(page);
    await page.getByLabel("Preset").selectOption("protein");
    await status(page, /^Compiling/);
    await page.getByRole("button", { name: "Stop" }).click();
    await status(page, /^Stopped/);
    await page.getByLabel("Preset").selectOption("paper");
    await status(page, /^Compiling/);
    // The text is checked while the builder is at work.
    await content(page).press("ControlOrMeta+End");
    await page.keyboard.insertText("fn f(\n");
    await status(page, /^1 mistake/);
    for (let i = 0; i < 6; i++) await page.keyboard.press("Backspace");
    await status(page, /^Compiling/);
    expect(await page.getByLabel("L", { exact: true }).inputValue()).toBe("32");
    await page.getByLabel("Preset").selectOption("tiny");
    await compiled(page);
    expect(await page.locator(".facts-line").textContent()).toMatch(/parameters31\.1 KiB/);
    // Old marks and figures are not those of what is being built.
    expect(await page.locator(".panes.old").count()).toBe(0);
    await page.getByLabel("L", { exact: true }).fill("none");
    await status(page, /^L: `none` is not a number/);
    await page.getByLabel("L", { exact: true }).fill("40");
    await status(page, /mistake/);
    expect(await page.locator(".problems-list").textContent()).toMatch(/max_len/);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("can be used with the keyboard, has a name for every control, and fits narrow windows", async () => {
    const { page, problems } = await open("#example=mistakes", { colorScheme: "dark" });
    await status(page, /^3 mistakes/);
    await content(page).focus();
    await page.keyboard.press("ControlOrMeta+Home");
    await page.keyboard.press("F8");
    expect(await page.evaluate("getSelection().toString()")).toBe("j");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.closest('.cm-content') === null")).toBe(true);

    await page.getByLabel("Example").selectOption({ label: "Performer (Choromanski et al. 2021)" });
    await compiled(page);
    for (const tab of await page.getByRole("tab").all()) {
      await tab.click();
      for (const role of ["button", "combobox", "listbox", "checkbox", "textbox", "application", "img"] as const) {
        for (const control of await page.getByRole(role).all()) {
          const name = await control.evaluate(
            (each) => each.ariaLabel || each.textContent || each.closest("label")?.textContent,
          );
          expect(name ?? "", role).not.toBe("");
        }
      }
    }
    // What is written in the text means nothing to the views.
    expect(await page.getByRole("tab", { selected: true }).textContent()).toBe("Files");
    await content(page).press("1");
    expect(await page.getByRole("tab", { selected: true }).textContent()).toBe("Files");
    for (const width of [1280, 800]) {
      await page.setViewportSize({ width, height: 800 });
      await drawn(page);
      expect(await page.evaluate("document.documentElement.scrollWidth"), String(width)).toBeLessThanOrEqual(width);
    }
    const paper = () => page.evaluate<string>("getComputedStyle(document.querySelector('.cm-editor')).backgroundColor");
    const before = await paper();
    await page.getByRole("button", { name: "Light or dark" }).click();
    expect(await paper()).not.toBe(before);
    expect(problems).toEqual([]);
    await page.close();
  });
});
