import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { prepareSource } from "../../src/frontend/index.ts";
import { type TokenKind, tokenise } from "../../src/inspect/index.ts";
import { inspectPerformer } from "./compile-for-inspection.ts";

const root = new URL("../../", import.meta.url);
const texts = ["std/", "models/performer/"].flatMap((folder) =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith(".weft"))
    .map((name) => [folder + name, readFileSync(new URL(folder + name, root), "utf8")] as const),
);

describe("tokens", () => {
  it.each(texts)("of %s have the comments that the parser finds, and lose no character", (path, text) => {
    const comments: string[] = [];
    for (const line of text.split("\n")) {
      const tokens = tokenise(line, "weft");
      expect(tokens.map((token) => token.text).join("")).toBe(line);
      comments.push(...tokens.filter(({ kind }) => kind === "comment").map((token) => token.text));
    }
    const found = prepareSource(path, text).comments.map(({ span }) => text.slice(span.start, span.end));
    expect(comments).toEqual(found);
  });

  it("tell division from comment, and words by their role", () => {
    const kinds = (line: string) =>
      tokenise(line, "weft")
        .filter(({ kind }) => kind !== "blank")
        .map(({ kind, text }): [TokenKind, string] => [kind, text]);
    expect(kinds("let k = d // 2  // half")).toEqual([
      ["keyword", "let"],
      ["name", "k"],
      ["operator", "="],
      ["name", "d"],
      ["operator", "/"],
      ["operator", "/"],
      ["number", "2"],
      ["comment", "// half"],
    ]);
    expect(kinds("φ(q̂)")).toEqual([
      ["call", "φ"],
      ["operator", "("],
      ["name", "q̂"],
      ["operator", ")"],
    ]);
  });

  it("of WGSL lose no character", () => {
    for (const { wgsl } of inspectPerformer().inspection.kernels) {
      const words = wgsl.split("\n").map((line) =>
        tokenise(line, "wgsl")
          .map(({ text }) => text)
          .join(""),
      );
      expect(words.join("\n")).toBe(wgsl);
    }
  });
});
