/** From ohm's concrete syntax to the tree of syntax-tree.ts: one action per rule that says something. */
import type { ActionDict, Grammar, MatchResult, Node as OhmNode } from "ohm-js";
import type { Span } from "../ir/index.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { errorAt } from "./diagnostic.ts";
import type * as tree from "./syntax-tree.ts";

/** Where the nodes of one match lie in the file, and where doc comments are looked up. Offsets are the match's own. */
export interface Placement {
  readonly span: (start: number, end: number) => Span;
  readonly docAbove: (offset: number) => string | undefined;
}

/** Deepest expression that later stages, which recurse, must be able to take. */
export const deepestExpression = 400;

/** Thrown for input that parses but is beyond a limit; parse.ts turns it into its diagnostic. */
export class SyntaxLimitError extends Error {
  override readonly name = "SyntaxLimitError";
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.title);
    this.diagnostic = diagnostic;
  }
}

type Suffix = (object: tree.Expression, start: number) => tree.Expression;

const asciiOperators: Readonly<Record<string, tree.BinaryOperator>> = { "≤": "<=", "≥": ">=", "≠": "!=" };

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

/** Builds the function that turns a successful match into its tree node, given where the match lies. */
export function treeBuilder(grammar: Grammar): (match: MatchResult, placement: Placement) => unknown {
  let place: Placement;
  let depths: WeakMap<object, number>;

  const span = (node: OhmNode): Span => place.span(node.source.startIdx, node.source.endIdx);
  const spanOf = (start: number, end: number): Span => place.span(start, end);
  const build = <T>(node: OhmNode): T => node.tree() as T;
  /** Items of a list rule or of a repetition. */
  const all = <T>(node: OhmNode): T[] => {
    const items = node.isIteration() ? node.children : node.asIteration().children;
    return items.map((child) => build<T>(child));
  };
  const optional = <T>(node: OhmNode): T | undefined => {
    const child = node.children[0];
    return child === undefined ? undefined : build<T>(child);
  };
  const identifier = (node: OhmNode): tree.Identifier => ({
    kind: "identifier",
    name: node.sourceString.normalize("NFC"),
    span: span(node),
  });
  const doc = (node: OhmNode): string | undefined => place.docAbove(node.source.startIdx);

  /** Registers the depth of a new expression; the later stages recurse over it. */
  const expression = <T extends tree.Expression>(node: T, children: readonly tree.Expression[]): T => {
    const depth = 1 + Math.max(0, ...children.map((child) => depths.get(child) ?? 0));
    if (depth > deepestExpression) {
      throw new SyntaxLimitError(
        errorAt(node.span, "limit/nesting", `this expression is more than ${deepestExpression} operations deep`, {
          help: ["Give parts of it names with `let`."],
        }),
      );
    }
    depths.set(node, depth);
    return node;
  };

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

  const functionLike = (
    whole: OhmNode,
    role: "function" | "entry",
    [name, generics, parameters, results, body]: readonly OhmNode[],
  ): tree.FunctionDeclaration => {
    const built = build<{ statements: tree.Statement[]; equation: boolean }>(body as OhmNode);
    return {
      kind: "function",
      role,
      name: build(name as OhmNode),
      generics: optional<tree.Identifier[]>(generics as OhmNode) ?? [],
      parameters: build(parameters as OhmNode),
      results: build(results as OhmNode),
      body: built.statements,
      equation: built.equation,
      doc: doc(whole),
      span: span(whole),
    };
  };

  const call = (end: OhmNode, axes: tree.CallAxis[] | undefined, args: OhmNode, directives: OhmNode): Suffix => {
    return (object, start) => {
      const whole = spanOf(start, end.source.endIdx);
      if (object.kind !== "name" && object.kind !== "member") {
        throw new SyntaxLimitError(
          errorAt(object.span, "syntax/call", "only a name can be called", { help: ["Give the value a name with `let`."] }),
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
      throw new SyntaxLimitError(errorAt(span(node), "limit/number", `\`${node.sourceString}\` is too large a number`));
    }
    return expression({ kind: "number", value, integer, span: span(node) }, []);
  };

  const actions: ActionDict<unknown> = {
    Import(_use, path, _colon, names) {
      return {
        kind: "import",
        path: path.sourceString,
        pathSpan: span(path),
        names: all(names),
        span: span(this),
      } satisfies tree.ImportDeclaration;
    },
    Function(_fn, name, generics, parameters, _arrow, results, body) {
      return functionLike(this, "function", [name, generics, parameters, results, body]);
    },
    Entry(_entry, name, generics, parameters, _arrow, results, body) {
      return functionLike(this, "entry", [name, generics, parameters, results, body]);
    },
    Generics: (_open, names, _close) => all(names),
    Parameters: (_open, parameters, _comma, _close) => all(parameters),
    Parameter(name, _colon, type, value) {
      return {
        kind: "parameter",
        name: build(name),
        type: build(type),
        default: optional(value),
        span: span(this),
      } satisfies tree.Parameter;
    },
    Default: (_equals, value) => build(value),
    Results_several: (_open, results, _close) => all(results),
    Results_one(type) {
      return [{ kind: "result", type: build(type), span: span(this) } satisfies tree.ResultDeclaration];
    },
    Result(name, type) {
      return { kind: "result", name: optional(name), type: build(type), span: span(this) } satisfies tree.ResultDeclaration;
    },
    ResultName: (name, _colon) => build(name),
    Body_block: (block) => ({ statements: build(block), equation: false }),
    Body_equation(_equals, value) {
      const statement: tree.ReturnStatement = { kind: "return", value: build(value), span: span(value) };
      return { statements: [statement], equation: true };
    },
    Type(element, dims) {
      return {
        kind: "type",
        element: build(element),
        dims: optional<tree.Expression[]>(dims) ?? [],
        span: span(this),
      } satisfies tree.TypeExpression;
    },
    Element_index(_idx, _open, below, _close) {
      return { kind: "index", below: build(below), span: span(this) } satisfies tree.ElementTypeExpression;
    },
    Element_named(name) {
      return { kind: "named", name: name.sourceString, span: span(this) } satisfies tree.ElementTypeExpression;
    },
    Dims: (_open, dims, _close) => all(dims),
    Module(role, name, parameters, _open, members, _separators, _close) {
      return {
        kind: "module",
        role: role.sourceString as "module" | "model",
        name: build(name),
        parameters: build(parameters),
        members: all(members),
        doc: doc(this),
        span: span(this),
      } satisfies tree.ModuleDeclaration;
    },
    Tensor(role, name, path, _colon, type, initialiser) {
      return {
        kind: "tensor",
        role: role.sourceString as "param" | "buffer",
        name: build(name),
        path: optional(path),
        type: build(type),
        initialiser: optional(initialiser),
        doc: doc(this),
        span: span(this),
      } satisfies tree.TensorMember;
    },
    Path: (_as, path) => build(path),
    Sub(_sub, name, path, _colon, module, args, counts) {
      return {
        kind: "sub",
        name: build(name),
        path: optional(path),
        module: build(module),
        arguments: build(args),
        counts: optional<tree.Expression[]>(counts) ?? [],
        doc: doc(this),
        span: span(this),
      } satisfies tree.SubMember;
    },
    Counts: (_open, counts, _close) => all(counts),
    Preset(_preset, name, model, _open, settings, _commas, _close) {
      return {
        kind: "preset",
        name: build(name),
        model: optional(model),
        settings: all(settings),
        doc: doc(this),
        span: span(this),
      } satisfies tree.PresetDeclaration;
    },
    PresetModel: (_of, name) => build(name),
    Setting(name, _equals, value) {
      return { kind: "setting", name: build(name), value: build(value), span: span(this) } satisfies tree.PresetSetting;
    },
    Extern(_extern, _wgsl, _fn, name, generics, parameters, _arrow, results, _open, fields, _commas, _close) {
      return {
        kind: "extern",
        name: build(name),
        generics: optional<tree.Identifier[]>(generics) ?? [],
        parameters: build(parameters),
        results: build(results),
        fields: all(fields),
        doc: doc(this),
        span: span(this),
      } satisfies tree.ExternDeclaration;
    },
    Field(name, _equals, value) {
      return { kind: "field", name: build(name), value: build(value), span: span(this) } satisfies tree.ExternField;
    },

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
      return { kind: "assign", target: build(target), value: build(value), span: span(this) } satisfies tree.AssignStatement;
    },
    Accumulate(target, _plus, value) {
      return {
        kind: "accumulate",
        target: build(target),
        value: build(value),
        span: span(this),
      } satisfies tree.AccumulateStatement;
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
      return { kind: "group", indices: [build<tree.IndexBinder>(first), ...all<tree.IndexBinder>(rest)], span: span(this) };
    },
    TargetSubscript_all(_colon) {
      return { kind: "all", span: span(this) };
    },
    TargetSubscript_index: (binder, _end) => build(binder),
    TargetSubscript_at(value) {
      return { kind: "at", expression: build(value), span: span(this) };
    },
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

    Choice_if(_if, condition, _then, then, _else, otherwise) {
      const parts = [build<tree.Expression>(condition), build<tree.Expression>(then), build<tree.Expression>(otherwise)];
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
      return { kind: "argument", label: optional(label), value: build(value), span: span(this) } satisfies tree.Argument;
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
      return { kind: "grouped", name: build(name), range: optional(range), span: span(this) } satisfies tree.GroupedIndex;
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
    name(_first, _rest) {
      return identifier(this);
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
      const value = characters.sourceString.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
      return { kind: "string", value, span: span(this) } satisfies tree.StringLiteral;
    },
  };
  const semantics = grammar.createSemantics().addOperation<unknown>("tree", actions);
  return (match, placement) => {
    place = placement;
    depths = new WeakMap();
    return semantics(match).tree();
  };
}
