/** Calls of functions and methods, `f[j](…)`, module instances; what the language itself answers is in check-builtin.ts. */
import { findInitialiser, type Initialiser } from "../ir/index.ts";
import { checkArgumentsOnly, giveBack, matchArguments } from "./check-arguments.ts";
import { checkTensor } from "./check-arithmetic.ts";
import { checkBuiltin, checkCast, checkConcat, checkOrder, checkRandom } from "./check-builtin.ts";
import { type Context, checkExpression, fail, report, settle } from "./check-context.ts";
import { checkDirectives } from "./check-directive.ts";
import { type FittedArgument, resultType, solveCall } from "./check-generics.ts";
import { chooseElements, moduleSizesAt } from "./check-instance.ts";
import { checkPredicate, withBinders } from "./check-reduce.ts";
import type { Builtin, FunctionCall, InstancePath, TensorValueType, ValueType } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import { printDims, unknownType } from "./element-types.ts";
import { castNames, libraryFunctions, orderNames, randomName, suggestion } from "./names.ts";
import { type IndexVariable, lookUp, visibleNames } from "./scope.ts";
import type { Size } from "./size.ts";
import type {
  Argument,
  CallExpression,
  Expression,
  ExternDeclaration,
  FunctionDeclaration,
  IndexBinder,
  ModuleDeclaration,
} from "./syntax-tree.ts";

interface Target {
  readonly declaration: FunctionDeclaration | ExternDeclaration;
  readonly module?: ModuleDeclaration;
  readonly instance?: InstancePath;
}

function checkFunctionCall(
  context: Context,
  call: CallExpression,
  callee: string,
  target: Target,
  axes: readonly IndexBinder[],
): ValueType {
  const { declaration } = target;
  const signature = context.checker.signatures.get(declaration);
  if (signature === undefined) {
    // Headers of modules, and defaults of parameters, are looked at before the functions that they could name.
    for (const { value } of call.arguments) checkTensor(context, value);
    return fail(context, call.span, "type/constant", `\`${callee}\` cannot be called here`, {
      label: "what stands here must be known when the model is built",
      help: ["Call it in a function, such as `forward`."],
    });
  }
  context.checker.edges.push({ from: context.owner, to: declaration, span: call.span, name: callee });
  const { inner, variables } = withBinders(context, axes);
  const types = new Map<Argument, { type: TensorValueType | undefined; used: boolean[] }>();
  for (const argument of call.arguments) {
    const before = variables.map((variable) => variable.uses);
    const type = checkTensor(inner, argument.value);
    types.set(argument, { type, used: variables.map((variable, i) => variable.uses > (before[i] as number)) });
  }
  for (const binder of axes) checkPredicate(inner, binder);
  const matched = matchArguments(
    context,
    call,
    callee,
    signature.parameters.map(({ parameter }) => ({
      name: parameter.name.name,
      optional: parameter.default !== undefined,
    })),
  );
  if (axes.length > 0) settle(context, false);
  for (const variable of variables) {
    if (variable.range !== undefined || variable.failed) continue;
    variable.failed = true;
    const binder = variable.binders[0] as IndexBinder;
    if ([...types.values()].every((entry) => entry.type !== undefined)) {
      fail(context, binder.span, "index/no-range", `nothing says how far \`${variable.name}\` runs`, {
        label:
          variable.uses === 0 ? `\`${variable.name}\` does not occur in the arguments` : "used only inside arithmetic",
        help: [`Give the range: \`${callee}[${variable.name}: N](…)\`.`],
      });
    }
  }
  if (matched === undefined || variables.some((variable) => variable.range === undefined)) return unknownType;
  if ([...types.values()].some((entry) => entry.type === undefined)) return unknownType;
  const fitted = matched.map((argument): FittedArgument | undefined => {
    if (argument === undefined) return undefined;
    const { type, used } = types.get(argument) as { type: TensorValueType; used: boolean[] };
    const bound = variables.filter((_, i) => used[i]).map((variable) => variable.range as Size);
    return {
      expression: argument.value,
      type: { ...type, dims: [...type.dims, ...bound], size: bound.length > 0 ? undefined : type.size },
    };
  });
  const moduleSizes =
    target.module === undefined ? new Map<string, Size>() : moduleSizesAt(context, target.instance ?? []);
  if (moduleSizes === undefined) return unknownType;
  const solved = solveCall(context, callee, signature, moduleSizes, fitted);
  if (solved === undefined) return unknownType;
  if (declaration.kind === "extern") {
    if (solved.mapped.length > 0 || axes.length > 0) {
      const place = axes[0]?.span ?? call.span;
      return fail(context, place, "extern/mapped", `\`${callee}\` is written by hand and is not mapped over axes`, {
        label: axes.length > 0 ? "applied along an index" : `leading axes ${printDims(solved.mapped)}`,
        help: ["Give it the axis as one of its own, and walk it in the kernel."],
      });
    }
    context.checker.tables.calls.set(call, { kind: "extern", declaration, arguments: matched, sizes: solved.sizes });
    return resultType(solved.results, []);
  }
  let results = solved.results;
  let outer: (IndexVariable | undefined)[] = axes.map(() => undefined);
  if (axes.length > 0) {
    // A result that has the axes hands them back to the indices outside, one that has none has consumed them.
    const fewer = results.find((result) => result.dims.length > 0 && result.dims.length < axes.length);
    if (fewer !== undefined)
      return fail(context, call.span, "call/axes", `\`${callee}\` gives fewer axes than it is applied along`);
    for (const result of results.filter(({ dims }) => dims.length > 0)) {
      const kept = result.dims.length - axes.length;
      outer = axes.map((binder, i) => giveBack(context, binder, result.dims[kept + i] as Size, call));
      if (outer.some((variable) => variable === undefined)) return unknownType;
    }
    results = results.map((result) => ({
      ...result,
      dims: result.dims.slice(0, Math.max(0, result.dims.length - axes.length)),
    }));
  }
  const resolution: FunctionCall = {
    kind: "function",
    declaration,
    instance: target.instance,
    arguments: matched,
    sizes: solved.sizes,
    mapped: solved.mapped,
    axes: axes.map((inner, i) => ({ inner, outer: outer[i]?.binders[0] })),
  };
  context.checker.tables.calls.set(call, resolution);
  return resultType(results, solved.mapped);
}

/** Axes of a function call; anything but `j` or `j: …` is a mistake there. */
function bindersOf(context: Context, call: CallExpression): IndexBinder[] | undefined {
  const binders: IndexBinder[] = [];
  for (const axis of call.axes ?? []) {
    if (axis.kind === "index") {
      binders.push(axis);
    } else {
      fail(context, axis.span, "call/axes", "a function is applied along an index", {
        help: ["Write `f[j](…)` or `f[j: j <= i](…)`."],
      });
      return undefined;
    }
  }
  return binders;
}

/** The chosen elements of an array of modules: what stands in the brackets, read as expressions. */
function elementsOf(context: Context, call: CallExpression): Expression[] {
  return (call.axes ?? []).map((axis): Expression => {
    if (axis.kind === "at") return axis.expression;
    if (axis.range !== undefined || axis.predicate !== undefined) {
      fail(context, axis.span, "call/axes", "an array of modules is read with a number", {
        help: ["Write `layer[l](x)`."],
      });
    }
    return { kind: "name", name: axis.name.name, span: axis.name.span };
  });
}

function checkUnknownCallee(context: Context, call: CallExpression, name: string): ValueType {
  checkArgumentsOnly(context, call);
  const { span } = call.callee;
  if (context.file.skippedNames.has(name)) return unknownType;
  if (findInitialiser(name) !== undefined) {
    return fail(
      context,
      span,
      "call/initialiser",
      `\`${name}\` only gives \`param\` and \`buffer\` their first values`,
    );
  }
  const library = libraryFunctions.get(name);
  return fail(context, span, "name/unknown", `there is no function \`${name}\``, {
    help:
      library !== undefined
        ? [`The library has it: \`use ${library}: ${name}\`.`]
        : suggestion(name, [...visibleNames(context.scope), ...castNames.keys(), "concat"]),
  });
}

/** The type of a call. */
export function checkCall(context: Context, call: CallExpression): ValueType {
  const type = checkCallee(context, call);
  checkDirectives(context, call);
  return type;
}

function checkCallee(context: Context, call: CallExpression): ValueType {
  const { callee } = call;
  let type: ValueType;
  if (callee.kind === "name") {
    const { name } = callee;
    const binding = lookUp(context.scope, name);
    if (binding === undefined) {
      const cast = castNames.get(name);
      if (cast !== undefined) return checkCast(context, call, cast);
      if (name === "concat") return checkConcat(context, call);
      if (name === randomName) return checkRandom(context, call);
      const descending = orderNames.get(name);
      if (descending !== undefined) return checkOrder(context, call, name, descending);
      return checkUnknownCallee(context, call, name);
    }
    if (binding.kind === "callable") {
      const { definition } = binding;
      context.checker.tables.uses.set(callee, definition);
      switch (definition.kind) {
        case "builtin":
          return checkBuiltin(context, call, name, context.checker.options.builtins.get(name) as Builtin);
        case "function":
        case "extern": {
          const axes = bindersOf(context, call);
          if (axes === undefined) return checkArgumentsOnly(context, call);
          const module = definition.kind === "function" ? definition.of : undefined;
          const target = {
            declaration: definition.declaration,
            module,
            instance: module === undefined ? undefined : [],
          };
          return checkFunctionCall(context, call, name, target, axes);
        }
        default:
          checkArgumentsOnly(context, call);
          return fail(
            context,
            callee.span,
            "call/module",
            `\`${name}\` is a module: it has parameters and must be made first`,
            {
              help: [`In a module or model: \`sub part: ${name}(…)\`, then \`part(x)\`.`],
            },
          );
      }
    }
    type = checkExpression(context, callee);
  } else {
    const object = checkExpression(context, callee.object);
    if (object.kind === "instance") {
      const info = context.checker.modules.get(object.module);
      const method = info?.functions.get(callee.member.name);
      if (method !== undefined && object.missing === 0) {
        const axes = bindersOf(context, call);
        if (axes === undefined) return checkArgumentsOnly(context, call);
        context.checker.tables.uses.set(callee.member, { kind: "function", declaration: method, of: object.module });
        return checkFunctionCall(
          context,
          call,
          callee.member.name,
          { declaration: method, module: object.module, instance: object.path },
          axes,
        );
      }
    }
    type = checkExpression(context, callee);
  }
  if (type.kind === "instance" && call.axes !== undefined && type.missing > 0) {
    type = chooseElements(context, type, elementsOf(context, call));
  } else if (type.kind === "instance" && type.missing === 0) {
    const axes = bindersOf(context, call);
    if (axes === undefined) return checkArgumentsOnly(context, call);
    return callForward(context, call, type, axes);
  }
  if (type.kind === "unknown") return checkArgumentsOnly(context, call);
  if (type.kind === "instance") {
    if (type.missing === 0) return callForward(context, call, type, []);
    checkArgumentsOnly(context, call);
    return fail(context, callee.span, "call/element", "this is an array of modules", {
      help: ["Say which one: `layer[0](x)`, or in a loop `layer[l](x)`."],
    });
  }
  checkArgumentsOnly(context, call);
  return fail(context, callee.span, "call/not-a-function", "this is a value, not a function", {
    help: ["Its elements are read with brackets: `x[i]`; a product needs its sign: `x * (…)`."],
  });
}

function callForward(
  context: Context,
  call: CallExpression,
  type: ValueType & { kind: "instance" },
  axes: readonly IndexBinder[],
): ValueType {
  const forward = context.checker.modules.get(type.module)?.functions.get("forward");
  const name = call.callee.kind === "name" ? call.callee.name : call.callee.member.name;
  if (forward === undefined) {
    checkArgumentsOnly(context, call);
    const methods = [...(context.checker.modules.get(type.module)?.functions.keys() ?? [])];
    return fail(context, call.callee.span, "call/forward", `\`${type.module.name.name}\` has no \`forward\``, {
      help: methods.slice(0, 3).map((method) => `Call one of its functions: \`${name}.${method}(…)\`.`),
    });
  }
  return checkFunctionCall(
    context,
    call,
    name,
    { declaration: forward, module: type.module, instance: type.path },
    axes,
  );
}

/** `kaiming_uniform(fan_in: in)` and the like, allowed only as the initial value of a `param` or `buffer`. */
export function checkInitialiserCall(context: Context, call: CallExpression, initialiser: Initialiser): void {
  const { name, parameters } = initialiser;
  for (const argument of call.arguments) {
    const type = checkTensor(context, argument.value);
    if (type !== undefined && (type.constant !== true || type.dims.length > 0 || type.element.dtype === "bool")) {
      report(
        context,
        errorAt(
          argument.value.span,
          "type/constant",
          `the arguments of \`${name}\` must be numbers known when the model is built`,
        ),
      );
    }
  }
  const matched = matchArguments(
    context,
    call,
    name,
    parameters.map((parameter) => ({ name: parameter.name, optional: parameter.default !== undefined })),
  );
  if (matched === undefined) return;
  const values = new Map<string, Expression>();
  parameters.forEach((parameter, i) => {
    const argument = matched[i];
    if (argument !== undefined) values.set(parameter.name, argument.value);
  });
  context.checker.tables.calls.set(call, { kind: "initialiser", name, arguments: values });
}
