/** Actions of the tree builder for statements and what stands on their left sides. */
import type { ActionDict } from "ohm-js";
import type * as tree from "./syntax-tree.ts";
import type { TreeTools } from "./tree-tools.ts";

/** Names, numbers and size arithmetic: after the colon of an index these state a range, all else is a predicate. */
function isSizeArithmetic(expression: tree.Expression): boolean {
  switch (expression.kind) {
    case "number":
      return expression.integer;
    case "name":
      return true;
    case "binary":
      return (
        ["+", "-", "*", "//", "%", "^"].includes(expression.operator) &&
        isSizeArithmetic(expression.left) &&
        isSizeArithmetic(expression.right)
      );
    default:
      return false;
  }
}

/** One action per rule of statements, targets and indices. */
export function statementActions({ span, build, all, optional }: TreeTools): ActionDict<unknown> {
  return {
    Block: (_open, statements, _separators, _close) => all(statements),
    Let(_let, targets, _equals, value, where) {
      return {
        kind: "let",
        targets: build(targets),
        value: build(value),
        initial: optional<tree.InitialValue[]>(where) ?? [],
        span: span(this),
      } satisfies tree.LetStatement;
    },
    Targets_several: (_open, targets, _close) => all(targets),
    Targets_one: (target) => [build(target)],
    Where: (_where, initial) => all(initial),
    Initial(name, _open, subscripts, _close, _equals, value) {
      return {
        kind: "initial",
        name: build(name),
        subscripts: all(subscripts),
        value: build(value),
        span: span(this),
      } satisfies tree.InitialValue;
    },
    Assign(target, _equals, value) {
      return {
        kind: "assign",
        target: build(target),
        value: build(value),
        span: span(this),
      } satisfies tree.AssignStatement;
    },
    Accumulate(target, _plus, value) {
      return {
        kind: "accumulate",
        fresh: false,
        target: build(target),
        value: build(value),
        span: span(this),
      } satisfies tree.AccumulateStatement;
    },
    Scatter(_let, target, _plus, value) {
      return {
        kind: "accumulate",
        fresh: true,
        target: build(target),
        value: build(value),
        span: span(this),
      } satisfies tree.AccumulateStatement;
    },
    Placed(_let, first, _commas, rest) {
      return {
        kind: "placed",
        parts: [build<tree.Placement>(first), ...all<tree.Placement>(rest)],
        span: span(this),
      } satisfies tree.PlacedStatement;
    },
    Placement(target, _equals, value) {
      return {
        kind: "placement",
        target: build(target),
        value: build(value),
        span: span(this),
      } satisfies tree.Placement;
    },
    Return(_return, value) {
      return { kind: "return", value: build(value), span: span(this) } satisfies tree.ReturnStatement;
    },
    For(_for, variable, _in, from, _dots, to, body) {
      return {
        kind: "for",
        variable: build(variable),
        from: build(from),
        to: build(to),
        body: build(body),
        span: span(this),
      } satisfies tree.ForStatement;
    },
    If(_if, condition, then, otherwise) {
      return {
        kind: "if",
        condition: build(condition),
        then: build(then),
        otherwise: optional(otherwise),
        span: span(this),
      } satisfies tree.IfStatement;
    },
    IfElse(_else, branch) {
      const built = build<tree.IfStatement | tree.Statement[]>(branch);
      return Array.isArray(built) ? built : [built];
    },
    Require(_require, condition) {
      return { kind: "require", condition: build(condition), span: span(this) } satisfies tree.RequireStatement;
    },
    Target(name, subscripts) {
      return {
        kind: "target",
        name: build(name),
        subscripts: optional(subscripts),
        span: span(this),
      } satisfies tree.BindingTarget;
    },
    TargetSubscripts: (_open, subscripts, _close) => all(subscripts),
    TargetSubscript_group(_open, first, rest, _close) {
      return {
        kind: "group",
        indices: [build<tree.IndexBinder>(first), ...all<tree.IndexBinder>(rest)],
        span: span(this),
      };
    },
    TargetSubscript_all(_colon) {
      return { kind: "all", span: span(this) };
    },
    TargetSubscript_index: (binder, _end) => build(binder),
    TargetSubscript_at(value, length) {
      return { kind: "at", expression: build(value), length: optional(length), span: span(this) };
    },
    PlaceLength: (_colon, size) => build(size),
    GroupBinder(name, range) {
      return { kind: "index", name: build(name), range: optional(range), span: span(this) } satisfies tree.IndexBinder;
    },
    GroupRange: (_colon, size) => build(size),
    GroupSize_parenthesised: (_open, size, _close) => build(size),
    Binder(name, restriction) {
      const given = optional<{ first: tree.Expression; where?: tree.Expression }>(restriction);
      const isRange = given !== undefined && (given.where !== undefined || isSizeArithmetic(given.first));
      return {
        kind: "index",
        name: build(name),
        range: isRange ? given.first : undefined,
        predicate: isRange ? given.where : given?.first,
        span: span(this),
      } satisfies tree.IndexBinder;
    },
    Restriction: (_colon, first, where) => ({ first: build(first), where: optional(where) }),
    BinderWhere: (_where, condition) => build(condition),
  };
}
