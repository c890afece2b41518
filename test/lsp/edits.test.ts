import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyChanges, changeBetween, offsetAfter, type TextChange } from "../../src/lsp/edits.ts";
import { completionPlace } from "../../src/lsp/index.ts";

/** A text with changes that do not overlap. */
const changed = fc
  .tuple(
    fc.string({ maxLength: 30 }),
    fc.array(fc.tuple(fc.nat(6), fc.nat(4), fc.string({ maxLength: 4 })), { maxLength: 4 }),
  )
  .map(([text, steps]) => {
    const changes: TextChange[] = [];
    let at = 0;
    for (const [skip, length, added] of steps) {
      const start = at + skip;
      const end = start + length;
      if (end > text.length) break;
      changes.push({ start, end, text: added });
      at = end + 1;
    }
    return { text, changes };
  });

describe("changes of a text", () => {
  it("leave every unit outside of them where `offsetAfter` says", () => {
    fc.assert(
      fc.property(changed, ({ text, changes }) => {
        const after = applyChanges(text, changes);
        for (let offset = 0; offset < text.length; offset++) {
          if (changes.some(({ start, end }) => start <= offset && offset < end)) continue;
          // What is put in front of a unit moves the unit, and not the place.
          if (changes.some(({ start, end }) => start === offset && end === offset)) continue;
          expect(after[offsetAfter(offset, changes)]).toBe(text[offset]);
        }
      }),
    );
  });

  it("are found between two texts, as one", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (before, after) => {
        const change = changeBetween(before, after);
        expect(change === undefined ? before : applyChanges(before, [change])).toBe(after);
      }),
    );
  });
});

describe("what is being written", () => {
  const cases: readonly (readonly [text: string, kind: string])[] = [
    ["use std/n|", "import-path"],
    ["use std/nn: Lin|", "import-names"],
    ["use std/nn: Linear, |", "import-names"],
    ["|", "declaration"],
    ["fn f(x: |", "type"],
    ["fn f(x: f32, |", "nothing"],
    ["fn f<n>(x: f32[n], y: f|", "type"],
    ["fn f(x: f32) -> |", "type"],
    ["fn |", "nothing"],
    ["fn f(x: f32) -> f32 {\n  |", "statement"],
    ["fn f(x: f32) -> f32 {\n  let |", "nothing"],
    ["fn f(x: f32) -> f32 {\n  let y = |", "expression"],
    ["fn f(x: f32) -> f32 {\n  let y = part.|", "member"],
    ["fn f(x: f32) -> f32 {\n  let y = layer[l].wei|", "member"],
    ["fn f(x: f32) -> f32 {\n  for l in 0..|", "expression"],
    ["fn f(x: f32) -> f32 {\n  let y = x  // a word|", "nothing"],
    ["fn f(x: f32) -> f32 {\n  let y = x // two|", "expression"],
    ["module M(d: size) {\n  sub part: |", "module"],
    ["module M(d: size) {\n  param w: |", "type"],
    ['module M(d: size) {\n  param w as "|', "nothing"],
    ["model M(d: size) {\n  preset tiny { |", "setting"],
    ["model M(d: size) {\n  preset tiny { d = |", "expression"],
    ["preset tiny of |", "module"],
  ];
  it.each(cases)("is told from the text before it: %j", (marked, kind) => {
    const offset = marked.indexOf("|");
    const text = marked.replace("|", "");
    expect(completionPlace(text, offset).context.kind).toBe(kind);
  });

  it("knows the call around it", () => {
    const text = "fn f(x: f32) -> f32 {\n  return layer[l].masked(x, f(y, [1, 2]), mask: m, ";
    expect(completionPlace(text, text.length).call).toEqual({
      callee: ["layer", "masked"],
      labels: ["mask"],
      argument: 3,
      isAtStart: true,
    });
  });
});
