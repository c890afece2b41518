/**
 * Text to syntax tree, with recovery: a declaration at a time, and inside one, a statement that cannot be read is reported,
 * blanked out and the rest read again, so that several mistakes are found in one run.
 */
import { type Diagnostic, errorAt, sortDiagnostics } from "./diagnostic.ts";
import { putBack, type ReadItem, takeKnownParts } from "./parse-parts.ts";
import { blank, declarationRanges, type Item, parseRange, type RangeReading, type TextRange } from "./parse-range.ts";
import { shiftTree } from "./shift-tree.ts";
import { prepareSource, type SourceText } from "./source-text.ts";
import type { SourceFile } from "./syntax-tree.ts";
import { reservedWords } from "./vocabulary.ts";

/** Longest source text, in UTF-16 units. */
export const longestSource = 4 * 1024 * 1024;
/** Deepest nesting of brackets. */
export const deepestNesting = 80;

/** A file as a tree, and what could not be read of it. */
export interface ParseResult {
  readonly file: SourceFile;
  readonly source: SourceText;
  readonly diagnostics: readonly Diagnostic[];
  /** Every name in the text that could not be read: nothing should be said about their absence later. */
  readonly skippedNames: ReadonlySet<string>;
  /** The text with blanks for what could not be read: all that the tree was made of. */
  readonly readText: string;
}

/**
 * Parses one file.
 *
 * @param path  how the file is called in messages and spans
 * @param text  its text; a byte-order mark is skipped, line ends may be of any kind
 */
export function parse(path: string, text: string): ParseResult {
  const known = parsedBefore.get(path) ?? [];
  const before = known.find((each) => each.text === text)?.result;
  if (before !== undefined) return before;
  const result = parseAnew(path, text);
  if (parsedBefore.size >= mostRemembered) parsedBefore.clear();
  parsedBefore.set(path, [{ text, result }, ...known.slice(0, mostTexts - 1)]);
  return result;
}

/**
 * Results by path, the latest texts of each. Trees are never changed, and a library file is asked for again with every program that uses it;
 * parsing is most of what checking costs.
 */
const parsedBefore = new Map<string, readonly { readonly text: string; readonly result: ParseResult }[]>();
/** Paths that are remembered. */
const mostRemembered = 128;
/** Texts of one path: as it is, as it was before an edit, and as something else was tried out in it. */
const mostTexts = 3;

/** What was read of the last text of a path. In a file that is being edited, all but one declaration are as before, at most on other lines. */
interface EarlierReading {
  /** Declarations that were read without a mistake, by all that their trees depend on. */
  readonly sound: ReadonlyMap<string, ReadItem>;
  /** Every declaration by kind and name, with the text that could be read: much of it may be the same. */
  readonly named: ReadonlyMap<string, ReadItem>;
}

const nothingRead: EarlierReading = { sound: new Map(), named: new Map() };
const readBefore = new Map<string, EarlierReading>();

/** All that the tree of a declaration depends on besides where it stands: its text, and the documentation in and above it. */
function declarationKey(source: SourceText, { start, end }: TextRange): string {
  const blanked = source.blanked.slice(start, end).trimEnd();
  const text = source.text.slice(start, start + blanked.length);
  const first = start + Math.max(0, blanked.search(/\S/));
  const above = source.docAbove(first) ?? "";
  return text.includes("//") ? `${above}\0${blanked}\0${text}` : `${above}\0${blanked}`;
}

/** A declaration read before, at the place where the same text stands now. */
function movedTo(source: SourceText, range: TextRange, known: Item): Item {
  const offset = source.blanked.slice(range.start, range.end).search(/\S/);
  const place = source.span(range.start + offset, range.start + offset);
  const characters = place.start - known.span.start;
  const lines = place.line - known.span.line;
  return characters === 0 && lines === 0 ? known : shiftTree(known, { characters, lines });
}

/** A declaration's kind and name, as `ReadItem`s are found. */
const nameOf = (item: Item): string => (item.kind === "import" ? "" : `${item.kind} ${item.name.name}`);

/** Reads a range whose text is new; of a declaration that was there before, only what is new in it. */
function readRange(source: SourceText, range: TextRange, { named }: EarlierReading): RangeReading {
  const text = source.blanked.slice(range.start, range.end);
  const [, word, name = ""] = /^\s*(fn|module|model)\s+([^\s(<{]+)/.exec(text) ?? [];
  const earlier = word === undefined ? undefined : named.get(`${word === "fn" ? "function" : "module"} ${name}`);
  if (earlier !== undefined) {
    const known = takeKnownParts(source, range, earlier);
    const reading = parseRange(source, range, known.text);
    const { item } = reading;
    const lost = [...known.members, ...known.statements].some(({ span }) =>
      reading.unread.some(({ start, end }) => start < span.end && end > span.start),
    );
    // Where a mistake takes known parts along, the whole text decides what can be read.
    if (!lost && (item?.kind === "module" || item?.kind === "function"))
      return { ...reading, item: putBack(item, known) };
  }
  return parseRange(source, range, text);
}

function parseAnew(path: string, text: string): ParseResult {
  const empty = (source: SourceText): SourceFile => ({
    kind: "file",
    path,
    imports: [],
    declarations: [],
    span: source.span(0, 0),
  });
  if (text.length > longestSource) {
    const source = prepareSource(path, "");
    const megabytes = (text.length / 1024 / 1024).toFixed(1);
    const diagnostic = errorAt(
      source.span(0, 0),
      "limit/size",
      `this file has ${megabytes} MiB of text; 4 MiB is the most`,
    );
    return { file: empty(source), source, diagnostics: [diagnostic], skippedNames: new Set(), readText: "" };
  }
  const source = prepareSource(path, text.startsWith("\u{FEFF}") ? ` ${text.slice(1)}` : text);
  const diagnostics: Diagnostic[] = [];
  const skippedNames = new Set<string>();
  if (source.deepest.depth > deepestNesting) {
    const { offset } = source.deepest;
    const title = `brackets are nested ${source.deepest.depth} deep; ${deepestNesting} is the most`;
    return {
      file: empty(source),
      source,
      diagnostics: [
        errorAt(source.span(offset, offset + 1), "limit/nesting", title, { help: ["Give parts names with `let`."] }),
      ],
      skippedNames,
      readText: "",
    };
  }
  const items: Item[] = [];
  const before = readBefore.get(path) ?? nothingRead;
  const [sound, named] = [new Map<string, ReadItem>(), new Map<string, ReadItem>()];
  let readText = source.text;
  for (const range of declarationRanges(source.blanked)) {
    const key = declarationKey(source, range);
    const known = before.sound.get(key);
    if (known !== undefined) {
      items.push(movedTo(source, range, known.item));
      // As it was read: copies of copies would have to be made whole.
      sound.set(key, known);
      named.set(nameOf(known.item), known);
      continue;
    }
    const { item, unread, ...reading } = readRange(source, range, before);
    diagnostics.push(...reading.diagnostics);
    let text = source.blanked.slice(range.start, range.end);
    for (const { start, end } of unread) {
      for (const name of source.blanked.slice(start, end).match(/[\p{L}_](?:[\p{L}\p{N}_]|\p{M})*/gu) ?? [])
        if (!reservedWords.has(name)) skippedNames.add(name.normalize("NFC"));
      readText = blank(readText, start, end);
      text = blank(text, start - range.start, end - range.start);
    }
    if (item === undefined) continue;
    items.push(item);
    const read = { item, text, start: range.start };
    named.set(nameOf(item), read);
    if (reading.diagnostics.length === 0 && unread.length === 0) sound.set(key, read);
  }
  // What a mistake hides for now is likely to come back.
  if (diagnostics.length > 0) for (const [name, read] of before.named) if (!named.has(name)) named.set(name, read);
  if (readBefore.size >= mostRemembered) readBefore.clear();
  readBefore.set(path, { sound, named });
  const file: SourceFile = {
    kind: "file",
    path,
    imports: items.filter((item) => item.kind === "import"),
    declarations: items.filter((item) => item.kind !== "import"),
    span: source.span(0, text.length),
  };
  return { file, source, diagnostics: sortDiagnostics(diagnostics), skippedNames, readText };
}
