/** Values of the ONNX graph while the text is written: tensors with a name, or still unnamed expressions. */
import { constantSize, constantValue, type Size, sizesEqual } from "../frontend/index.ts";
import { at, type Constant, type Expression, type Index, number, sizeOf, type Variable } from "./expression.ts";
import type { Element, StoredTensor } from "./onnx-tensor.ts";
import { Refusal } from "./problem.ts";

/** What an operator makes. At least one of `elements` and `whole` is there. */
export interface Draft {
  readonly element: Element;
  readonly shape: readonly Size[];
  /** The element at given subscripts, one for each axis. */
  readonly elements?: (subscripts: readonly Expression[]) => Expression;
  /** The tensor as one expression without indices: `relu(conv1(x))`. */
  readonly whole?: Expression;
  /** Elements are whole numbers from 0 to one less. */
  readonly below?: Size;
  /**
   * `view`: reads one element of something else and is never worth a name. `computed`: arithmetic. `reduced`: a sum or the like,
   * which only certain expressions may hold. `named`: always gets a name.
   */
  readonly kind: "view" | "computed" | "reduced" | "named";
  /** A matrix of the file, of which this is the transpose. */
  readonly transposeOf?: StoredTensor;
  /** For recognising a matrix product followed by a bias. */
  readonly product?: { readonly data: Value; readonly weights: Value };
}

export interface Value extends Draft {
  /** Its name in the model. */
  readonly name: string;
  readonly variable?: Variable;
  /** Known numbers, of the file or folded. */
  readonly constant?: Constant;
}

/** A value that has a name in the text. */
export function variableValue(name: string, variable: Variable): Value {
  const { element, shape, below } = variable;
  return {
    name,
    element,
    shape,
    kind: "view",
    variable,
    whole: { kind: "read", variable, subscripts: [] },
    elements: (subscripts) => ({ kind: "read", variable, subscripts }),
    ...(below === undefined ? {} : { below }),
  };
}

/** A value whose numbers are known. */
export function constantOf(constant: Constant): Value {
  const { name, element, shape } = constant;
  return {
    name,
    element,
    shape: shape.map((size) => constantSize(size)),
    kind: "view",
    constant,
    elements: (subscripts) => ({ kind: "element", constant, subscripts }),
  };
}

/** One new index for each axis. */
export function freshIndices(shape: readonly Size[], letters: readonly (string | undefined)[] = []): Index[] {
  return shape.map((size, axis) => {
    const letter = letters[axis];
    return letter === undefined ? { size } : { size, letter };
  });
}

export const subscriptsOf = (indices: readonly Index[]): Expression[] => indices.map(at);

/** The number of elements along an axis, where it is known. */
export const numberOf = (size: Size): number | undefined => {
  const value = constantValue(size);
  return value === undefined ? undefined : Number(value);
};

export const isOne = (size: Size): boolean => numberOf(size) === 1;

export const sameShape = (a: readonly Size[], b: readonly Size[]): boolean =>
  a.length === b.length && a.every((size, axis) => sizesEqual(size, b[axis] as Size));

/** The shape of values broadcast against each other from their last axes. @throws Refusal where sizes cannot be told equal */
export function broadcastShape(shapes: readonly (readonly Size[])[], describe: (size: Size) => string): Size[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.flatMap((shape) => shape[axis - (rank - shape.length)] ?? []);
    const [first, ...others] = sizes.filter((size) => !isOne(size));
    if (first === undefined) return constantSize(1);
    const other = others.find((size) => !sizesEqual(size, first));
    if (other !== undefined) {
      const advice =
        numberOf(first) !== undefined && numberOf(other) !== undefined ? "" : "; give them numbers with --set";
      throw new Refusal(`cannot tell that ${describe(first)} and ${describe(other)} are the same size${advice}`);
    }
    return first;
  });
}

/** Subscripts of an operand for those of the broadcast result. */
export function broadcastSubscripts(shape: readonly Size[], subscripts: readonly Expression[]): Expression[] {
  const skipped = subscripts.length - shape.length;
  return shape.map((size, axis) =>
    isOne(size) ? sizeOf(constantSize(0)) : (subscripts[axis + skipped] as Expression),
  );
}

/** A subscript with this number. */
export const place = (position: number): Expression => sizeOf(constantSize(position));

/** A literal of an element type. */
export const literal = (element: Element, value: number): Expression =>
  element === "f32"
    ? number(value)
    : element === "bool"
      ? { kind: "boolean", value: value !== 0 }
      : sizeOf(constantSize(BigInt(value)));
