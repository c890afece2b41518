/** A check that remembers an earlier one finds what a fresh check finds, after any edits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import { type BodyMemory, type CheckedProgram, check, emptyMemory, printValueType } from "../../src/frontend/index.ts";
import { readFromPackage, readWeft } from "../lsp/weft-files.ts";

const builtins = languageBuiltins();
const checkWith = (texts: Readonly<Record<string, string>>, path: string, before?: BodyMemory): CheckedProgram =>
  check(path, { builtins, readSource: (wanted) => texts[wanted] ?? readFromPackage(wanted), before });

/** Types of all expressions, by place. */
function typesOf({ tables }: CheckedProgram): readonly string[] {
  const all = [...tables.types].map(([{ span }, type]) => {
    const text = type.kind === "instance" ? type.module.name.name : printValueType(type);
    return `${span.file} ${span.start}-${span.end} ${text}`;
  });
  return all.sort();
}

/**
 * Functions, modules with parts and presets, names of the library, of another file and of parts of parts. Types and sizes are such that one
 * word in place of another often is no mistake where it stands, but one where it is used.
 */
const written = `use std/nn: Linear
use ./other: outer, Wide

fn f<n, m>(x: f32[n, m], k: i32[n], on: bool) -> f32[m] {
  let y[j] = sum[i] x[i, j] * f32(k[i])
  return y
}
fn g<n, m>(x: f32[n, m], k: i32[n]) -> f32[m] = f(x, k, true)
fn h<m>(x: f32[m], k: i32[m]) -> f32 = sum[j] x[j] * outer(x[j], k[j])

module Scale(d: size, by: f32 = 2, e: size = 4, on: bool = true) {
  param gain: f32[d] = ones()
  buffer count: i32[e] = zeros()
  fn forward(x: f32[d]) -> f32[d] {
    if on { return x }
    let y[c] = x[c] * gain[c] * by
    return y
  }
  fn counted(x: f32[d]) -> i32[e] = count
}

model Net(d: size = 4, e: size = 4, n: size = 2) {
  sub scale: Scale(d, 2, d)[n]
  sub linear: Linear(d, d)
  sub wide: Wide(d)
  entry run<L>(x: f32[L, d], k: i32[L]) -> f32[L, d] {
    for l in 0..n { x = scale[l](x) + helper(x) }
    let shift = g(x, k)
    let y[t, c] = linear(x)[t, c] + shift[c] + scale[0].gain[c]
    return y
  }
  fn helper(x: f32[d]) -> f32[d] {
    let k = scale[0].counted(x)
    let y[c] = x[c] + f32(k[c]) + wide.inner.weight[c, c] + h(x, k)
    return relu(y)
  }
  preset tiny { d = 2, e = 2 }
}
`;
const other = `use std/nn: Linear
fn outer(x: f32, k: i32) -> f32 = inner(x, k, true)
fn inner(x: f32, k: i32, on: bool) -> f32 = x * f32(k)
module Wide(d: size, e: size = 4) {
  sub inner: Linear(d, d)
  fn forward(x: f32[d]) -> f32[d] = inner(x)
}
`;

/** A place in a text, as a part of its length; all are equally likely, which numbers of `fc.double` are not. */
const place = fc.nat(9999).map((part) => part / 10_000);

/** What happens to a text: letters, a word that another word of the text replaces, a line that goes or comes again elsewhere. */
const edit = fc.record({
  at: place,
  from: place,
  removed: fc.nat(8),
  added: fc.constantFrom(
    ...["", "x", " + 1", "[i]", "\n  let extra = 2\n", "\n", "  // words\n", ", d", "(", "}", "return "],
    ...["\nfn f(x: f32) -> f32 = g(x)\n", "\nfn late(x: f32) -> f32 = late(x)\n", "\nfn exp(x: f32) -> f32 = x\n"],
  ),
  kind: fc.constantFrom("word", "word", "word", "line gone", "line again", "letters"),
  // Undoing what came before, as authors do; mistakes would pile up otherwise.
  startsAnew: fc.boolean(),
  inOther: fc.constantFrom(false, false, true),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(text: string, { at, from, removed, added, kind }: Edit): string {
  const pick = <T>(list: readonly T[], part: number): T => list[Math.floor(part * (list.length - 1))] as T;
  const parts = (pattern: RegExp) => [...text.matchAll(pattern)].map(({ index, 0: found }) => ({ index, found }));
  const replaced = (start: number, length: number, by: string) =>
    text.slice(0, start) + by + text.slice(start + length);
  const [words, lines] = [parts(/\p{L}[\p{L}\d_]*/gu), parts(/[^\n]*\n/g)];
  if (kind === "letters" || words.length === 0 || lines.length === 0)
    return replaced(Math.floor(at * text.length), removed, added);
  if (kind === "word") return replaced(pick(words, at).index, pick(words, at).found.length, pick(words, from).found);
  const line = pick(lines, at);
  if (kind === "line gone") return replaced(line.index, line.found.length, "");
  return replaced(line.index, 0, pick(lines, from).found);
}

it("begins with texts without mistakes", () => {
  const { diagnostics } = checkWith({ "main.weft": written, "other.weft": other }, "main.weft");
  expect(diagnostics).toEqual([]);
});

describe("a check that remembers an earlier one", () => {
  it("finds the same mistakes and types as a fresh check, after any edits", () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        const first: Record<string, string> = { "main.weft": written, "other.weft": other };
        let texts = first;
        let { memory } = checkWith(texts, "main.weft", emptyMemory);
        for (const each of edits) {
          const path = each.inOther ? "other.weft" : "main.weft";
          const start = each.startsAnew ? first : texts;
          texts = { ...start, [path]: edited(start[path]!, each) };
          const again = checkWith(texts, "main.weft", memory);
          const fresh = checkWith(texts, "main.weft");
          expect(again.diagnostics).toEqual(fresh.diagnostics);
          memory = again.memory;
          again.fillTables();
          expect(typesOf(again)).toEqual(typesOf(fresh));
        }
      }),
      { numRuns: 120 },
    );
  });

  it("does so in the texts of the library and the models", () => {
    const files = ["std/norm.weft", "std/attention.weft", "std/recurrent.weft", "models/performer/attention.weft"];
    const memories = new Map(files.map((path) => [path, checkWith({}, path, emptyMemory).memory]));
    fc.assert(
      fc.property(fc.constantFrom(...files), edit, (path, each) => {
        const texts = { [path]: edited(readWeft(path), each) };
        const again = checkWith(texts, path, memories.get(path));
        expect(again.diagnostics).toEqual(checkWith(texts, path).diagnostics);
      }),
      { numRuns: 40 },
    );
  });

  it("leaves out the bodies that cannot have changed, and no others", () => {
    const first = "fn f(x: f32) -> f32 = x\nfn g(x: f32) -> f32 = f(x)\nfn h(x: f32) -> f32 = x * 2\n";
    const { memory } = checkWith({ "main.weft": first }, "main.weft", emptyMemory);
    const look = (text: string) => {
      const program = checkWith({ "main.weft": text }, "main.weft", memory);
      const own = [...program.tables.types.keys()].filter(({ span }) => span.file === "main.weft");
      return {
        lines: [...new Set(own.map(({ span }) => span.line))],
        codes: program.diagnostics.map(({ code }) => code),
      };
    };
    expect(look(first)).toEqual({ lines: [], codes: [] });
    // Another place changes nothing, a body concerns only itself, a signature those that name it.
    expect(look(`\n\n${first}`)).toEqual({ lines: [], codes: [] });
    expect(look(first.replace("= f(x)", "= f(y)"))).toEqual({ lines: [2], codes: ["name/unknown"] });
    expect(look(first.replace("f(x: f32)", "f(x: f32, y: f32)"))).toEqual({ lines: [1, 2], codes: ["call/arguments"] });
    // A circle is found though one of the bodies in it did not change.
    expect(look(first.replace("-> f32 = x\n", "-> f32 = g(x)\n")).codes).toEqual(["call/recursive"]);
    // What the library's names mean is looked at too.
    expect(look(`${first}fn exp(x: f32) -> f32 = x\n`).lines).toEqual([4]);
  });
});
