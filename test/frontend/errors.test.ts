/**
 * Every deliberate mistake in errors/*.weft gives exactly the text in errors/*.txt. `UPDATE=1 npx vitest run test/frontend/errors.test.ts`
 * writes the texts anew; read them before keeping them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import { check, explain, explainedCodes, renderDiagnostics } from "../../src/frontend/index.ts";

const folder = join(dirname(fileURLToPath(import.meta.url)), "errors");
const root = join(folder, "..", "..", "..");
const builtins = languageBuiltins();
const cases = readdirSync(folder).filter((file) => file.endsWith(".weft") && !file.startsWith("_"));

function readSource(path: string): string | undefined {
  const file = path.startsWith("std/") ? join(root, path) : join(folder, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

describe("diagnostics", () => {
  it("has at least forty mistakes", () => {
    expect(cases.length).toBeGreaterThanOrEqual(40);
  });

  for (const name of cases) {
    it(name.replace(/\.weft$/, ""), () => {
      const program = check(name, { builtins, readSource });
      const rendered = renderDiagnostics(program.diagnostics, program.sources);
      const golden = join(folder, name.replace(/\.weft$/, ".txt"));
      if (process.env.UPDATE !== undefined) writeFileSync(golden, rendered);
      expect(rendered).toBe(existsSync(golden) ? readFileSync(golden, "utf8") : "(no expectation yet)");
      expect(program.diagnostics.length).toBeGreaterThan(0);
      for (const diagnostic of program.diagnostics) {
        expect(explain(diagnostic.code), `${diagnostic.code} needs an explanation`).toBeDefined();
        expect(diagnostic.help.length).toBeLessThanOrEqual(3);
        expect(diagnostic.title).not.toMatch(/undefined|\[object|\.$/);
      }
      for (const line of rendered.split("\n")) expect([...line].length, line).toBeLessThanOrEqual(100);
    });
  }

  it("covers most codes of the checker", () => {
    const covered = new Set(
      cases.flatMap((name) => check(name, { builtins, readSource }).diagnostics.map((diagnostic) => diagnostic.code)),
    );
    // Codes of elaboration need numbers; limits are tested in parse.test.ts.
    const elsewhere = new RegExp(
      "^(limit/|entry/|size/(not-given|division-by-zero|empty|too-)|index/out-of-range|todo/(elaboration|restricted)|preset/unknown|" +
        "module/(absent|batch-mapped|buffer-write|duplicate-path|initialiser|no-value|not-constant|unknown-setting))",
    );
    const missing = explainedCodes().filter((code) => !covered.has(code) && !elsewhere.test(code));
    expect(missing).toEqual([]);
  });
});
