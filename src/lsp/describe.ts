/** What a name stands for, in the words of the language: one line of text, and the documentation above its declaration. */
import {
  type BindingTarget,
  type CheckedProgram,
  castNames,
  constantNames,
  printSize,
  printValueType,
} from "../frontend/index.ts";
import { findInitialiser, findOperation } from "../ir/index.ts";
import type { NameSymbol } from "./name-symbol.ts";
import { memberNamed } from "./resolve-expressions.ts";
import type { ProgramView } from "./workspace.ts";

export interface Description {
  /** As it is declared, in the language: `fn softmax<n>(x: f32[n]) -> f32[n]`. */
  readonly declaration: string;
  /** A sentence that says what it is, where the declaration does not. */
  readonly note?: string;
  readonly doc?: string;
}

/** Source text of a span on one line. */
function sourceOf(program: CheckedProgram, file: string, start: number, end: number): string {
  return (program.sources.get(file)?.slice(start, end) ?? "")
    .replace(/\s*\/\/[^\n]*\n/g, "\n")
    .replace(/\s+/g, " ")
    .trim();
}

/** The text from the beginning of a declaration to what follows its header. */
function headerOf(program: CheckedProgram, file: string, start: number, lastPart: number): string {
  const text = program.sources.get(file) ?? "";
  const closing = /^\s*,?\s*\)/.exec(text.slice(lastPart))?.[0].length ?? 0;
  return sourceOf(program, file, start, lastPart + closing);
}

export function typeOfLocal({ tables }: CheckedProgram, target: BindingTarget): string | undefined {
  const type = tables.targets.get(target);
  if (type === undefined || type.kind === "unknown") return undefined;
  if (type.kind === "tensor" && type.size !== undefined) return "size";
  if (type.kind === "tensor" && type.dims.length === 0 && type.element.dtype === "real") return "f32";
  return printValueType(type);
}

/** `i < L`, from the ranges that the checker found; undefined in a text in which it found none. */
function rangeOfIndex({ tables }: CheckedProgram, { span, name }: NameSymbol): string | undefined {
  for (const [binder, range] of tables.ranges) {
    const place = binder.name.span;
    if (place.start === span?.start && place.file === span.file) return `${name} < ${printSize(range)}`;
  }
  return undefined;
}

export function describe({ program, names }: ProgramView, symbol: NameSymbol): Description {
  const { node, name, span } = symbol;
  const file = span?.file ?? "";
  switch (node.kind) {
    case "function":
    case "extern": {
      const { declaration } = node;
      const last = declaration.results.at(-1)?.span.end ?? declaration.name.span.end;
      const owner = node.kind === "function" ? node.of : undefined;
      return {
        declaration: headerOf(program, file, declaration.span.start, last),
        ...(owner === undefined ? {} : { note: `in ${owner.role} \`${owner.name.name}\`` }),
        doc: declaration.doc,
      };
    }
    case "module": {
      const { declaration } = node;
      const last = declaration.parameters.at(-1)?.span.end ?? declaration.name.span.end;
      const header = headerOf(program, file, declaration.span.start, last);
      const forward = memberNamed(declaration, "forward");
      const calls =
        forward === undefined
          ? undefined
          : `called: \`${describe({ program, names, text: "" }, forward).declaration}\``;
      return { declaration: header, note: calls, doc: declaration.doc };
    }
    case "preset":
      return {
        declaration: sourceOf(program, file, node.declaration.span.start, node.declaration.span.end),
        doc: node.declaration.doc,
      };
    case "parameter": {
      const { parameter, of } = node;
      return {
        declaration: sourceOf(program, file, parameter.span.start, parameter.span.end),
        note: `parameter of \`${of.name.name}\``,
      };
    }
    case "generic":
      return { declaration: `${name}: size`, note: `a size of \`${node.of.name.name}\`, from its arguments` };
    case "result":
      return { declaration: sourceOf(program, file, node.result.span.start, node.result.span.end), note: "a result" };
    case "local": {
      const type = typeOfLocal(program, node.target);
      const size = program.tables.targets.get(node.target);
      const value = size?.kind === "tensor" && size.size !== undefined ? ` = ${printSize(size.size)}` : "";
      return { declaration: type === undefined ? `let ${name}` : `let ${name}: ${type}${value}` };
    }
    case "tensor":
      return {
        declaration: sourceOf(program, file, node.member.span.start, node.member.span.end),
        note: `in ${node.of.role} \`${node.of.name.name}\``,
        doc: node.member.doc,
      };
    case "sub": {
      const made = names.of(node.of.span.file)?.moduleNamed(node.of, node.member.module.name);
      const module = made?.node.kind === "module" ? made.node.declaration : undefined;
      return {
        declaration: sourceOf(program, file, node.member.span.start, node.member.span.end),
        note: `in ${node.of.role} \`${node.of.name.name}\``,
        doc: [node.member.doc, module?.doc].filter((each) => each !== undefined).join("\n\n") || undefined,
      };
    }
    case "loop":
      return { declaration: `${name}: size`, note: "counts the rounds of the loop, which is unrolled" };
    case "index":
      return { declaration: rangeOfIndex(program, symbol) ?? name, note: "an index" };
    case "language":
      return describeLanguage(name);
  }
}

/** What the language itself offers under a name. */
export function describeLanguage(name: string): Description {
  const operation = findOperation(name);
  const initialiser = findInitialiser(name);
  const constant = constantNames.get(name);
  if (constant !== undefined)
    return {
      declaration: `${name}: ${constant === "bool" ? "bool" : "f32"}`,
      note: name === "training" ? "true while a model is trained; fixed when it is compiled" : "a constant",
    };
  if (castNames.has(name)) return { declaration: `${name}(x)`, note: `converts numbers to ${name}` };
  if (operation?.scalar !== undefined) {
    const parameters = ["x", "y", "z"].slice(0, operation.arity).join(", ");
    return { declaration: `${name}(${parameters})`, note: "for every element", doc: operation.summary };
  }
  if (initialiser !== undefined) {
    const parameters = initialiser.parameters.map((each) =>
      each.default === undefined ? each.name : `${each.name} = ${each.default}`,
    );
    return {
      declaration: `${name}(${parameters.join(", ")})`,
      note: "gives a `param` or `buffer` its first values",
      doc: initialiser.doc,
    };
  }
  return { declaration: specialFunctions.get(name) ?? name, note: "belongs to the language" };
}

const specialFunctions: ReadonlyMap<string, string> = new Map([
  ["concat", "concat[c](A[i, c], B[i, c])"],
  ["uniform_like", "uniform_like(x, seed)"],
  ["rising_order", "rising_order(x)"],
  ["falling_order", "falling_order(x)"],
]);
