/** Names found by scopes alone mean what the checker says they mean, in every text of the library and the models. */
import { describe, expect, it } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import type { Definition } from "../../src/frontend/index.ts";
import type { Span } from "../../src/ir/index.ts";
import { indexNames, type NameSymbol } from "../../src/lsp/index.ts";
import { checkText, readWeft, weftFiles } from "./weft-files.ts";

const builtins = [...languageBuiltins().keys()];

const place = (span: Span) => `${span.file}:${span.start}`;

function placeOfDefinition(definition: Definition): string {
  switch (definition.kind) {
    case "index":
      return place(definition.binder.name.span);
    case "local":
      return place(definition.target.name.span);
    case "parameter":
      return place(definition.parameter.name.span);
    case "generic":
      return place(definition.name.span);
    case "loop":
      return place(definition.statement.variable.span);
    case "tensor":
    case "sub":
      return place(definition.member.name.span);
    case "function":
    case "extern":
    case "module":
      return place(definition.declaration.name.span);
    case "builtin":
    case "constant":
      return definition.name;
  }
}

const placeOfSymbol = (symbol: NameSymbol | undefined): string =>
  symbol === undefined ? "nothing" : symbol.span === undefined ? symbol.name : place(symbol.span);

describe("names by scopes", () => {
  it.each(weftFiles)("agree with the checker in %s", (path) => {
    const program = checkText(path, readWeft(path));
    const names = indexNames(program, builtins);
    const wrong: string[] = [];
    let compared = 0;
    for (const [node, definition] of program.tables.uses) {
      if (node.span.file !== path) continue;
      compared++;
      const found = names
        .of(path)
        ?.occurrences.find(({ span }) => span.start === node.span.start && span.end === node.span.end);
      const expected = placeOfDefinition(definition);
      if (placeOfSymbol(found?.symbol) !== expected) {
        wrong.push(`${place(node.span)} ${node.name}: ${placeOfSymbol(found?.symbol)} instead of ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(2);
  });

  it("cover every name of every expression", () => {
    for (const path of weftFiles) {
      const text = readWeft(path);
      const program = checkText(path, text);
      const found = new Set(
        indexNames(program, builtins)
          .of(path)
          ?.occurrences.map(({ span }) => span.start),
      );
      const missing = [...program.tables.types.keys()].filter(
        (node) => node.kind === "name" && node.span.file === path && !found.has(node.span.start),
      );
      expect(missing.map(({ span }) => `${place(span)} ${text.slice(span.start, span.end)}`)).toEqual([]);
    }
  });
});
