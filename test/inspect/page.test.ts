/** The inspection page in a real browser: what a reader clicks, and what is marked then. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphAfter } from "../../src/inspect/index.ts";
import { attention, inspectPerformer, inspectSource } from "./compile-for-inspection.ts";
import { browser, drawn, graphText, openPage, source, texts, wgsl } from "./open-page.ts";
// Further parts, which this file runs: it is the one that `npm run test:browser` names.
import "./page-graph.ts";
import "./page-values.ts";

describe.skipIf(browser === undefined)("the page of attention", () => {
  let page: Page;
  let problems: readonly string[];
  const { inspection } = inspectSource({
    path: "attention.weft",
    text: attention,
    settings: { L: 128, S: 128, d: 32, e: 32 },
  });
  beforeAll(async () => {
    // One kernel does it all.
    expect(inspection.steps).toBe(1);
    ({ page, problems } = await openPage({ ...inspection, profile: { method: "timestamps", ms: [2.5] } }));
  });
  afterAll(() => page.close());

  const chooseWord = async (line: number, word: string) => {
    await page
      .locator(`${source} .row`)
      .nth(line - 1)
      .locator("span[data-at]", { hasText: word })
      .first()
      .click();
    await drawn(page);
  };

  it("shows the text, its IR, and the kernel's WGSL", async () => {
    expect((await texts(page, `${source} .row`)).join("\n")).toContain("let Y[i, c] = sum[j] A[i, j] * V[j, c]");
    expect((await texts(page, `${graphText} .row`)).join("\n")).toContain("graph attention {");
    expect((await texts(page, `${wgsl} .row`)).join("\n")).toContain("@compute");
    expect(await page.title()).toContain("attention");
  });

  it("marks the IR, the kernel and the WGSL names of an equation that is clicked", async () => {
    await chooseWord(4, "sum");
    expect((await texts(page, `${source} .marked`)).join("")).toBe("sum[j] A[i, j] * V[j, c]");
    const nodes = await texts(page, `${graphText} .row.marked`);
    const equation = attention.indexOf("sum[j] A[i, j] * V[j, c]");
    const span = inspection.spans.findIndex(
      ({ start, end }) => start === equation && attention.slice(start, end).endsWith("V[j, c]"),
    );
    const expected = graphAfter(inspection, inspection.stages.length - 1).nodes.filter((id) =>
      inspection.nodes[id]!.origins.includes(span),
    );
    expect(nodes).toHaveLength(expected.length);
    expect(nodes.join("\n")).toMatch(/contract "i j, j c -> i c"/);
    expect(await texts(page, ".launches .row.marked .name")).toEqual(["Y"]);
    expect((await texts(page, `${wgsl} .marked`))[0]).toMatch(/^Y(_\d+)?$/);
    expect(await page.getByRole("status").last().textContent()).toMatch(
      /attention\.weft:4 `sum\[j\].*1 place in the source/,
    );
  });

  it("marks the equation of a node that is clicked", async () => {
    await page.locator(`${graphText} .row`, { hasText: 'contract "i c, j c' }).first().click();
    await drawn(page);
    expect((await texts(page, `${source} .marked`)).join("")).toContain("sum[c] Q[i, c] * K[j, c]");
  });

  it("marks the equations of a kernel that is clicked", async () => {
    await page.keyboard.press("Escape");
    await drawn(page);
    expect(await page.locator(".marked").count()).toBe(0);
    await page.locator(".launches .row").first().click();
    await drawn(page);
    const marked = (await texts(page, `${source} .marked`)).join("");
    expect(marked).toContain("sum[j] A[i, j] * V[j, c]");
    expect(await page.locator(`${graphText} .row.marked`).count()).toBeGreaterThan(3);
  });

  it("leads from a name in the WGSL to its node", async () => {
    await page.locator(`${wgsl} .known`, { hasText: /^Q$/ }).first().click();
    await drawn(page);
    expect((await texts(page, `${graphText} .row.marked`))[0]).toMatch(/input "Q"/);
    expect((await texts(page, `${source} .marked`)).join("")).toContain("Q: f32[L, d]");
  });

  it("marks what is under the pointer, more faintly", async () => {
    await page.locator(`${graphText} .row`, { hasText: 'input "V"' }).hover();
    await drawn(page);
    expect((await texts(page, `${source} .pointed`)).join("")).toContain("V: f32[S, e]");
  });

  it("can be used with the keyboard alone", async () => {
    await page.keyboard.press("Escape");
    await page.locator(source).focus();
    for (const key of ["Home", "ArrowDown", "ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    await drawn(page);
    expect(await page.locator(source).getAttribute("aria-activedescendant")).toBe(
      await page.locator(`${source} .row.current`).getAttribute("id"),
    );
    expect((await texts(page, `${source} .marked`)).join("")).toContain("sum[j] A[i, j]");
    await page.getByRole("tab", { name: "IR" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { selected: true }).textContent()).toBe("Passes");
    for (const [key, name] of [
      ["5", "Memory"],
      ["4", "Cost"],
      ["3", "Graph"],
      ["1", "IR"],
    ] as const) {
      await page.keyboard.press(key);
      expect(await page.getByRole("tab", { selected: true }).textContent()).toBe(name);
      expect(await page.getByRole("tabpanel").count()).toBe(1);
    }
  });

  it("gives every control a name", async () => {
    for (const tab of await page.getByRole("tab").all()) {
      await tab.click();
      for (const role of ["button", "combobox", "listbox", "checkbox", "img", "application"] as const) {
        for (const control of await page.getByRole(role).all()) {
          const name = await control.evaluate(
            (each) => each.ariaLabel || each.textContent || each.closest("label")?.textContent,
          );
          expect(name ?? "").not.toBe("");
        }
      }
    }
    await page.keyboard.press("1");
  });

  it("shows measured times where there is a profile", async () => {
    expect(await texts(page, ".launches .row .wide")).toContain("2.5 ms");
    await page.getByRole("tab", { name: "Cost" }).click();
    await drawn(page);
    expect(await texts(page, "#panel-3 .table-head .column")).toContain("measured");
    expect(await page.locator("figcaption").textContent()).toMatch(/measured speed/);
  });

  it("changes between light and dark", async () => {
    const paper = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    const before = await paper();
    await page.getByRole("button", { name: "Light or dark" }).click();
    const after = await paper();
    expect(after).not.toBe(before);
    await page.getByRole("button", { name: "Light or dark" }).click();
    expect(await paper()).toBe(before);
  });

  it("needs nothing but itself", () => expect(problems).toEqual([]));
});

describe.skipIf(browser === undefined)("the page of the Performer", () => {
  let page: Page;
  let problems: readonly string[];
  const { inspection } = inspectPerformer();
  beforeAll(async () => {
    ({ page, problems } = await openPage(inspection));
  });
  afterAll(() => page.close());

  it("shows rules with reasons, folds passes without effect, and leads to what a pass changed", async () => {
    await page.getByRole("tab", { name: "Passes" }).click();
    const entry = page.locator(".timeline button", { hasText: "contraction-order" });
    await entry.click();
    await drawn(page);
    expect((await texts(page, ".timeline .folded")).join()).toMatch(/unchanged by .*fold-constants/);
    const rows = await texts(page, "#panel-1 .row");
    const stage = inspection.stages.find(({ pass }) => pass === "contraction-order")!;
    const rule = inspection.rules[stage.rewrites[0]!.rule]!;
    expect(rows[0]).toContain(rule.name);
    expect(rows[1]).toBe(rule.reason);
    await page.locator("#panel-1 .row.added").first().click();
    await drawn(page);
    expect((await texts(page, `${source} .marked`)).join("")).not.toBe("");
    await page.getByRole("button", { name: "What it changed in the IR" }).click();
    await drawn(page);
    expect(await page.getByRole("tab", { selected: true }).textContent()).toBe("IR");
    expect(await page.locator(`${graphText} .row.added`).count()).toBeGreaterThan(0);
    expect(await page.locator(`${graphText} .row.removed`).count()).toBeGreaterThan(0);
  });

  it("draws every activation and marks the peak", async () => {
    await page.getByRole("tab", { name: "Memory" }).click();
    expect(await page.locator("svg.memory rect.tensor").count()).toBe(inspection.memory.tensors.length);
    expect(await page.locator(".peak-label").textContent()).toBe(`peak at step ${inspection.memory.peakStep}`);
    await page.locator("svg.memory rect.tensor").first().click();
    await drawn(page);
    expect(await page.locator("svg.memory rect.marked").count()).toBeGreaterThan(0);
    expect((await texts(page, `${source} .marked`)).join("")).not.toBe("");
  });

  it("lists the dearest lines first", async () => {
    await page.getByRole("tab", { name: "Cost" }).click();
    await drawn(page);
    const shares = await page.locator("#panel-3 .list .row .wide:nth-child(2)").allTextContents();
    const numbers = shares.map((text) => Number.parseFloat(text));
    expect(numbers.length).toBeGreaterThan(5);
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
  });

  it("needs nothing but itself", () => expect(problems).toEqual([]));
});
