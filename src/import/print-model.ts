/** Lays the whole text out: imports, parameters, parts, the entry and its equations. */
import { format, printSize, type Size } from "../frontend/index.ts";
import { type Expression, type Index, someInside, type Variable } from "./expression.ts";
import { indicesOf, type Printing, printBinder, printExpression, rangedIndices } from "./print-expression.ts";
import type { Scope, Statement, Target } from "./scope.ts";

interface Interface {
  readonly model: string;
  /** Lines of documentation above the model. */
  readonly documentation: readonly string[];
  /** Symbolic sizes, which the entry is generic over. */
  readonly sizes: readonly string[];
  readonly inputs: readonly Variable[];
  readonly outputs: readonly { readonly name: string; readonly variable: Variable }[];
}

/** The file as text in the canonical layout. */
export function printModel(scope: Scope, { model, documentation, sizes, inputs, outputs }: Interface): string {
  const used = new Set([...scope.names.given, ...sizes]);
  const members = [
    ...scope.parts.map(({ name, path, module }) => `sub ${name}${name === path ? "" : ` as "${path}"`}: ${module}`),
    ...scope.parameters.map(({ variable, path }) => {
      const role = variable.element === "f32" ? "param" : "buffer";
      const start = variable.element === "bool" ? "false" : "zeros()";
      return `${role} ${variable.name}${variable.name === path ? "" : ` as "${path}"`}: ${typeOf(variable)} = ${start}`;
    }),
  ];
  const generics = sizes.length === 0 ? "" : `<${sizes.join(", ")}>`;
  const given = inputs.map((variable) => `${variable.name}: ${typeOf(variable)}`);
  const results = outputs.map(({ name, variable }) => `${name}: ${typeOf(variable)}`);
  const returned = outputs.map(({ variable }) => variable.name);
  const lines = [
    ...documentation.map((line) => `/// ${line}`.trimEnd()),
    "",
    ...[...scope.imports].map(([file, names]) => `use ${file}: ${[...names].sort().join(", ")}`),
    "",
    ...[...scope.helpers.values()].flatMap((text) => [text, ""]),
    `model ${model}() {`,
    ...members,
    "",
    `entry forward${generics}(${listed(given)}) -> (${listed(results)}) {`,
    ...scope.statements.map((statement) => printStatement(statement, used)),
    returned.length === 1 ? `return ${returned[0]}` : `return (${returned.join(", ")})`,
    "}",
    "}",
    "",
  ];
  const laidOut = format("import.weft", lines.join("\n"));
  if (laidOut.text === undefined)
    throw new Error(`the text that was written is none: ${JSON.stringify(laidOut.diagnostics)}`);
  return laidOut.text;
}

/** In one line, or where that would be long, one item a line. */
function listed(items: readonly string[]): string {
  const line = items.join(", ");
  return line.length <= 90 ? line : `\n${items.join(",\n")}\n`;
}

function typeOf({ element, shape, below }: Variable): string {
  const name = below === undefined ? element : `idx<${printSize(below)}>`;
  return shape.length === 0 ? name : `${name}[${shape.map((size: Size) => printSize(size)).join(", ")}]`;
}

function printStatement(statement: Statement, used: ReadonlySet<string>): string {
  switch (statement.kind) {
    case "equation": {
      const { variable, targets, body } = statement;
      const own = targets.flatMap((target) => (target.kind === "index" ? [target.index] : target.indices));
      const printing = printingOf([typed(body, variable)], own, used);
      const left = targets.map((target) => printTarget(target, printing));
      const subscripts = left.length === 0 ? "" : `[${left.join(", ")}]`;
      return `let ${variable.name}${subscripts} = ${printExpression(typed(body, variable), printing)}`;
    }
    case "whole": {
      const { variables, body } = statement;
      const names = variables.map(({ name }) => name);
      const left = names.length === 1 ? names[0] : `(${names.join(", ")})`;
      return `let ${left} = ${printExpression(body, printingOf([body], [], used))}`;
    }
    case "accumulate": {
      const { variable, places, body, starts } = statement;
      const printing = printingOf([...places, body], [], used);
      const left = places.map((place, axis) => {
        if (place.kind === "index") return starts ? printBinder(place.index, printing) : printing.nameOf(place.index);
        return `${printExpression(place, printing)}${starts ? `: ${printSize(variable.shape[axis] as Size)}` : ""}`;
      });
      return `${starts ? "let " : ""}${variable.name}[${left.join(", ")}] += ${printExpression(body, printing)}`;
    }
    case "require":
      return `require ${printSize(statement.least)} <= ${printSize(statement.most)}`;
    default:
      return statement satisfies never;
  }
}

function printTarget(target: Target, printing: Printing): string {
  if (target.kind === "index") return printBinder(target.index, printing);
  return `(${target.indices.map((index) => printBinder(index, printing)).join(" ")})`;
}

/** An expression of literals and indices alone takes its type from a conversion. */
function typed(body: Expression, { element }: Variable): Expression {
  if (element === "bool") return body;
  if (element === "f32" && body.kind === "number" && Number.isInteger(body.value))
    return { kind: "number", value: body.value, isFloat: true };
  const hasType = someInside(
    body,
    (part) =>
      part.kind === "read" ||
      (part.kind === "call" && (part.name === "i32" || part.name === "f32" || part.name === "u32")),
  );
  return hasType ? body : { kind: "call", name: element, arguments: [body] };
}

const letters = "ijklmnopqrstuvwabcdefghxyz".split("");

/** Letters for the indices of one statement. */
function printingOf(expressions: readonly Expression[], first: readonly Index[], used: ReadonlySet<string>): Printing {
  const indices = new Set(first);
  const ranged = new Set<Index>();
  for (const expression of expressions) {
    indicesOf(expression, indices);
    rangedIndices(expression, ranged);
  }
  const names = new Map<Index, string>();
  const given = new Set(used);
  for (const index of indices) {
    if (index.like !== undefined) continue;
    const wanted = index.letter === undefined ? letters : [index.letter, ...letters];
    const name = wanted.find((letter) => !given.has(letter)) ?? `i${given.size}`;
    given.add(name);
    names.set(index, name);
  }
  return { ranged, nameOf: (index) => names.get(index.like ?? index) as string };
}
