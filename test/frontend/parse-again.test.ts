/** Reading a text again after an edit gives what reading it for the first time gives. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../src/frontend/index.ts";

const texts = ["std/norm.weft", "std/recurrent.weft", "models/hulanet/hulanet.weft"].map((path) =>
  readFileSync(path, "utf8"),
);

/** All that reading a text gives, without the path, which is what the parser remembers texts by. */
function plain(path: string, source: string): unknown {
  const { file, diagnostics, skippedNames, readText } = parse(path, source);
  const all = { ...file, path: "", diagnostics, skipped: [...skippedNames].sort(), readText };
  return JSON.parse(JSON.stringify(all, (key, value) => (key === "file" && value === path ? "" : value)));
}

let fresh = 0;

/** An edit: letters that go and others that come, or a line that goes or comes again elsewhere; places are parts of the text's length. */
const edit = fc.record({
  at: fc.nat(9999),
  from: fc.nat(9999),
  removed: fc.nat(30),
  added: fc.constantFrom(
    ...[
      "",
      "x",
      "\n",
      "\n\n  ",
      "// note\n",
      "  // note\n",
      "/// new words\n",
      "{",
      "}",
      ")",
      "(",
      '"',
      ";",
      " else\n",
      ",",
    ],
    ...["fn f(x: f32) -> f32 = x\n", "  let a = 1\n", "  let a =\n", "  a = 1 +\n", "if ", "return ", "@@\n"],
  ),
  kind: fc.constantFrom("letters", "typed", "line gone", "line again"),
});

function edited(
  text: string,
  { at, from, removed, added, kind }: typeof edit extends fc.Arbitrary<infer E> ? E : never,
) {
  const lines = text.split("\n");
  const [line, other] = [at, from].map((part) => Math.floor((part / 10_000) * lines.length)) as [number, number];
  if (kind === "line gone") return lines.toSpliced(line, 1).join("\n");
  if (kind === "line again") return lines.toSpliced(line, 0, lines[other] as string).join("\n");
  const start = Math.floor((at / 10_000) * text.length);
  return text.slice(0, start) + added + text.slice(kind === "typed" ? start : start + removed);
}

describe("parsing again", () => {
  it("agrees with parsing anew after any edits", () => {
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 3 }), (first, edits) => {
        parse("edited.weft", first);
        let text = first;
        for (const each of edits) {
          text = edited(text, each);
          expect(plain("edited.weft", text)).toEqual(plain(`fresh-${fresh++}.weft`, text));
        }
      }),
      { numRuns: 40 },
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
