/** The scalar functions that the language offers, read off the operation registry. */
import type { Builtin, Builtins } from "./frontend/index.ts";
import { type DType, IrError, type Operation, operations, tensorType } from "./ir/index.ts";

/** What the language writes with symbols or words of its own (`x + y`, `if … then … else`), not as a function. */
const writtenOtherwise = new Set(["neg", "add", "sub", "mul", "div", "rem", "not", "and", "or", "xor", "select"]);

/** Element type of the result for operands of one type, or undefined when the operation refuses them. */
function resultFor(operation: Operation, dtype: DType): DType | undefined {
  try {
    const operands = Array.from({ length: operation.arity }, () => tensorType(dtype, []));
    return operation.infer({ operands, attributes: {} }).dtype;
  } catch (error) {
    if (error instanceof IrError) return undefined;
    throw error;
  }
}

function domainOf(operation: Operation): Builtin["domain"] | undefined {
  const [float, integer, boolean] = (["f32", "i32", "bool"] as const).map((dtype) => resultFor(operation, dtype));
  if (float === "f32") return integer === "i32" ? "number" : "float";
  if (float === undefined && integer === "i32") return "integer";
  return float === undefined && integer === undefined && boolean === "bool" ? "boolean" : undefined;
}

/** Elementwise operations that are called by name: `exp(x)`, `max(a, b)`. Comparisons have symbols and are not among them. */
export function languageBuiltins(): Builtins {
  const builtins = new Map<string, Builtin>();
  for (const operation of operations) {
    if (operation.scalar === undefined || writtenOtherwise.has(operation.name)) continue;
    const domain = domainOf(operation);
    if (domain !== undefined) builtins.set(operation.name, { arity: operation.arity, domain });
  }
  return builtins;
}
