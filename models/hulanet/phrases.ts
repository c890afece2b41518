/** Phrases of PhraseCut: their parts, their text, and their words as numbers. */
import { DemoInputError } from "../../src/demo.ts";
import type { Description } from "../shared/refworld/phrases.ts";
import { vocabularyWords } from "../shared/refworld/phrases.ts";

/** What a phrase says: a name, what the thing is like, and how it stands to other things. */
export interface Phrase {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly relations: readonly { readonly predicate: string; readonly object: string }[];
}

/** Attributes of several words that begin so follow the name ("car with red stripes"); all others precede it. */
const following = new Set("in on for of with made to not turned off from".split(" "));
/** Words that end like participles and are none. */
const noParticiples = new Set(["living", "king", "ping", "ceiling"]);

function follows(attribute: string): boolean {
  const [first = "", ...rest] = attribute.split(" ");
  if (rest.length === 0) return false;
  return following.has(first) || (first.endsWith("ing") && !noParticiples.has(first));
}

/** The phrase as people read it, put together as the data set does it. */
export function phraseText({ name, attributes, relations }: Phrase): string {
  let text = name;
  for (const attribute of attributes) text = follows(attribute) ? `${text} ${attribute}` : `${attribute} ${text}`;
  return [text, ...relations.map(({ predicate, object }) => `${predicate} ${object}`)].join(" ");
}

/** The words of a text by the rule of the data set: lower-case, with these characters standing alone. */
export function wordsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .replace(separate, " $& ")
    .split(/\s+/)
    .filter((word) => word !== "");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule names the character 0
const separate = /[-',:<./?*"\\&\u0000`!\][+@()]/g;

/** Words by number; 0 is padding and 1 stands for words that are not in it. */
export type WordNumbers = ReadonlyMap<string, number>;

/**
 * A vocabulary from a text with one word a line, whose numbers count from 4, after padding, unknown words, beginning and end.
 *
 * @param name of the file, for messages
 * @throws DemoInputError for a vocabulary without words and for a word that is there twice
 */
export function readWordNumbers(name: string, text: string): WordNumbers {
  const words = text.split(/\r?\n/).map((line) => line.trim());
  if (words.at(-1) === "") words.pop();
  const start = words[0] === "<PAD>" ? 0 : 4;
  const numbers = new Map<string, number>();
  words.forEach((word, line) => {
    if (word === "") throw new DemoInputError([`${name}, line ${line + 1} is empty; each line holds one word`]);
    if (numbers.has(word)) throw new DemoInputError([`${name}, line ${line + 1} repeats "${word}"`]);
    numbers.set(word, start + line);
  });
  if (numbers.size === 0) throw new DemoInputError([`${name} holds no words; each line must hold one`]);
  return numbers;
}

/** The words of the synthetic world. */
export const worldWordNumbers: WordNumbers = new Map(vocabularyWords.map((word, number) => [word, number]));

/** Places for the words of each part. */
export interface WordPlaces {
  readonly category: number;
  readonly attribute: number;
  readonly relation: number;
  readonly support: number;
}

/** i32[places] for each part, and the words that have no number. */
export interface NumberedPhrase {
  readonly cat_ids: Int32Array<ArrayBuffer>;
  readonly att_ids: Int32Array<ArrayBuffer>;
  readonly rel_ids: Int32Array<ArrayBuffer>;
  readonly sup_ids: Int32Array<ArrayBuffer>;
  readonly unknown: readonly string[];
}

/**
 * The words of all parts as numbers; of several relations the first is taken.
 *
 * @throws DemoInputError for a phrase without name, a relation to nothing, and parts of more words than there are places
 */
export function numberedPhrase(phrase: Phrase, numbers: WordNumbers, places: WordPlaces): NumberedPhrase {
  const problems: string[] = [];
  const unknown: string[] = [];
  const numbered = (part: string, text: string, most: number) => {
    const words = wordsOf(text);
    if (words.length > most) {
      problems.push(`the ${part} "${text}" has ${words.length} words, and there are ${most} places: shorten it`);
    }
    const ids = new Int32Array(most);
    words.slice(0, most).forEach((word, place) => {
      if (!numbers.has(word)) unknown.push(word);
      ids[place] = numbers.get(word) ?? 1;
    });
    return ids;
  };
  const [relation] = phrase.relations;
  if (wordsOf(phrase.name).length === 0) problems.push("the phrase has no category; say what the thing is called");
  if (relation !== undefined && wordsOf(relation.predicate).length === 0) {
    problems.push("the relation has no words; say how the thing stands to the other");
  }
  if (relation !== undefined && wordsOf(relation.object).length === 0) {
    problems.push(`the relation "${relation.predicate}" needs the thing it leads to`);
  }
  const result = {
    cat_ids: numbered("category", phrase.name, places.category),
    att_ids: numbered("attributes", phrase.attributes.join(" "), places.attribute),
    rel_ids: numbered("relation", relation?.predicate ?? "", places.relation),
    sup_ids: numbered("support", relation?.object ?? "", places.support),
    unknown,
  };
  if (problems.length > 0) throw new DemoInputError(problems);
  return result;
}

/** A description of the synthetic world in parts: size before colour. */
export function phraseOf({ head, relation }: Description): Phrase {
  return {
    name: head.name,
    attributes: [head.size, head.color].filter((word) => word !== undefined),
    relations: relation === undefined ? [] : [{ predicate: relation.kind, object: relation.support.name }],
  };
}
