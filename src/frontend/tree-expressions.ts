/** Actions of the tree builder for expressions, names and literals. */
import type { ActionDict, Node as OhmNode } from "ohm-js";
import { errorAt } from "./diagnostic.ts";
import type * as tree from "./syntax-tree.ts";
import { RefusedSyntax, type TreeTools } from "./tree-tools.ts";

type Suffix = (object: tree.Expression, start: number) => tree.Expression;

const asciiOperators: Readonly<Record<string, tree.BinaryOperator>> = { "≤": "<=", "≥": ">=", "≠": "!=" };

/** One action per rule of expressions. */
export function expressionActions({ span, spanOf, build, all, optional, expression }: TreeTools): ActionDict<unknown> {
  const chain = (first: OhmNode, operators: OhmNode, rest: OhmNode): tree.Expression => {
    let left = build<tree.Expression>(first);
    const start = first.source.startIdx;
    rest.children.forEach((child, i) => {
      const operatorNode = operators.children[i] as OhmNode;
      const right = build<tree.Expression>(child);
      const text = operatorNode.sourceString.trim();
      left = expression(
        {
          kind: "binary",
          operator: asciiOperators[text] ?? (text as tree.BinaryOperator),
          operatorSpan: span(operatorNode),
          left,
          right,
          span: spanOf(start, child.source.endIdx),
        },
        [left, right],
      );
    });
    return left;
  };
  const unary = (whole: OhmNode, operator: "-" | "not", operandNode: OhmNode): tree.Expression => {
    const operand = build<tree.Expression>(operandNode);
    return expression({ kind: "unary", operator, operand, span: span(whole) }, [operand]);
  };
  const operand = (primary: OhmNode, suffixes: OhmNode): tree.Expression =>
    all<Suffix>(suffixes).reduce<tree.Expression>(
      (object, apply) => apply(object, primary.source.startIdx),
      build(primary),
    );

  const call = (end: OhmNode, axes: tree.CallAxis[] | undefined, args: OhmNode, directives: OhmNode): Suffix => {
    return (object, start) => {
      const whole = spanOf(start, end.source.endIdx);
      if (object.kind !== "name" && object.kind !== "member") {
        throw new RefusedSyntax(
          errorAt(object.span, "syntax/call", "only a name can be called", {
            help: ["Give the value a name with `let`."],
          }),
        );
      }
      const values = all<tree.Argument>(args);
      return expression(
        { kind: "call", callee: object, axes, arguments: values, directives: all(directives), span: whole },
        [object, ...values.map((argument) => argument.value)],
      );
    };
  };
  const read = (whole: OhmNode, subscripts: tree.Subscript[], otherwise: tree.Expression | undefined): Suffix => {
    return (object, start) =>
      expression({ kind: "subscript", object, subscripts, otherwise, span: spanOf(start, whole.source.endIdx) }, [
        object,
        ...subscripts.flatMap((subscript) => (subscript.kind === "at" ? [subscript.expression] : [])),
        ...(otherwise === undefined ? [] : [otherwise]),
      ]);
  };
  const number = (node: OhmNode): tree.NumberExpression => {
    const value = Number(node.sourceString);
    const integer = /^\d+$/.test(node.sourceString);
    if (integer ? !Number.isSafeInteger(value) : !Number.isFinite(value)) {
      throw new RefusedSyntax(errorAt(span(node), "limit/number", `\`${node.sourceString}\` is too large a number`));
    }
    return expression({ kind: "number", value, integer, span: span(node) }, []);
  };

  return {
    Choice_if(_if, condition, _then, then, _else, otherwise) {
      const parts = [
        build<tree.Expression>(condition),
        build<tree.Expression>(then),
        build<tree.Expression>(otherwise),
      ];
      const [c, t, o] = parts as [tree.Expression, tree.Expression, tree.Expression];
      return expression({ kind: "conditional", condition: c, then: t, otherwise: o, span: span(this) }, parts);
    },
    Disjunction: chain,
    Conjunction: chain,
    Negation_not(_not, value) {
      return unary(this, "not", value);
    },
    Comparison: chain,
    Sum: chain,
    Product: chain,
    Factor_negative(_minus, value) {
      return unary(this, "-", value);
    },
    Reduction(reducer, _open, indices, _close, body) {
      const built = build<tree.Expression>(body);
      return expression(
        {
          kind: "reduce",
          reducer: reducer.sourceString as tree.Reducer,
          indices: all(indices),
          body: built,
          span: span(this),
        },
        [built],
      );
    },
    Power: chain,
    Exponent_negative(_minus, value) {
      return unary(this, "-", value);
    },
    Operand: operand,
    OperandPlain: operand,
    MemberAccess(_dot, name): Suffix {
      const member = build<tree.Identifier>(name);
      return (object, start) =>
        expression({ kind: "member", object, member, span: spanOf(start, this.source.endIdx) }, [object]);
    },
    AxisCall(_open, axes, _close, _openArguments, args, _comma, _closeArguments, directives): Suffix {
      return call(this, all(axes), args, directives);
    },
    CallAxis_index: (binder, _end) => build(binder),
    CallAxis_at(value) {
      return { kind: "at", expression: build(value), span: span(this) };
    },
    Call(_open, args, _comma, _close, directives): Suffix {
      return call(this, undefined, args, directives);
    },
    Arguments: (_open, args, _comma, _close) => all(args),
    Argument(label, value) {
      return {
        kind: "argument",
        label: optional(label),
        value: build(value),
        span: span(this),
      } satisfies tree.Argument;
    },
    ArgumentLabel: (name, _colon) => build(name),
    Directive(_at, name, args) {
      return {
        kind: "directive",
        name: build(name),
        arguments: optional<tree.Argument[]>(args) ?? [],
        span: span(this),
      } satisfies tree.Directive;
    },
    Read(_open, subscripts, _close): Suffix {
      return read(this, all(subscripts), undefined);
    },
    GuardedRead(plain, _else, otherwise): Suffix {
      const value = build<tree.Expression>(otherwise);
      return (object, start) => {
        const inner = build<Suffix>(plain)(object, start) as tree.SubscriptExpression;
        return expression({ ...inner, otherwise: value, span: spanOf(start, this.source.endIdx) }, [inner, value]);
      };
    },
    ElseValue_negative(_minus, value) {
      return unary(this, "-", value);
    },
    Subscript_group(_open, first, rest, _close) {
      const indices = [build<tree.GroupedIndex>(first), ...all<tree.GroupedIndex>(rest)];
      return { kind: "group", indices, span: span(this) } satisfies tree.Subscript;
    },
    Subscript_all(_colon) {
      return { kind: "all", span: span(this) } satisfies tree.Subscript;
    },
    Subscript_at(value) {
      return { kind: "at", expression: build(value), span: span(this) } satisfies tree.Subscript;
    },
    Grouped(name, range) {
      return {
        kind: "grouped",
        name: build(name),
        range: optional(range),
        span: span(this),
      } satisfies tree.GroupedIndex;
    },
    Primary_parenthesised: (_open, value, _close) => build(value),
    List(_open, items, _comma, _close) {
      const built = all<tree.Expression>(items);
      return expression({ kind: "list", items: built, span: span(this) }, built);
    },
    Concat(_open, first, _semicolons, rest, _close) {
      const parts = [build<tree.Expression>(first), ...all<tree.Expression>(rest)];
      return expression({ kind: "concat", parts, span: span(this) }, parts);
    },
    Tuple(_open, first, _commas, rest, _close) {
      const items = [build<tree.Expression>(first), ...all<tree.Expression>(rest)];
      return expression({ kind: "tuple", items, span: span(this) }, items);
    },
    Reference(_name) {
      return expression({ kind: "name", name: this.sourceString.normalize("NFC"), span: span(this) }, []);
    },
    callableReducer(_word, _open) {
      return expression({ kind: "name", name: this.sourceString, span: span(this) }, []);
    },
    label_word(_word) {
      return { kind: "identifier", name: this.sourceString, span: span(this) } satisfies tree.Identifier;
    },
    name(_first, _rest) {
      return {
        kind: "identifier",
        name: this.sourceString.normalize("NFC"),
        span: span(this),
      } satisfies tree.Identifier;
    },
    number(_integer, _point, _fraction, _exponent) {
      return number(this);
    },
    boolean(_word) {
      return expression({ kind: "boolean", value: this.sourceString === "true", span: span(this) }, []);
    },
    string_raw(_open, characters, _close) {
      return { kind: "string", value: characters.sourceString, span: span(this) } satisfies tree.StringLiteral;
    },
    string_plain(_open, characters, _close) {
      const value = characters.sourceString.replace(/\\(.)/g, (_, escaped: string) =>
        escaped === "n" ? "\n" : escaped,
      );
      return { kind: "string", value, span: span(this) } satisfies tree.StringLiteral;
    },
  };
}
