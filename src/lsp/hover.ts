/** What an editor shows when one points at a place of the text. */
import { type CheckedProgram, type Expression, printValueType } from "../frontend/index.ts";
import { printFlops, type Span } from "../ir/index.ts";
import { describe } from "./describe.ts";
import { nameAt } from "./find-names.ts";
import { type CostSettings, costOfEntry, costOfLines } from "./line-costs.ts";
import type { FileNames } from "./name-index.ts";
import type { NameSymbol } from "./name-symbol.ts";
import { nodesAt, type TreeNode } from "./syntax-path.ts";
import type { ProgramView, Workspace } from "./workspace.ts";

export interface Hover {
  readonly span: Span;
  /** Markdown. */
  readonly text: string;
}

const code = (text: string): string => `\`\`\`weft\n${text}\n\`\`\``;

/** What stands at an offset: the meaning of a name, or the type of an expression, and what the line costs. */
export function hoverAt(workspace: Workspace, path: string, offset: number, settings: CostSettings): Hover | undefined {
  const view = workspace.quickView(path);
  const names = view?.names.of(path);
  if (view === undefined || names === undefined) return undefined;
  view.program.fillTables(({ span }) => span.file === path && span.start <= offset && span.end >= offset);
  const nodes = nodesAt(names.file, offset);
  const found = nameAt(workspace, path, offset);
  if (found !== undefined) {
    const { symbol, span } = found.occurrence;
    const { declaration, note, doc } = describe(view, symbol);
    return {
      span,
      text: paragraphs(code(declaration), note, doc, costText(workspace, path, nodes, symbol, span, settings)),
    };
  }
  const expression = nodes.findLast((node) => typeText(view, names, node) !== undefined);
  if (expression === undefined) return undefined;
  const text = typeText(view, names, expression) as string;
  return {
    span: expression.span,
    text: paragraphs(text, costText(workspace, path, nodes, undefined, expression.span, settings)),
  };
}

const paragraphs = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== "").join("\n\n");

const isExpression = (program: CheckedProgram, node: TreeNode): node is Expression & TreeNode =>
  program.tables.types.has(node as Expression);

/** The type of an expression, with the indices it still depends on. */
function typeText({ program }: ProgramView, names: FileNames, node: TreeNode): string | undefined {
  if (!isExpression(program, node)) return undefined;
  const type = program.tables.types.get(node);
  if (type === undefined || type.kind === "unknown") return undefined;
  const free = new Map<string, NameSymbol>();
  for (const { span, symbol } of names.occurrences) {
    if (span.start < node.span.start || span.end > node.span.end || symbol.node.kind !== "index") continue;
    const declared = symbol.span;
    const isOutside = declared !== undefined && (declared.start < node.span.start || declared.end > node.span.end);
    if (isOutside) free.set(symbol.name, symbol);
  }
  const indices = free.size === 0 ? "" : `, for every ${[...free.keys()].map((name) => `\`${name}\``).join(", ")}`;
  return `${code(printValueType(type))}\n\nthe type of this ${wordFor(node)}${indices}`;
}

function wordFor(node: TreeNode): string {
  switch (node.kind) {
    case "reduce":
      return "reduction";
    case "call":
      return "call";
    case "subscript":
      return "element or part";
    case "number":
    case "boolean":
      return "constant";
    default:
      return "expression";
  }
}

/** Kinds of nodes that are shown with what all their lines cost. */
const costed = new Set(["let", "placed", "assign", "accumulate", "return", "for", "if"]);

/** What a run of a declared function costs, or the lines of the statement around a place. */
function costText(
  workspace: Workspace,
  path: string,
  nodes: readonly TreeNode[],
  symbol: NameSymbol | undefined,
  span: Span,
  settings: CostSettings,
): string | undefined {
  const isDeclaration = symbol?.span?.file === path && symbol.span.start === span.start;
  if (isDeclaration && symbol.node.kind === "function") {
    const cost = costOfEntry(workspace, path, symbol.node.declaration, settings);
    if (cost !== undefined) return `One run: **${printFlops(cost.flops)}** as written (${cost.label})`;
  }
  const node = nodes.findLast(({ kind }) => costed.has(kind));
  if (node === undefined) return undefined;
  const text = workspace.text(path) ?? "";
  const lines = text.slice(node.span.start, node.span.end).split("\n").length;
  const cost = costOfLines(workspace, path, node.span.line, node.span.line + lines - 1, settings);
  if (cost === undefined) return undefined;
  const what = lines === 1 ? "This line" : "These lines";
  return `${what}, without what is called: **${printFlops(cost.flops)}** as written (${cost.label})`;
}
