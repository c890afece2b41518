/** The page's colours: every text can be read on every ground, in light and in dark (WCAG 2.2, criterion 1.4.3). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const style = readFileSync(new URL("../../src/inspect/page/style.css", import.meta.url), "utf8");
const pairs = new Map(
  [...style.matchAll(/--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [
    name as string,
    { light: light as string, dark: dark as string },
  ]),
);
const inks = ["ink", "faint", "accent", "keyword", "type", "number", "string", "alarm"];
const grounds = ["paper", "panel", "added", "removed", "rewired", "kin", "mark", "point"];

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5]
    .map((start) => Number.parseInt(colour.slice(start, start + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe.each(["light", "dark"] as const)("in %s", (scheme) => {
  it.each(inks)("%s can be read on every ground", (ink) => {
    for (const ground of grounds) {
      const [text, behind] = [pairs.get(ink)?.[scheme], pairs.get(ground)?.[scheme]] as [string, string];
      expect(contrast(text, behind), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
