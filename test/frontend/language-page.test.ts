/** The examples of docs/language.md are programs without mistakes, and what it lists as missing is refused by name. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import { check, renderDiagnostics } from "../../src/frontend/index.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const page = readFileSync(join(root, "docs", "language.md"), "utf8");
const examples = [...page.matchAll(/```weft\n([\s\S]*?)```/g)].map((match) => match[1] as string);
const builtins = languageBuiltins();

function checkText(text: string) {
  const readSource = (path: string) => {
    if (path === "page.weft") return text;
    return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined;
  };
  return check("page.weft", { builtins, readSource });
}

describe("docs/language.md", () => {
  it("has examples", () => {
    expect(examples.length).toBeGreaterThan(8);
  });

  it.each(examples.map((text) => [text.trim().split("\n")[0] as string, text]))("%s", (_title, text) => {
    const program = checkText(text);
    expect(renderDiagnostics(program.diagnostics, program.sources)).toBe("");
  });

  it("shows a message as it is printed", () => {
    const shown = /```\n(error\[[\s\S]*?)```/.exec(page)?.[1] as string;
    const text = (examples[0] as string).replace(/^\/\/\/.*\n/, "").replace("V[j, c]", "V[c, j]");
    const program = checkText(text);
    const rendered = renderDiagnostics(program.diagnostics, program.sources);
    expect(rendered.replaceAll("page.weft", "attention.weft")).toBe(shown);
  });
});
