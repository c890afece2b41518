/** What the parts of the checker share: the tables being filled, the place in the text, and the indices in flight. */
import type { Span } from "../ir/index.ts";
import type {
  ApproximationRequest,
  CallResolution,
  CheckOptions,
  CheckTables,
  ComputedPlaces,
  Definition,
  ExternKernel,
  Recurrence,
  RecurrentRead,
  SubResolution,
  TensorValueType,
  ValueType,
} from "./checked-program.ts";
import { type Diagnostic, errorAt, type Label } from "./diagnostic.ts";
import { unknownType } from "./element-types.ts";
import { type Binding, findCollision, type IndexVariable, newScope, type Scope, visibleIndices } from "./scope.ts";
import { constantSize, nameSize, printSize, type Size, subtractSizes } from "./size.ts";
import { type NameRange, provablyEqual, type SizeFacts, withFacts } from "./size-facts.ts";
import type {
  BindingTarget,
  CallExpression,
  Expression,
  ExternDeclaration,
  FunctionDeclaration,
  Identifier,
  IndexBinder,
  LetStatement,
  ModuleDeclaration,
  NameExpression,
  Parameter,
  PresetDeclaration,
  SourceFile,
  SubMember,
  SubscriptExpression,
  TensorMember,
  TypeExpression,
} from "./syntax-tree.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] extends ReadonlyMap<infer A, infer B> ? Map<A, B> : T[K] };

/** A declared function with its types resolved, in its own names. */
export interface Signature {
  readonly declaration: FunctionDeclaration | ExternDeclaration;
  /** Generics and `size` parameters: the names that a call must solve. */
  readonly sizeNames: readonly string[];
  readonly parameters: readonly {
    readonly parameter: Parameter;
    readonly type: ValueType;
    readonly isSize: boolean;
    /** Default of a `size` parameter, in the function's own names. */
    readonly defaultSize?: Size;
  }[];
  readonly results: readonly ValueType[];
}

/** A module whose header and members have been looked at, in its own names. */
export interface ModuleInfo {
  readonly declaration: ModuleDeclaration;
  readonly file: FileInfo;
  readonly scope: Scope;
  facts: SizeFacts;
  readonly tensors: Map<string, { readonly member: TensorMember; readonly type: ValueType }>;
  readonly subs: Map<string, SubMember>;
  readonly functions: Map<string, FunctionDeclaration>;
  /** Sizes of the defaults of `size` parameters, in the module's own names. */
  readonly defaults: Map<string, Size>;
}

/** Where a function lives, and the scope of its generics and parameters. */
export interface Home {
  readonly file: FileInfo;
  readonly module?: ModuleInfo;
  readonly scope: Scope;
  readonly facts: SizeFacts;
}

/** A loaded file and what its names mean. */
export interface FileInfo {
  readonly file: SourceFile;
  readonly text: string;
  readonly scope: Scope;
  /** Names that stood in text that could not be read; their absence is not reported. */
  readonly skippedNames: ReadonlySet<string>;
  /** The text with blanks for what could not be read: all that the tree was made of. */
  readonly readText: string;
}

/** The whole check. */
export interface Checker {
  readonly options: CheckOptions;
  readonly tables: Writable<CheckTables>;
  readonly diagnostics: Diagnostic[];
  readonly modules: Map<ModuleDeclaration, ModuleInfo>;
  readonly signatures: Map<FunctionDeclaration | ExternDeclaration, Signature>;
  readonly homes: Map<FunctionDeclaration | ExternDeclaration, Home>;
  /** Who calls or contains whom, for finding recursion. */
  readonly edges: { readonly from: object; readonly to: object; readonly span: Span; readonly name: string }[];
  /** Distinguishes indices of the same name; counted from 0 in each body, so that what is found there depends on nothing else. */
  nextIndex: number;
  /** The checker of expressions; kept here so that its parts, which call each other, need not import each other. */
  readonly visit: (context: Context, expression: Expression) => ValueType;
}

/** Checks an expression and remembers its type. */
export function checkExpression(context: Context, expression: Expression): ValueType {
  const type = context.checker.visit(context, expression);
  context.checker.tables.types.set(expression, type);
  return type;
}

export function newTables(): Writable<CheckTables> {
  return {
    ranges: new Map<IndexBinder, Size>(),
    types: new Map<Expression, ValueType>(),
    targets: new Map<BindingTarget, ValueType>(),
    declared: new Map<TypeExpression, TensorValueType>(),
    uses: new Map<NameExpression | Identifier, Definition>(),
    externs: new Map<ExternDeclaration, ExternKernel>(),
    approximations: new Map<CallExpression, ApproximationRequest>(),
    places: new Map<BindingTarget, ComputedPlaces>(),
    calls: new Map<CallExpression, CallResolution>(),
    recurrences: new Map<LetStatement, Recurrence>(),
    recurrentReads: new Map<SubscriptExpression, RecurrentRead>(),
    subs: new Map<SubMember, SubResolution>(),
    presets: new Map<PresetDeclaration, ModuleDeclaration>(),
  };
}

/** A check that waits for ranges. Returns true once it could be made (and reports what it finds). */
export type Pending = (isFinal: boolean) => boolean;

/** What belongs to one statement: the indices that nobody bound, and checks that wait. */
export interface StatementContext {
  readonly span: Span;
  /** Indices on the left. Undefined outside of definitions: there an unknown name in a subscript is just unknown. */
  readonly kept: readonly string[] | undefined;
  readonly unbound: Map<string, Span[]>;
  pending: Pending[];
  readonly variables: IndexVariable[];
}

/** A place in the text. */
export interface Context {
  readonly checker: Checker;
  readonly file: FileInfo;
  readonly module?: ModuleInfo;
  /** The function or, in a module's header, the module: the origin of call edges. */
  readonly owner: object;
  readonly scope: Scope;
  readonly facts: SizeFacts;
  readonly statement: StatementContext;
  /** True inside brackets: an unknown name there is an index that nobody bound. */
  readonly inSubscript: boolean;
}

/** A new statement; `kept` for those that `finishStatement` ends. */
export function newStatement(span: Span, kept?: readonly string[]): StatementContext {
  return { span, kept, unbound: new Map(), pending: [], variables: [] };
}

export function report(context: { readonly checker: Checker }, diagnostic: Diagnostic): void {
  context.checker.diagnostics.push(diagnostic);
}

/** Reports and gives the type that keeps everything after it silent. */
export function fail(
  context: { readonly checker: Checker },
  span: Span,
  code: string,
  title: string,
  details: Parameters<typeof errorAt>[3] = {},
): ValueType {
  report(context, errorAt(span, code, title, details));
  return unknownType;
}

/** Source text of a span. */
export function textOf(context: { readonly file: FileInfo }, span: Span): string {
  return context.file.text.slice(span.start, span.end).replace(/\s+/g, " ");
}

/** Declares a name, or reports that it is taken in this function. */
export function declare(
  context: Context,
  scope: Scope,
  identifier: Identifier,
  binding: Binding,
  redefinition?: string,
): void {
  const collision = findCollision(scope, identifier.name);
  if (collision !== undefined && collision.kind !== "unknown") {
    const other = collision.kind === "value" || collision.kind === "callable" ? collision.span : undefined;
    report(
      context,
      errorAt(identifier.span, "name/duplicate", `\`${identifier.name}\` is already defined`, {
        label: "second definition",
        secondary: other === undefined ? [] : [{ span: other, text: "first definition" }],
        help: redefinition === undefined ? [] : [redefinition],
      }),
    );
    return;
  }
  scope.names.set(identifier.name, binding);
}

// ── Indices ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A fresh index for a binder. */
export function newIndexVariable(context: Context, binder: IndexBinder): IndexVariable {
  const variable: IndexVariable = {
    name: binder.name.name,
    atom: `${binder.name.name}\0${context.checker.nextIndex++}`,
    binders: [binder],
    failed: false,
    uses: 0,
  };
  context.statement.variables.push(variable);
  context.checker.tables.uses.set(binder.name, { kind: "index", binder });
  return variable;
}

/** The context with more indices in scope. */
export function withIndices(context: Context, variables: readonly IndexVariable[]): Context {
  const scope = newScope(context.scope, true);
  for (const variable of variables) scope.names.set(variable.name, { kind: "index", variable });
  return { ...context, scope };
}

/** The facts of the context with the ranges of all visible indices as far as they are known now. */
export function factsWithIndices(context: Context): SizeFacts {
  const ranges = new Map<string, NameRange>();
  for (const variable of visibleIndices(context.scope)) {
    if (variable.range === undefined) continue;
    ranges.set(variable.atom, { first: constantSize(0), last: subtractSizes(variable.range, constantSize(1)) });
  }
  return withFacts(context.facts, { ranges });
}

/** `so far: i: L, j: S`, or nothing while no range is known. */
export function rangesSoFar(context: Context): string[] {
  const known = context.statement.variables.filter((variable) => variable.range !== undefined && !variable.failed);
  const unique = new Map(
    known.map((variable) => [variable.name, `${variable.name} < ${printSize(variable.range as Size)}`]),
  );
  return unique.size === 0 ? [] : [`so far: ${[...unique.values()].join(", ")}`];
}

/** States that an index walks an axis of this size; the first statement fixes the range, later ones must agree. */
export function constrainIndex(context: Context, variable: IndexVariable, size: Size, source: Label): void {
  if (variable.failed) return;
  if (variable.range === undefined) {
    variable.range = size;
    variable.source = source;
    return;
  }
  if (provablyEqual(variable.range, size, context.facts)) return;
  variable.failed = true;
  const [first, second] = [printSize(variable.range), printSize(size)];
  report(
    context,
    errorAt(source.span, "size/mismatch", `index \`${variable.name}\` is given two lengths`, {
      label: source.text,
      secondary: variable.source === undefined ? [] : [variable.source],
      notes: [...rangesSoFar(context), `Nothing says ${first} = ${second}.`],
      help: [`Same length meant? State it: \`require ${first} == ${second}\`, or use one name for both.`],
    }),
  );
}

/** Makes the checks that can be made by now; in the last round each must say what it misses. */
export function settle(context: Context, isFinal: boolean): void {
  const { statement } = context;
  for (let progress = true; progress; ) {
    const before = statement.pending.length;
    const waiting = statement.pending;
    statement.pending = [];
    const remaining = waiting.filter((pending) => !pending(false));
    statement.pending.push(...remaining);
    progress = statement.pending.length < before;
  }
  if (!isFinal) return;
  for (const pending of statement.pending) pending(true);
  statement.pending = [];
}

/** The index as a size, for arithmetic on subscripts. */
export function indexSize(variable: IndexVariable): Size {
  return nameSize(variable.atom);
}

/** Ends a statement: waiting checks, indices that nobody bound, indices without range. Fills the table of ranges. */
export function finishStatement(context: Context): void {
  settle(context, true);
  const { statement } = context;
  if (statement.unbound.size > 0) {
    const names = [...statement.unbound.keys()];
    const spans = [...statement.unbound.values()].map((uses) => uses[0] as Span);
    const quoted = names.map((name) => `\`${name}\``).join(", ");
    const keptNames = statement.kept ?? [];
    const kept = keptNames.length > 0 ? keptNames.join(", ") : "nothing";
    report(
      context,
      errorAt(
        spans[0] as Span,
        "index/not-reduced",
        `${quoted} ${names.length === 1 ? "is" : "are"} used on the right but neither kept nor reduced`,
        {
          label: "free here",
          secondary: spans.slice(1).map((span) => ({ span, text: "free here" })),
          notes: [`kept on the left: ${kept}`],
          help: [
            `Say how the terms combine: \`sum[${names.join(", ")}] …\`.`,
            `Or keep ${names.length === 1 ? "it" : "them"}: write \`[${[...keptNames, ...names].join(", ")}]\` on the left.`,
          ],
        },
      ),
    );
  }
  for (const variable of statement.variables) {
    const [binder] = variable.binders;
    if (binder === undefined) continue;
    if (variable.range === undefined) {
      if (!variable.failed && statement.unbound.size === 0) {
        const used = variable.uses > 0;
        report(
          context,
          errorAt(binder.span, "index/no-range", `nothing says how far \`${variable.name}\` runs`, {
            label: used ? "used only inside arithmetic" : "never used as a subscript",
            notes: ["A range follows from standing alone as a subscript, as in `X[i]`."],
            help: [`Give the range: \`${variable.name}: N\`.`],
          }),
        );
        variable.failed = true;
      }
      continue;
    }
    for (const each of variable.binders) context.checker.tables.ranges.set(each, variable.range);
  }
}
