/**
 * Building a kernel's statements. Values are named by `let` in the outermost scope in which all they use is known, so that
 * loop-invariant work leaves the loops, and are found again instead of being computed twice.
 */
import { type IndexExpression, type IndexVariable, valuesOf, variablesOf } from "./index-expression.ts";
import type { ScalarExpression, ScalarType, Statement, SubgroupMatrix } from "./kernel.ts";

interface Scope {
  readonly statements: Statement[];
  /** Loop variables and `var`s declared here. */
  readonly declared: Set<string>;
  readonly known: Map<string, ScalarExpression>;
}

const noUses: ReadonlySet<string> = new Set();

export function indexUses(index: IndexExpression): Set<string> {
  const uses = variablesOf(index);
  for (const value of valuesOf(index)) for (const name of value.uses) uses.add(name);
  return uses;
}

export function literal(value: number, dtype: ScalarType["dtype"]): ScalarExpression {
  return { kind: "literal", value, type: { dtype, width: 1 }, uses: noUses };
}

export function unionUses(expressions: readonly ScalarExpression[]): ReadonlySet<string> {
  if (expressions.length === 1) return (expressions[0] as ScalarExpression).uses;
  const uses = new Set<string>();
  for (const expression of expressions) for (const name of expression.uses) uses.add(name);
  return uses;
}

export function splat(of: ScalarExpression): ScalarExpression {
  if (of.type.width === 4) return of;
  return { kind: "splat", of, type: { dtype: of.type.dtype, width: 4 }, uses: of.uses };
}

export function lane(of: ScalarExpression, index: number): ScalarExpression {
  if (of.type.width === 1) return of;
  if (of.kind === "splat") return of.of;
  if (of.kind === "lanes") return of.of[index] as ScalarExpression;
  return { kind: "lane", of, lane: index, type: { dtype: of.type.dtype, width: 1 }, uses: of.uses };
}

/** An array of a thread or of its workgroup. Elements change, so they are read where they are used and never kept under a name. */
export interface PrivateArray {
  readonly at: (index: IndexExpression) => ScalarExpression;
  readonly set: (index: IndexExpression, value: ScalarExpression) => void;
}

/** A matrix by name, and where it lies in an array of the workgroup. */
export type MatrixPlace = Omit<Extract<Statement, { kind: "store-matrix" }>, "kind">;

export class Block {
  private readonly scopes: Scope[] = [newScope()];
  private readonly taken = new Set<string>(reservedNames);

  private get innermost(): Scope {
    return this.scopes[this.scopes.length - 1] as Scope;
  }

  get statements(): readonly Statement[] {
    return (this.scopes[0] as Scope).statements;
  }

  /** A name not used yet in this kernel, close to the one wished for. */
  freshName(wish: string): string {
    const base = wish.replace(/[^\p{XID_Continue}]/gu, "_").replace(/^(?![\p{XID_Start}])/u, "v") || "v";
    let name = base.startsWith("__") ? `v${base}` : base;
    for (let count = 2; this.taken.has(name) || name === "_"; count++) name = `${base}_${count}`;
    this.taken.add(name);
    return name;
  }

  /** The value computed before under this key, if it is still in scope. */
  find(key: string): ScalarExpression | undefined {
    for (let depth = this.scopes.length - 1; depth >= 0; depth--) {
      const found = (this.scopes[depth] as Scope).known.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Names a value; literals and names stay as they are. `authored` marks a name from the source, which is kept in the text. */
  bind(value: ScalarExpression, key: string | undefined, wish: string, authored = false): ScalarExpression {
    if (value.kind === "literal" || value.kind === "name" || value.kind === "splat") {
      if (key !== undefined) this.scopeFor(value.uses).known.set(key, value);
      return value;
    }
    const scope = this.scopeFor(value.uses);
    const name = this.freshName(wish);
    scope.statements.push({ kind: "let", name, value, authored });
    const reference: ScalarExpression = { kind: "name", name, type: value.type, uses: value.uses };
    if (key !== undefined) scope.known.set(key, reference);
    return reference;
  }

  /** The outermost scope in which all these names are declared. */
  private scopeFor(uses: ReadonlySet<string>): Scope {
    for (let depth = this.scopes.length - 1; depth > 0; depth--) {
      const scope = this.scopes[depth] as Scope;
      for (const name of uses) if (scope.declared.has(name)) return scope;
    }
    return this.scopes[0] as Scope;
  }

  /** Declares a mutable variable in the innermost scope. */
  variable(wish: string, value: ScalarExpression): ScalarExpression {
    const name = this.freshName(wish);
    this.innermost.statements.push({ kind: "var", name, value });
    this.innermost.declared.add(name);
    return { kind: "name", name, type: value.type, uses: new Set([name]) };
  }

  assign(variable: ScalarExpression, value: ScalarExpression, component?: number): void {
    if (variable.kind !== "name") throw new Error("only a variable can be assigned");
    this.innermost.statements.push({ kind: "assign", name: variable.name, value, lane: component });
  }

  store(buffer: number, address: IndexExpression, value: ScalarExpression): void {
    this.innermost.statements.push({ kind: "store", buffer, address, value });
  }

  /** Declares a private array of zeros in the innermost scope. */
  array(wish: string, length: number, type: ScalarType): PrivateArray {
    const name = this.freshName(wish);
    const { innermost } = this;
    innermost.statements.push({ kind: "array", name, length, type });
    innermost.declared.add(name);
    return {
      at: (index) => ({ kind: "element", name, index, type, uses: new Set([name, ...indexUses(index)]) }),
      set: (index, value) => this.setElement(name, index, value),
    };
  }

  /** Waits for the workgroup. */
  barrier(of: "storage" | "workgroup"): void {
    this.innermost.statements.push({ kind: "barrier", of });
  }

  /** Declares a matrix of the subgroup, all zeros. */
  matrix(wish: string, matrix: SubgroupMatrix): string {
    const name = this.freshName(wish);
    this.innermost.statements.push({ kind: "matrix", name, matrix });
    return name;
  }

  /** Loads a matrix of the subgroup from an array of the workgroup. */
  loadMatrix(wish: string, matrix: SubgroupMatrix, from: Omit<MatrixPlace, "name">): string {
    const name = this.freshName(wish);
    this.innermost.statements.push({ kind: "load-matrix", name, matrix, ...from });
    return name;
  }

  multiplyMatrices(name: string, left: string, right: string): void {
    this.innermost.statements.push({ kind: "multiply-matrices", name, left, right });
  }

  storeMatrix(to: MatrixPlace): void {
    this.innermost.statements.push({ kind: "store-matrix", ...to });
  }

  /** Writes an element of an array of the thread or of its workgroup. */
  setElement(name: string, index: IndexExpression, value: ScalarExpression): void {
    this.innermost.statements.push({ kind: "set", name, index, value });
  }

  /** States the value of an index variable in the innermost scope. */
  nameIndex(variable: IndexVariable, value: IndexExpression): void {
    this.innermost.statements.push({ kind: "index", variable, value });
    this.innermost.declared.add(variable.name);
  }

  loop(
    variable: IndexVariable,
    bounds: { readonly from?: IndexExpression; readonly until?: IndexExpression; readonly heavy?: boolean },
    body: () => void,
  ): void {
    const scope = newScope();
    scope.declared.add(variable.name);
    this.scopes.push(scope);
    body();
    this.scopes.pop();
    this.innermost.statements.push({ kind: "loop", variable, ...bounds, body: scope.statements });
  }

  /** The body under a condition; `undefined` stands for one that always holds. */
  when(condition: ScalarExpression | undefined, body: () => void): void {
    if (condition === undefined) {
      body();
      return;
    }
    const scope = newScope();
    this.scopes.push(scope);
    body();
    this.scopes.pop();
    this.innermost.statements.push({ kind: "if", condition, body: scope.statements });
  }
}

function newScope(): Scope {
  return { statements: [], declared: new Set(), known: new Map() };
}

/** WGSL keywords and names that the emitter itself uses; a source name that collides gets a number. */
const reservedNames = [
  "alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let",
  "loop override requires return struct switch true var while bool f16 f32 i32 u32 vec2 vec3 vec4 mat2x2 mat3x3 mat4x4",
  "array atomic ptr sampler texture abs acos all any asin atan atan2 ceil clamp cos cosh cross distance dot exp exp2 floor",
  "fma fract length log log2 max min mix modf normalize pow radians reflect round select sign sin sinh smoothstep sqrt step",
  "tan tanh transpose trunc main thread team member invocation subgroup storage read write read_write function private workgroup uniform NULL Self abstract",
  "active alignas alignof as asm async attribute auto await become cast catch class co_await common compile concept constexpr",
  "crate debugger decltype delete demote do enum explicit export extends extern external filter final finally friend from fxgroup",
  "get goto groupshared highp impl implements import inline instanceof interface layout lowp macro match mediump meta mod module",
  "move mut mutable namespace new nil noexcept noinline nointerpolation null nullptr of operator package partition pass patch",
  "precise precision premerge priv protected pub public readonly ref regardless register reinterpret_cast require resource",
  "restrict self set shared sizeof smooth snorm static std subroutine super target template this throw trait try type typedef",
  "typeid typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with yield v",
].flatMap((line) => line.split(" "));
