/**
 * Work of a loop's body that does not depend on the carried state, as one computation for all steps: every value gets the steps as
 * a new first axis. Reading a tensor at the step becomes the tensor itself.
 */
import { makeBuilder, makeNode, type Node, operationOf, parseSpec, printSpec, tensorType } from "../../ir/index.ts";
import { bodyNodes, type LoopParts } from "./loop-parts.ts";

/** What a node of the body depends on: nothing of the loop, the number of the step, or the carried state. */
export type Dependence = "fixed" | "step" | "state";

export interface AllSteps {
  readonly dependence: (node: Node) => Dependence;
  /** Outside of the loop: the value of a node that is the same in all steps. */
  readonly once: (node: Node) => Node;
  /** Outside of the loop: the values of a node in all steps, along a new first axis. */
  readonly everyStep: (node: Node) => Node;
}

/** Looks at a loop's body; nodes are made when they are asked for. */
export function allSteps(parts: LoopParts): AllSteps {
  const { carried, invariants, step, steps } = parts;
  const state = new Set(carried.map(({ input }) => input));
  const dependences = new Map<Node, Dependence>();
  const nodes = bodyNodes(parts);
  for (const node of nodes) {
    const operands = node.operands.map((operand) => dependences.get(operand) as Dependence);
    if (state.has(node) || operands.includes("state")) dependences.set(node, "state");
    else if (node === step) dependences.set(node, "step");
    else if (!operands.includes("step")) dependences.set(node, "fixed");
    else dependences.set(node, canTakeSteps(node) ? "step" : "state");
  }
  const dependence = (node: Node) => dependences.get(node) as Dependence;
  const outside = new Map<Node, Node>();
  /** Makes what a node needs before it is made itself; bodies can be too deep for recursion. */
  const made = (root: Node): Node => {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1] as Node;
      const waiting = outside.has(node) ? [] : node.operands.filter((operand) => !outside.has(operand));
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      stack.pop();
      if (outside.has(node)) continue;
      const operands = node.operands.map((operand) => outside.get(operand) as Node);
      outside.set(node, moved(node, operands));
    }
    return outside.get(root) as Node;
  };
  const moved = (node: Node, operands: readonly Node[]): Node => {
    if (node === step) {
      return makeNode(
        "iota",
        [],
        { size: steps },
        { declared: tensorType("i32", [steps], steps), origins: node.origins },
      );
    }
    const invariant = invariants.get(node);
    if (invariant !== undefined) return invariant;
    if (dependence(node) === "fixed") return node.operands.length === 0 ? node : { ...node, operands };
    const varies = node.operands.map((operand) => dependence(operand) === "step");
    return withSteps(node, operands, varies, steps);
  };
  return { dependence, once: made, everyStep: made };
}

/** Operations that know what to do with one more axis. */
function canTakeSteps(node: Node): boolean {
  const { family } = operationOf(node.op);
  return ["elementwise", "contract", "reduce", "scan", "movement", "order"].includes(family) || node.op === "gather";
}

/** The node over operands of which some have the steps as their first axis. */
function withSteps(node: Node, operands: readonly Node[], varies: readonly boolean[], steps: number): Node {
  const b = makeBuilder(node.origins);
  const { shape } = node.type;
  const named = (made: Node): Node => (node.name === undefined ? made : { ...made, name: node.name });
  const { attributes } = node;
  const numbers = (name: string) => attributes[name] as readonly number[];
  switch (operationOf(node.op).family) {
    case "elementwise":
      return named(
        b.node(
          node.op,
          operands.map((operand, k) => spread(operand, varies[k] === true)),
          attributes,
        ),
      );
    case "contract":
    case "reduce":
    case "indexed":
      return named(withStepIndex(node, operands, varies));
    case "scan":
    case "order":
      return named(
        b.node(
          node.op,
          operands.map((operand, k) => (varies[k] ? operand : repeated(operand))),
          { ...attributes, axis: (attributes.axis as number) + 1 },
        ),
      );
    default:
      break;
  }
  switch (node.op) {
    case "reshape":
      return named(b.reshape(operands[0] as Node, [steps, ...shape]));
    case "transpose":
      return named(b.transpose(operands[0] as Node, [0, ...numbers("permutation").map((axis) => axis + 1)]));
    case "broadcast":
      return named(
        b.broadcast(operands[0] as Node, [steps, ...shape], [0, ...numbers("axes").map((axis) => axis + 1)]),
      );
    case "slice":
      return named(
        b.node("slice", operands, {
          starts: [0, ...numbers("starts")],
          sizes: [steps, ...numbers("sizes")],
          steps: [1, ...numbers("steps")],
        }),
      );
    case "pad":
      return named(
        b.node("pad", operands, { ...attributes, low: [0, ...numbers("low")], high: [0, ...numbers("high")] }),
      );
    case "reverse":
      return named(b.node("reverse", operands, { axes: numbers("axes").map((axis) => axis + 1) }));
    case "concat": {
      const whole = operands.map((operand, k) => (varies[k] ? operand : repeated(operand)));
      return named(b.node("concat", whole, { axis: (attributes.axis as number) + 1 }));
    }
    case "window": {
      const [from, to] = (attributes.spec as string).split("->") as [string, string];
      const index = freshIndex(new Set((attributes.spec as string).match(/[\p{L}_][\p{L}\p{N}_']*/gu)));
      const spec = `${[index, from.trim()].filter(Boolean).join(", ")} -> ${index} ${to.trim()}`;
      return named(b.node("window", operands, { ...attributes, spec, shape: [steps, ...shape] }));
    }
    default:
      throw new Error(`${node.op} does not know what to do with one more axis`);
  }

  /** The same in all steps. */
  function repeated(operand: Node): Node {
    const own = operand.type.shape;
    return b.broadcast(
      operand,
      [steps, ...own],
      own.map((_, axis) => axis + 1),
    );
  }

  /** An operand of an elementwise operation: single numbers stay so unless they vary. */
  function spread(operand: Node, varying: boolean): Node {
    if (!varying) return operand.type.shape.length === 0 ? operand : repeated(operand);
    return operand.type.shape.length === 1 + shape.length ? operand : b.broadcast(operand, [steps, ...shape], [0]);
  }
}

/** Contractions, reductions and gathers name their axes: the steps get a name too. */
function withStepIndex(node: Node, operands: readonly Node[], varies: readonly boolean[]): Node {
  const b = makeBuilder(node.origins);
  const spec = parseSpec(node.attributes.spec as string);
  const index = freshIndex(new Set([...spec.operands.flat(), ...spec.result]));
  if (node.op === "gather") {
    const direct = readAtStep(node, operands, varies, spec.operands[0] as readonly string[]);
    if (direct !== undefined) return direct;
  }
  const own = spec.operands.map((names, k) => (varies[k] ? [index, ...names] : names));
  return b.node(node.op, operands, {
    ...node.attributes,
    spec: printSpec({ operands: own, result: [index, ...spec.result] }),
  });
}

/** Reading a tensor at the step itself, or at the same step counted from the end, along an axis of all steps: a view. */
function readAtStep(
  node: Node,
  [data, positions]: readonly Node[],
  [dataVaries]: readonly boolean[],
  names: readonly string[],
): Node | undefined {
  if (data === undefined || positions === undefined || dataVaries || positions.type.shape.length !== 1)
    return undefined;
  const at = names.indexOf(node.attributes.at as string);
  if (data.type.shape[at] !== positions.type.shape[0]) return undefined;
  const course = courseOf(positions);
  if (course === undefined) return undefined;
  const b = makeBuilder(node.origins);
  const { result } = parseSpec(node.attributes.spec as string);
  const ordered = course === "down" ? b.node("reverse", [data], { axes: [at] }) : data;
  return b.transpose(ordered, [at, ...result.map((name) => names.indexOf(name))]);
}

/** `up` for 0, 1, …, n - 1, `down` for n - 1, …, 0. */
function courseOf(positions: Node): "up" | "down" | undefined {
  let node = positions;
  while (node.op === "cast") node = node.operands[0] as Node;
  if (node.op === "iota") return "up";
  if (node.op !== "sub" || positions.type.shape.length !== 1) return undefined;
  let [from, step] = node.operands as readonly [Node, Node];
  while (from.op === "broadcast") from = from.operands[0] as Node;
  const values = from.attributes.values as readonly number[] | undefined;
  const last = (positions.type.shape[0] as number) - 1;
  return step.op === "iota" && from.op === "constant" && values?.length === 1 && values[0] === last
    ? "down"
    : undefined;
}

function freshIndex(taken: ReadonlySet<string>): string {
  let name = "step";
  for (let count = 2; taken.has(name); count++) name = `step${count}`;
  return name;
}
