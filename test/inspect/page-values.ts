/** Values and comparisons in the page, and the page without a mouse; run by page.test.ts. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareBuilds, graphAfter, type Inspection } from "../../src/inspect/index.ts";
import { attention, inspectSource } from "./compile-for-inspection.ts";
import { browser, drawn, openPage, source, texts } from "./open-page.ts";

const request = { path: "attention.weft", settings: { L: 16, S: 16, d: 8, e: 8 } };
const { inspection: before } = inspectSource({ ...request, text: attention.replace("sqrt(d)", "(2 * d)") });
const { inspection } = inspectSource({ ...request, text: attention });

/** The value named Y of the last graph, as if a device had computed it, with a fault. */
const output = graphAfter(inspection, inspection.stages.length - 1).outputs[0]!.node;
const full: Inspection = {
  ...inspection,
  probe: {
    method: "device",
    drawn: ["Q", "K", "V"],
    values: [
      {
        node: output,
        from: "device",
        elements: 128,
        nan: 2,
        infinite: 0,
        range: { minimum: -0.5, maximum: 1.25, mean: 0.1 },
        worst: { position: [3, 4], got: "NaN", want: 0.5, difference: "Infinity" },
        boundUsed: "Infinity",
      },
    ],
  },
  comparison: compareBuilds(before, inspection, "before.json"),
};

describe.skipIf(browser === undefined)("the page of a run compared with another build", () => {
  let page: Page;
  let problems: readonly string[];
  beforeAll(async () => {
    ({ page, problems } = await openPage(full));
  });
  afterAll(() => page.close());

  it("shows beside an equation what it computed, and warns", async () => {
    const line = page.locator(`${source} .row`).nth(3);
    expect(await line.locator(".remark").textContent()).toMatch(
      /-0\.5 … 1\.25, 2 NaN, off by Infinity at \[3, 4\], outside its bound/,
    );
    expect(await line.locator(".remark.suspect").count()).toBe(1);
  });

  it("lists values by equation and by node, and leads to their equation", async () => {
    await page.keyboard.press("6");
    expect(await page.getByRole("tab", { selected: true }).textContent()).toBe("Values");
    await drawn(page);
    const rows = page.locator("#panel-5 .list .row");
    expect(await rows.first().getAttribute("aria-label")).toMatch(
      /^Y in attention: smallest -0\.5, largest 1\.25, mean 0\.1, NaN 2, off by Infinity, of bound Infinity/,
    );
    await rows.first().click();
    await drawn(page);
    expect((await texts(page, `${source} .marked`)).join("")).toContain("sum[j] A[i, j] * V[j, c]");
    await page.locator("#panel-5 select").selectOption({ index: 2 });
    await drawn(page);
    expect(await rows.count()).toBe(1);
  });

  it("compares equations, and shows both texts of the chosen one", async () => {
    await page.keyboard.press("7");
    expect(await page.getByRole("tab", { selected: true }).textContent()).toBe("Compare");
    await page.locator("#panel-6 select").selectOption({ index: 1 });
    await drawn(page);
    const row = page.locator("#panel-6 .row.rewired");
    expect(await row.count()).toBe(1);
    expect(await row.getAttribute("aria-label")).toMatch(/^A in attention rewritten: modelled .* %, work .*FLOP, /);
    await row.click();
    await drawn(page);
    const details = await page.locator("#panel-6 .details").textContent();
    expect(details).toContain("K[j, c] / (2 * d))");
    expect(details).toContain("K[j, c] / sqrt(d))");
    expect((await texts(page, `${source} .marked`)).join("")).toContain("sum[c] Q[i, c] * K[j, c]");
  });

  it("is walked with Tab, and shows where the focus is", async () => {
    for (const tab of await page.getByRole("tab").all()) {
      await tab.click();
      await page.evaluate("document.activeElement.blur()");
      const reached = new Set<string>();
      for (let step = 0; step < 60; step++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate<readonly string[] | undefined>(`(() => {
          const at = document.activeElement;
          if (at === null || at === document.body) return undefined;
          const style = getComputedStyle(at);
          at.dataset.reached = "";
          return [at.outerHTML.slice(0, 120), style.outlineStyle, style.outlineWidth];
        })()`);
        // The end of the page; the next is at its start.
        if (at === undefined) continue;
        const [what, style, width] = at as [string, string, string];
        if (reached.has(what)) break;
        reached.add(what);
        expect(style, what).not.toBe("none");
        expect(Number.parseFloat(width), what).toBeGreaterThan(0);
      }
      // What Tab leaves out must be reached with arrows from what it reaches, or be out of use.
      const missed = await page.evaluate<
        readonly string[]
      >(`[...document.querySelectorAll("button, select, input, [tabindex='0']")]
        .filter((each) => each.checkVisibility() && !each.disabled && each.dataset.reached === undefined && each.tabIndex >= 0)
        .map((each) => each.outerHTML.slice(0, 120))`);
      expect(missed).toEqual([]);
      await page.evaluate(
        "for (const each of document.querySelectorAll('[data-reached]')) delete each.dataset.reached",
      );
    }
    expect(problems).toEqual([]);
  });
});
