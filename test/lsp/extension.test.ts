/** The VS Code extension: its manifest, its bundle, and the grammar that is generated from the language's own tables. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type GrammarRule, grammarPath, makeGrammar } from "../../scripts/make-grammar.ts";
import { elementTypeNames, keywords, reducers } from "../../src/frontend/index.ts";
import { packageRoot } from "../../src/library.ts";
import {
  declarationWords,
  dependentWords,
  expressionWords,
  memberOnlyWords,
  statementWords,
} from "../../src/lsp/completion-words.ts";
import { readWeft, weftFiles } from "./weft-files.ts";

const folder = join(packageRoot, "editors/vscode");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

describe("the grammar", () => {
  it("in the repository is what the generator makes of the language's tables", () => {
    expect(JSON.parse(readFileSync(join(packageRoot, grammarPath), "utf8"))).toEqual(makeGrammar());
  });

  /** All rules with a single pattern, as JavaScript reads them. */
  const rules = (function collect(list: readonly GrammarRule[]): { name: string; pattern: RegExp }[] {
    return list.flatMap((rule) => [
      ...(rule.match === undefined ? [] : [{ name: rule.name ?? "", pattern: new RegExp(rule.match, "u") }]),
      ...collect(rule.patterns ?? []),
    ]);
  })(Object.values(makeGrammar().repository));

  /** The colour of a word of a line: the rule that matches first, and of those the first in the grammar. */
  function scopeOf(line: string, word: string): string {
    const at = line.indexOf(word);
    for (let from = 0; from <= at; ) {
      let best: { name: string; start: number; end: number } | undefined;
      for (const { name, pattern } of rules) {
        const found = new RegExp(pattern.source, "gu");
        found.lastIndex = from;
        const match = found.exec(line);
        if (match === null || match[0] === "") continue;
        if (best === undefined || match.index < best.start)
          best = { name, start: match.index, end: match.index + match[0].length };
      }
      if (best === undefined || best.start > at) return "";
      if (best.end > at) return best.name;
      from = best.end;
    }
    return "";
  }

  it.each([
    ["  let y = sum[k] x[k]", "let", "storage.type.weft"],
    ["  let y = sum[k] x[k]", "sum", "keyword.operator.reduction.weft"],
    ["  let letter = summary", "letter", ""],
    ["  let y = max(a, b)", "max", "support.function.weft"],
    ["  let y = softmax[j](x[j])", "softmax", ""],
    ["  let y = softmax(x)", "softmax", "entity.name.function.call.weft"],
    ["  let y = tanh(x)", "tanh", "support.function.weft"],
    ["  param w: f32[n] = normal(std: 0.1)", "normal", "support.function.weft"],
    ["  param w: f32[n]", "f32", "support.type.weft"],
    ["module M(d: size)", "size", "support.type.weft"],
    ["  let y = d // heads", "//", "keyword.operator.weft"],
    ["  let y = d  // heads", "heads", "comment.line.double-slash.weft"],
    ["  let y = (2*N)//2", "//", "keyword.operator.weft"],
    ["sub a: B(d)[n]  // parameters", "parameters", "comment.line.double-slash.weft"],
    ["/// A sentence.", "sentence", "comment.line.documentation.weft"],
    ["  return softmax_attention(Q, K, V) @approx(favor)", "approx", "storage.modifier.directive.weft"],
    ["  if training { return x }", "training", "constant.language.weft"],
    ["  let y = 1e-5 * x₁", "1e-5", "constant.numeric.weft"],
    ["  let y = 2 * x₁", "₁", ""],
  ])("colours %j at %j", (line, word, scope) => {
    expect(scopeOf(line, word)).toBe(scope);
  });

  it("colours every keyword, reduction and type", () => {
    expect(keywords.length).toBeGreaterThan(25);
    for (const word of keywords) expect([word, scopeOf(` ${word} `, word)]).not.toEqual([word, ""]);
    for (const word of reducers) expect(scopeOf(` ${word}[k] x`, word)).toBe("keyword.operator.reduction.weft");
    for (const word of elementTypeNames) expect(scopeOf(`x: ${word}`, word)).toBe("support.type.weft");
  });

  it("sees comments where the compiler sees them, in every text of the library and the models", () => {
    const comment = rules.filter(({ name }) => name.startsWith("comment."));
    for (const path of weftFiles) {
      for (const line of readWeft(path).split("\n")) {
        if (line.includes('"') || !line.includes("//")) continue;
        const isComment = comment.some(({ pattern }) => pattern.test(line));
        // A comment never ends before its line, so what divides has an operand on both sides and one blank or none.
        const divides = /[\p{L}\p{N})\]_] ?\/\/ ?[\p{L}\p{N}(]/u.test(line) && !/ {2}\/\/|^\s*\/\//.test(line);
        expect([path, line, isComment]).toEqual([path, line, !divides]);
      }
    }
  });
});

describe("keywords of completions", () => {
  it("are those of the grammar, each in its place", () => {
    const offered = [declarationWords, memberOnlyWords, statementWords, expressionWords, dependentWords].flat();
    expect([...new Set(offered)].filter((word) => word !== "true" && word !== "false").sort()).toEqual(
      [...keywords].sort(),
    );
  });
});

describe("the manifest", () => {
  it("has what a package of VS Code needs", () => {
    for (const field of ["name", "version", "publisher", "license", "description", "categories"])
      expect([field, manifest[field]]).not.toEqual([field, undefined]);
    expect(manifest.engines.vscode).toMatch(/^\^1\.\d+\.\d+$/);
    const [language] = manifest.contributes.languages;
    expect(language).toMatchObject({ id: "weft", extensions: [".weft"] });
    const [grammar] = manifest.contributes.grammars;
    expect(grammar).toMatchObject({ language: "weft", scopeName: makeGrammar().scopeName });
    for (const path of [language.configuration, grammar.path, "README.md", "src/extension.ts"])
      expect([path, existsSync(join(folder, path))]).toEqual([path, true]);
    expect(() => JSON.parse(readFileSync(join(folder, language.configuration), "utf8"))).not.toThrow();
  });

  it("has a setting for everything that the server and the extension read", () => {
    const source = ["src/lsp/settings.ts", "editors/vscode/src/extension.ts"]
      .map((path) => readFileSync(join(packageRoot, path), "utf8"))
      .join("\n");
    const names = Object.keys(manifest.contributes.configuration.properties).map((name) => name.replace(/^weft\./, ""));
    for (const name of names) expect(source).toContain(name);
  });
});
