/**
 * What every graph must satisfy, as a table of rules. Passes are checked against it after each run; a violation is a bug in
 * whatever built the graph, never a mistake of the user.
 */
import { type Graph, graphNodes, type Node } from "./graph.ts";
import { IrError } from "./operation.ts";
import { findOperation } from "./operations/index.ts";
import { mergeOrigins } from "./span.ts";
import { sameValue } from "./structure.ts";
import { dtypes, elementCount, printType, sameType, type TensorType } from "./types.ts";

/** One broken rule, in a full sentence. */
export interface Violation {
  readonly rule: RuleName;
  readonly message: string;
  /** The node at fault, where it is one. */
  readonly node?: Node;
}

/** What every tensor must stay below: positions are 32-bit signed on the device. */
export const elementLimit = 2 ** 31;
/** Values between may be larger: passes may do without them, and the planner refuses what would have to be stored. */
const intermediateLimit = 2 ** 48;

export interface VerifyOptions {
  /** Set to false for graphs that have no source text, such as those of tests. */
  readonly origins?: boolean;
}

type Report = (message: string, node?: Node) => void;

interface Subject {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  readonly options: VerifyOptions;
}

const rules = {
  "known operation": ({ nodes }: Subject, report: Report) => {
    for (const node of nodes)
      if (findOperation(node.op) === undefined) report(`there is no operation ${node.op}`, node);
  },
  "operand count": ({ nodes }: Subject, report: Report) => {
    for (const node of nodes) {
      const operation = findOperation(node.op);
      if (operation === undefined) continue;
      const { arity, variadic } = operation;
      const given = node.operands.length;
      if (given < arity || (given > arity && variadic !== true)) {
        report(`${node.op} takes ${arity}${variadic ? " or more" : ""} operands and has ${given}`, node);
      }
    }
  },
  attributes: ({ nodes }: Subject, report: Report) => {
    for (const node of nodes) checkAttributes(node, report);
  },
  type: ({ nodes }: Subject, report: Report) => {
    for (const node of nodes) checkType(node, report);
  },
  size: ({ nodes }: Subject, report: Report) => {
    for (const node of nodes) {
      const count = elementCount(node.type.shape);
      if (node.type.shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
        report(`${node.op} has the impossible shape [${node.type.shape.join(", ")}]`, node);
      } else if (count >= (findOperation(node.op)?.family === "source" ? elementLimit : intermediateLimit)) {
        report(`${node.op} has ${count} elements (${printType(node.type)}); a tensor must have fewer than 2^31`, node);
      }
    }
  },
  "index type": ({ nodes }: Subject, report: Report) => {
    for (const { type, op } of nodes) {
      if (!dtypes.includes(type.dtype)) report(`${op} has the unknown element type ${type.dtype}`);
      if (type.below === undefined) continue;
      if (type.dtype !== "i32") report(`${op} bounds elements of ${type.dtype}; only i32 can be an index`);
      if (!Number.isSafeInteger(type.below) || type.below < 0 || type.below > elementLimit) {
        report(`${op} bounds its elements by ${type.below}, which is no number of positions`);
      }
    }
  },
  interface: ({ graph, nodes }: Subject, report: Report) => {
    checkListed(graph.inputs, "input", nodes, report);
    checkListed(graph.parameters, "parameter", nodes, report);
  },
  outputs: ({ graph }: Subject, report: Report) => {
    const seen = new Set<string>();
    for (const { name, node } of graph.outputs) {
      if (seen.has(name)) report(`two outputs are called ${name}`, node);
      seen.add(name);
    }
  },
  origins: ({ nodes, options }: Subject, report: Report) => {
    for (const node of nodes) {
      const { origins } = node;
      if (origins.length === 0 && options.origins !== false)
        report(`${node.op} does not say where it comes from`, node);
      const bad = origins.find(
        (span) => !(span.start >= 0 && span.end >= span.start && span.line >= 1 && span.column >= 1),
      );
      if (bad !== undefined)
        report(`${node.op} has an origin from ${bad.start} to ${bad.end} at ${bad.line}:${bad.column}`, node);
      // Merging with itself sorts and removes duplicates; a list in order comes back as it was.
      const canonical = mergeOrigins(origins, origins);
      if (
        canonical.length !== origins.length ||
        canonical.some((span, i) => span !== origins[i] && !sameSpan(span, origins[i]))
      ) {
        report(`${node.op} has origins that are not sorted, or twice the same one`, node);
      }
    }
  },
  regions: ({ nodes, options }: Subject, report: Report) => {
    for (const node of nodes) {
      for (const region of node.regions ?? []) {
        for (const inner of verifyGraph(region, options)) report(`inside ${node.op}: ${inner.message}`, node);
      }
    }
  },
} as const;

/** Names of the rules. `cycle` comes before all others, which could not be asked otherwise. */
export type RuleName = keyof typeof rules | "cycle";

/** The names of all rules, for tests that want a fixture for each. */
export const ruleNames: readonly RuleName[] = ["cycle", ...(Object.keys(rules) as (keyof typeof rules)[])];

/** Everything that is wrong with a graph; nothing when it is well formed. Linear in the size of the graph. */
export function verifyGraph(graph: Graph, options: VerifyOptions = {}): Violation[] {
  const cyclic = nodeOnCycle(graph);
  if (cyclic !== undefined) {
    return [{ rule: "cycle", message: `${cyclic.op} depends on its own result`, node: cyclic }];
  }
  const violations: Violation[] = [];
  const subject = { graph, nodes: graphNodes(graph), options };
  for (const [rule, check] of Object.entries(rules) as [keyof typeof rules, (typeof rules)[keyof typeof rules]][]) {
    check(subject, (message, node) =>
      violations.push(node === undefined ? { rule, message } : { rule, message, node }),
    );
  }
  return violations;
}

/**
 * Throws when the graph is not well formed.
 *
 * @throws IrError with the first violations, one a line
 */
export function checkGraph(graph: Graph, options: VerifyOptions = {}): void {
  const violations = verifyGraph(graph, options);
  if (violations.length === 0) return;
  const shown = violations.slice(0, 10).map(({ rule, message }) => `  ${rule}: ${message}`);
  const more = violations.length > shown.length ? [`  and ${violations.length - shown.length} more`] : [];
  throw new IrError([`the graph ${graph.name} is not well formed`, ...shown, ...more].join("\n"));
}

function checkAttributes(node: Node, report: Report) {
  const operation = findOperation(node.op);
  if (operation === undefined) return;
  for (const name of Object.keys(node.attributes)) {
    if (!Object.hasOwn(operation.attributes, name)) report(`${node.op} has no attribute ${name}`, node);
  }
  for (const [name, schema] of Object.entries(operation.attributes)) {
    const value = node.attributes[name];
    if (value === undefined) {
      if (schema.default === undefined) report(`${node.op} lacks the attribute ${name}`, node);
      continue;
    }
    const wanted = schema.kind === "spec" ? "string" : schema.kind;
    const fits = wanted === "numbers" ? isNumberList(value) : typeof value === wanted;
    if (!fits) report(`the attribute ${name} of ${node.op} is not of kind ${schema.kind}`, node);
    if (schema.default !== undefined && sameValue(value, schema.default)) {
      report(`the attribute ${name} of ${node.op} states its default, which is left out`, node);
    }
  }
}

const isNumberList = (value: unknown) => Array.isArray(value) && value.every((element) => typeof element === "number");

function checkType(node: Node, report: Report) {
  const operation = findOperation(node.op);
  if (operation === undefined) return;
  let inferred: TensorType;
  try {
    inferred = operation.infer({
      operands: node.operands.map((operand) => operand.type),
      attributes: node.attributes,
      declared: node.type,
      regions: node.regions,
    });
  } catch (error) {
    // Malformed attributes can make an inference rule fail in any way; the rule `attributes` says how they are malformed.
    return report(error instanceof Error ? error.message : String(error), node);
  }
  if (!sameType(inferred, node.type)) {
    report(`${node.op} is said to be ${printType(node.type)} and is ${printType(inferred)}`, node);
  }
}

function checkListed(listed: readonly Node[], op: "input" | "parameter", nodes: readonly Node[], report: Report) {
  const names = new Set<string>();
  for (const node of listed) {
    if (node.op !== op) {
      report(`the graph lists a node of ${node.op} among its ${op}s`, node);
      continue;
    }
    const name = node.attributes.name as string;
    if (names.has(name)) report(`two ${op}s are called ${name}`, node);
    names.add(name);
  }
  const known = new Set(listed);
  for (const node of nodes) {
    if (node.op === op && !known.has(node)) report(`the ${op} ${node.attributes.name} is used but not listed`, node);
  }
}

function sameSpan(a: Node["origins"][number], b: Node["origins"][number] | undefined): boolean {
  return a.file === b?.file && a.start === b.start && a.end === b.end;
}

/** A node that its own operands depend on. Cycles cannot be built with `makeNode`, only by changing objects afterwards. */
function nodeOnCycle(graph: Graph): Node | undefined {
  const done = new Set<Node>();
  const open = new Set<Node>();
  for (const root of [...graph.inputs, ...graph.parameters, ...graph.outputs.map((output) => output.node)]) {
    const stack: { readonly node: Node; next: number }[] = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { readonly node: Node; next: number };
      open.add(top.node);
      const operand = done.has(top.node) ? undefined : top.node.operands[top.next];
      if (operand === undefined) {
        done.add(top.node);
        open.delete(top.node);
        stack.pop();
      } else {
        top.next++;
        if (open.has(operand)) return operand;
        if (!done.has(operand)) stack.push({ node: operand, next: 0 });
      }
    }
  }
  return undefined;
}
