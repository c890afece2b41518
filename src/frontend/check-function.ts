/** Functions: signatures, and the statements of their bodies. */
import { checkTensor } from "./check-arithmetic.ts";
import { checkAssign, checkLet } from "./check-binding.ts";
import {
  type Checker,
  type Context,
  checkExpression,
  declare,
  type FileInfo,
  fail,
  finishStatement,
  type Home,
  type ModuleInfo,
  newStatement,
  report,
  type Signature,
} from "./check-context.ts";
import { checkBelow } from "./check-generics.ts";
import { checkPlaced, partsOf } from "./check-places.ts";
import { typesOfRecurrence } from "./check-recurrence.ts";
import { checkAccumulate } from "./check-scatter.ts";
import { checkRequire, checkSize, factsOf, guardSizes, resolveType } from "./check-size.ts";
import type { Definition, ValueType } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import { elementFits, printElement, printValueType, sizeType, unknownType } from "./element-types.ts";
import { type Binding, lookUp, newScope } from "./scope.ts";
import { constantSize, nameSize, printSize, type Size, subtractSizes } from "./size.ts";
import { noFacts, provablyEqual, withFacts } from "./size-facts.ts";
import type {
  Expression,
  ExternDeclaration,
  ForStatement,
  FunctionDeclaration,
  IfStatement,
  ReturnStatement,
  Statement,
} from "./syntax-tree.ts";

/** Resolves the declared types of a function and puts generics and parameters in a scope of its own. */
export function declareFunction(
  checker: Checker,
  declaration: FunctionDeclaration | ExternDeclaration,
  file: FileInfo,
  module?: ModuleInfo,
): void {
  const scope = newScope(module?.scope ?? file.scope, true);
  // A size whose default is 0 may be 0; all others are at least 1.
  const natural = declaration.parameters
    .filter(({ default: value }) => value?.kind === "number" && value.value === 0)
    .map((parameter) => parameter.name.name);
  const facts = withFacts(module?.facts ?? noFacts, { natural: new Set(natural) });
  const home: Home = { file, module, scope, facts };
  checker.homes.set(declaration, home);
  const context: Context = {
    checker,
    file,
    module,
    owner: declaration,
    scope,
    facts,
    statement: newStatement(declaration.span),
    inSubscript: false,
  };
  const sizeNames: string[] = [];
  const ofModule = (name: string) => module?.declaration.parameters.find((parameter) => parameter.name.name === name);
  for (const generic of declaration.generics) {
    const taken = ofModule(generic.name);
    if (taken !== undefined) {
      fail(
        context,
        generic.span,
        "name/duplicate",
        `\`${generic.name}\` is already a parameter of \`${module?.declaration.name.name}\``,
        {
          secondary: [{ span: taken.span, text: "here" }],
          help: [
            "Leave it out between the angle brackets: the module's size is meant then.",
            "Or choose another name.",
          ],
        },
      );
      continue;
    }
    const definition: Definition = { kind: "generic", name: generic, of: declaration };
    declare(context, scope, generic, {
      kind: "value",
      definition,
      type: sizeType(nameSize(generic.name)),
      span: generic.span,
    });
    checker.tables.uses.set(generic, definition);
    sizeNames.push(generic.name);
  }
  const parameters = declaration.parameters.map((parameter): Signature["parameters"][number] => {
    const definition: Definition = { kind: "parameter", parameter, of: declaration };
    const { element, dims } = parameter.type;
    const isSize = element.kind === "named" && element.name === "size" && dims.length === 0;
    const taken = isSize ? ofModule(parameter.name.name) : undefined;
    if (taken !== undefined) {
      fail(
        context,
        parameter.name.span,
        "name/duplicate",
        `\`${parameter.name.name}\` is already a parameter of \`${module?.declaration.name.name}\``,
        {
          secondary: [{ span: taken.span, text: "here" }],
          help: ["Choose another name."],
        },
      );
      return { parameter, type: unknownType, isSize };
    }
    const type: ValueType = isSize
      ? sizeType(nameSize(parameter.name.name))
      : (guardSizes(context, parameter.type.span, () => resolveType(context, parameter.type)) ?? unknownType);
    if (isSize) sizeNames.push(parameter.name.name);
    const binding: Binding =
      type.kind === "unknown" ? { kind: "unknown" } : { kind: "value", definition, type, span: parameter.name.span };
    declare(context, scope, parameter.name, binding);
    checker.tables.uses.set(parameter.name, definition);
    if (parameter.default !== undefined && isSize) {
      const defaultSize = guardSizes(context, parameter.default.span, () =>
        checkSize(context, parameter.default as Expression),
      );
      return { parameter, type, isSize, defaultSize };
    }
    if (parameter.default !== undefined) {
      const value = checkTensor(context, parameter.default);
      const fits =
        value === undefined ||
        type.kind !== "tensor" ||
        (value.constant === true &&
          value.dims.length === 0 &&
          type.dims.length === 0 &&
          elementFits(value.element, type.element));
      if (!fits) {
        fail(
          context,
          parameter.default.span,
          "type/constant",
          `the default of \`${parameter.name.name}\` must be a constant ${printValueType(type)}`,
          {
            label: `this is ${printValueType(value as ValueType)}`,
          },
        );
      }
    }
    return { parameter, type, isSize };
  });
  const results = declaration.results.map(
    (result) => guardSizes(context, result.span, () => resolveType(context, result.type)) ?? unknownType,
  );
  checker.signatures.set(declaration, { declaration, sizeNames, parameters, results });
}

/** Names that statements give new values, at any depth. */
function assignedNames(statements: readonly Statement[]): Set<string> {
  const names = new Set<string>();
  for (const statement of statements) {
    if (statement.kind === "assign" || (statement.kind === "accumulate" && !statement.fresh))
      names.add(statement.target.name.name);
    const blocks =
      statement.kind === "for"
        ? [statement.body]
        : statement.kind === "if"
          ? [statement.then, statement.otherwise ?? []]
          : [];
    for (const block of blocks) for (const name of assignedNames(block)) names.add(name);
  }
  return names;
}

/** Values that change in a loop or a branch are no compile-time constants around it. */
function forgetConstants(context: Context, statements: readonly Statement[]): void {
  for (const name of assignedNames(statements)) {
    const binding = lookUp(context.scope, name);
    if (binding?.kind === "value" && binding.type.kind === "tensor") {
      binding.type = { kind: "tensor", element: binding.type.element, dims: binding.type.dims };
    }
  }
}

/** Whether statements give a value whichever way they go. */
export function alwaysReturns(statements: readonly Statement[]): boolean {
  return statements.some((statement) => {
    if (statement.kind === "return") return true;
    return (
      statement.kind === "if" &&
      statement.otherwise !== undefined &&
      alwaysReturns(statement.then) &&
      alwaysReturns(statement.otherwise)
    );
  });
}

function checkReturn(outer: Context, statement: ReturnStatement, signature: Signature): void {
  const context: Context = { ...outer, statement: newStatement(statement.span, []) };
  const type = guardSizes(context, statement.span, () => {
    const found = checkExpression(context, statement.value);
    finishStatement(context);
    return found;
  });
  if (type === undefined || type.kind === "unknown" || context.statement.unbound.size > 0) return;
  if (type.kind === "instance") {
    fail(context, statement.value.span, "type/not-a-value", "a module cannot be returned");
    return;
  }
  const items = type.kind === "tuple" ? type.items : [type];
  const { declaration, results } = signature;
  const name = declaration.name.name;
  if (items.length !== results.length) {
    const declared = results.length === 1 ? "one value" : `${results.length} values`;
    fail(context, statement.value.span, "type/return", `\`${name}\` is declared to give ${declared}`, {
      label: items.length === 1 ? "this is one" : `these are ${items.length}`,
      secondary: [{ span: (declaration.results[0] as (typeof declaration.results)[0]).span, text: "declared here" }],
    });
    return;
  }
  items.forEach((item, i) => {
    const result = results[i];
    const declared = declaration.results[i];
    if (result?.kind !== "tensor" || declared === undefined) return;
    const expression =
      statement.value.kind === "tuple" ? (statement.value.items[i] ?? statement.value) : statement.value;
    const secondary = [{ span: declared.span, text: `declared as ${printValueType(result)}` }];
    if (!elementFits(item.element, result.element) || item.dims.length !== result.dims.length) {
      fail(context, expression.span, "type/return", `\`${name}\` does not give what it declares`, {
        label: `this is ${printValueType(item)}`,
        secondary,
        help: item.dims.length === result.dims.length ? [`Convert it: \`${printElement(result.element)}(…)\`.`] : [],
      });
      return;
    }
    const axis = item.dims.findIndex(
      (dim, position) => !provablyEqual(dim, result.dims[position] as Size, context.facts),
    );
    if (axis >= 0) {
      const [have, want] = [printSize(item.dims[axis] as Size), printSize(result.dims[axis] as Size)];
      fail(context, expression.span, "size/mismatch", `axis ${axis + 1} of the result has the wrong length`, {
        label: `this is ${printValueType(item)}`,
        secondary,
        notes: [`Nothing says ${have} = ${want}.`],
        help: [`Same length meant? State it: \`require ${have} == ${want}\`.`],
      });
      return;
    }
    if (result.element.below !== undefined)
      checkBelow(context, { expression, type: item }, result.element.below, `the result of \`${name}\``);
  });
}

function checkFor(context: Context, statement: ForStatement, signature: Signature): void {
  const from = checkSize(context, statement.from);
  const to = checkSize(context, statement.to);
  forgetConstants(context, statement.body);
  const scope = newScope(context.scope, true);
  const { name } = statement.variable;
  const hidden = lookUp(context.scope, name);
  if (hidden?.kind === "value" && hidden.type.kind === "tensor" && hidden.type.size !== undefined) {
    // Inside, types may speak of the outer size: the name must not mean two things.
    fail(context, statement.variable.span, "name/duplicate", `\`${name}\` is already the name of a size`, {
      secondary: hidden.span === undefined ? [] : [{ span: hidden.span, text: "first definition" }],
      help: ["Choose another name for the variable of the loop."],
    });
    return;
  }
  const definition: Definition = { kind: "loop", statement };
  const type = from === undefined || to === undefined ? unknownType : sizeType(nameSize(name));
  declare(
    context,
    scope,
    statement.variable,
    type.kind === "unknown" ? { kind: "unknown" } : { kind: "value", definition, type, span: statement.variable.span },
  );
  context.checker.tables.uses.set(statement.variable, definition);
  const ranges = from && to ? new Map([[name, { first: from, last: subtractSizes(to, constantSize(1)) }]]) : undefined;
  checkStatements({ ...context, scope, facts: withFacts(context.facts, { ranges }) }, statement.body, signature);
}

function checkIf(context: Context, statement: IfStatement, signature: Signature): void {
  const type = checkTensor(context, statement.condition);
  if (type !== undefined && (type.element.dtype !== "bool" || type.dims.length > 0 || type.constant !== true)) {
    const isBool = type.element.dtype === "bool";
    fail(context, statement.condition.span, "type/constant", "`if … { }` chooses when the model is built", {
      label: isBool ? "this is only known when the model runs" : `this is ${printValueType(type)}, not a condition`,
      help: isBool
        ? [
            "To choose between values, write `if c then a else b`.",
            "A choice of the model is a parameter: `causal: bool = true`.",
          ]
        : [],
    });
  }
  const facts = type === undefined ? {} : factsOf(context, statement.condition);
  const blocks = [...statement.then, ...(statement.otherwise ?? [])];
  forgetConstants(context, blocks);
  checkStatements(
    { ...context, scope: newScope(context.scope, true), facts: withFacts(context.facts, facts) },
    statement.then,
    signature,
  );
  if (statement.otherwise !== undefined)
    checkStatements({ ...context, scope: newScope(context.scope, true) }, statement.otherwise, signature);
  forgetConstants(context, blocks);
}

function checkStatements(start: Context, statements: readonly Statement[], signature: Signature): void {
  let context = start;
  for (const [i, statement] of statements.entries()) {
    const previous = statements[i - 1];
    if (previous !== undefined && alwaysReturns([previous])) {
      report(
        context,
        errorAt(statement.span, "function/unreachable", "this is never reached", {
          secondary: [{ span: previous.span, text: "the function has returned here" }],
        }),
      );
    }
    const own: Context = { ...context, statement: newStatement(statement.span) };
    switch (statement.kind) {
      case "let": {
        const parts = partsOf(statement);
        if (parts === undefined) checkLet(context, statement, typesOfRecurrence);
        else checkPlaced(context, parts);
        break;
      }
      case "placed":
        checkPlaced(context, statement.parts);
        break;
      case "assign":
        checkAssign(context, statement);
        break;
      case "accumulate":
        checkAccumulate(context, statement);
        break;
      case "return":
        checkReturn(context, statement, signature);
        break;
      case "for":
        guardSizes(own, statement.span, () => checkFor(own, statement, signature));
        break;
      case "if":
        guardSizes(own, statement.span, () => checkIf(own, statement, signature));
        break;
      case "require": {
        const facts = guardSizes(own, statement.span, () => checkRequire(own, statement.condition));
        if (facts !== undefined) context = { ...context, facts: withFacts(context.facts, facts) };
        break;
      }
    }
  }
}

/** Checks the body of a function that has been declared. */
export function checkFunctionBody(checker: Checker, declaration: FunctionDeclaration): void {
  const { file, module, scope, facts } = checker.homes.get(declaration) as Home;
  const signature = checker.signatures.get(declaration) as Signature;
  const context: Context = {
    checker,
    file,
    module,
    owner: declaration,
    scope: newScope(scope, true),
    facts,
    statement: newStatement(declaration.span),
    inSubscript: false,
  };
  checkStatements(context, declaration.body, signature);
  if (!alwaysReturns(declaration.body) && file.skippedNames.size === 0) {
    fail(
      context,
      declaration.name.span,
      "function/no-return",
      `\`${declaration.name.name}\` can end without giving a value`,
      {
        label: `it is declared to give ${(signature.results as readonly ValueType[]).map(printValueType).join(", ")}`,
        help: ["End it with `return …`."],
      },
    );
  }
}
