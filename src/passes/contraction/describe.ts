/** Sums of products as formulas, for reports: `sum[r] Q·(sum[j] K·V)`. */
import { isConstant, type Node, operationOf, parseSpec, printNumber } from "../../ir/index.ts";
import { isTransparent } from "./product.ts";

/** Formulas are read by people: beyond this depth a value is `…`. */
const deepest = 12;

/** The formula of a node, down to the nodes that are not `inside`. */
export function describeRegion(node: Node, inside: (node: Node) => boolean, depth = deepest): string {
  if (node.operands.length === 0 || !inside(node)) return leafName(node);
  if (depth === 0) return "…";
  const inner = (operand: Node) => describeRegion(operand, inside, depth - 1);
  const wrapped = (operand: Node) => {
    const text = inner(operand);
    return /[ /+]/.test(text) ? `(${text})` : text;
  };
  const { family, reducer } = operationOf(node.op);
  const operands = node.operands;
  if (family === "contract" || family === "reduce") {
    return `${sumSign(node)}${operands.map(wrapped).join("·")}`;
  }
  if (family === "scan" && reducer !== undefined) return `running sum of ${wrapped(operands[0] as Node)}`;
  if (family === "movement") return inner(operands[0] as Node);
  switch (node.op) {
    case "mul":
      return operands.map(wrapped).join("·");
    case "div":
      return operands.map(wrapped).join("/");
    case "add":
      return operands.map(wrapped).join(" + ");
    case "neg":
      return `-${wrapped(operands[0] as Node)}`;
    default:
      return `${node.op}(${operands.map(inner).join(", ")})`;
  }
}

function sumSign(node: Node): string {
  const spec = parseSpec(node.attributes.spec as string);
  const summed = [...new Set(spec.operands.flat())].filter((name) => !spec.result.includes(name));
  const where = node.attributes.where === undefined ? "" : `: ${node.attributes.where}`;
  return summed.length === 0 && where === "" ? "" : `sum[${summed.join(" ")}${where}] `;
}

function leafName(node: Node): string {
  if (isConstant(node)) return printNumber((node.attributes.values as readonly number[])[0] as number);
  if (node.name !== undefined) return node.name;
  if (typeof node.attributes.name === "string") return node.attributes.name;
  const behind = isTransparent(node) || node.op === "reshape" || node.op === "pad" ? node.operands[0] : undefined;
  return behind === undefined ? node.op : leafName(behind);
}
