/** What the printing of a kernel must know of its body: where values are used, and how buffers are read. */
import type { IndexExpression } from "./index-expression.ts";
import type { ScalarExpression, Statement } from "./kernel.ts";

function* expressionsOf(statements: readonly Statement[]): Generator<ScalarExpression> {
  for (const statement of statements) {
    switch (statement.kind) {
      case "let":
      case "var":
      case "assign":
      case "set":
      case "store":
        yield statement.value;
        break;
      case "if":
        yield statement.condition;
        yield* expressionsOf(statement.body);
        break;
      case "loop":
      case "parallel":
        yield* expressionsOf(statement.body);
        break;
    }
  }
}

function childrenOf(expression: ScalarExpression): readonly ScalarExpression[] {
  switch (expression.kind) {
    case "apply":
      return expression.args;
    case "splat":
    case "lane":
    case "broadcast":
      return [expression.of];
    case "lanes":
    case "dot":
      return expression.of;
    case "load":
      return indexValues(expression.address);
    case "index":
    case "element":
      return indexValues(expression.index);
    default:
      return [];
  }
}

function indexValues(index: IndexExpression): ScalarExpression[] {
  return index.terms.flatMap(({ atom }) =>
    atom.kind === "value" ? [atom.value] : atom.kind === "variable" ? [] : indexValues(atom.of),
  );
}

/** Buffers that are read or written four elements at a time. */
export function vectorBuffers(body: readonly Statement[]): Set<number> {
  const vectors = new Set<number>();
  const visit = (expression: ScalarExpression) => {
    if (expression.kind === "load" && expression.type.width === 4) vectors.add(expression.buffer);
    for (const child of childrenOf(expression)) visit(child);
  };
  for (const expression of expressionsOf(body)) visit(expression);
  const stores = (statements: readonly Statement[]) => {
    for (const statement of statements) {
      if (statement.kind === "store" && statement.value.type.width === 4) vectors.add(statement.buffer);
      if ("body" in statement) stores(statement.body);
    }
  };
  stores(body);
  return vectors;
}

/** Unnamed lets that are used exactly once, in their own scope: they read better in place. */
export function inlineCandidates(body: readonly Statement[]): Map<string, ScalarExpression> {
  const uses = new Map<string, number>();
  const count = (expression: ScalarExpression) => {
    if (expression.kind === "name") uses.set(expression.name, (uses.get(expression.name) ?? 0) + 1);
    for (const child of childrenOf(expression)) count(child);
  };
  const countIndex = (index: IndexExpression | undefined) => {
    if (index !== undefined) for (const value of indexValues(index)) count(value);
  };
  const countAll = (statements: readonly Statement[]) => {
    for (const statement of statements) {
      if (statement.kind === "store") countIndex(statement.address);
      if (statement.kind === "set") countIndex(statement.index);
      if (statement.kind === "loop") {
        countIndex(statement.from);
        countIndex(statement.until);
        countAll(statement.body);
      } else if (statement.kind === "if") {
        count(statement.condition);
        countAll(statement.body);
      } else if (statement.kind === "parallel") countAll(statement.body);
      else if (statement.kind === "index") countIndex(statement.value);
      else if (statement.kind === "load-matrix" || statement.kind === "store-matrix") countIndex(statement.offset);
      else if ("value" in statement) count(statement.value);
    }
  };
  countAll(body);
  const inlined = new Map<string, ScalarExpression>();
  const scan = (statements: readonly Statement[]) => {
    const direct = new Map<string, number>();
    const own = (expression: ScalarExpression) => {
      if (expression.kind === "name") direct.set(expression.name, (direct.get(expression.name) ?? 0) + 1);
      for (const child of childrenOf(expression)) own(child);
    };
    for (const statement of statements) {
      if (statement.kind === "store") for (const value of indexValues(statement.address)) own(value);
      if (statement.kind === "loop" || statement.kind === "parallel") scan(statement.body);
      else if (statement.kind === "if") {
        own(statement.condition);
        scan(statement.body);
      } else if ("value" in statement && statement.kind !== "index") own(statement.value);
    }
    for (const statement of statements) {
      if (statement.kind !== "let" || statement.authored) continue;
      if (uses.get(statement.name) === 1 && direct.get(statement.name) === 1)
        inlined.set(statement.name, statement.value);
    }
  };
  scan(body);
  return inlined;
}
