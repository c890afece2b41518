/** The equations of a file, one by one: what the inspector lists, measures and compares. */
import type { Span } from "../ir/index.ts";
import type { BindingTarget, Declaration, FunctionDeclaration, SourceFile, Statement } from "./syntax-tree.ts";

/** A statement that computes something. */
export interface Equation {
  /** What it defines, `Y` or `h, c`; for what a function returns, `return`. */
  readonly name: string;
  /** The function, entry or method that it stands in, `attention` or `Attention.forward`. */
  readonly definition: string;
  /** The whole statement; of `fn f(…) = expr` the expression. */
  readonly span: Span;
}

/** All equations of a file, in the order of the text; they do not overlap. */
export function equationsOf(file: SourceFile): readonly Equation[] {
  return file.declarations.flatMap(equationsOfDeclaration);
}

function equationsOfDeclaration(declaration: Declaration): readonly Equation[] {
  switch (declaration.kind) {
    case "function":
      return equationsOfFunction(declaration, declaration.name.name);
    case "module":
      return declaration.members.flatMap((member) =>
        member.kind === "function" ? equationsOfFunction(member, `${declaration.name.name}.${member.name.name}`) : [],
      );
    case "preset":
    case "extern":
      return [];
    default:
      return declaration satisfies never;
  }
}

function equationsOfFunction({ body }: FunctionDeclaration, definition: string): readonly Equation[] {
  const walk = (statement: Statement): readonly Equation[] => {
    const named = (name: string): readonly Equation[] => [{ name, definition, span: statement.span }];
    switch (statement.kind) {
      case "let":
        return named(namesOf(statement.targets));
      case "placed":
        return named(namesOf(statement.parts.map(({ target }) => target)));
      case "assign":
      case "accumulate":
        return named(statement.target.name.name);
      case "return":
        return named("return");
      case "for":
        return statement.body.flatMap(walk);
      case "if":
        return [...statement.then, ...(statement.otherwise ?? [])].flatMap(walk);
      case "require":
        return [];
      default:
        return statement satisfies never;
    }
  };
  return body.flatMap(walk);
}

/** Each name once: the parts of one tensor share theirs. */
function namesOf(targets: readonly BindingTarget[]): string {
  return [...new Set(targets.map(({ name }) => name.name))].join(", ");
}
