/** A real browser for tests of pages, where the machine has one. */
import { existsSync } from "node:fs";
import type { Browser } from "playwright-core";

const candidates = [
  process.env.WEFT_CHROMIUM ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/**
 * A headless Chromium, or `undefined` with a line that says why there is none. Nothing is installed for it.
 *
 * @param switches  of its command line, besides those it always needs
 */
export async function openBrowser(switches: readonly string[] = []): Promise<Browser | undefined> {
  const executablePath = candidates.find((path) => path !== "" && existsSync(path));
  if (executablePath === undefined) {
    console.log(
      "browser tests are skipped: no Chromium in the usual places; set WEFT_CHROMIUM or install it (Debian: apt-get install chromium)",
    );
    return undefined;
  }
  const { chromium } = await import("playwright-core");
  try {
    // Containers run as root, where Chromium's own sandbox does not start; the pages are this project's.
    return await chromium.launch({ executablePath, args: ["--no-sandbox", ...switches] });
  } catch (error) {
    console.log(
      `browser tests are skipped: ${executablePath} does not start: ${(error as Error).message.split("\n")[0]}`,
    );
    return undefined;
  }
}
