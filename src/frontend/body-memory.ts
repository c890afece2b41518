/**
 * What a check learns about the bodies of functions, for the next check of nearly the same text. A body without mistakes stays so
 * while everything that its check can look at is the same: its own text, and the headers of whatever its words can mean, of what their
 * words can mean, and so on. Words are taken from the text, so that nothing the checker looks up can be missed; comments and local names
 * among them cost a check now and then.
 */
import type { Span } from "../ir/index.ts";
import type { Checker, FileInfo } from "./check-context.ts";
import { alwaysReturns } from "./check-function.ts";
import type { Definition } from "./checked-program.ts";
import { lookUp } from "./scope.ts";
import type { ExternDeclaration, FunctionDeclaration, ModuleDeclaration } from "./syntax-tree.ts";

/** A call in a sound body, placed from where the function begins. */
export interface RememberedCall {
  /** The function that is called, by file, module and name. */
  readonly callee: string;
  readonly name: string;
  readonly span: Span;
}

export interface BodyMemory {
  /** The calls in every body without mistakes, by all that its check can look at. */
  readonly sound: ReadonlyMap<string, readonly RememberedCall[]>;
  /** The words of each header and body. */
  readonly words: ReadonlyMap<string, readonly string[]>;
  /** A number for every header and what its words mean. */
  readonly headers: ReadonlyMap<string, number>;
}

/** The memory before any check. */
export const emptyMemory: BodyMemory = { sound: new Map(), words: new Map(), headers: new Map() };

type Named = FunctionDeclaration | ModuleDeclaration | ExternDeclaration;

/** A header: a declaration without the bodies of functions. */
interface Header {
  readonly number: number;
  /** What its words can mean. */
  readonly meanings: readonly Named[];
}

/** The bodies of one program, looked up in the memory of an earlier check, and noted for a later one. */
export interface BodyRecords {
  /** Notes a body as sound, with the calls that its check found. */
  readonly note: (declaration: FunctionDeclaration, edges: Checker["edges"]) => void;
  /** The calls in a body that is known to be sound, placed where it stands now; undefined when it must be checked. */
  readonly recall: (declaration: FunctionDeclaration) => Checker["edges"] | undefined;
  /** What was noted and recalled. */
  readonly memory: () => BodyMemory;
}

/** @param files  of the program, names declared, modules and signatures resolved */
export function recordBodies(checker: Checker, files: readonly FileInfo[], before: BodyMemory): BodyRecords {
  const words = new Map<string, readonly string[]>();
  const numbers = new Map<string, number>();
  const sound = new Map<string, readonly RememberedCall[]>();
  let nextNumber = Math.max(0, ...before.headers.values()) + 1;

  const wordsOf = (text: string): readonly string[] => {
    const found = words.get(text) ?? before.words.get(text) ?? splitWords(text);
    words.set(text, found);
    return found;
  };
  const numberOf = (key: string): number => {
    const found = numbers.get(key) ?? before.headers.get(key) ?? nextNumber++;
    numbers.set(key, found);
    return found;
  };
  /** What the words of a text can mean in a file, and a text that tells these meanings apart from others. */
  const meaningsOf = (info: FileInfo, text: string): { readonly meanings: readonly Named[]; readonly key: string } => {
    const meanings: Named[] = [];
    let key = "";
    for (const word of wordsOf(text)) {
      const binding = lookUp(info.scope, word);
      if (binding?.kind === "unknown" || info.skippedNames.has(word)) key += `?${word}`;
      const named = binding?.kind === "callable" ? declarationOf(binding.definition) : undefined;
      if (named === undefined) continue;
      meanings.push(named);
      key += ` ${placeOf.get(named) ?? ""}`;
    }
    return { meanings, key };
  };

  const placeOf = new Map<Named, string>();
  const callees = new Map<string, FunctionDeclaration | ExternDeclaration | undefined>();
  const labels = new Map<FunctionDeclaration | ExternDeclaration, string>();
  const label = (declaration: FunctionDeclaration | ExternDeclaration, text: string) => {
    // What is declared twice is told apart by nothing, and left to the check.
    callees.set(text, callees.has(text) ? undefined : declaration);
    labels.set(declaration, text);
  };
  for (const { file } of files) {
    for (const declaration of file.declarations) {
      if (declaration.kind === "preset") continue;
      placeOf.set(declaration, `${file.path} ${declaration.name.name}`);
      if (declaration.kind !== "module") label(declaration, `${file.path} ${declaration.name.name}`);
      else
        for (const member of declaration.members)
          if (member.kind === "function") label(member, `${file.path} ${declaration.name.name}.${member.name.name}`);
    }
  }
  const homeOf = new Map(files.map((info) => [info.file.path, info]));
  const headers = new Map<Named, Header>();
  const headerOf = (declaration: Named): Header => {
    const known = headers.get(declaration);
    if (known !== undefined) return known;
    const info = homeOf.get(declaration.span.file) as FileInfo;
    const text = headerText(declaration, info.readText);
    const { meanings, key } = meaningsOf(info, text);
    const header = { number: numberOf(`${info.file.path}\0${text}\0${key}`), meanings };
    headers.set(declaration, header);
    return header;
  };
  const keys = new Map<FunctionDeclaration, string | undefined>();
  const keyOf = (declaration: FunctionDeclaration): string | undefined => {
    if (!keys.has(declaration)) keys.set(declaration, newKey(declaration));
    return keys.get(declaration);
  };
  const newKey = (declaration: FunctionDeclaration): string | undefined => {
    const home = checker.homes.get(declaration);
    const owner = home?.module?.declaration;
    if (home === undefined) return undefined;
    const { start, end } = declaration.span;
    // From the beginning of its line, because places in that line move with what stands before.
    const { readText } = home.file;
    const text = readText.slice(readText.lastIndexOf("\n", start - 1) + 1, end);
    const { meanings, key } = meaningsOf(home.file, text);
    const reached = new Set<Named>();
    const waiting: Named[] = owner === undefined ? [...meanings] : [owner, ...meanings];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      waiting.push(...headerOf(next).meanings);
    }
    const around = owner === undefined ? "" : headerOf(owner).number;
    const numbersReached = [...reached].map((each) => headerOf(each).number).sort((a, b) => a - b);
    return `${home.file.file.path}\0${around}\0${numbersReached.join(" ")}\0${key}\0${text}`;
  };

  return {
    note: (declaration, edges) => {
      // A missing `return` is not reported while anything in the file could not be read.
      const { skippedNames } = checker.homes.get(declaration)?.file ?? {};
      if (skippedNames !== undefined && skippedNames.size > 0 && !alwaysReturns(declaration.body)) return;
      const key = keyOf(declaration);
      const calls = edges.map(({ to, span, name }) => ({
        callee: labels.get(to as FunctionDeclaration),
        name,
        span: movedSpan(span, declaration.span, -1),
      }));
      const areKnown = calls.every((call): call is RememberedCall => {
        return call.callee !== undefined && callees.get(call.callee) !== undefined;
      });
      if (key !== undefined && areKnown) sound.set(key, calls as readonly RememberedCall[]);
    },
    recall: (declaration) => {
      const key = keyOf(declaration);
      const calls = key === undefined ? undefined : before.sound.get(key);
      if (key === undefined || calls === undefined) return undefined;
      const edges: Checker["edges"] = [];
      for (const { callee, name, span } of calls) {
        const to = callees.get(callee);
        if (to === undefined) return undefined;
        edges.push({ from: declaration, to, span: movedSpan(span, declaration.span, 1), name });
      }
      sound.set(key, calls);
      return edges;
    },
    memory: () => ({ sound, words, headers: numbers }),
  };
}

function declarationOf(definition: Definition): Named | undefined {
  return definition.kind === "function" || definition.kind === "module" || definition.kind === "extern"
    ? definition.declaration
    : undefined;
}

/** The different names in a text, as the grammar reads names. */
function splitWords(text: string): readonly string[] {
  const found = text.normalize("NFC").match(/[\p{L}_](?:[\p{L}0-9_\u2080-\u2089]|[\u0300-\u036F])*/gu) ?? [];
  return [...new Set(found)];
}

/** Text of a declaration without the bodies of functions: of these, up to the last declared result. */
function headerText(declaration: Named, text: string): string {
  const { start, end } = declaration.span;
  const headerEnd = ({ results, span }: FunctionDeclaration) => results.at(-1)?.span.end ?? span.end;
  if (declaration.kind === "extern") return text.slice(start, end);
  if (declaration.kind === "function") return text.slice(start, headerEnd(declaration));
  let [header, copied] = ["", start];
  for (const member of declaration.members) {
    if (member.kind !== "function") continue;
    header += `${text.slice(copied, headerEnd(member)).trim()}\n`;
    copied = member.span.end;
  }
  return header + text.slice(copied, end).trim();
}

/** A place counted from where a function begins (-1), or back to where it stands (1). */
function movedSpan(span: Span, origin: Span, direction: 1 | -1): Span {
  return {
    ...span,
    start: span.start + direction * origin.start,
    end: span.end + direction * origin.start,
    line: span.line + direction * origin.line,
  };
}
