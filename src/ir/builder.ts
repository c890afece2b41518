/** Making nodes: types are inferred and operands checked by the operation's record, so an ill-typed node cannot exist. */
import type { Attributes, Graph, Node } from "./graph.ts";
import { IrError, type Operation } from "./operation.ts";
import { operationOf } from "./operations/index.ts";
import { mergeOrigins, type Origins } from "./span.ts";
import { sameValue } from "./structure.ts";
import type { DType, TensorType } from "./types.ts";
import { isFloat, tensorType } from "./types.ts";

export interface NodeDetails {
  readonly origins?: Origins;
  readonly name?: string;
  /** Type of a source. */
  readonly declared?: TensorType;
  readonly regions?: readonly Graph[];
}

/**
 * Makes one node. Attributes equal to their default are dropped, so that equal nodes have equal attributes.
 *
 * @throws IrError when operands or attributes do not fit the operation
 */
export function makeNode(
  op: string,
  operands: readonly Node[],
  attributes: Attributes = {},
  details: NodeDetails = {},
): Node {
  const operation = operationOf(op);
  if (operands.length < operation.arity || (!operation.variadic && operands.length > operation.arity)) {
    throw new IrError(
      `${op} takes ${operation.arity}${operation.variadic ? " or more" : ""} operands, ${operands.length} given`,
    );
  }
  const kept = checkedAttributes(operation, attributes);
  const type = operation.infer({
    operands: operands.map((operand) => operand.type),
    attributes: kept,
    declared: details.declared,
    regions: details.regions,
  });
  for (const size of type.shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw new IrError(`${op} would have an axis of ${size} elements`);
  }
  return {
    op,
    operands,
    attributes: kept,
    type,
    origins: details.origins ?? [],
    ...(details.name === undefined ? {} : { name: details.name }),
    ...(details.regions === undefined ? {} : { regions: details.regions }),
  };
}

function checkedAttributes(operation: Operation, attributes: Attributes): Attributes {
  const kept: Record<string, Attributes[string]> = {};
  for (const name of Object.keys(attributes)) {
    if (operation.attributes[name] === undefined) throw new IrError(`${operation.name} has no attribute ${name}`);
  }
  for (const [name, schema] of Object.entries(operation.attributes)) {
    const value = attributes[name] ?? schema.default;
    if (value === undefined) throw new IrError(`${operation.name} needs the attribute ${name}`);
    const fits =
      schema.kind === "numbers"
        ? Array.isArray(value) && value.every((element) => typeof element === "number")
        : typeof value === (schema.kind === "spec" ? "string" : schema.kind);
    if (!fits) throw new IrError(`attribute ${name} of ${operation.name} wants ${schema.kind}`);
    if (schema.default === undefined || !sameValue(value, schema.default)) kept[name] = value;
  }
  return kept;
}

/**
 * Short names for making nodes that share origins. Passes use one builder per rewrite, so that every new node carries
 * the places of what it replaced without anyone having to remember it.
 */
export interface Builder {
  readonly node: (op: string, operands: readonly Node[], attributes?: Attributes) => Node;
  readonly apply: (op: string, ...operands: readonly Node[]) => Node;
  /** A scalar of the given type (f32 unless said). */
  readonly constant: (value: number, dtype?: DType) => Node;
  readonly input: (name: string, type: TensorType) => Node;
  readonly parameter: (name: string, type: TensorType) => Node;
  readonly reshape: (x: Node, shape: readonly number[]) => Node;
  readonly transpose: (x: Node, permutation: readonly number[]) => Node;
  /** `axes[k]` is the result axis of operand axis k, rising. */
  readonly broadcast: (x: Node, shape: readonly number[], axes: readonly number[]) => Node;
  readonly contract: (spec: string, operands: readonly Node[], where?: string) => Node;
}

export function makeBuilder(...origins: readonly Origins[]): Builder {
  const merged = mergeOrigins(...origins);
  const node: Builder["node"] = (op, operands, attributes) => makeNode(op, operands, attributes, { origins: merged });
  return {
    node,
    apply: (op, ...operands) => node(op, operands),
    constant: (value, dtype = "f32") =>
      makeNode("constant", [], { values: [value] }, { origins: merged, declared: tensorType(dtype, []) }),
    input: (name, type) => makeNode("input", [], { name }, { origins: merged, declared: type, name }),
    parameter: (name, type) => makeNode("parameter", [], { name }, { origins: merged, declared: type, name }),
    reshape: (x, shape) => (sameList(x.type.shape, shape) ? x : node("reshape", [x], { shape: [...shape] })),
    transpose: (x, permutation) =>
      permutation.every((axis, k) => axis === k) ? x : node("transpose", [x], { permutation: [...permutation] }),
    broadcast: (x, shape, axes) =>
      sameList(x.type.shape, shape) ? x : node("broadcast", [x], { shape: [...shape], axes: [...axes] }),
    contract: (spec, operands, where = "") => node("contract", operands, { spec, where }),
  };
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** True for a scalar or filled constant with this one value. */
export function isConstant(node: Node, value?: number): boolean {
  if (node.op !== "constant") return false;
  const values = node.attributes.values as readonly number[];
  return values.length === 1 && (value === undefined || values[0] === value);
}

/** True when gradients can flow through the node's value. */
export function isDifferentiable(node: Node): boolean {
  return isFloat(node.type.dtype);
}
