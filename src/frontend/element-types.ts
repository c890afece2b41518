/** Rules for element types: what combines with what, what passes for what, and how types are spelled in messages. */
import type { ElementType, TensorValueType, ValueType } from "./checked-program.ts";
import { printSize, type Size } from "./size.ts";

export const integerElement: ElementType = { dtype: "integer" };
export const realElement: ElementType = { dtype: "real" };
export const boolElement: ElementType = { dtype: "bool" };
export const unknownType: ValueType = { kind: "unknown" };

export function tensorOfType(element: ElementType, dims: readonly Size[] = [], constant = false): TensorValueType {
  return { kind: "tensor", element, dims, constant };
}

/** The type of a compile-time size. */
export function sizeType(size: Size): TensorValueType {
  return { kind: "tensor", element: integerElement, dims: [], size, constant: true };
}

export function isFloatElement(element: ElementType): boolean {
  return ["f32", "f16", "bf16", "real"].includes(element.dtype);
}

export function isIntegerElement(element: ElementType): boolean {
  return ["i32", "u32", "integer"].includes(element.dtype);
}

/**
 * The type in which two numbers meet, or undefined when that needs a conversion the author must write. Untyped numbers take
 * the other's type; bf16 is only stored, arithmetic on it is f32.
 */
export function combineElements(a: ElementType, b: ElementType): ElementType | undefined {
  const [x, y] = [a.dtype, b.dtype];
  if (x === "bool" || y === "bool") return x === y ? boolElement : undefined;
  if (x === "bf16" || y === "bf16") {
    const other = x === "bf16" ? y : x;
    return ["bf16", "f32", "integer", "real"].includes(other) ? { dtype: "f32" } : undefined;
  }
  if (x === y) return { dtype: x };
  if (x === "integer") return { dtype: y };
  if (y === "integer") return { dtype: x };
  if (x === "real") return isFloatElement(b) ? { dtype: y } : undefined;
  if (y === "real") return isFloatElement(a) ? { dtype: x } : undefined;
  return undefined;
}

/** Whether a value may stand where the type is declared, apart from `idx` bounds, which need a proof. */
export function elementFits(value: ElementType, declared: ElementType): boolean {
  if (value.dtype === declared.dtype) return true;
  if (value.dtype === "integer") return declared.dtype !== "bool";
  if (value.dtype === "real") return isFloatElement(declared);
  return false;
}

export function printElement(element: ElementType): string {
  if (element.below !== undefined) return `idx<${printSize(element.below)}>`;
  return element.dtype;
}

export function printDims(dims: readonly Size[]): string {
  return `[${dims.map(printSize).join(", ")}]`;
}

/** `f32[L, d]`, `f32`, `(f32, f32[n])`. */
export function printValueType(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return type.dims.length === 0
        ? printElement(type.element)
        : `${printElement(type.element)}${printDims(type.dims)}`;
    case "tuple":
      return `(${type.items.map(printValueType).join(", ")})`;
    case "instance":
      return type.module.name.name;
    case "unknown":
      return "?";
  }
}
