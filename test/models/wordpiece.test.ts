/** BERT's tokeniser: the published vocabulary's ids of known texts, and mistakes in vocabularies and lengths. */
import { describe, expect, it } from "vitest";
import { encodeText, readVocabulary, WordPieceError, wordPieces } from "../../models/bert/wordpiece.ts";

/** Lines of the published `bert-base-uncased` vocabulary that the cases need, by id; the other lines hold nothing that texts have. */
const published: Readonly<Record<number, string>> = {
  0: "[PAD]",
  100: "[UNK]",
  101: "[CLS]",
  102: "[SEP]",
  103: "[MASK]",
  1001: "#",
  1004: "&",
  1005: "'",
  1011: "-",
  1012: ".",
  1013: "/",
  1037: "a",
  1056: "t",
  1059: "w",
  1752: "二",
  1756: "人",
  1984: "ﬁ",
  1996: "the",
  1997: "of",
  2123: "don",
  2139: "de",
  2157: "right",
  2158: "man",
  2187: "left",
  2235: "small",
  2312: "large",
  2417: "red",
  2630: "blue",
  2675: "square",
  3124: "guy",
  3173: "holding",
  3231: "test",
  3468: "##ble",
  3756: "yellow",
  3788: "walking",
  3797: "shirt",
  3900: "##ja",
  3953: "bottom",
  4413: "42",
  4418: "circle",
  5568: "grass",
  5717: "zero",
  6277: "##board",
  7668: "cafe",
  9381: "width",
  9546: "triangle",
  9960: "istanbul",
  14477: "una",
  15743: "naive",
  17260: "skate",
  20348: "##xx",
  20961: "##ffa",
  22038: "xx",
  24728: "vu",
};
const vocabulary = readVocabulary(
  `${Array.from({ length: 30522 }, (_, id) => published[id] ?? `[line${id}]`).join("\n")}\n`,
);

describe("the published vocabulary's ids", () => {
  it.each<[string, readonly number[]]>([
    ["the red circle", [1996, 2417, 4418]],
    ["small blue square left of the large yellow triangle", [2235, 2630, 2675, 2187, 1997, 1996, 2312, 3756, 9546]],
    ["Bottom-right grass.", [3953, 1011, 2157, 5568, 1012]],
    ["man holding a skateboard", [2158, 3173, 1037, 17260, 6277]],
    ["Café déjà vu", [7668, 2139, 3900, 24728]],
    ["unaffable", [14477, 20961, 3468]],
    ["don't", [2123, 1005, 1056]],
    ["guy w/ t-shirt & #42", [3124, 1059, 1013, 1056, 1011, 3797, 1004, 1001, 4413]],
    ["二人 walking", [1752, 1756, 3788]],
    ["二人walking", [1752, 1756, 3788]],
    ["\u200Bzero\u00A0width", [5717, 9381]],
    ["ze\u0000r\u00ADo\twi\uFFFDdth\r\n", [5717, 9381]],
    ["zero\u2028width", [5717, 9381]],
    ["a\u{1F600}b", [100]],
    ["x".repeat(101), [100]],
    ["x".repeat(200), [100]],
    ["x".repeat(100), [22038, ...Array.from({ length: 49 }, () => 20348)]],
    ["İstanbul", [9960]],
    ["ISTANBUL", [9960]],
    ["\uFB01", [1984]],
    ["naïve [MASK] test", [15743, 103, 3231]],
    ["the[MASK]the", [1996, 103, 1996]],
    ["a“a”…", [1037, 100, 1037, 100, 100]],
    ["", []],
    [" \t\n", []],
  ])("%j", (text, ids) => expect(wordPieces(vocabulary, text)).toEqual(ids));

  it("throws away the pieces of a word that has no end", () => {
    expect(wordPieces(vocabulary, "skateq the")).toEqual([100, 1996]);
  });
});

describe("a text of fixed length", () => {
  it("stands between its marks, then comes padding", () => {
    const { ids, mask, pieces } = encodeText(vocabulary, "the red circle", 8);
    expect([...ids]).toEqual([101, 1996, 2417, 4418, 102, 0, 0, 0]);
    expect([...mask]).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
    expect(pieces).toBe(3);
  });

  it("may fill its places, and not more", () => {
    expect([...encodeText(vocabulary, "the red circle", 5).ids]).toEqual([101, 1996, 2417, 4418, 102]);
    expect(() => encodeText(vocabulary, "the red circle", 4)).toThrow(
      new WordPieceError(
        'the text has 3 word pieces, which with [CLS] and [SEP] need 5 places, and there are 4: shorten "the red circle"',
      ),
    );
  });
});

describe("vocabularies", () => {
  const specials = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

  it("may end without a line break, and have those of Windows", () => {
    expect(readVocabulary(`${specials}the`).idOf.get("the")).toBe(5);
    expect(readVocabulary(`${specials}the\n`.replaceAll("\n", "\r\n")).pieces).toHaveLength(6);
  });

  it.each([
    ["", /is empty: give/],
    [`${specials}the\n\nof\n`, /^line 7 of the vocabulary is empty/],
    [`${specials}the\nof\nthe\n`, /^line 8 of the vocabulary repeats "the" of line 6$/],
    ["[PAD]\n[UNK]\n[CLS]\n[MASK]\nthe\n", /no line \[SEP\]/],
    ["the\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", /\[PAD\] must stand in line 1/],
  ])("%j cannot be read", (text, message) => {
    expect(() => readVocabulary(text)).toThrow(WordPieceError);
    expect(() => readVocabulary(text)).toThrow(message);
  });
});
