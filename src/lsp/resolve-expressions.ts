/** Names inside expressions: who is meant by each, by the scopes of the language alone, so that it works in texts with mistakes. */
import type {
  Argument,
  BindingTarget,
  CallExpression,
  Expression,
  IndexBinder,
  ModuleDeclaration,
  NameExpression,
  Subscript,
} from "../frontend/index.ts";
import { type NameRecord, occur } from "./name-record.ts";
import {
  declareIn,
  lookUpName,
  type NameScope,
  type NameSymbol,
  openScope,
  remembered,
  symbolOfMember,
  symbolOfParameter,
} from "./name-symbol.ts";

/** The place of an expression: what is visible, and where findings go. */
export interface ExpressionPlace {
  readonly record: NameRecord;
  readonly scope: NameScope;
}

/** A scope for the extent of a node, inside another. */
export function innerScope(
  { record, scope }: ExpressionPlace,
  span: { readonly start: number; readonly end: number },
): ExpressionPlace {
  const inner = openScope(span.start, span.end, scope);
  record.scopes.push(inner);
  return { record, scope: inner };
}

/** Declares an index; its name counts from the beginning of the scope, because restrictions may stand before it. */
export function declareIndex({ record, scope }: ExpressionPlace, binder: IndexBinder): NameSymbol {
  const { name, span } = binder.name;
  const symbol = remembered(binder, () => ({ name, span, node: { kind: "index", binder } }));
  declareIn(scope, symbol);
  occur(record, span, symbol, "declaration");
  return symbol;
}

/** Ranges are read outside of the indices, restrictions inside. */
export function resolveBinder(outer: ExpressionPlace, inner: ExpressionPlace, binder: IndexBinder): void {
  if (binder.range !== undefined) resolveExpression(outer, binder.range);
  if (binder.predicate !== undefined) resolveExpression(inner, binder.predicate);
}

function resolveName({ record, scope }: ExpressionPlace, { name, span }: NameExpression): NameSymbol | undefined {
  const symbol = lookUpName(scope, name);
  if (symbol !== undefined) occur(record, span, symbol, "use");
  return symbol;
}

/** The module whose parts a dot after the expression reaches. */
export function moduleOf(
  record: Pick<NameRecord, "moduleNamed">,
  symbol: NameSymbol | undefined,
): ModuleDeclaration | undefined {
  if (symbol?.node.kind !== "sub") return undefined;
  const { member, of } = symbol.node;
  const named = record.moduleNamed(of, member.module.name);
  return named?.node.kind === "module" ? named.node.declaration : undefined;
}

/** A member of a module by its name. */
export function memberNamed(module: ModuleDeclaration, name: string): NameSymbol | undefined {
  for (const member of module.members) {
    if (member.kind === "preset") continue;
    const symbol = symbolOfMember(member, module);
    if (symbol?.name === name) return symbol;
  }
  return undefined;
}

/** Resolves an expression; returns what a name, a member or an element of an array of modules stands for. */
export function resolveExpression(place: ExpressionPlace, expression: Expression): NameSymbol | undefined {
  switch (expression.kind) {
    case "number":
    case "boolean":
      return undefined;
    case "name":
      return resolveName(place, expression);
    case "member": {
      const object = resolveExpression(place, expression.object);
      const module = moduleOf(place.record, object);
      const symbol = module && memberNamed(module, expression.member.name);
      if (symbol !== undefined) occur(place.record, expression.member.span, symbol, "use");
      return symbol;
    }
    case "subscript": {
      const object = resolveExpression(place, expression.object);
      for (const subscript of expression.subscripts) resolveSubscript(place, subscript);
      if (expression.otherwise !== undefined) resolveExpression(place, expression.otherwise);
      return object?.node.kind === "sub" ? object : undefined;
    }
    case "call":
      resolveCall(place, expression);
      return undefined;
    case "reduce": {
      const inner = innerScope(place, expression.span);
      for (const binder of expression.indices) declareIndex(inner, binder);
      for (const binder of expression.indices) resolveBinder(place, inner, binder);
      resolveExpression(inner, expression.body);
      return undefined;
    }
    case "unary":
      resolveExpression(place, expression.operand);
      return undefined;
    case "binary":
      resolveExpression(place, expression.left);
      resolveExpression(place, expression.right);
      return undefined;
    case "conditional":
      for (const part of [expression.condition, expression.then, expression.otherwise]) resolveExpression(place, part);
      return undefined;
    case "list":
    case "tuple":
      for (const item of expression.items) resolveExpression(place, item);
      return undefined;
    case "concat":
      for (const part of expression.parts) resolveExpression(place, part);
      return undefined;
  }
}

function resolveSubscript(place: ExpressionPlace, subscript: Subscript): void {
  if (subscript.kind === "at") resolveExpression(place, subscript.expression);
  if (subscript.kind !== "group") return;
  for (const { name, range } of subscript.indices) {
    resolveName(place, name);
    if (range !== undefined) resolveExpression(place, range);
  }
}

/** The parameters that the labels of a call name. */
function parametersOf(record: NameRecord, callee: NameSymbol | undefined): readonly NameSymbol[] {
  if (callee === undefined) return [];
  const { node } = callee;
  if (node.kind === "function" || node.kind === "extern" || node.kind === "module") {
    return node.declaration.parameters.map((parameter) => symbolOfParameter(parameter, node.declaration));
  }
  const module = moduleOf(record, callee);
  const forward = module && memberNamed(module, "forward");
  return forward?.node.kind === "function" ? parametersOf(record, forward) : [];
}

export function resolveArguments(
  place: ExpressionPlace,
  callee: NameSymbol | undefined,
  list: readonly Argument[],
): void {
  const parameters = parametersOf(place.record, callee);
  for (const { label, value } of list) {
    const parameter = label && parameters.find(({ name }) => name === label.name);
    if (label !== undefined && parameter !== undefined) occur(place.record, label.span, parameter, "label");
    resolveExpression(place, value);
  }
}

function resolveCall(place: ExpressionPlace, call: CallExpression): void {
  const { record, scope } = place;
  const callee = resolveExpression(place, call.callee) ?? languageCallee(place, call);
  record.calls.push({ call, callee });
  let inner = place;
  if (callee?.node.kind === "sub" && callee.node.member.counts.length > 0) {
    // What stands in the brackets chooses an element.
    for (const axis of call.axes ?? []) {
      if (axis.kind === "at") resolveExpression(place, axis.expression);
      else resolveName(place, { kind: "name", name: axis.name.name, span: axis.name.span });
    }
  } else if (call.axes !== undefined) {
    inner = innerScope(place, call.span);
    for (const axis of call.axes) {
      if (axis.kind === "at") {
        resolveExpression(place, axis.expression);
        continue;
      }
      const outer = lookUpName(scope, axis.name.name);
      const symbol = declareIndex(inner, axis);
      // The function's result goes back to the index of the same name outside: both are renamed together.
      if (outer?.node.kind === "index") record.links.push([symbol, outer]);
    }
    for (const axis of call.axes) if (axis.kind === "index") resolveBinder(place, inner, axis);
  }
  resolveArguments(inner, callee, call.arguments);
  for (const { arguments: settings } of call.directives) {
    // The first names a method, the others are settings with names of their own.
    for (const { label, value } of settings) if (label !== undefined) resolveExpression(place, value);
  }
}

/** Functions that the language has besides the scopes: conversions, `concat`, orders, random numbers, initialisers. */
function languageCallee({ record }: ExpressionPlace, { callee }: CallExpression): NameSymbol | undefined {
  const symbol = callee.kind === "name" ? record.languageName(callee.name) : undefined;
  if (symbol !== undefined) occur(record, callee.span, symbol, "use");
  return symbol;
}

/** Indices that a left side binds, those in groups included, in order. */
export function bindersOf(target: BindingTarget): IndexBinder[] {
  return (target.subscripts ?? []).flatMap((subscript) => {
    if (subscript.kind === "index") return [subscript];
    return subscript.kind === "group" ? subscript.indices : [];
  });
}

/** Names in computed places that mean nothing else are indices: declares them where they first stand. */
export function declarePlaceIndices(outer: ExpressionPlace, inner: ExpressionPlace, target: BindingTarget): void {
  for (const subscript of target.subscripts ?? []) {
    if (subscript.kind !== "at") continue;
    for (const expression of namesOf(subscript.expression)) {
      const { name, span } = expression;
      if (lookUpName(inner.scope, name) !== undefined || lookUpName(outer.scope, name) !== undefined) continue;
      const symbol = remembered(expression, () => ({ name, span, node: { kind: "index" } }));
      declareIn(inner.scope, symbol);
    }
  }
}

/** Every name read in an expression, except callees. */
function namesOf(expression: Expression): NameExpression[] {
  const found: NameExpression[] = [];
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) part.forEach(visit);
    else if (typeof part === "object" && part !== null) {
      if ((part as { readonly kind?: string }).kind === "name") found.push(part as NameExpression);
      for (const [key, child] of Object.entries(part)) if (key !== "span" && key !== "callee") visit(child);
    }
  };
  visit(expression);
  return found;
}
