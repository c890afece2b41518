/** What a name in a text can stand for, seen by the author: one value for each thing that is declared. */
import type {
  BindingTarget,
  Declaration,
  ExternDeclaration,
  FunctionDeclaration,
  IndexBinder,
  Member,
  ModuleDeclaration,
  Parameter,
  PresetDeclaration,
  ResultDeclaration,
  Statement,
  SubMember,
  TensorMember,
} from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";

/** What declares parameters. */
export type ParameterOwner = FunctionDeclaration | ModuleDeclaration | ExternDeclaration;

/** The thing itself, as the syntax tree has it. */
export type SymbolNode =
  | { readonly kind: "function"; readonly declaration: FunctionDeclaration; readonly of?: ModuleDeclaration }
  | { readonly kind: "extern"; readonly declaration: ExternDeclaration }
  | { readonly kind: "module"; readonly declaration: ModuleDeclaration }
  | { readonly kind: "preset"; readonly declaration: PresetDeclaration }
  | { readonly kind: "parameter"; readonly parameter: Parameter; readonly of: ParameterOwner }
  | { readonly kind: "generic"; readonly of: FunctionDeclaration | ExternDeclaration }
  | { readonly kind: "result"; readonly result: ResultDeclaration }
  | { readonly kind: "local"; readonly target: BindingTarget; readonly statement: Statement }
  | { readonly kind: "tensor"; readonly member: TensorMember; readonly of: ModuleDeclaration }
  | { readonly kind: "sub"; readonly member: SubMember; readonly of: ModuleDeclaration }
  | { readonly kind: "loop" }
  /** `binder` is absent for an index that stands in computed places only. */
  | { readonly kind: "index"; readonly binder?: IndexBinder }
  /** What the language itself offers under a name: functions of one number, conversions, constants, initialisers. */
  | { readonly kind: "language" };

/** One declared thing. Two symbols are the same thing when they are the same object. */
export interface NameSymbol {
  readonly name: string;
  /** Where the name is declared; absent for what the language itself offers. */
  readonly span?: Span;
  readonly node: SymbolNode;
}

/** A place where a name is written. */
export interface Occurrence {
  readonly span: Span;
  readonly symbol: NameSymbol;
  /** `label` is the name of an argument in a call, or of a setting in a preset. */
  readonly role: "declaration" | "use" | "import" | "label";
}

/** Names that begin to mean something at an offset and until the end of their scope. */
export interface ScopedName {
  readonly symbol: NameSymbol;
  readonly from: number;
}

/** A part of the text in which names are declared. */
export interface NameScope {
  readonly start: number;
  readonly end: number;
  readonly parent?: NameScope;
  /** First declarations only: a second one of the same name is a mistake and shadows nothing. */
  readonly names: Map<string, ScopedName>;
}

export function openScope(start: number, end: number, parent?: NameScope): NameScope {
  return { start, end, names: new Map(), ...(parent === undefined ? {} : { parent }) };
}

/** Puts a symbol in a scope unless the name is taken there. */
export function declareIn(scope: NameScope, symbol: NameSymbol, from: number = scope.start): void {
  if (!scope.names.has(symbol.name)) scope.names.set(symbol.name, { symbol, from });
}

export function lookUpName(scope: NameScope | undefined, name: string): NameSymbol | undefined {
  for (let current = scope; current !== undefined; current = current.parent) {
    const found = current.names.get(name);
    if (found !== undefined) return found.symbol;
  }
  return undefined;
}

/** Every name that means something at an offset, inner ones before those they shadow. */
export function visibleAt(scope: NameScope, offset: number): Map<string, NameSymbol> {
  const found = new Map<string, NameSymbol>();
  for (let current: NameScope | undefined = scope; current !== undefined; current = current.parent) {
    // Offsets are of one file; scopes of another (prelude) have no limits in this one.
    const isHere = current.start <= offset && offset <= current.end;
    for (const [name, { symbol, from }] of current.names) {
      if (!found.has(name) && (!isHere || from <= offset)) found.set(name, symbol);
    }
  }
  return found;
}

/** The symbol that a declaration of a file or a member of a module introduces, remembered by its node. */
export function symbolOfDeclaration(declaration: Declaration): NameSymbol {
  return remembered(declaration, () => {
    const { name } = declaration;
    const node: SymbolNode =
      declaration.kind === "function"
        ? { kind: "function", declaration }
        : declaration.kind === "extern"
          ? { kind: "extern", declaration }
          : declaration.kind === "module"
            ? { kind: "module", declaration }
            : { kind: "preset", declaration };
    return { name: name.name, span: name.span, node };
  });
}

/** The same for a member of a module; undefined for those without a name (`require`) and for `let`, whose targets have. */
export function symbolOfMember(member: Member, of: ModuleDeclaration): NameSymbol | undefined {
  if (member.kind === "let" || member.kind === "require") return undefined;
  return remembered(member, () => {
    const { name, span } = member.name;
    const node: SymbolNode =
      member.kind === "function"
        ? { kind: "function", declaration: member, of }
        : member.kind === "tensor"
          ? { kind: "tensor", member, of }
          : member.kind === "sub"
            ? { kind: "sub", member, of }
            : { kind: "preset", declaration: member };
    return { name, span, node };
  });
}

export function symbolOfParameter(parameter: Parameter, of: ParameterOwner): NameSymbol {
  const { name, span } = parameter.name;
  return remembered(parameter, () => ({ name, span, node: { kind: "parameter", parameter, of } }));
}

/** Symbols by the node that declares them: trees are never changed, and files see each other's declarations. */
const symbols = new WeakMap<object, NameSymbol>();

export function remembered(node: object, make: () => NameSymbol): NameSymbol {
  const known = symbols.get(node);
  if (known !== undefined) return known;
  const made = make();
  symbols.set(node, made);
  return made;
}
