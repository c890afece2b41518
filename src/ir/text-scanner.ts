/** Reading IR text piece by piece, with the place of whatever is wrong. */

/** IR text that cannot be read. `line` and `column` are 1-based; `expected` says what should stand there. */
export class IrTextError extends Error {
  override readonly name = "IrTextError";
  constructor(
    readonly line: number,
    readonly column: number,
    readonly expected: string,
    /** The whole source line. */
    readonly sourceLine: string,
  ) {
    super(`${line}:${column}: expected ${expected}\n${sourceLine}\n${" ".repeat(Math.max(0, column - 1))}^`);
  }
}

/**
 * A position in a text and the ways to move it. Blanks before every piece are skipped, line ends are not. The `try` methods
 * return undefined (or false) and stay in place where their piece does not stand; the others fail.
 */
export class TextScanner {
  /** UTF-16 offset of the next character to read. */
  offset = 0;
  constructor(private readonly text: string) {}

  /** Fails at an offset, saying what was expected there. */
  failAt(offset: number, expected: string): never {
    const before = this.text.slice(0, offset);
    const lineStart = before.lastIndexOf("\n") + 1;
    const lineEnd = this.text.indexOf("\n", offset);
    const line = before.split("\n").length;
    const sourceLine = this.text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, "");
    throw new IrTextError(line, offset - lineStart + 1, expected, sourceLine);
  }

  fail(expected: string): never {
    this.skipSpaces();
    return this.failAt(this.offset, expected);
  }

  /** Text matched by a sticky pattern. */
  tryTake(pattern: RegExp): string | undefined {
    this.skipSpaces();
    pattern.lastIndex = this.offset;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.offset += match[0].length;
    this.skipSpaces();
    return match[0];
  }

  take(pattern: RegExp, expected: string): string {
    return this.tryTake(pattern) ?? this.fail(expected);
  }

  at(symbol: string): boolean {
    this.skipSpaces();
    return this.text.startsWith(symbol, this.offset);
  }

  trySymbol(symbol: string): boolean {
    if (!this.at(symbol)) return false;
    this.offset += symbol.length;
    this.skipSpaces();
    return true;
  }

  symbol(symbol: string): void {
    if (!this.trySymbol(symbol)) this.fail(`\`${symbol}\``);
  }

  tryKeyword(word: string): boolean {
    return this.tryTake(new RegExp(`${word}\\b`, "y")) !== undefined;
  }

  keyword(word: string, expected: string): void {
    if (!this.tryKeyword(word)) this.fail(expected);
  }

  /** A string with JSON's escapes. */
  tryQuoted(): string | undefined {
    const start = this.offset;
    const text = this.tryTake(/"(?:[^"\\\n]|\\.)*"/y);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as string;
    } catch {
      return this.failAt(start, "a string with JSON's escapes");
    }
  }

  quoted(expected: string): string {
    return this.tryQuoted() ?? this.fail(expected);
  }

  atEnd(): boolean {
    return this.offset >= this.text.length;
  }

  atLineEnd(): boolean {
    this.skipSpaces();
    return this.atEnd() || this.text[this.offset] === "\n" || this.text[this.offset] === ";";
  }

  /** Skips a comment, then requires the end of the line. */
  endOfLine(): void {
    if (!this.atLineEnd()) this.fail("the end of the line");
    this.toEndOfLine();
  }

  toEndOfLine(): void {
    const end = this.text.indexOf("\n", this.offset);
    this.offset = end < 0 ? this.text.length : end;
  }

  /** Skips blanks, empty lines and lines that hold only a comment. */
  skipBlank(): void {
    for (;;) {
      this.skipSpaces();
      if (this.at(";")) this.toEndOfLine();
      if (this.atEnd() || this.text[this.offset] !== "\n") return;
      this.offset++;
    }
  }

  private skipSpaces(): void {
    while (this.text[this.offset] === " " || this.text[this.offset] === "\t" || this.text[this.offset] === "\r") {
      this.offset++;
    }
  }
}
