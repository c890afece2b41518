/** Module instances: elements of arrays, members reached through a dot, and sizes seen from outside. */

import { type Context, checkExpression, factsWithIndices, fail, textOf } from "./check-context.ts";
import type { InstancePath, ValueType } from "./checked-program.ts";
import { isIntegerElement, unknownType } from "./element-types.ts";
import { suggestion } from "./names.ts";
import { constantSize, constantValue, namesOf, printSize, type Size, substitute, subtractSizes } from "./size.ts";
import { provablyAtMost } from "./size-facts.ts";
import type { Expression, MemberExpression, SubMember } from "./syntax-tree.ts";

/**
 * Sizes of the parameters of the module at the end of a path, in the names of the module where the path starts. Undefined when
 * an error in a `sub` on the way was reported.
 */
export function moduleSizesAt(context: Context, path: InstancePath): ReadonlyMap<string, Size> | undefined {
  let sizes: ReadonlyMap<string, Size> | undefined;
  for (const { sub } of path) {
    const resolution = context.checker.tables.subs.get(sub);
    if (resolution === undefined) return undefined;
    const outer: ReadonlyMap<string, Size> | undefined = sizes;
    sizes =
      outer === undefined
        ? resolution.sizes
        : new Map([...resolution.sizes].map(([name, size]) => [name, substitute(size, outer)]));
    const wanted = resolution.module.parameters.filter(
      (parameter) => parameter.type.element.kind === "named" && parameter.type.element.name === "size",
    );
    if (wanted.some((parameter) => !sizes?.has(parameter.name.name))) return undefined;
  }
  return sizes ?? new Map();
}

/** A tensor type of a module in the names of the module where the path starts. */
export function typeAt(type: ValueType, sizes: ReadonlyMap<string, Size>): ValueType {
  if (type.kind !== "tensor") return type;
  const below = type.element.below;
  return {
    ...type,
    element: below === undefined ? type.element : { ...type.element, below: substitute(below, sizes) },
    dims: type.dims.map((dim) => substitute(dim, sizes)),
  };
}

/** The instance a sub member is, seen from the instance that owns it. */
export function instanceOfSub(context: Context, path: InstancePath, sub: SubMember): ValueType {
  const resolution = context.checker.tables.subs.get(sub);
  if (resolution === undefined) return unknownType;
  return {
    kind: "instance",
    path: [...path, { sub, elements: [] }],
    module: resolution.module,
    missing: sub.counts.length,
  };
}

/** `layer[l]`: one of an array of modules. The place must be known when the model is built. */
export function chooseElements(
  context: Context,
  type: ValueType & { readonly kind: "instance" },
  elements: readonly Expression[],
): ValueType {
  const last = type.path[type.path.length - 1];
  const resolution = last && context.checker.tables.subs.get(last.sub);
  if (last === undefined || resolution === undefined) return unknownType;
  let sound = true;
  if (elements.length > type.missing) {
    const extra = elements[type.missing] as Expression;
    return fail(
      context,
      extra.span,
      "index/too-many",
      `\`${last.sub.name.name}\` has ${last.sub.counts.length === 0 ? "no elements" : "fewer axes"}`,
    );
  }
  const outer = moduleSizesAt(context, type.path.slice(0, -1)) ?? new Map<string, Size>();
  elements.forEach((element, i) => {
    const value = checkExpression({ ...context, inSubscript: false }, element);
    if (value.kind === "unknown") {
      sound = false;
      return;
    }
    const size = value.kind === "tensor" && isIntegerElement(value.element) ? value.size : undefined;
    const text = textOf(context, element.span);
    if (size === undefined) {
      sound = false;
      fail(
        context,
        element.span,
        "index/not-constant",
        `\`${text}\` must be known when the model is built, to choose a module`,
        {
          help: ["Use the variable of a loop: `for l in 0..layers { x = layer[l](x) }`."],
        },
      );
      return;
    }
    const range = resolution.counts[last.elements.length + i] as { readonly start: Size; readonly end: Size };
    const start = substitute(range.start, outer);
    const end = substitute(range.end, outer);
    const facts = factsWithIndices(context);
    if (!provablyAtMost(start, size, facts) || !provablyAtMost(size, subtractSizes(end, constantSize(1)), facts)) {
      sound = false;
      const fromZero = constantValue(start) === 0n;
      const isOutside = provablyAtMost(end, size, facts) || !fromZero;
      const hasLoop = [...namesOf(size)].some((name) => facts.ranges.has(name));
      fail(context, element.span, "index/range", `\`${text}\` can step outside of \`${last.sub.name.name}\``, {
        label: fromZero
          ? `there are ${printSize(end)} elements`
          : `elements are ${printSize(start)} to ${printSize(subtractSizes(end, constantSize(1)))}`,
        secondary: [{ span: last.sub.span, text: "declared here" }],
        help: isOutside || hasLoop ? [] : [`State what is missing: \`require ${text} < ${printSize(end)}\`.`],
      });
    }
  });
  if (!sound) return unknownType;
  const step = { sub: last.sub, elements: [...last.elements, ...elements] };
  return { ...type, path: [...type.path.slice(0, -1), step], missing: type.missing - elements.length };
}

/** `part.weight`, `part.inner`: what an instance holds. Functions are handled by calls. */
export function checkMember(context: Context, expression: MemberExpression): ValueType {
  const object = checkExpression(context, expression.object);
  if (object.kind === "unknown") return unknownType;
  const { member } = expression;
  if (object.kind !== "instance") {
    return fail(context, member.span, "name/member", `a value has no part \`${member.name}\``, {
      help: ["Transposing and the like are written with indices: `let B[j, i] = A[i, j]`."],
    });
  }
  if (object.missing > 0) {
    return fail(context, expression.object.span, "call/element", "this is an array of modules", {
      help: ["Say which one: `layer[0].weight`."],
    });
  }
  const info = context.checker.modules.get(object.module);
  const tensor = info?.tensors.get(member.name);
  if (tensor !== undefined) {
    context.checker.tables.uses.set(member, { kind: "tensor", member: tensor.member, of: object.module });
    const sizes = moduleSizesAt(context, object.path);
    return sizes === undefined ? unknownType : typeAt(tensor.type, sizes);
  }
  const sub = info?.subs.get(member.name);
  if (sub !== undefined) {
    context.checker.tables.uses.set(member, { kind: "sub", member: sub, of: object.module });
    return instanceOfSub(context, object.path, sub);
  }
  if (info?.functions.has(member.name)) {
    return fail(context, member.span, "type/not-a-value", `\`${member.name}\` is a function; it must be called`);
  }
  const known = info === undefined ? [] : [...info.tensors.keys(), ...info.subs.keys(), ...info.functions.keys()];
  return fail(context, member.span, "name/member", `\`${object.module.name.name}\` has no \`${member.name}\``, {
    help: suggestion(member.name, known),
  });
}
