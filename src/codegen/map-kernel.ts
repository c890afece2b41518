/** Rewriting kernel code: indices, buffers and addresses everywhere in it. */
import type { IndexAtom, IndexExpression } from "./index-expression.ts";
import type { ScalarExpression, Statement } from "./kernel.ts";

export interface KernelMap {
  /** New form of every index, addresses included. */
  readonly index?: (index: IndexExpression) => IndexExpression;
  /** New number of a buffer. */
  readonly buffer?: (buffer: number) => number;
  /** New form of the address of an element of a buffer (by its old number), after `index`. */
  readonly address?: (buffer: number, address: IndexExpression) => IndexExpression;
}

export function mapStatements(statements: readonly Statement[], map: KernelMap): Statement[] {
  const bufferOf = (buffer: number) => map.buffer?.(buffer) ?? buffer;
  const addressOf = (buffer: number, address: IndexExpression) => {
    const changed = index(address);
    return map.address?.(buffer, changed) ?? changed;
  };
  const expression = (of: ScalarExpression): ScalarExpression => {
    switch (of.kind) {
      case "literal":
      case "name":
        return of;
      case "index":
      case "element":
        return { ...of, index: index(of.index) };
      case "load":
        return { ...of, buffer: bufferOf(of.buffer), address: addressOf(of.buffer, of.address) };
      case "apply":
        return { ...of, args: of.args.map(expression) };
      case "splat":
      case "lane":
      case "broadcast":
        return { ...of, of: expression(of.of) };
      case "lanes":
        return { ...of, of: of.of.map(expression) };
      case "dot":
        return { ...of, of: [expression(of.of[0]), expression(of.of[1])] };
    }
  };
  const atom = (of: IndexAtom): IndexAtom => {
    switch (of.kind) {
      case "variable":
        return of;
      case "value":
        return { ...of, value: expression(of.value) };
      default:
        return { ...of, of: valuesInside(of.of) };
    }
  };
  /** Values from memory that an index uses are code too. */
  const valuesInside = (of: IndexExpression): IndexExpression => ({
    ...of,
    terms: of.terms.map((term) => ({ ...term, atom: atom(term.atom) })),
  });
  const index = (of: IndexExpression): IndexExpression => {
    const inside = valuesInside(of);
    return map.index?.(inside) ?? inside;
  };
  const statement = (of: Statement): Statement => {
    switch (of.kind) {
      case "let":
      case "var":
      case "assign":
        return { ...of, value: expression(of.value) };
      case "index":
        return { ...of, value: index(of.value) };
      case "set":
        return { ...of, index: index(of.index), value: expression(of.value) };
      case "store":
        return {
          ...of,
          buffer: bufferOf(of.buffer),
          address: addressOf(of.buffer, of.address),
          value: expression(of.value),
        };
      case "loop":
        return {
          ...of,
          ...(of.from === undefined ? {} : { from: index(of.from) }),
          ...(of.until === undefined ? {} : { until: index(of.until) }),
          body: of.body.map(statement),
        };
      case "if":
        return { ...of, condition: expression(of.condition), body: of.body.map(statement) };
      case "parallel":
        return { ...of, body: of.body.map(statement) };
      case "load-matrix":
      case "store-matrix":
        return { ...of, offset: index(of.offset) };
      case "barrier":
      case "array":
      case "matrix":
      case "multiply-matrices":
        return of;
    }
  };
  return statements.map(statement);
}
