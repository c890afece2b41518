/** Renumbering the buffers of kernel code, when several kernels become one. */
import type { IndexAtom, IndexExpression } from "./index-expression.ts";
import type { ScalarExpression, Statement } from "./kernel.ts";

/** The statements with buffer k replaced by `map[k]`. */
export function mapBuffers(statements: readonly Statement[], map: readonly number[]): Statement[] {
  const expression = (of: ScalarExpression): ScalarExpression => {
    switch (of.kind) {
      case "literal":
      case "name":
        return of;
      case "index":
      case "element":
        return { ...of, index: index(of.index) };
      case "load":
        return { ...of, buffer: map[of.buffer] as number, address: index(of.address) };
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
        return { ...of, of: index(of.of) };
    }
  };
  const index = (of: IndexExpression): IndexExpression => ({
    ...of,
    terms: of.terms.map((term) => ({ ...term, atom: atom(term.atom) })),
  });
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
        return { ...of, buffer: map[of.buffer] as number, address: index(of.address), value: expression(of.value) };
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
      case "barrier":
      case "array":
        return of;
    }
  };
  return statements.map(statement);
}
