/**
 * Writes the TextMate grammar of the editors from the language's own tables: keywords, reductions, element types, operations and
 * initialisers. `npx tsx scripts/make-grammar.ts` writes editors/vscode/syntaxes/weft.tmLanguage.json; a test compares the two.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { languageBuiltins } from "../src/builtins.ts";
import {
  booleanWords,
  constantWords,
  elementTypeNames,
  keywords,
  languageFunctions,
  reducers,
} from "../src/frontend/index.ts";
import { initialisers } from "../src/ir/index.ts";

/** Path of the grammar from the root of the repository. */
export const grammarPath = "editors/vscode/syntaxes/weft.tmLanguage.json";

/** A rule of a TextMate grammar, as far as it is used here. */
export interface GrammarRule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
  readonly beginCaptures?: Readonly<Record<string, { readonly name: string }>>;
  readonly endCaptures?: Readonly<Record<string, { readonly name: string }>>;
  readonly patterns?: readonly GrammarRule[];
  readonly include?: string;
}

export interface TextMateGrammar {
  readonly $schema: string;
  readonly name: string;
  readonly scopeName: string;
  readonly fileTypes: readonly string[];
  readonly patterns: readonly GrammarRule[];
  readonly repository: Readonly<Record<string, GrammarRule>>;
}

const letter = "[\\p{L}\\p{M}\\p{N}_]";
const identifier = "[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*";
const literal = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Any of the words, whole; longer ones first, so that `argmax` is not read as `arg` and `max`. */
const wordsOf = (list: readonly string[]): string =>
  `(?<!${letter})(?:${[...list]
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
    .map(literal)
    .join("|")})(?!${letter})`;

/** Which keywords begin declarations; the others are colours of their own or control the flow. */
const declaring = [
  "fn",
  "module",
  "model",
  "entry",
  "preset",
  "param",
  "buffer",
  "sub",
  "let",
  "extern",
  "wgsl",
  "batch",
];
const importing = ["use", "of", "as"];
const connecting = ["and", "or", "not", "in"];

/** The grammar as VS Code and other editors read it. */
export function makeGrammar(): TextMateGrammar {
  const special = new Set([...declaring, ...importing, ...connecting]);
  const control = keywords.filter((word) => !special.has(word));
  const functions = [...languageBuiltins().keys(), ...languageFunctions, ...initialisers.map(({ name }) => name)];
  return {
    $schema: "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
    name: "Weft",
    scopeName: "source.weft",
    fileTypes: ["weft"],
    patterns: [
      "comments",
      "strings",
      "declarations",
      "directives",
      "words",
      "types",
      "functions",
      "numbers",
      "operators",
    ].map((part) => ({ include: `#${part}` })),
    repository: {
      comments: {
        patterns: [
          { name: "comment.line.documentation.weft", match: "^\\s*///(?!/).*$" },
          // `//` divides after an operand and one blank; elsewhere it begins a comment.
          { name: "comment.line.double-slash.weft", match: "^\\s*//.*$" },
          {
            name: "comment.line.double-slash.weft",
            match: "(?<=\\s\\s|\\t|[{}(\\[,;=+\\-*/%^<>:|]|[{}(\\[,;=+\\-*/%^<>:|]\\s)//.*$",
          },
        ],
      },
      strings: {
        patterns: [
          {
            name: "string.quoted.triple.weft",
            begin: '"""',
            end: '"""',
            patterns: [{ include: "source.wgsl" }],
          },
          {
            name: "string.quoted.double.weft",
            begin: '"',
            end: '"|$',
            patterns: [{ name: "constant.character.escape.weft", match: "\\\\." }],
          },
        ],
      },
      declarations: {
        patterns: [
          {
            match: `(?<!${letter})(use)\\s+([\\p{L}\\p{N}_./-]+)`,
            captures: { 1: { name: "keyword.control.import.weft" }, 2: { name: "string.unquoted.path.weft" } },
          },
          {
            match: `(?<!${letter})(fn|entry)\\s+(${identifier})`,
            captures: { 1: { name: "storage.type.weft" }, 2: { name: "entity.name.function.weft" } },
          },
          {
            match: `(?<!${letter})(module|model|preset)\\s+(${identifier})`,
            captures: { 1: { name: "storage.type.weft" }, 2: { name: "entity.name.type.weft" } },
          },
          {
            match: `(?<!${letter})(param|buffer|sub)\\s+(${identifier})`,
            captures: { 1: { name: "storage.type.weft" }, 2: { name: "variable.other.member.weft" } },
          },
        ],
      },
      directives: { name: "storage.modifier.directive.weft", match: `@${identifier}` },
      words: {
        patterns: [
          { name: "storage.type.weft", match: wordsOf(declaring) },
          { name: "keyword.control.import.weft", match: wordsOf(importing) },
          { name: "keyword.operator.word.weft", match: wordsOf(connecting) },
          { name: "keyword.control.weft", match: wordsOf(control) },
          { name: "constant.language.weft", match: wordsOf([...booleanWords, ...constantWords]) },
        ],
      },
      types: {
        patterns: [
          { name: "support.type.weft", match: wordsOf(elementTypeNames.filter((name) => name !== "size")) },
          // A value may be called `size`; the type stands behind a colon.
          { name: "support.type.weft", match: `(?<=:\\s|:)size(?!${letter})` },
        ],
      },
      functions: {
        patterns: [
          { name: "keyword.operator.reduction.weft", match: `${wordsOf(reducers)}(?=[ \\t]*\\[)` },
          { name: "support.function.weft", match: `${wordsOf([...functions, ...reducers])}(?=[ \\t]*[(\\[])` },
          { name: "entity.name.function.call.weft", match: `${identifier}(?=[ \\t]*\\()` },
        ],
      },
      numbers: {
        name: "constant.numeric.weft",
        match: `(?<!${letter})\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?(?!${letter})`,
      },
      operators: { name: "keyword.operator.weft", match: "->|\\+=|==|!=|<=|>=|≤|≥|≠|//|\\.\\.|[-+*/%^=<>]" },
    },
  };
}

/** The file's text. */
export const grammarFile = (): string => `${JSON.stringify(makeGrammar(), undefined, 2)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(dirname(dirname(fileURLToPath(import.meta.url))), grammarPath), grammarFile());
}
