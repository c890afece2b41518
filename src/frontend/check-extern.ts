/**
 * Hand-written kernels: `extern wgsl fn` with a dispatch size, a cost, the text, and the name of a function of the same types that
 * says in the language what the kernel computes.
 */
import {
  type Checker,
  type Context,
  type FileInfo,
  fail,
  type Home,
  newStatement,
  type Signature,
} from "./check-context.ts";
import { checkSize } from "./check-size.ts";
import type { TensorValueType } from "./checked-program.ts";
import { printValueType } from "./element-types.ts";
import { suggestion } from "./names.ts";
import { lookUp, visibleNames } from "./scope.ts";
import { nameSize, type Size, substitute } from "./size.ts";
import type { Expression, ExternDeclaration, ExternField, FunctionDeclaration } from "./syntax-tree.ts";

const fieldNames = ["dispatch", "cost", "reference", "source"] as const;
type FieldName = (typeof fieldNames)[number];

const template = 'dispatch = n // 64, cost = n, reference = name, source = """…"""';

/** Checks the fields of a declared `extern wgsl` against its types and its reference. */
export function checkExtern(checker: Checker, declaration: ExternDeclaration, file: FileInfo): void {
  const home = checker.homes.get(declaration) as Home;
  const context: Context = {
    checker,
    file,
    owner: declaration,
    scope: home.scope,
    facts: home.facts,
    statement: newStatement(declaration.span),
    inSubscript: false,
  };
  const before = checker.diagnostics.length;
  const fields = fieldsOf(context, declaration);
  checkTypes(context, declaration);
  const dispatch = fields.dispatch === undefined ? [] : checkDispatch(context, fields.dispatch);
  const cost =
    fields.cost === undefined || fields.cost.value.kind === "string"
      ? undefined
      : checkSize(context, fields.cost.value);
  const reference = fields.reference === undefined ? undefined : checkReference(context, declaration, fields.reference);
  const source = fields.source === undefined ? undefined : checkSource(context, fields.source);
  if (checker.diagnostics.length > before || reference === undefined || source === undefined) return;
  checker.tables.externs.set(declaration, { dispatch, reference, source, ...(cost === undefined ? {} : { cost }) });
  checker.edges.push({ from: declaration, to: reference, span: declaration.name.span, name: reference.name.name });
}

function fieldsOf(context: Context, declaration: ExternDeclaration): Partial<Record<FieldName, ExternField>> {
  const found: Partial<Record<FieldName, ExternField>> = {};
  for (const field of declaration.fields) {
    const name = fieldNames.find((each) => each === field.name.name);
    if (name === undefined) {
      fail(context, field.name.span, "extern/field", `a hand-written kernel has no field \`${field.name.name}\``, {
        help: [...suggestion(field.name.name, fieldNames), `Fields are \`${template}\`.`],
      });
    } else if (found[name] !== undefined) {
      fail(context, field.name.span, "extern/field", `\`${name}\` is given twice`);
    } else {
      found[name] = field;
    }
  }
  const missing = (["dispatch", "reference", "source"] as const).filter((name) => found[name] === undefined);
  if (missing.length > 0) {
    const list = missing.map((name) => `\`${name}\``).join(", ");
    fail(context, declaration.name.span, "extern/field", `\`${declaration.name.name}\` lacks ${list}`, {
      help: [`Fields are \`${template}\`.`],
    });
  }
  return found;
}

/** Element types that lie in buffers as WGSL reads them. */
function checkTypes(context: Context, declaration: ExternDeclaration): void {
  const { parameters, results } = context.checker.signatures.get(declaration) as Signature;
  const types = [
    ...parameters.map(({ parameter, type }) => ({ span: parameter.span, type })),
    ...results.map((type, k) => ({ span: declaration.results[k]?.span ?? declaration.span, type })),
  ];
  for (const { span, type } of types) {
    if (type.kind !== "tensor" || ["f32", "i32", "u32", "integer"].includes(type.element.dtype)) continue;
    fail(context, span, "extern/type", "hand-written kernels take and give f32, i32, u32 and idx<…>", {
      label: `this is ${printValueType(type)}`,
      help: ["Convert it where the kernel is called."],
    });
  }
  const [, second] = declaration.results;
  if (second !== undefined) fail(context, second.span, "extern/type", "a hand-written kernel gives one result");
}

function checkDispatch(context: Context, { value, span }: ExternField): Size[] {
  const counts: readonly Expression[] = value.kind === "tuple" ? value.items : value.kind === "string" ? [] : [value];
  if (counts.length === 0 || counts.length > 3) {
    fail(context, span, "extern/field", "`dispatch` is the number of workgroups along one to three axes", {
      help: ["For instance `dispatch = (n + 63) // 64` or `dispatch = (w, h)`."],
    });
    return [];
  }
  return counts.flatMap((count) => checkSize(context, count) ?? []);
}

function checkSource(context: Context, { value, span }: ExternField): string | undefined {
  if (value.kind !== "string") {
    fail(context, span, "extern/source", "`source` is WGSL text in quotes", { help: ['Write `source = """…"""`.'] });
    return undefined;
  }
  const problem =
    !/@compute\b/.test(value.value) || !/\bfn\s+main\s*\(/.test(value.value)
      ? "the kernel has no entry point `main`"
      : /@(group|binding)\b/.test(value.value)
        ? "the kernel declares buffers itself"
        : undefined;
  if (problem === undefined) return value.value;
  fail(context, value.span, "extern/source", problem, {
    help: problem.includes("main")
      ? ["The text has `@compute @workgroup_size(64) fn main(…)`."]
      : ["Buffers are declared for it: each argument under its name, and `result` (or the result's name)."],
  });
  return undefined;
}

/** The reference must be a function with the same sizes, parameters and result. */
function checkReference(
  context: Context,
  declaration: ExternDeclaration,
  { value, span }: ExternField,
): FunctionDeclaration | undefined {
  const name = value.kind === "name" ? value.name : undefined;
  const binding = name === undefined ? undefined : lookUp(context.file.scope, name);
  const definition = binding?.kind === "callable" ? binding.definition : undefined;
  if (definition?.kind !== "function" || definition.of !== undefined) {
    if (name !== undefined && context.file.skippedNames.has(name)) return undefined;
    fail(
      context,
      value.span ?? span,
      "extern/reference",
      "`reference` names the function that says what the kernel computes",
      {
        label: name === undefined ? "this is no name" : `there is no function \`${name}\``,
        help: name === undefined ? [] : suggestion(name, visibleNames(context.file.scope)),
      },
    );
    return undefined;
  }
  const reference = definition.declaration;
  const own = context.checker.signatures.get(declaration) as Signature;
  const other = context.checker.signatures.get(reference);
  if (other === undefined) return undefined;
  const difference = differenceOf(own, other);
  if (difference === undefined) return reference;
  fail(context, value.span, "extern/reference", `\`${reference.name.name}\` has another signature than the kernel`, {
    label: difference,
    secondary: [{ span: reference.name.span, text: "the reference" }],
    help: ["Reference and kernel have the same sizes, parameters and result, in the same order."],
  });
  return undefined;
}

function differenceOf(own: Signature, other: Signature): string | undefined {
  if (own.sizeNames.length !== other.sizeNames.length)
    return `it has ${other.sizeNames.length} sizes, the kernel ${own.sizeNames.length}`;
  if (own.parameters.length !== other.parameters.length)
    return `it takes ${other.parameters.length}, the kernel ${own.parameters.length}`;
  if (other.results.length !== 1) return `${other.results.length} results instead of one`;
  const renaming = new Map(other.sizeNames.map((name, k) => [name, nameSize(own.sizeNames[k] as string)]));
  const differs = (a: Signature["results"][number] | undefined, b: Signature["results"][number] | undefined) => {
    if (a?.kind !== "tensor" || b?.kind !== "tensor") return false;
    return printValueType(a) !== printValueType(renamed(b, renaming));
  };
  const parameter = own.parameters.findIndex(({ type, isSize }, k) => {
    const there = other.parameters[k];
    return isSize !== there?.isSize || (!isSize && differs(type, there?.type));
  });
  if (parameter >= 0) return `parameter ${parameter + 1} differs`;
  return differs(own.results[0], other.results[0]) ? "the result differs" : undefined;
}

function renamed(type: TensorValueType, renaming: ReadonlyMap<string, Size>): TensorValueType {
  const plain = (size: Size) => ({ ...substitute(size, renaming), written: undefined });
  const { element, dims } = type;
  return {
    kind: "tensor",
    element: element.below === undefined ? element : { ...element, below: plain(element.below) },
    dims: dims.map(plain),
  };
}
