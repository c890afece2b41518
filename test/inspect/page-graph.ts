/** The drawn graph of the page, and how much of a large model the page draws at once; run by page.test.ts. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { moduleTree, openAtFirst } from "../../src/inspect/index.ts";
import { inspectPerformer, inspectSource } from "./compile-for-inspection.ts";
import { browser, drawn, graphText, openPage, source, texts } from "./open-page.ts";

describe.skipIf(browser === undefined)("the drawn graph", () => {
  let page: Page;
  let problems: readonly string[];
  const { inspection } = inspectPerformer();
  const blocks = moduleTree(inspection);
  const launches = inspection.launches.length;
  beforeAll(async () => {
    ({ page, problems } = await openPage(inspection));
    await page.getByRole("tab", { name: "Graph" }).click();
    await page.waitForSelector(".kernel");
    // Small enough for all of it to be in view: what is drawn can be counted.
    for (let i = 0; i < 6; i++) await page.getByRole("button", { name: "Smaller" }).click();
    await page.setViewportSize({ width: 3000, height: 6000 });
    await drawn(page);
  });
  afterAll(() => page.close());
  const status = () => page.locator("#panel-2 [role=status]").textContent();

  it("starts with modules, and opens them level by level to all kernels", async () => {
    expect(await page.locator(".graph .module").count()).toBeGreaterThanOrEqual(openAtFirst(blocks).size);
    await page.getByRole("button", { name: "Close all" }).click();
    await drawn(page);
    expect(await page.locator(".graph .module, .graph .kernel").count()).toBe(blocks.length);
    for (let level = 0; level < 6; level++) await page.getByRole("button", { name: "One level more" }).click();
    await drawn(page);
    expect(await page.locator(".graph .kernel").count()).toBe(launches);
  });

  it("opens a kernel to its nodes", async () => {
    expect(await page.locator(".graph .node").count()).toBe(0);
    await page.locator(".kernel .opener").first().click();
    await page.waitForSelector(".graph .node");
    const index = Number(await page.locator(".kernel:has(.node)").getAttribute("data-launch"));
    const members = new Set(inspection.launches[index]?.members);
    expect(await page.locator(".graph .node").count()).toBe(members.size);
    await page.locator(".graph .node").first().click();
    await drawn(page);
    expect(await page.locator(".graph .node.marked").count()).toBe(1);
  });

  it("marks all that a module computes", async () => {
    await page.getByRole("button", { name: "Close all" }).click();
    await drawn(page);
    const shape = page.locator(".graph .module").first();
    await shape.locator(".title").click();
    await drawn(page);
    const [first, last] = [await shape.getAttribute("data-first"), await shape.getAttribute("data-last")].map(Number);
    expect(await page.getByRole("status").last().textContent()).toMatch(
      new RegExp(`^Module .*${last! - first! + 1} kernel launches\\.$`),
    );
    expect((await texts(page, `${source} .marked`)).length).toBeGreaterThan(0);
  });

  it("brings the module of a chosen kernel into view", async () => {
    const within = blocks.find((block) => block.kind === "module")!;
    await page.locator(".launches .row").nth(within.first).click();
    await drawn(page);
    expect(await page.locator(".graph .module.marked").getAttribute("data-first")).toBe(String(within.first));
    await page.getByRole("button", { name: "Open chosen" }).click();
    await drawn(page);
    expect(await page.locator(`.graph .kernel[data-launch="${within.first}"] .node`).count()).toBeGreaterThan(0);
  });

  it("is walked with the arrow keys, and says where one is", async () => {
    await page.getByRole("button", { name: "Close all" }).click();
    const frame = page.getByRole("application");
    await frame.focus();
    await page.keyboard.press("Home");
    const start = await status();
    while (!(await status())!.startsWith("module")) await page.keyboard.press("ArrowDown");
    const closed = await status();
    expect(closed).toMatch(/closed$/);
    await page.keyboard.press("ArrowRight");
    expect(await status()).toBe(closed!.replace("closed", "open"));
    await page.keyboard.press("ArrowDown");
    expect(await status()).not.toMatch(/open$/);
    await page.keyboard.press("ArrowLeft");
    expect(await status()).toBe(closed!.replace("closed", "open"));
    await page.keyboard.press("ArrowLeft");
    expect(await status()).toBe(closed);
    await page.keyboard.press("Enter");
    await drawn(page);
    expect(await page.getByRole("status").last().textContent()).toMatch(/^Module /);
    await page.keyboard.press("Home");
    expect(await status()).toBe(start);
    expect(problems).toEqual([]);
  });
});

describe.skipIf(browser === undefined)("a page of 5,000 nodes", () => {
  it("draws only what is seen, wherever the reader goes", async () => {
    const { inspection } = inspectSource({
      path: "models/performer/performer.weft",
      preset: "tiny",
      settings: { L: 32, layers: 32 },
    });
    expect(inspection.stages[0]?.cost.nodes).toBeGreaterThan(5000);
    const { page, problems } = await openPage(inspection);
    const run = (work: string) => page.evaluate(work);
    const click = (selector: string) => run(`document.querySelector(${JSON.stringify(selector)}).click()`);
    const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["at the start", async () => {}],
      ["a kernel", () => click(".launches .row:nth-child(3)")],
      ["a node", () => click(`${graphText} .row:nth-child(12)`)],
      ["far below", () => run(`document.querySelector("${graphText}").scrollTop = 40000`)],
      ["changes", () => click("#panel-0 input[type=checkbox]")],
      ["graph", () => click("#tab-2")],
      [
        "graph opened",
        () => run("for (let i = 0; i < 6; i++) document.querySelectorAll('#panel-2 button')[3].click()"),
      ],
      ["graph below", () => run(`document.querySelector(".graph-frame").scrollTop = 9000`)],
      ["cost", () => click("#tab-3")],
    ];
    for (const [where, go] of steps) {
      await go();
      await drawn(page);
      expect(await page.locator("#inspector *").count(), where).toBeLessThan(8000);
      expect(await page.locator(`${graphText} .row`).count(), where).toBeLessThan(80);
      expect(await page.locator(".graph .kernel, .graph .module").count(), where).toBeLessThan(120);
    }
    expect(await page.locator("#panel-2 .graph-space").evaluate((each) => each.clientHeight)).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });
});
