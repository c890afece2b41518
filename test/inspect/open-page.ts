/** Inspection pages opened in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll } from "vitest";
import { buildPage } from "../../scripts/build.mjs";
import { type Inspection, type PageAssets, renderPage } from "../../src/inspect/index.ts";
import { openBrowser } from "./browser.ts";

export const browser = await openBrowser();
const folder = mkdtempSync(join(tmpdir(), "weft-page-"));
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

let assets: Promise<PageAssets> | undefined;
async function buildAssets(): Promise<PageAssets> {
  const { outputFiles } = await buildPage();
  const text = (ending: string) =>
    outputFiles.find(({ path }: { path: string }) => path.endsWith(ending))?.text as string;
  return { script: text(".js"), style: text(".css") };
}

export interface OpenedPage {
  readonly page: Page;
  /** Errors of the page, and requests for anything but the file itself. */
  readonly problems: readonly string[];
}

let pages = 0;

/** Writes the page of an inspection and opens it. Only where there is a browser. */
export async function openPage(inspection: Inspection): Promise<OpenedPage> {
  assets ??= buildAssets();
  const file = join(folder, `${pages++}.html`);
  writeFileSync(file, renderPage(inspection, await assets));
  const page = await browser!.newPage({ viewport: { width: 1500, height: 900 } });
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("request", (request) => {
    if (request.url() !== pathToFileURL(file).href) problems.push(`asked for ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector(".source-lines .row");
  return { page, problems };
}

export const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
export const source = ".source-lines";
export const wgsl = ".wgsl";
export const graphText = "#panel-0 .code";
/** Waits until the views have drawn what was chosen. */
export const drawn = (page: Page) =>
  page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
