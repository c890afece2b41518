/** Reading a text again after an edit gives what reading it for the first time gives. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../src/frontend/index.ts";

const text = readFileSync("std/norm.weft", "utf8");

/** The tree without the path, which is what the parser remembers texts by. */
const plain = (path: string, source: string) =>
  JSON.parse(JSON.stringify(parse(path, source), (key, value) => (key === "file" && value === path ? "" : value)));

let fresh = 0;

describe("parsing again", () => {
  it("agrees with parsing anew after any edit", () => {
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.nat(30),
        fc.constantFrom(
          "",
          "x",
          "\n",
          "\n\n  ",
          "// note\n",
          "  // note\n",
          "/// new words\n",
          "{",
          ")",
          '"',
          "fn f(x: f32) -> f32 = x\n",
        ),
        (start, removed, added) => {
          const edited = text.slice(0, start) + added + text.slice(start + removed);
          parse("edited.weft", text);
          const again = plain("edited.weft", edited);
          const first = plain(`fresh-${fresh++}.weft`, edited);
          const { path: _a, ...file } = again.file;
          const { path: _b, ...other } = first.file;
          expect(file).toEqual(other);
          expect(again.diagnostics).toEqual(first.diagnostics);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps the trees of declarations that did not move, and gives those that did new ones", () => {
    const first = parse("kept.weft", "fn a(x: f32) -> f32 = x\nfn b(x: f32) -> f32 = x\n").file.declarations;
    const second = parse("kept.weft", "fn a(x: f32) -> f32 = x\n\nfn b(x: f32) -> f32 = x\n").file.declarations;
    expect(second[0]).toBe(first[0]);
    expect(second[1]).not.toBe(first[1]);
    expect(second[1]?.span).toMatchObject({ line: 3, column: 1, start: 25 });
  });

  it("tells apart two declarations of the same text", () => {
    const twice = "fn a(x: f32) -> f32 = x\nfn a(x: f32) -> f32 = x\n";
    for (const source of [twice, `\n${twice}`]) {
      const [one, two] = parse("twice.weft", source).file.declarations;
      expect(one).not.toBe(two);
      expect(one?.span.start).not.toBe(two?.span.start);
    }
  });
});
