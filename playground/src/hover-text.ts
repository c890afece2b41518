/** What the compiler says of a place, as elements: its Markdown has blocks of Weft, bold words and code, and no more. */
import { colouredLine, element } from "../../src/inspect/page/index.ts";

export function hoverText(markdown: string): HTMLElement {
  const parts = markdown.split(/^```weft\n([\s\S]*?)\n```$/m);
  return element(
    "div",
    { class: "hover-text" },
    ...parts.flatMap((part, i) => (i % 2 === 1 ? [codeBlock(part)] : paragraphs(part))),
  );
}

function codeBlock(text: string): HTMLElement {
  const lines = text.split("\n").map((line) => element("div", {}, ...colouredLine(line, "weft")));
  return element("pre", { class: "code" }, ...lines);
}

function paragraphs(text: string): HTMLElement[] {
  return text
    .split(/\n{2,}/)
    .filter((each) => each.trim() !== "")
    .map((each) => {
      const pieces = each.trim().split(/(`[^`]+`|\*\*[^*]+\*\*)/);
      return element(
        "p",
        {},
        ...pieces.map((piece) => {
          if (piece.startsWith("`") && piece.length > 1) return element("code", {}, piece.slice(1, -1));
          if (piece.startsWith("**")) return element("strong", {}, piece.slice(2, -2));
          return piece;
        }),
      );
    });
}
