/** The words of the language, read off the tables that the parser and checker use: for editors, which colour and complete them. */
import { grammarText } from "./grammar.ts";
import { castNames, constantNames, orderNames, randomName } from "./names.ts";
import { readsAsName } from "./parse-range.ts";
import { reducers } from "./syntax-tree.ts";

/** Words with which the grammar builds declarations, statements and expressions, as in `let`, in the order of the grammar. */
export const keywords: readonly string[] = [...grammarText.matchAll(/^ {2}([a-z]+) = "\1" ~identifierPart$/gm)].map(
  (match) => match[1] as string,
);

/** The values that a condition can be written as. */
export const booleanWords: readonly string[] = ["true", "false"];

/** Words that nothing can be called. */
export const reservedWords: ReadonlySet<string> = new Set(
  [...keywords, ...booleanWords, ...reducers].filter((word) => !readsAsName(word)),
);

/** Types of elements, `idx` and `size` included. */
export const elementTypeNames: readonly string[] = [...castNames.keys(), "idx", "size"];

/** Functions that the checker itself answers, besides the operations of the IR: joins, random numbers, orders. */
export const languageFunctions: readonly string[] = ["concat", randomName, ...orderNames.keys()];

export const constantWords: readonly string[] = [...constantNames.keys()];

/** Whether the text can be the name of something: letters, digits, `_`, subscripts and accents, and no reserved word. */
export function isName(text: string): boolean {
  return readsAsName(text) && !reducers.some((reducer) => reducer === text);
}
