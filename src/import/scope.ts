/** What the operators write into: equations, parameters, parts, imports and helper functions of one model. */
import { constantSize, type Size } from "../frontend/index.ts";
import { resolveConstants } from "./constants.ts";
import { type Constant, type Expression, type Index, type Variable, wholeValue } from "./expression.ts";
import { checkpointPath, type Names, shortName, valueName } from "./names.ts";
import type { StoredTensor } from "./onnx-tensor.ts";
import { foldedConstant, numbersOf, staysExpression } from "./settle.ts";
import {
  constantOf,
  type Draft,
  freshIndices,
  isOne,
  sameShape,
  subscriptsOf,
  type Value,
  variableValue,
} from "./value.ts";

/** Where an equation puts its elements: an index, or one axis as several. */
export type Target =
  | { readonly kind: "index"; readonly index: Index }
  | { readonly kind: "group"; readonly indices: readonly Index[] };

export type Statement =
  | {
      readonly kind: "equation";
      readonly variable: Variable;
      readonly targets: readonly Target[];
      readonly body: Expression;
    }
  /** `let y = f(x)`, `let (h, c) = f(x)` */
  | { readonly kind: "whole"; readonly variables: readonly Variable[]; readonly body: Expression }
  /** `y[p[i], c] += x[i, c]`; one that `starts` begins with zeros: `let y[2*i + k: 9] += …` */
  | {
      readonly kind: "accumulate";
      readonly variable: Variable;
      readonly starts: boolean;
      readonly places: readonly Expression[];
      readonly body: Expression;
    }
  /** `require L <= 512` */
  | { readonly kind: "require"; readonly least: Size; readonly most: Size };

/** A parameter or buffer that the model declares itself. */
interface Parameter {
  readonly variable: Variable;
  readonly path: string;
  readonly tensor: StoredTensor;
}

/** An instance of a module of the library. */
export interface Part {
  readonly name: string;
  readonly path: string;
  /** `Conv2d(3, 16, 3, padding: 1)` */
  readonly module: string;
  readonly tensors: readonly { readonly path: string; readonly tensor: StoredTensor }[];
}

export interface Scope {
  readonly opset: number;
  readonly names: Names;
  readonly statements: readonly Statement[];
  readonly emit: (statement: Statement) => void;
  readonly parameters: Parameter[];
  readonly parts: Part[];
  /** Names by library file. */
  readonly imports: Map<string, Set<string>>;
  /** Texts of local functions by name. */
  readonly helpers: Map<string, string>;
  /** Takes a name from the library: the name. */
  readonly use: (file: string, name: string) => string;
  readonly parameter: (tensor: StoredTensor, path: string) => Variable;
  /** An instance of a module, whose tensors have these names below `path`; undefined when the path is taken. */
  readonly part: (path: string, module: string, tensors: Readonly<Record<string, StoredTensor>>) => string | undefined;
  /** A new variable; the statement that defines it follows. */
  readonly variable: (wanted: string, type: Pick<Draft, "element" | "shape" | "below">) => Variable;
  /** Gives a value a name in the text, if it has none. */
  readonly named: (value: Value) => Variable;
  /** The tensor as one expression without indices. */
  readonly whole: (value: Value) => Expression;
  /** Elements by subscripts. Sums get a name first, unless `reduced` allows them to stand in the expression. */
  readonly elements: (value: Value, reduced?: "reduced") => (subscripts: readonly Expression[]) => Expression;
  /** What becomes of an operator's result: numbers, an expression to be written where it is read, or a name. */
  readonly settle: (draft: Draft, name: string, operator: string, uses: number, isOutput: boolean) => Value;
}

/** @param names  with those of sizes and inputs */
export function makeScope(opset: number, names: Names): Scope {
  const statements: Statement[] = [];
  const parameters: Parameter[] = [];
  const parts: Part[] = [];
  const imports = new Map<string, Set<string>>();
  const helpers = new Map<string, string>();
  const paths = new Set<string>();
  const variables = new Map<Value, Variable>();
  const declared = new Map<Constant, Variable>();
  /** Tensors that parts hold, by what the text calls them: `conv1.weight`. */
  const held = new Map<StoredTensor, string>();
  const wantedNames = new Map<Value, string>();

  const variable: Scope["variable"] = (wanted, { element, shape, below }) => ({
    name: names.make(wanted),
    element,
    shape,
    ...(below === undefined ? {} : { below }),
  });

  const uniquePath = (wanted: string): string => {
    let path = wanted;
    for (let count = 2; paths.has(path); count++) path = `${wanted}_${count}`;
    paths.add(path);
    return path;
  };

  const parameter: Scope["parameter"] = (tensor, wanted) => {
    const path = uniquePath(checkpointPath(wanted));
    const shape = tensor.shape.map((size) => constantSize(size));
    const made = variable(shortName(path), { element: tensor.element, shape });
    parameters.push({ variable: made, path, tensor });
    return made;
  };

  const declare = (constant: Constant): Variable => {
    const known = declared.get(constant);
    if (known !== undefined) return known;
    const inPart = constant.tensor === undefined ? undefined : held.get(constant.tensor);
    const made =
      inPart === undefined
        ? parameter(constant.tensor ?? numbersOf(constant), constant.name)
        : { name: inPart, element: constant.element, shape: constant.shape.map((size) => constantSize(size)) };
    declared.set(constant, made);
    return made;
  };

  const resolve = (expression: Expression) => resolveConstants(expression, declare);
  const emit = (statement: Statement): void => {
    if (statement.kind === "require") {
      const isKnown = (each: Statement) =>
        each.kind === "require" && each.least.key === statement.least.key && each.most.key === statement.most.key;
      if (!statements.some(isKnown)) statements.push(statement);
      return;
    }
    const body = resolve(statement.body);
    if (statement.kind === "accumulate") statements.push({ ...statement, places: statement.places.map(resolve), body });
    else statements.push({ ...statement, body });
  };

  const named: Scope["named"] = (value) => {
    const known = value.variable ?? variables.get(value);
    if (known !== undefined) return known;
    if (value.constant !== undefined && value.constant.tensor !== undefined) return declare(value.constant);
    const same = sameVariable(value, declare);
    const made =
      same ?? writeValue(value, wantedNames.get(value) ?? valueName(value.name, "value"), { variable, emit });
    variables.set(value, made);
    return made;
  };

  const nameless = (value: Value) => value.variable === undefined && !variables.has(value);

  const part: Scope["part"] = (wanted, module, tensors) => {
    const path = checkpointPath(wanted);
    const own = Object.entries(tensors).map(([name, tensor]) => ({ name, path: `${path}.${name}`, tensor }));
    if (own.some((each) => paths.has(each.path))) return undefined;
    for (const each of own) paths.add(each.path);
    const name = names.make(shortName(path));
    for (const each of own) held.set(each.tensor, `${name}.${each.name}`);
    parts.push({ name, path, module, tensors: own });
    return name;
  };

  return {
    opset,
    names,
    statements,
    emit,
    parameters,
    parts,
    imports,
    helpers,
    parameter,
    part,
    variable,
    named,
    use: (file, name) => {
      imports.set(file, (imports.get(file) ?? new Set()).add(name));
      names.reserve(name);
      return name;
    },
    whole: (value) =>
      nameless(value) && value.whole !== undefined
        ? value.whole
        : { kind: "read", variable: named(value), subscripts: [] },
    elements: (value, reduced) => {
      if (nameless(value) && value.elements !== undefined && (value.kind !== "reduced" || reduced === "reduced")) {
        return value.elements;
      }
      const made = named(value);
      return (subscripts) => ({ kind: "read", variable: made, subscripts });
    },
    settle: (draft, name, operator, uses, isOutput) => {
      const folded = foldedConstant(draft, name);
      if (folded !== undefined) return constantOf(folded);
      const value: Value = { ...draft, name };
      wantedNames.set(value, valueName(name, operator));
      if (!isOutput && staysExpression(draft, uses)) return value;
      return variableValue(name, named(value));
    },
  };
}

/** The variable whose elements a value has at the same places: no name of its own is needed then. */
function sameVariable({ elements, shape }: Value, declare: (constant: Constant) => Variable): Variable | undefined {
  if (elements === undefined) return undefined;
  const indices = freshIndices(shape);
  const body = elements(subscriptsOf(indices));
  if (body.kind !== "read" && (body.kind !== "element" || body.constant.tensor === undefined)) return undefined;
  const own = body.kind === "read" ? body.variable.shape : body.constant.shape.map((size) => constantSize(size));
  const isSame =
    body.outside === undefined &&
    sameShape(own, shape) &&
    body.subscripts.every((subscript, axis) =>
      subscript.kind === "index"
        ? subscript.index === indices[axis]
        : isOne(shape[axis] as Size) && wholeValue(subscript) === 0,
    );
  if (!isSame) return undefined;
  return body.kind === "read" ? body.variable : declare(body.constant);
}

/** Writes the equation that defines a value. */
function writeValue(value: Value, wanted: string, { variable, emit }: Pick<Scope, "variable" | "emit">): Variable {
  if (value.whole !== undefined) {
    const made = variable(wanted, value);
    emit({ kind: "whole", variables: [made], body: value.whole });
    return made;
  }
  const indices = freshIndices(value.shape);
  const body = (value.elements as NonNullable<Draft["elements"]>)(subscriptsOf(indices));
  const made = variable(wanted, value);
  emit({ kind: "equation", variable: made, targets: indices.map((index) => ({ kind: "index", index })), body });
  return made;
}
