/** An operator's case as a Weft text: what families of operators build, and how it becomes source. */
import type { Shape } from "../../src/ir/index.ts";
import { type DataType, numberFrom, unreadableReason, type VectorCase, type VectorTensor } from "./vectors.ts";

/** A case in the language: statements over named operands. */
export interface Equation {
  readonly operands: readonly Operand[];
  /** Statements that define the results. */
  readonly statements: readonly string[];
  /** Names of the results, in the order of the case's outputs; `["y"]` unless given. */
  readonly results?: readonly string[];
}

/** An input of a case under the name that the text gives it. */
export interface Operand {
  readonly name: string;
  readonly tensor: VectorTensor;
  /** Written instead of the element type that the data type implies. */
  readonly element?: string;
}

/** A case that has no text, and why. `mappable` is false where no text could ever do: the values do not fit the language's types. */
export interface Unsupported {
  readonly kind: "unsupported";
  readonly reason: string;
  readonly mappable: boolean;
}

/** The text of a case, and how to run it. */
export interface CaseText {
  readonly kind: "text";
  readonly text: string;
  readonly entry: string;
  /** Weft's names of what the caller passes, and of parameters. */
  readonly inputs: readonly Operand[];
  readonly parameters: readonly Operand[];
}

/** The element type in which a data type is computed. Narrow integers are held in 32 bits, and so are wide ones where they fit. */
export function elementOf(dataType: DataType): string {
  switch (dataType) {
    case "float32":
      return "f32";
    case "float16":
      return "f16";
    case "int8":
    case "int32":
    case "int64":
      return "i32";
    case "uint8":
    case "uint32":
    case "uint64":
      return "u32";
  }
}

/** An input of a case by its own name. */
export function inputNamed(vector: VectorCase, name: string): VectorTensor {
  const tensor = vector.inputs.get(name);
  if (tensor === undefined) throw new Error(`${vector.suite}: "${vector.name}" has no input ${name}`);
  return tensor;
}

/** An input of a case by the name of the argument or option that refers to it. */
export function operandOf(vector: VectorCase, argument: string, name = argument): Operand {
  const key = vector.arguments[argument] ?? vector.options[argument];
  if (typeof key !== "string") throw new Error(`${vector.suite}: "${vector.name}" has no operand ${argument}`);
  return { name, tensor: inputNamed(vector, key) };
}

/** As `operandOf`, where the option may be left out. */
export function optionalOperand(vector: VectorCase, option: string, name = option): Operand | undefined {
  return vector.options[option] === undefined ? undefined : operandOf(vector, option, name);
}

/** A number given as an option. */
export function numberOption(vector: VectorCase, option: string, otherwise: number): number {
  const value = vector.options[option];
  return value === undefined ? otherwise : numberFrom(value);
}

/** A list of whole numbers given as an option. */
export function listOption(vector: VectorCase, option: string, otherwise: readonly number[]): readonly number[] {
  return (vector.options[option] as readonly number[] | undefined) ?? otherwise;
}

/** The only output of a case. */
export function outputOf(vector: VectorCase): VectorTensor {
  const [output, ...others] = vector.outputs;
  if (output === undefined || others.length > 0)
    throw new Error(`${vector.suite}: "${vector.name}" has not one output`);
  return output;
}

/** A number as a literal, in parentheses where the sign would bind wrongly. */
export function literal(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no literal`);
  return value < 0 || Object.is(value, -0) ? `(-${Math.abs(value)})` : String(value);
}

/** `f32[2, 3]`, or `f32` for a scalar. */
export function typeText(element: string, shape: Shape): string {
  return shape.length === 0 ? element : `${element}[${shape.join(", ")}]`;
}

/** `x[i, 0]`, or `x` for a scalar. */
export function read(name: string, subscripts: readonly string[]): string {
  return subscripts.length === 0 ? name : `${name}[${subscripts.join(", ")}]`;
}

/** Names of indices, one for each axis. */
export function indexNames(rank: number, first = "i"): readonly string[] {
  const start = first.charCodeAt(0);
  return Array.from({ length: rank }, (_, axis) => String.fromCharCode(start + axis));
}

/** `let y[i, j: 3] = …`: indices that no subscript walks are given their ranges. */
export function define(
  name: string,
  indices: readonly string[],
  shape: Shape,
  value: string,
  walked: ReadonlySet<string>,
): string {
  const binders = indices.map((index, axis) => (walked.has(index) ? index : `${index}: ${shape[axis]}`));
  return `let ${read(name, binders)} = ${value}`;
}

/** Subscripts of an operand that WebNN repeats along axes of size 1 and along leading axes. */
export function broadcastSubscripts(shape: Shape, indices: readonly string[], result: Shape): readonly string[] {
  const offset = result.length - shape.length;
  return shape.map((size, axis) => {
    const repeated = size === 1 && result[axis + offset] !== 1;
    return repeated ? "0" : (indices[axis + offset] as string);
  });
}

/** The indices that stand alone among subscripts. */
export function walkedBy(...subscripts: readonly (readonly string[])[]): ReadonlySet<string> {
  return new Set(subscripts.flat());
}

/** Computes in f32 whatever the data type, as functions of the library do: `f16(sigmoid(f32(x)))`. */
export function inSingle(dataType: DataType, value: string, apply: (value: string) => string): string {
  return dataType === "float16" ? `f16(${apply(`f32(${value})`)})` : apply(value);
}

/** Renders an equation. Constants become parameters of a model. */
export function renderEquation(vector: VectorCase, equation: Equation): CaseText {
  const results = equation.results ?? ["y"];
  const inputs = equation.operands.filter(({ tensor }) => !tensor.constant);
  const parameters = equation.operands.filter(({ tensor }) => tensor.constant);
  const types = vector.outputs.map(({ dataType, shape }) => typeText(resultElement(vector, dataType), shape));
  const signature =
    `apply(${inputs.map(declaration).join(", ")}) -> ` +
    (results.length === 1 ? types[0] : `(${results.map((name, i) => `${name}: ${types[i]}`).join(", ")})`);
  const body = [...equation.statements, `return ${results.length === 1 ? results[0] : `(${results.join(", ")})`}`];
  const text =
    parameters.length === 0
      ? [`fn ${signature} {`, ...indented(body), "}"]
      : [
          "model Constants() {",
          ...indented(parameters.map((operand) => `param ${declaration(operand)} = zeros()`)),
          ...indented([`entry ${signature} {`, ...indented(body), "}"]),
          "}",
        ];
  return { kind: "text", text: `${text.join("\n")}\n`, entry: "apply", inputs, parameters };
}

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const declaration = ({ name, tensor, element }: Operand): string =>
  `${name}: ${typeText(element ?? elementOf(tensor.dataType), tensor.shape)}`;

const logical = new Set(["equal", "greater", "greaterOrEqual", "lesser", "lesserOrEqual", "logicalNot"]);

/** WebNN has no booleans: its conditions are uint8. */
function resultElement(vector: VectorCase, dataType: DataType): string {
  return logical.has(vector.operator) ? "bool" : elementOf(dataType);
}

/** Why a case cannot be said in the language's types: values that are not known, or whole numbers beyond 32 bits. */
export function misfit(vector: VectorCase): string | undefined {
  const tensors = [...vector.inputs.values(), ...vector.outputs];
  const isNumber = (option: unknown) =>
    option === null || typeof option === "number" || (typeof option === "string" && /^-?\d+n$/.test(option));
  const options = Object.values(vector.options).filter(isNumber);
  const reasons = [...tensors.map(({ unreadable }) => unreadable), ...options.map(unreadableReason)];
  const wide = tensors.filter(({ dataType }) => dataType.endsWith("64"));
  const fits = wide.every(({ dataType, data }) => {
    const [low, high] = dataType === "int64" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
    return [...data, ...options.map(numberFrom)].every((value) => value >= low && value <= high);
  });
  return reasons.find((reason) => reason !== undefined) ?? (fits ? undefined : "64-bit integers");
}
