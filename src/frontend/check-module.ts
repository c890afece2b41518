/** Modules and models: parameters, constants, tensors, sub modules, presets. */
import { findInitialiser } from "../ir/index.ts";
import { checkTensor } from "./check-arithmetic.ts";
import { checkLet } from "./check-binding.ts";
import { checkInitialiserCall } from "./check-call.ts";
import {
  type Checker,
  type Context,
  checkExpression,
  type FileInfo,
  fail,
  finishStatement,
  type ModuleInfo,
  newStatement,
} from "./check-context.ts";
import { declareFunction } from "./check-function.ts";
import { instanceOfSub } from "./check-instance.ts";
import { typesOfRecurrence } from "./check-recurrence.ts";
import { checkRequire, checkSize, factsOf, guardSizes, resolveType } from "./check-size.ts";
import type { Definition, SubResolution, ValueType } from "./checked-program.ts";
import { boolElement, elementFits, printValueType, sizeType, tensorOfType, unknownType } from "./element-types.ts";
import { suggestion } from "./names.ts";
import { sizesInPath } from "./path-name.ts";
import { type Binding, lookUp, newScope, visibleNames } from "./scope.ts";
import { constantSize, nameSize, printSize, type Size, substitute } from "./size.ts";
import { noFacts, provablyEqual, type SizeFacts, withFacts } from "./size-facts.ts";
import type {
  Argument,
  Expression,
  Identifier,
  ModuleDeclaration,
  Parameter,
  PresetDeclaration,
  SubMember,
  TensorMember,
} from "./syntax-tree.ts";

/** A place in the header of a module. */
function headerContext(checker: Checker, info: ModuleInfo): Context {
  return {
    checker,
    file: info.file,
    module: info,
    owner: info.declaration,
    scope: info.scope,
    facts: info.facts,
    statement: newStatement(info.declaration.span),
    inSubscript: false,
  };
}

function declareMember(context: Context, info: ModuleInfo, name: Identifier, binding: Binding): boolean {
  const present = info.scope.names.get(name.name);
  if (present !== undefined) {
    const first = present.kind === "value" || present.kind === "callable" ? present.span : undefined;
    fail(
      context,
      name.span,
      "name/duplicate",
      `\`${name.name}\` is already defined in \`${info.declaration.name.name}\``,
      {
        label: "second definition",
        secondary: first === undefined ? [] : [{ span: first, text: "first definition" }],
      },
    );
    return false;
  }
  info.scope.names.set(name.name, binding);
  return true;
}

type ParameterKind = "size" | "f32" | "bool";

function kindOfParameter(parameter: Parameter): ParameterKind | undefined {
  const { element, dims } = parameter.type;
  if (dims.length > 0 || element.kind !== "named") return undefined;
  return ["size", "f32", "bool"].includes(element.name) ? (element.name as ParameterKind) : undefined;
}

/** Checks the value of a module parameter; returns its size where it is one. */
function checkParameterValue(context: Context, parameter: Parameter, value: Expression, of: string): Size | undefined {
  const kind = kindOfParameter(parameter);
  const { name } = parameter.name;
  if (kind === "size") return checkSize(context, value);
  const type = checkTensor(context, value);
  if (type === undefined || kind === undefined) return undefined;
  const fits =
    type.constant === true &&
    type.dims.length === 0 &&
    elementFits(type.element, kind === "bool" ? boolElement : { dtype: "f32" });
  if (!fits) {
    fail(context, value.span, "type/constant", `\`${name}\` of \`${of}\` takes a constant ${kind}`, {
      label: type.constant === true ? `this is ${printValueType(type)}` : "this is only known when the model runs",
      secondary: [{ span: parameter.span, text: "declared here" }],
    });
  }
  return undefined;
}

/** First look at a module: its parameters, constants and requirements, and the names of everything in it. */
export function declareModule(checker: Checker, declaration: ModuleDeclaration, file: FileInfo): void {
  const info: ModuleInfo = {
    declaration,
    file,
    scope: newScope(file.scope, false),
    facts: noFacts,
    tensors: new Map(),
    subs: new Map(),
    functions: new Map(),
    defaults: new Map(),
  };
  checker.modules.set(declaration, info);
  const context = headerContext(checker, info);
  for (const parameter of declaration.parameters) {
    const kind = kindOfParameter(parameter);
    const definition: Definition = { kind: "parameter", parameter, of: declaration };
    let type: ValueType;
    if (kind === undefined) {
      type = fail(
        context,
        parameter.type.span,
        "type/module-parameter",
        "parameters of a module are `size`, `f32` or `bool`",
        {
          help: ["A tensor is a parameter of `forward`, or a `param` of the module."],
        },
      );
    } else if (kind === "size") {
      type = sizeType(nameSize(parameter.name.name));
    } else {
      type = tensorOfType({ dtype: kind }, [], true);
    }
    if (parameter.default !== undefined) {
      const size = guardSizes(context, parameter.default.span, () =>
        checkParameterValue(context, parameter, parameter.default as Expression, declaration.name.name),
      );
      if (size !== undefined) {
        info.defaults.set(parameter.name.name, size);
        if (size.terms.length === 0) info.facts = withFacts(info.facts, { natural: new Set([parameter.name.name]) });
      }
    }
    declareMember(
      context,
      info,
      parameter.name,
      type.kind === "unknown" ? { kind: "unknown" } : { kind: "value", definition, type, span: parameter.name.span },
    );
    checker.tables.uses.set(parameter.name, definition);
  }
  for (const member of declaration.members) {
    const now = headerContext(checker, info);
    switch (member.kind) {
      case "let": {
        const target = member.targets[0];
        const isPlain = member.targets.length === 1 && target?.subscripts === undefined && member.initial.length === 0;
        if (target === undefined || !isPlain) {
          fail(now, member.span, "module/constant", "a `let` of a module names one constant", {
            help: ["Compute tensors in `forward`, or keep them in a `buffer`."],
          });
          break;
        }
        // In a scope of its own first, because the module's may be shadowed and so never collides.
        const scope = newScope(info.scope, true);
        checkLet({ ...now, scope }, member, typesOfRecurrence);
        const binding = scope.names.get(target.name.name) ?? { kind: "unknown" };
        if (binding.kind === "value" && binding.type.kind === "tensor" && binding.type.constant !== true) {
          fail(now, member.value.span, "module/constant", "a `let` of a module must be known when the model is built", {
            label: `this is ${printValueType(binding.type)}`,
          });
        }
        declareMember(now, info, target.name, binding);
        break;
      }
      case "require": {
        const facts = guardSizes(now, member.span, () => checkRequire(now, member.condition));
        if (facts !== undefined) info.facts = withFacts(info.facts, facts);
        break;
      }
      case "function": {
        const isNew = declareMember(now, info, member.name, {
          kind: "callable",
          definition: { kind: "function", declaration: member, of: declaration },
          span: member.name.span,
        });
        if (isNew) info.functions.set(member.name.name, member);
        if (member.role === "entry" && declaration.role === "module") {
          fail(now, member.name.span, "module/entry", "only a `model` has entries", {
            help: ["Write `fn` instead of `entry`, or `model` instead of `module`."],
          });
        }
        break;
      }
      case "sub":
        if (declareMember(now, info, member.name, { kind: "unknown" })) info.subs.set(member.name.name, member);
        break;
      case "tensor":
        if (declareMember(now, info, member.name, { kind: "unknown" }))
          info.tensors.set(member.name.name, { member, type: unknownType });
        break;
      case "preset":
        if (declaration.role === "module") {
          fail(now, member.name.span, "module/preset", "only a `model` has presets", {
            help: ["Write `model` instead of `module`."],
          });
        }
        break;
    }
  }
}

/** Finds the parameter that each argument of a `sub` is for. */
function matchSubArguments(
  context: Context,
  sub: SubMember,
  target: ModuleDeclaration,
): Map<string, Argument> | undefined {
  const matched = new Map<string, Argument>();
  const name = target.name.name;
  let position = 0;
  let sound = true;
  for (const argument of sub.arguments) {
    const { label } = argument;
    const parameter =
      label === undefined
        ? target.parameters[position++]
        : target.parameters.find((each) => each.name.name === label.name);
    if (parameter === undefined) {
      sound = false;
      if (label !== undefined) {
        fail(context, label.span, "call/label", `\`${name}\` has no parameter \`${label.name}\``, {
          help: suggestion(
            label.name,
            target.parameters.map((each) => each.name.name),
          ),
        });
      } else {
        fail(
          context,
          argument.span,
          "call/arguments",
          `\`${name}\` takes ${target.parameters.length} parameters, not ${sub.arguments.length}`,
          { label: "one too many" },
        );
        break;
      }
    } else if (matched.has(parameter.name.name)) {
      sound = false;
      fail(context, argument.span, "call/arguments", `\`${parameter.name.name}\` of \`${name}\` is given twice`);
    } else {
      matched.set(parameter.name.name, argument);
    }
  }
  const missing = target.parameters.filter(
    (parameter) => !matched.has(parameter.name.name) && parameter.default === undefined,
  );
  if (sound && missing.length > 0) {
    sound = false;
    fail(
      context,
      sub.module.span,
      "call/arguments",
      `\`${name}\` needs ${missing.map((parameter) => `\`${parameter.name.name}\``).join(", ")} too`,
      {
        secondary: [{ span: target.name.span, text: "declared here" }],
      },
    );
  }
  return sound ? matched : undefined;
}

/** Checks the condition under which a member exists; returns what it lets us conclude there. */
function checkPresence(context: Context, { presence }: TensorMember | SubMember): Partial<SizeFacts> {
  if (presence === undefined) return {};
  const type = checkTensor(context, presence);
  if (type === undefined) return {};
  if (type.element.dtype !== "bool" || type.dims.length > 0 || type.constant !== true) {
    fail(context, presence.span, "module/presence", "a member exists under a condition on the module's parameters", {
      label: `this is ${printValueType(type)}`,
      help: ["For instance `param bias: f32[n] = zeros() if biased` with a parameter `biased: bool`."],
    });
    return {};
  }
  return factsOf(context, presence);
}

function resolveSub(checker: Checker, info: ModuleInfo, sub: SubMember): void {
  const header = headerContext(checker, info);
  const present = checkPresence(header, sub);
  const context: Context = { ...header, facts: withFacts(header.facts, present) };
  const binding = lookUp(info.scope, sub.module.name);
  if (binding?.kind !== "callable" || binding.definition.kind !== "module") {
    for (const argument of sub.arguments) checkExpression(context, argument.value);
    if (binding?.kind === "unknown" || info.file.skippedNames.has(sub.module.name)) return;
    const title =
      binding === undefined ? `there is no module \`${sub.module.name}\`` : `\`${sub.module.name}\` is no module`;
    fail(context, sub.module.span, "name/unknown", title, {
      help: suggestion(sub.module.name, visibleNames(info.scope)),
    });
    return;
  }
  const target = binding.definition.declaration;
  checker.tables.uses.set(sub.module, binding.definition);
  checker.edges.push({ from: info.declaration, to: target, span: sub.module.span, name: target.name.name });
  const counts = sub.counts.map(({ start, end }) => ({
    start: start === undefined ? constantSize(0) : checkSize(context, start),
    end: checkSize(context, end),
  }));
  const matched = matchSubArguments(context, sub, target);
  if (matched === undefined || counts.some(({ start, end }) => start === undefined || end === undefined)) return;
  const sizes = new Map<string, Size>();
  const values = new Map<string, { expression: Expression; isDefault: boolean }>();
  const defaults = checker.modules.get(target)?.defaults;
  let sound = true;
  for (const parameter of target.parameters) {
    const { name } = parameter.name;
    const argument = matched.get(name);
    const before = checker.diagnostics.length;
    if (argument !== undefined) {
      const size = checkParameterValue(context, parameter, argument.value, target.name.name);
      if (size !== undefined) sizes.set(name, size);
      values.set(name, { expression: argument.value, isDefault: false });
    } else if (parameter.default !== undefined) {
      const size = defaults?.get(name);
      if (size !== undefined) sizes.set(name, substitute(size, sizes));
      values.set(name, { expression: parameter.default, isDefault: true });
    }
    if (checker.diagnostics.length > before) sound = false;
  }
  if (!sound) return;
  checker.tables.subs.set(sub, { module: target, sizes, values, counts: counts as SubResolution["counts"] });
  info.scope.names.set(sub.name.name, {
    kind: "value",
    definition: { kind: "sub", member: sub, of: info.declaration },
    type: instanceOfSub(context, [], sub),
    span: sub.name.span,
  });
}

/** Second look, when all modules are known by name: types of tensors, sub modules, signatures. */
export function resolveMembers(checker: Checker, info: ModuleInfo): void {
  const context = headerContext(checker, info);
  const { declaration } = info;
  for (const [name, { member }] of info.tensors) {
    const type =
      guardSizes(context, member.span, () => {
        checkPresence(context, member);
        return resolveType(context, member.type);
      }) ?? unknownType;
    info.tensors.set(name, { member, type });
    const definition: Definition = { kind: "tensor", member, of: declaration };
    checker.tables.uses.set(member.name, definition);
    info.scope.names.set(
      name,
      type.kind === "unknown" ? { kind: "unknown" } : { kind: "value", definition, type, span: member.name.span },
    );
  }
  for (const sub of info.subs.values()) guardSizes(context, sub.span, () => resolveSub(checker, info, sub));
  for (const member of declaration.members) {
    if (member.kind === "function") declareFunction(checker, member, info.file, info);
  }
  const paths = new Map<string, TensorMember | SubMember>();
  for (const member of declaration.members) {
    if (member.kind !== "tensor" && member.kind !== "sub") continue;
    const path = member.path?.value ?? member.name.name;
    const other = paths.get(path);
    // A part without a name of its own: `sub layer as "": Layer(d)[n]` is `0.…`, `1.…`.
    if (path === "" && member.kind === "sub") continue;
    checkSizesInPath(context, info, member, path);
    if (path === "" || path.startsWith(".") || path.endsWith(".") || path.includes("..")) {
      fail(context, member.path?.span ?? member.name.span, "module/path", `\`${path}\` is no path of a parameter`, {
        help: ['Parts are joined by single dots: `as "0.fn"`.'],
      });
    } else if (
      other !== undefined &&
      other.name.name !== member.name.name &&
      other.presence === undefined &&
      member.presence === undefined
    ) {
      fail(context, member.path?.span ?? member.name.span, "module/path", `the path \`${path}\` is used twice`, {
        secondary: [{ span: other.span, text: "first here" }],
      });
    }
    paths.set(path, member);
  }
}

/** A path may contain sizes that the module is given, `as "conv_{layer}"`. */
function checkSizesInPath(context: Context, info: ModuleInfo, member: TensorMember | SubMember, path: string): void {
  const known = info.declaration.parameters.filter((parameter) => kindOfParameter(parameter) === "size");
  const names = known.map((parameter) => parameter.name.name);
  for (const name of sizesInPath(path)) {
    if (names.includes(name)) continue;
    fail(
      context,
      member.path?.span ?? member.name.span,
      "module/path",
      `\`{${name}}\` in a path is no size of the module`,
      {
        notes: [`\`${info.declaration.name.name}\` has ${names.join(", ") || "none"}`],
        help: ["Braces hold a parameter of type `size`."],
      },
    );
  }
}

/** Checks the initial values of a module's tensors. */
export function checkInitialisers(checker: Checker, info: ModuleInfo): void {
  for (const { member, type } of info.tensors.values()) {
    const context: Context = { ...headerContext(checker, info), statement: newStatement(member.span, []) };
    const value = member.initialiser;
    if (value === undefined) {
      fail(context, member.name.span, "module/no-initial", `\`${member.name.name}\` has no initial value`, {
        help: ["For instance `= zeros()`, `= normal(std: 0.02)` or `= kaiming_uniform(fan_in: d)`."],
      });
      continue;
    }
    const callee = value.kind === "call" && value.callee.kind === "name" ? value.callee.name : undefined;
    const initialiser =
      callee === undefined || lookUp(info.scope, callee) !== undefined ? undefined : findInitialiser(callee);
    if (value.kind === "call" && initialiser !== undefined) {
      checkInitialiserCall(context, value, initialiser);
      continue;
    }
    const found = guardSizes(context, value.span, () => {
      const checked = checkTensor(context, value);
      finishStatement(context);
      return checked;
    });
    if (found === undefined || type.kind !== "tensor") continue;
    const axis = found.dims.findIndex(
      (dim, i) => type.dims[i] === undefined || !provablyEqual(dim, type.dims[i] as Size, context.facts),
    );
    const fits =
      elementFits(found.element, type.element) &&
      (found.dims.length === 0 || (found.dims.length === type.dims.length && axis < 0));
    if (!fits) {
      fail(context, value.span, "type/initial", `this cannot be the initial value of \`${member.name.name}\``, {
        label: `this is ${printValueType(found)}`,
        secondary: [{ span: member.type.span, text: `declared as ${printValueType(type)}` }],
        notes:
          axis >= 0 && type.dims[axis] !== undefined
            ? [`Nothing says ${printSize(found.dims[axis] as Size)} = ${printSize(type.dims[axis] as Size)}.`]
            : [],
      });
    }
  }
}

/** Checks a preset against the model it belongs to. */
export function checkPreset(
  checker: Checker,
  file: FileInfo,
  preset: PresetDeclaration,
  model: ModuleDeclaration,
  others: Set<string>,
): void {
  const context: Context = {
    checker,
    file,
    owner: preset,
    scope: newScope(file.scope, false),
    facts: noFacts,
    statement: newStatement(preset.span),
    inSubscript: false,
  };
  checker.tables.presets.set(preset, model);
  const { name } = model.name;
  if (others.has(preset.name.name))
    fail(context, preset.name.span, "name/duplicate", `\`${name}\` already has a preset \`${preset.name.name}\``);
  others.add(preset.name.name);
  const seen = new Set<string>();
  for (const setting of preset.settings) {
    const parameter = model.parameters.find((each) => each.name.name === setting.name.name);
    if (seen.has(setting.name.name))
      fail(context, setting.name.span, "name/duplicate", `\`${setting.name.name}\` is set twice`);
    seen.add(setting.name.name);
    if (parameter === undefined) {
      checkExpression(context, setting.value);
      fail(context, setting.name.span, "preset/parameter", `\`${name}\` has no parameter \`${setting.name.name}\``, {
        help: suggestion(
          setting.name.name,
          model.parameters.map((each) => each.name.name),
        ),
      });
      continue;
    }
    guardSizes(context, setting.span, () => checkParameterValue(context, parameter, setting.value, name));
  }
}
