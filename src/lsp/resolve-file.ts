/** Names of a whole file: its declarations, the members of its modules, the statements of its functions. */
import type {
  BindingTarget,
  ExternDeclaration,
  FunctionDeclaration,
  LetStatement,
  ModuleDeclaration,
  PresetDeclaration,
  SourceFile,
  Statement,
  TypeExpression,
} from "../frontend/index.ts";
import { type NameRecord, occur } from "./name-record.ts";
import {
  declareIn,
  lookUpName,
  type NameScope,
  type NameSymbol,
  openScope,
  remembered,
  symbolOfDeclaration,
  symbolOfMember,
  symbolOfParameter,
} from "./name-symbol.ts";
import {
  bindersOf,
  declareIndex,
  declarePlaceIndices,
  type ExpressionPlace,
  innerScope,
  resolveArguments,
  resolveBinder,
  resolveExpression,
} from "./resolve-expressions.ts";

/** The scope of a file's own declarations and imports. */
export function fileScope(
  file: SourceFile,
  outermost: NameScope,
  importedFile: (path: string) => SourceFile | undefined,
): NameScope {
  const scope = openScope(0, file.span.end, outermost);
  for (const declaration of file.declarations) {
    if (declaration.kind !== "preset") declareIn(scope, symbolOfDeclaration(declaration));
  }
  for (const { path, names } of file.imports) {
    const target = importedFile(path);
    for (const { name } of names) {
      const symbol = target && exportedName(target, name);
      if (symbol !== undefined) declareIn(scope, symbol);
    }
  }
  return scope;
}

/** What a file lets others use under a name. */
export function exportedName(file: SourceFile, name: string): NameSymbol | undefined {
  const found = file.declarations.find((each) => each.kind !== "preset" && each.name.name === name);
  return found && symbolOfDeclaration(found);
}

/** Fills the record with every name of the file; `scope` is that of the file. */
export function resolveFile(
  record: NameRecord,
  scope: NameScope,
  file: SourceFile,
  importedFile: (path: string) => SourceFile | undefined,
): void {
  record.scopes.push(scope);
  const place = { record, scope };
  for (const { path, names } of file.imports) {
    const target = importedFile(path);
    for (const { name, span } of names) {
      const symbol = target && exportedName(target, name);
      if (symbol !== undefined) occur(record, span, symbol, "import");
    }
  }
  let above: ModuleDeclaration | undefined;
  for (const declaration of file.declarations) {
    const symbol = symbolOfDeclaration(declaration);
    occur(record, declaration.name.span, symbol, "declaration");
    switch (declaration.kind) {
      case "function":
        resolveFunction(place, declaration);
        break;
      case "extern":
        resolveExtern(place, declaration);
        break;
      case "module":
        if (declaration.role === "model") above = declaration;
        resolveModule(place, declaration);
        break;
      case "preset":
        resolvePreset(place, declaration, presetModel(file, declaration) ?? above);
        break;
    }
  }
}

function presetModel(file: SourceFile, { model }: PresetDeclaration): ModuleDeclaration | undefined {
  if (model === undefined) return undefined;
  const found = file.declarations.find(
    (each) => each.kind === "module" && each.role === "model" && each.name.name === model.name,
  );
  return found?.kind === "module" ? found : undefined;
}

function resolvePreset(place: ExpressionPlace, preset: PresetDeclaration, model: ModuleDeclaration | undefined): void {
  if (preset.model !== undefined && model !== undefined) {
    occur(place.record, preset.model.span, symbolOfDeclaration(model), "use");
  }
  for (const { name, value } of preset.settings) {
    const parameter = model?.parameters.find((each) => each.name.name === name.name);
    if (model !== undefined && parameter !== undefined)
      occur(place.record, name.span, symbolOfParameter(parameter, model), "label");
    resolveExpression(place, value);
  }
}

function resolveType(place: ExpressionPlace, { element, dims }: TypeExpression): void {
  if (element.kind === "index") resolveExpression(place, element.below);
  for (const dim of dims) resolveExpression(place, dim);
}

// ── Modules ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Names of a module: parameters, constants and members, which may be used before they stand. */
export function moduleScope(module: ModuleDeclaration, outer: NameScope): NameScope {
  const scope = openScope(module.span.start, module.span.end, outer);
  for (const parameter of module.parameters) declareIn(scope, symbolOfParameter(parameter, module));
  for (const member of module.members) {
    if (member.kind === "let") for (const target of member.targets) declareIn(scope, localSymbol(target, member));
    const symbol = member.kind === "preset" ? undefined : symbolOfMember(member, module);
    if (symbol !== undefined) declareIn(scope, symbol);
  }
  return scope;
}

function resolveModule(outer: ExpressionPlace, module: ModuleDeclaration): void {
  const { record } = outer;
  const scope = moduleScope(module, outer.scope);
  record.scopes.push(scope);
  const place = { record, scope };
  for (const parameter of module.parameters) {
    occur(record, parameter.name.span, symbolOfParameter(parameter, module), "declaration");
    resolveType(place, parameter.type);
    if (parameter.default !== undefined) resolveExpression(place, parameter.default);
  }
  for (const member of module.members) {
    const symbol = symbolOfMember(member, module);
    if (symbol?.span !== undefined) occur(record, symbol.span, symbol, "declaration");
    switch (member.kind) {
      case "tensor":
        resolveType(place, member.type);
        if (member.initialiser !== undefined) resolveExpression(place, member.initialiser);
        if (member.presence !== undefined) resolveExpression(place, member.presence);
        break;
      case "sub": {
        const made = lookUpName(outer.scope, member.module.name);
        if (made !== undefined) occur(record, member.module.span, made, "use");
        resolveArguments(place, made?.node.kind === "module" ? made : undefined, member.arguments);
        for (const { start, end } of member.counts) {
          if (start !== undefined) resolveExpression(place, start);
          resolveExpression(place, end);
        }
        if (member.presence !== undefined) resolveExpression(place, member.presence);
        break;
      }
      case "function":
        resolveFunction(place, member);
        break;
      case "preset":
        resolvePreset(outer, member, module);
        break;
      case "let":
        for (const target of member.targets)
          occur(record, target.name.span, localSymbol(target, member), "declaration");
        resolveExpression(place, member.value);
        break;
      case "require":
        resolveExpression(place, member.condition);
        break;
    }
  }
}

// ── Functions ──────────────────────────────────────────────────────────────────────────────────────────────────────

function resolveHeader(outer: ExpressionPlace, declaration: FunctionDeclaration | ExternDeclaration): ExpressionPlace {
  const { record } = outer;
  const place = innerScope(outer, declaration.span);
  for (const generic of declaration.generics) {
    const { name, span } = generic;
    const symbol = remembered(generic, () => ({ name, span, node: { kind: "generic", of: declaration } }));
    declareIn(place.scope, symbol);
    occur(record, span, symbol, "declaration");
  }
  for (const parameter of declaration.parameters) {
    const symbol = symbolOfParameter(parameter, declaration);
    declareIn(place.scope, symbol);
    occur(record, parameter.name.span, symbol, "declaration");
  }
  for (const { type, default: value } of declaration.parameters) {
    resolveType(place, type);
    if (value !== undefined) resolveExpression(place, value);
  }
  for (const result of declaration.results) {
    resolveType(place, result.type);
    if (result.name === undefined) continue;
    const { name, span } = result.name;
    occur(
      record,
      span,
      remembered(result, () => ({ name, span, node: { kind: "result", result } })),
      "declaration",
    );
  }
  return place;
}

function resolveExtern(outer: ExpressionPlace, declaration: ExternDeclaration): void {
  const place = resolveHeader(outer, declaration);
  for (const { name, value } of declaration.fields) {
    if (value.kind !== "string") resolveExpression(name.name === "reference" ? outer : place, value);
  }
}

function resolveFunction(outer: ExpressionPlace, declaration: FunctionDeclaration): void {
  const place = resolveHeader(outer, declaration);
  resolveBlock(innerScope(place, declaration.span), declaration.body);
}

function localSymbol(target: BindingTarget, statement: Statement): NameSymbol {
  const { name, span } = target.name;
  return remembered(target, () => ({ name, span, node: { kind: "local", target, statement } }));
}

function resolveBlock(place: ExpressionPlace, statements: readonly Statement[]): void {
  for (const statement of statements) resolveStatement(place, statement);
}

/** Declares what a statement names; the name counts from behind the statement. */
function declareLocal({ record, scope }: ExpressionPlace, target: BindingTarget, statement: Statement): void {
  const symbol = localSymbol(target, statement);
  declareIn(scope, symbol, statement.span.end);
  occur(record, target.name.span, symbol, "declaration");
}

function resolveStatement(place: ExpressionPlace, statement: Statement): void {
  const { record, scope } = place;
  switch (statement.kind) {
    case "let":
      resolveLet(place, statement);
      break;
    case "placed":
      resolveParts(place, statement.parts, statement);
      break;
    case "accumulate":
      if (statement.fresh) {
        resolveParts(place, [statement], statement);
        break;
      }
      resolveUpdate(place, statement.target, statement);
      break;
    case "assign":
      resolveUpdate(place, statement.target, statement);
      break;
    case "return":
      resolveExpression(place, statement.value);
      break;
    case "for": {
      resolveExpression(place, statement.from);
      resolveExpression(place, statement.to);
      const inner = innerScope(place, statement.span);
      const { name, span } = statement.variable;
      const symbol = remembered(statement, () => ({ name, span, node: { kind: "loop" } }));
      declareIn(inner.scope, symbol);
      occur(record, span, symbol, "declaration");
      resolveBlock(inner, statement.body);
      break;
    }
    case "if":
      resolveExpression(place, statement.condition);
      resolveBranch(place, statement.then);
      if (statement.otherwise !== undefined) resolveBranch(place, statement.otherwise);
      break;
    case "require":
      resolveExpression({ record, scope }, statement.condition);
      break;
  }
}

function resolveBranch(place: ExpressionPlace, statements: readonly Statement[]): void {
  const [first, last] = [statements[0], statements.at(-1)];
  if (first === undefined || last === undefined) return;
  resolveBlock(innerScope(place, { start: first.span.start, end: last.span.end }), statements);
}

/** Puts the indices of a left side in a scope; targets of one statement share indices of the same name. */
function bindTargets(place: ExpressionPlace, inner: ExpressionPlace, targets: readonly BindingTarget[]): void {
  for (const binder of targets.flatMap(bindersOf)) {
    const shared = inner.scope.names.get(binder.name.name)?.symbol;
    if (shared === undefined) declareIndex(inner, binder);
    else occur(place.record, binder.name.span, shared, "declaration");
  }
  for (const binder of targets.flatMap(bindersOf)) resolveBinder(place, inner, binder);
}

function resolveLet(place: ExpressionPlace, statement: LetStatement): void {
  const { record } = place;
  const isPlaced = statement.targets.some((target) => target.subscripts?.some(({ kind }) => kind === "at"));
  const [only] = statement.targets;
  if (isPlaced && only !== undefined && statement.targets.length === 1) {
    resolveParts(place, [{ target: only, value: statement.value }], statement);
    return;
  }
  const indices = innerScope(place, statement.span);
  bindTargets(place, indices, statement.targets);
  // The name being defined means itself inside (a recurrence), unless it means something already and no `where` says otherwise.
  const inner = innerScope(indices, statement.span);
  for (const target of statement.targets) {
    const isCarried = statement.initial.length > 0 || lookUpName(indices.scope, target.name.name) === undefined;
    if (isCarried) declareIn(inner.scope, localSymbol(target, statement));
  }
  resolveExpression(inner, statement.value);
  for (const { name, subscripts, value } of statement.initial) {
    const target = statement.targets.find((each) => each.name.name === name.name);
    if (target !== undefined) occur(record, name.span, localSymbol(target, statement), "use");
    for (const subscript of subscripts) resolveExpression(indices, subscript);
    resolveExpression(indices, value);
  }
  for (const target of statement.targets) declareLocal(place, target, statement);
}

/** `let P[2*c] = …, P[2*c + 1] = …`, `let Y[I[n]] += …`: parts of one tensor, each with indices of its own. */
function resolveParts(
  place: ExpressionPlace,
  parts: readonly { readonly target: BindingTarget; readonly value: Parameters<typeof resolveExpression>[1] }[],
  statement: Statement,
): void {
  const [first] = parts;
  if (first === undefined) return;
  const seen = new Map<string, NameSymbol>();
  for (const part of parts) {
    const inner = resolvePart(place, part.target, part.value);
    for (const [name, { symbol }] of inner.names) {
      const earlier = seen.get(name);
      if (earlier === undefined) seen.set(name, symbol);
      else place.record.links.push([symbol, earlier]);
    }
    if (part === first) occur(place.record, part.target.name.span, localSymbol(first.target, statement), "declaration");
    else occur(place.record, part.target.name.span, localSymbol(first.target, statement), "use");
  }
  declareIn(place.scope, localSymbol(first.target, statement), statement.span.end);
}

function resolvePart(
  place: ExpressionPlace,
  target: BindingTarget,
  value: Parameters<typeof resolveExpression>[1],
): NameScope {
  const inner = innerScope(place, { start: target.span.start, end: value.span.end });
  bindTargets(place, inner, [target]);
  declarePlaceIndices(place, inner, target);
  for (const subscript of target.subscripts ?? []) {
    if (subscript.kind !== "at") continue;
    if (subscript.length !== undefined) resolveExpression(place, subscript.length);
    resolveExpression(inner, subscript.expression);
  }
  resolveExpression(inner, value);
  return inner.scope;
}

/** `x[i] = …` and `Y[I[n]] += …`: a new value for what is there. */
function resolveUpdate(
  place: ExpressionPlace,
  target: BindingTarget,
  { value }: { readonly value: Parameters<typeof resolveExpression>[1] },
): void {
  const symbol = lookUpName(place.scope, target.name.name);
  if (symbol !== undefined) occur(place.record, target.name.span, symbol, "use");
  resolvePart(place, target, value);
}
