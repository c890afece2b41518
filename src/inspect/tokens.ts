/** Words of Weft, IR and WGSL texts by their role, for colouring. Every character of the text belongs to exactly one token. */

export type TokenKind = "comment" | "keyword" | "type" | "number" | "string" | "name" | "call" | "operator" | "blank";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

export type TokenLanguage = "weft" | "wgsl" | "ir";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

interface LanguageWords {
  readonly keywords: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
  /** How a comment starts; it ends with the line. */
  readonly comment: string;
}

const languages: Readonly<Record<TokenLanguage, LanguageWords>> = {
  weft: {
    keywords: words(
      "use fn module model entry preset param buffer sub let return for if then else require extern where and or not in of as wgsl " +
        "sum mean max min prod any all argmax argmin logsumexp true false",
    ),
    types: words("f32 f16 bf16 i32 u32 bool idx size"),
    comment: "//",
  },
  wgsl: {
    keywords: words(
      "fn let var const for if else loop while break continue return switch struct override enable true false storage read read_write workgroup",
    ),
    types: words("f32 f16 i32 u32 bool vec2 vec3 vec4 array mat2x2 mat3x3 mat4x4 atomic ptr"),
    comment: "//",
  },
  ir: {
    keywords: words("graph return"),
    types: words("f32 f16 bf16 i32 u32 bool idx"),
    comment: ";",
  },
};

const pattern =
  /("(?:[^"\\\n]|\\.)*")|(\d[\w.]*)|([\p{L}_@%][\p{L}\p{N}\p{M}_]*)|(\s+)|([^\p{L}\p{N}\s_"@%])|([\s\S])/gu;

/** The tokens of one line (or of a text without comments that span lines; none of these languages has any). */
export function tokenise(line: string, language: TokenLanguage): Token[] {
  const { keywords, types, comment } = languages[language];
  const commentStart = startOfComment(line, comment, language);
  const code = line.slice(0, commentStart);
  const tokens: Token[] = [];
  for (const [text, string, number, word, blank] of code.matchAll(pattern)) {
    if (string !== undefined) tokens.push({ kind: "string", text });
    else if (number !== undefined) tokens.push({ kind: "number", text });
    else if (blank !== undefined) tokens.push({ kind: "blank", text });
    else if (word !== undefined) tokens.push({ kind: wordKind(word), text });
    else tokens.push({ kind: "operator", text });
  }
  tokens.forEach((token, i) => {
    if (token.kind === "name" && tokens[i + 1]?.text === "(") tokens[i] = { kind: "call", text: token.text };
  });
  if (commentStart < line.length) tokens.push({ kind: "comment", text: line.slice(commentStart) });
  return tokens;

  function wordKind(word: string): TokenKind {
    if (keywords.has(word) || word.startsWith("@")) return "keyword";
    return types.has(word) ? "type" : "name";
  }
}

/**
 * In Weft, `//` divides unless it starts the line, follows two blanks, a tab, or something that cannot end an operand; the rule
 * of the frontend, for one line.
 */
function startOfComment(line: string, comment: string, language: TokenLanguage): number {
  const found =
    language === "weft"
      ? /(?:^\s*|\s{2,}|\t|[{}([,;=+\-*/%^<>:|]\s?)(\/\/)/d.exec(line)?.indices?.[1]?.[0]
      : line.indexOf(comment);
  return found === undefined || found < 0 ? line.length : found;
}
