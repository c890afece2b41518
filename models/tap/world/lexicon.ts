/** The words of the synthetic text-VQA world. */
import { readVocabulary, type Vocabulary } from "../../bert/wordpiece.ts";
import { diceOf } from "../../shared/dice.ts";

/** What can be in a picture. */
export const objectNames = [
  "bottle",
  "sign",
  "bus",
  "book",
  "shirt",
  "box",
  "phone",
  "plate",
  "cup",
  "poster",
  "car",
  "door",
] as const;

export type ObjectName = (typeof objectNames)[number];

const specialPieces = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"];
const functionWords = "what is written on the which object has word left right of there a and ?".split(" ");

/** Number of words that can be written on things. */
const writtenCount = 60;

/** Words without a meaning: consonant, vowel, consonant, and sometimes a vowel or a consonant more. The same in every world. */
export const writtenWords: readonly string[] = drawWords();

function drawWords(): readonly string[] {
  const dice = diceOf(0, "tap.lexicon");
  const consonants = [..."bcdfghjklmnprstvwz"];
  const vowels = [..."aeiou"];
  const known = new Set<string>([...functionWords, ...objectNames, "yes", "no"]);
  const words = new Set<string>();
  while (words.size < writtenCount) {
    let word = dice.pick(consonants) + dice.pick(vowels) + dice.pick(consonants);
    if (dice.chance(0.5)) word += dice.pick(vowels);
    if (dice.chance(0.3)) word += dice.pick(consonants);
    if (!known.has(word)) words.add(word);
  }
  return [...words];
}

/** The 93 words that the tiny network reads, [PAD] first. */
export const worldVocabulary: Vocabulary = readVocabulary(
  [...specialPieces, ...functionWords, ...objectNames, ...writtenWords].join("\n"),
);

/** First word that may stand in for a masked one. */
export const firstOrdinaryWord = specialPieces.length;

/** The 18 answers of the fixed vocabulary. */
export const worldAnswers: readonly string[] = ["<pad>", "<s>", "</s>", "<unk>", "yes", "no", ...objectNames];
