/**
 * BERT's uncased tokeniser: text to ids of a `vocab.txt` (Devlin et al. 2019, released code `tokenization.py`; greedy matching after Wu et
 * al. 2016, section 4.1). Pure: the caller reads the file.
 */

/** Pieces that every vocabulary of BERT has; written in a text they are kept whole. */
const specialPieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

type SpecialPiece = (typeof specialPieces)[number];

/** Words of more characters than this are unknown, as in the Transformers library (the first release took 200). */
const longestWord = 100;

/** The pieces of a `vocab.txt`. */
export interface Vocabulary {
  /** Pieces by id, the number of their line from 0. */
  readonly pieces: readonly string[];
  readonly idOf: ReadonlyMap<string, number>;
  readonly special: Readonly<Record<SpecialPiece, number>>;
  /** Characters of the longest piece, without its `##`. */
  readonly longest: number;
}

/** A vocabulary that cannot be read, or a text that does not fit; the message says what to do. */
export class WordPieceError extends Error {
  override readonly name = "WordPieceError";
}

/**
 * Reads a `vocab.txt`: one piece a line, its id the number of the line from 0. Pieces inside words begin with `##`.
 *
 * @throws WordPieceError with the line for an empty or repeated piece, and for a special piece that is missing or out of place
 */
export function readVocabulary(text: string): Vocabulary {
  const pieces = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (pieces.at(-1) === "") pieces.pop();
  if (pieces.length === 0) throw new WordPieceError("the vocabulary is empty: give BERT's vocab.txt, one piece a line");
  const idOf = new Map<string, number>();
  let longest = 0;
  for (const [id, piece] of pieces.entries()) {
    if (piece === "") throw new WordPieceError(`line ${id + 1} of the vocabulary is empty; each line holds one piece`);
    const earlier = idOf.get(piece);
    if (earlier !== undefined) {
      throw new WordPieceError(`line ${id + 1} of the vocabulary repeats "${piece}" of line ${earlier + 1}`);
    }
    idOf.set(piece, id);
    longest = Math.max(longest, [...withoutMark(piece)].length);
  }
  return { pieces, idOf, special: specialIds(idOf), longest };
}

function specialIds(idOf: ReadonlyMap<string, number>): Readonly<Record<SpecialPiece, number>> {
  const idOfSpecial = (piece: SpecialPiece): number => {
    const id = idOf.get(piece);
    if (id === undefined) {
      throw new WordPieceError(`the vocabulary has no line ${piece}; is it a vocab.txt of BERT, one piece a line?`);
    }
    return id;
  };
  const ids = Object.fromEntries(specialPieces.map((piece) => [piece, idOfSpecial(piece)]));
  // Models tell padding by id 0.
  if (ids["[PAD]"] !== 0) throw new WordPieceError("[PAD] must stand in line 1 of the vocabulary: padding has id 0");
  return ids as Record<SpecialPiece, number>;
}

const withoutMark = (piece: string) => (piece.startsWith("##") ? piece.slice(2) : piece);

/** Ids of the pieces of a text, without [CLS] and [SEP]. An empty text has none. */
export function wordPieces(vocabulary: Vocabulary, text: string): readonly number[] {
  return basicTokens(text).flatMap((token) => piecesOfToken(vocabulary, token));
}

/**
 * `[CLS] pieces [SEP]`, padded with 0 to `length`; `mask` is 1 on these and 0 on padding, `pieces` counts without the two marks.
 *
 * @throws WordPieceError when pieces and marks are more than `length`
 */
export function encodeText(
  vocabulary: Vocabulary,
  text: string,
  length: number,
): { readonly ids: Int32Array; readonly mask: Int32Array; readonly pieces: number } {
  const pieces = wordPieces(vocabulary, text);
  const used = pieces.length + 2;
  if (used > length) {
    throw new WordPieceError(
      `the text has ${pieces.length} word pieces, which with [CLS] and [SEP] need ${used} places, and there are ${length}: shorten "${excerpt(text)}"`,
    );
  }
  const { special } = vocabulary;
  const ids = new Int32Array(length).fill(special["[PAD]"]);
  ids.set([special["[CLS]"], ...pieces, special["[SEP]"]]);
  return { ids, mask: Int32Array.from(ids, (_, i) => (i < used ? 1 : 0)), pieces: pieces.length };
}

const excerpt = (text: string) => (text.length > 60 ? `${[...text].slice(0, 60).join("")}…` : text);

/** The words and punctuation marks of a text, lower-case and without accents; the special pieces stay whole. */
function basicTokens(text: string): readonly string[] {
  return text.split(specialPattern).flatMap((part) => {
    if ((specialPieces as readonly string[]).includes(part)) return [part];
    return spaced(part)
      .split(" ")
      .map((word) => word.toLowerCase().normalize("NFD").replace(accents, ""))
      .flatMap((word) => word.match(marksAndRuns) ?? []);
  });
}

/** The brackets keep the pieces in what `split` returns. */
const specialPattern = /(\[(?:PAD|UNK|CLS|SEP|MASK)\])/;

/** Every white space is a single blank, control characters are gone, and ideographs stand alone. */
function spaced(text: string): string {
  return text
    .replace(/[\t\n\r\p{Z}]/gu, " ")
    .replace(/[\uFFFD\p{Cc}\p{Cf}]/gu, "")
    .replace(ideographs, " $& ");
}

/** The blocks that the released code counts as Chinese characters: kana and Hangul, which have blanks of their own, are not among them. */
const ideographs =
  /[\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F}]/gu;

const accents = /\p{Mn}/gu;

/** A punctuation mark alone, or what stands between two. `$ + < = > ^ \` | ~` count, though Unicode calls them symbols. */
const marksAndRuns = /[!-/:-@[-`{-~\p{P}]|[^!-/:-@[-`{-~\p{P}]+/gu;

/** The longest piece that fits, then the longest that continues it, and so on; [UNK] for the whole token when one is missing. */
function piecesOfToken({ idOf, special, longest }: Vocabulary, token: string): readonly number[] {
  const unknown = [special["[UNK]"]];
  const whole = idOf.get(token);
  if (whole !== undefined && token in special) return [whole];
  const characters = [...token];
  if (characters.length > longestWord) return unknown;
  const ids: number[] = [];
  for (let start = 0; start < characters.length; ) {
    let end = Math.min(characters.length, start + longest);
    let id: number | undefined;
    for (; end > start; end--) {
      id = idOf.get((start === 0 ? "" : "##") + characters.slice(start, end).join(""));
      if (id !== undefined) break;
    }
    if (id === undefined) return unknown;
    ids.push(id);
    start = end;
  }
  return ids;
}
