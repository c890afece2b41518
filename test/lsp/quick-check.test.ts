/** Checking only what can have changed finds what a whole check finds, after any edit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSource } from "../../src/compile.ts";
import { checkAgain, soundPartsOf } from "../../src/lsp/quick-check.ts";
import { checkText, readFromPackage, readWeft } from "./weft-files.ts";

const files = ["std/norm.weft", "std/attention.weft", "models/performer/attention.weft"];
const known = new Map(files.map((path) => [path, soundPartsOf(checkText(path, readWeft(path)))]));

describe("checking again", () => {
  it("agrees with a whole check, but for calls in a circle", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(6),
        fc.constantFrom(
          "",
          "x",
          "Q",
          " + 1",
          "[i]",
          "\n  let extra = 2\n",
          "\n",
          "  // words\n",
          ", d",
          "(",
          "return ",
        ),
        (path, part, removed, added) => {
          const text = readWeft(path);
          const start = Math.floor(part * text.length);
          const edited = text.slice(0, start) + added + text.slice(start + removed);
          const read = (wanted: string) => (wanted === path ? edited : readFromPackage(wanted));
          const parts = known.get(path)!;
          const quick = checkAgain(path, read, parts)?.diagnostics;
          const whole = checkSource(path, read).diagnostics.filter(({ code }) => code !== "call/recursive");
          expect(quick?.filter(({ code }) => code !== "call/recursive")).toEqual(whole);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("leaves out the functions that did not change, and no others", () => {
    const text = "fn f(x: f32) -> f32 = x\nfn g(x: f32) -> f32 = f(x)\n";
    const first = checkText("two.weft", text);
    const parts = soundPartsOf(first)!;
    const look = (source: string) => {
      const program = checkAgain("two.weft", (path) => (path === "two.weft" ? source : readFromPackage(path)), parts)!;
      const own = [...program.tables.types.keys()].filter(({ span }) => span.file === "two.weft");
      return {
        lines: [...new Set(own.map(({ span }) => span.line))],
        codes: program.diagnostics.map(({ code }) => code),
      };
    };
    expect(look(text)).toEqual({ lines: [], codes: [] });
    expect(look(text.replace("= f(x)", "= f(y)"))).toEqual({ lines: [2], codes: ["name/unknown"] });
    // A changed signature is checked everywhere.
    expect(look(text.replace("f(x: f32)", "f(x: f32, y: f32)")).codes).toEqual(["call/arguments"]);
    expect(checkAgain("two.weft", (path) => (path === "std/prelude.weft" ? "" : text), parts)).toBeUndefined();
  });
});
