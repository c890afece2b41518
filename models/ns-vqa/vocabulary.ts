/** The words of programs, answers and questions with the ids of the public code (kexinyi/ns-vqa at df35761, tbd-nets' vocabulary). */
import { attributes, attributeValues, relations } from "./scene.ts";

/** The first four words of every vocabulary. */
export const specialWords = ["<NULL>", "<START>", "<END>", "<UNK>"] as const;

/** Ids of the special words. */
export const wordId = { null: 0, start: 1, end: 2, unknown: 3 } as const;

const alphabetical = (words: readonly string[]) => [...words].sort();

/** Names of all functions with their values in brackets, in alphabetical order: ids 4 to 43. */
export const functionTokens: readonly string[] = alphabetical([
  "count",
  "exist",
  "equal_integer",
  "greater_than",
  "less_than",
  "intersect",
  "union",
  "scene",
  "unique",
  ...attributes.flatMap((attribute) => [`equal_${attribute}`, `query_${attribute}`, `same_${attribute}`]),
  ...attributes.flatMap((attribute) => attributeValues[attribute].map((value) => `filter_${attribute}[${value}]`)),
  ...relations.map((relation) => `relate[${relation}]`),
]);

/** Words of programs by id, 44 of them. */
export const programWords: readonly string[] = [...specialWords, ...functionTokens];

/** Answers by id, 32 with the special words: numbers to 10, values of attributes, yes and no. */
export const answerWords: readonly string[] = [
  ...specialWords,
  ...alphabetical([
    ...Array.from({ length: 11 }, (_, count) => String(count)),
    ...attributes.flatMap((attribute) => attributeValues[attribute]),
    "no",
    "yes",
  ]),
];

/** Words of CLEVR's questions by id, 93 with the special words; the empty word comes from doubled blanks. */
export const questionWords: readonly string[] = [
  ...specialWords,
  "",
  ...(
    "; Are Do Does How Is The There What a an and another any anything are as ball balls behind big block blocks blue both " +
    "brown color cube cubes cyan cylinder cylinders does either else equal fewer front gray greater green has have how in is it its " +
    "large left less made many material matte metal metallic more number object objects of on or other purple red right rubber same " +
    "shape shiny side size small sphere spheres than that the there thing things tiny to visible what yellow"
  ).split(" "),
];

/** Number of arguments of a function of the program language. */
export function arity(token: string): 0 | 1 | 2 {
  if (token === "scene") return 0;
  return token.startsWith("equal_") || ["less_than", "greater_than", "union", "intersect"].includes(token) ? 2 : 1;
}

/**
 * The words of a question as the public code splits it: blanks before `;` and `,`, no `?` and `.`, case kept, split at single
 * blanks.
 */
export function questionTokens(question: string): readonly string[] {
  return question
    .replace(/[;,]/g, (mark) => ` ${mark}`)
    .replace(/[?.]/g, "")
    .split(" ");
}

/**
 * Ids of words between `<START>` and `<END>`, then `<NULL>` up to `length`; words outside of the vocabulary become `<UNK>`.
 *
 * @throws RangeError when words and both marks are more than `length`
 */
export function encode(words: readonly string[], vocabulary: readonly string[], length: number): Int32Array {
  if (words.length + 2 > length)
    throw new RangeError(`${words.length} words and two marks do not fit into ${length} places`);
  const ids = new Int32Array(length).fill(wordId.null);
  ids[0] = wordId.start;
  words.forEach((word, i) => {
    const id = vocabulary.indexOf(word);
    ids[i + 1] = id === -1 ? wordId.unknown : id;
  });
  ids[words.length + 1] = wordId.end;
  return ids;
}

/** Words of ids, as they stand: special words included. An id outside of the vocabulary becomes `<UNK>`. */
export function decode(ids: Iterable<number>, vocabulary: readonly string[]): readonly string[] {
  return Array.from(ids, (id) => vocabulary[id] ?? specialWords[wordId.unknown]);
}
