/**
 * The gradient of a loop is a loop that runs backwards.
 *
 * Going forward, the state before every step is kept as part of the rows. Going backward, a step reads its state, evaluates its body again
 * and carries on the gradients of the state. What a step adds to the gradient of a value from outside is not summed
 * in the loop where that can be had later and cheaper: for a product `contract(g, h)` the rows hold g and h, and one contraction over
 * all steps follows; a row that was read at a position is added there by one scatter.
 *
 * Rows are one flat axis of f32. Integers among them (places, carried counters) are exact below 2^24.
 */
import {
  elementCount,
  type Graph,
  graphNodes,
  isDifferentiable,
  makeNode,
  type Node,
  type Origins,
  parseSpec,
  printSpec,
  tensorType,
} from "../ir/index.ts";
import type { backpropagate as Backpropagate } from "./differentiate.ts";
import { mapGraph } from "./rebuild.ts";

export interface LoopGradient {
  /** By operand of the loop. */
  readonly gradients: readonly (Node | undefined)[];
  /** What replaces the loop: the same result, from a loop that keeps its states. */
  readonly forward?: Node;
}

/** A loop taken apart. */
interface Loop {
  readonly node: Node;
  readonly body: Graph;
  readonly steps: number;
  readonly carried: number;
}

/**
 * @param needed which operands need a gradient
 * @param backpropagate the walk of differentiate.ts
 */
export function differentiateLoop(
  node: Node,
  gradient: Node,
  needed: readonly boolean[],
  backpropagate: typeof Backpropagate,
): LoopGradient {
  const loop: Loop = {
    node,
    body: (node.regions as readonly Graph[])[0] as Graph,
    steps: node.attributes.steps as number,
    carried: node.attributes.carried as number,
  };
  if (loop.steps === 0) return { gradients: [] };
  const states = statesToKeep(loop);
  const kept = keepStates(loop, states);
  const gradients = runBackwards(loop, { states, rows: kept.states, gradient, needed }, backpropagate);
  return kept.result === node ? { gradients } : { gradients, forward: kept.result };
}

/** Positions of the carried values that the body reads. */
function statesToKeep({ body, carried }: Loop): readonly number[] {
  const read = new Set(graphNodes({ ...body, inputs: [] }));
  return body.inputs.slice(0, carried).flatMap((input, k) => (read.has(input) ? [k] : []));
}

/** The loop with its states beside its rows, taken apart again: states with a first axis of steps. */
function keepStates(
  loop: Loop,
  states: readonly number[],
): { readonly result: Node; readonly states: readonly Node[] } {
  const { node, body, steps, carried } = loop;
  const { origins } = node;
  const inputs = states.map((k) => body.inputs[k] as Node);
  const row = (body.outputs[carried] as { node: Node }).node;
  if (states.length === 0) return { result: node, states: [] };
  const packed = packRow([row, ...inputs], origins);
  const outputs = [...body.outputs.slice(0, carried), { name: "row", node: packed }];
  const whole = makeNode("loop", node.operands, node.attributes, {
    origins,
    name: node.name,
    regions: [{ ...body, outputs }],
  });
  const [result, ...rest] = unpackRows(whole, [row, ...inputs], steps, origins);
  return { result: result as Node, states: rest };
}

interface BackwardRequest {
  readonly states: readonly number[];
  /** The states before each step, by step. */
  readonly rows: readonly Node[];
  readonly gradient: Node;
  readonly needed: readonly boolean[];
}

/** What the steps leave behind for one term of an outer value's gradient, and how the steps are taken together outside. */
interface Term {
  readonly operand: number;
  readonly pieces: readonly Node[];
  /** The term from the pieces, which have a first axis of steps there. */
  readonly combine: (pieces: readonly Node[]) => Node;
}

function runBackwards(
  loop: Loop,
  { states, rows, gradient, needed }: BackwardRequest,
  backpropagate: typeof Backpropagate,
): readonly (Node | undefined)[] {
  const { node, body, steps, carried } = loop;
  const { origins } = node;
  const make = (op: string, operands: readonly Node[], attributes = {}) =>
    makeNode(op, operands, attributes, { origins });
  const input = (name: string, like: Node) => makeNode("input", [], { name }, { declared: like.type, origins, name });

  // The inputs of the backward body, and what the forward body's inputs are in it.
  const adjointOf = body.inputs.slice(0, carried).flatMap((state, k) => (isDifferentiable(state) ? [k] : []));
  const adjoints = adjointOf.map((k) => input(`adjoint_${k}`, body.inputs[k] as Node));
  const invariants = node.operands.slice(carried).map((_, k) => input(`outer_${k}`, body.inputs[carried + k] as Node));
  const stateRows = rows.map((each, k) => input(`states_${states[k]}`, each));
  const gradientRows = input("gradient", gradient);
  const step = makeNode(
    "input",
    [],
    { name: "step" },
    { declared: tensorType("i32", [], steps), origins, name: "step" },
  );
  const last = makeNode("constant", [], { values: [steps - 1] }, { declared: tensorType("i32", []), origins });
  const forwardStep = make("cast", [make("sub", [last, make("cast", [step], { to: "i32" })])], {
    to: "i32",
    below: steps,
  });
  const atStep = (all: Node) => {
    const names = all.type.shape.slice(1).map((_, axis) => `i${axis}`);
    return make("gather", [all, forwardStep], { spec: `t ${names.join(" ")}, -> ${names.join(" ")}`, at: "t" });
  };
  const now = new Map<Node, Node>();
  states.forEach((k, position) => {
    now.set(body.inputs[k] as Node, atStep(stateRows[position] as Node));
  });
  invariants.forEach((invariant, k) => {
    now.set(body.inputs[carried + k] as Node, invariant);
  });
  now.set(body.inputs[body.inputs.length - 1] as Node, forwardStep);
  const again = mapGraph({ ...body, inputs: [] }, now).outputs;

  // One step back.
  const seeds = new Map<Node, Node[]>();
  const seed = (at: Node, value: Node) => seeds.set(at, [...(seeds.get(at) ?? []), value]);
  const rowNode = (again[carried] as { node: Node }).node;
  if (isDifferentiable(rowNode)) seed(rowNode, atStep(gradientRows));
  adjointOf.forEach((k, position) => {
    seed((again[k] as { node: Node }).node, adjoints[position] as Node);
  });
  const stateNow = (k: number) => now.get(body.inputs[k] as Node);
  const targets = new Set([
    ...adjointOf.flatMap((k) => stateNow(k) ?? []),
    ...invariants.filter((_, k) => needed[carried + k]),
  ]);
  const { contributions, replacements } = backpropagate(seeds, targets);
  const nextAdjoints = adjointOf.map((k, position) => {
    const state = stateNow(k);
    const found = state === undefined ? [] : (contributions.get(state) ?? []);
    return (
      found.reduce<Node | undefined>((sum, each) => (sum === undefined ? each : make("add", [sum, each])), undefined) ??
      zeros(adjoints[position] as Node, origins)
    );
  });

  const outerOf = new Map(invariants.map((invariant, k) => [invariant, node.operands[carried + k] as Node]));
  const terms = invariants.flatMap((invariant, k) =>
    (contributions.get(invariant) ?? []).map((term) => termOf(term, carried + k, { outerOf, steps, origins })),
  );
  const initial = adjointOf.flatMap((k, position) => (needed[k] ? [{ operand: k, position }] : []));
  const pieces = [
    ...terms.flatMap((term) => term.pieces),
    ...initial.map(({ position }) => nextAdjoints[position] as Node),
  ];
  if (pieces.length === 0) return [];

  const backward = mapGraph(
    {
      name: `${body.name}_backwards`,
      inputs: [...adjoints, ...invariants, ...stateRows, gradientRows, step],
      parameters: [],
      outputs: [
        ...nextAdjoints.map((next, k) => ({ name: `next_${k}`, node: next })),
        { name: "row", node: packRow(pieces, origins) },
      ],
    },
    replacements,
  );
  const operands = [
    ...adjoints.map((adjoint) => zeros(adjoint, origins)),
    ...node.operands.slice(carried),
    ...rows,
    gradient,
  ];
  const whole = makeNode("loop", operands, { steps, carried: adjoints.length }, { origins, regions: [backward] });
  const parts = unpackRows(whole, pieces, steps, origins);

  const gradients = new Array<Node | undefined>(node.operands.length).fill(undefined);
  const add = (operand: number, value: Node) => {
    const known = gradients[operand];
    gradients[operand] = known === undefined ? value : make("add", [known, value]);
  };
  let taken = 0;
  for (const { operand, pieces: own, combine } of terms) {
    add(operand, combine(parts.slice(taken, taken + own.length)));
    taken += own.length;
  }
  // The last step back is the first row's: what is left then belongs to the initial values.
  for (const { operand } of initial) {
    const all = parts[taken++] as Node;
    const final = make("slice", [all], {
      starts: all.type.shape.map((_, axis) => (axis === 0 ? steps - 1 : 0)),
      sizes: all.type.shape.map((size, axis) => (axis === 0 ? 1 : size)),
      steps: all.type.shape.map(() => 1),
    });
    add(operand, make("reshape", [final], { shape: all.type.shape.slice(1) }));
  }
  return gradients;
}

interface TermContext {
  /** What an input of the backward body stands for outside. */
  readonly outerOf: ReadonlyMap<Node, Node>;
  readonly steps: number;
  readonly origins: Origins;
}

/** How one term of an outer value's gradient leaves the loop. */
function termOf(term: Node, operand: number, context: TermContext): Term {
  return (
    contractTerm(term, operand, context) ?? scatterTerm(term, operand, context) ?? summedTerm(term, operand, context)
  );
}

/** Any term: its rows are added up. */
function summedTerm(term: Node, operand: number, { origins }: TermContext): Term {
  const names = term.type.shape.map((_, axis) => `i${axis}`);
  const spec = `t ${names.join(" ")} -> ${names.join(" ")}`;
  return { operand, pieces: [term], combine: ([all]) => makeNode("sum", [all as Node], { spec }, { origins }) };
}

/** `sum[t] contract(g_t, h_t)` is one contraction over t as well. Worth it where the factors are smaller than their product. */
function contractTerm(term: Node, operand: number, { outerOf, origins }: TermContext): Term | undefined {
  if (term.op !== "contract") return undefined;
  const inner = term.operands.map((factor) => !outerOf.has(factor) && factor.op !== "constant");
  const pieces = term.operands.filter((_, k) => inner[k]);
  const size = pieces.reduce((sum, piece) => sum + elementCount(piece.type.shape), 0);
  if (pieces.length === 0 || size > elementCount(term.type.shape)) return undefined;
  const spec = parseSpec(term.attributes.spec as string);
  let along = "t";
  while (spec.operands.flat().includes(along)) along += "'";
  const operands = spec.operands.map((own, k) => (inner[k] ? [along, ...own] : own));
  const attributes = { ...term.attributes, spec: printSpec({ operands, result: spec.result }) };
  return {
    operand,
    pieces,
    combine: (all) => {
      let next = 0;
      const factors = term.operands.map((factor, k) =>
        inner[k] ? (all[next++] as Node) : (outerOf.get(factor) ?? factor),
      );
      return makeNode("contract", factors, attributes, { origins });
    },
  };
}

/** A step's row goes to its place: one scatter of all rows. */
function scatterTerm(term: Node, operand: number, { origins }: TermContext): Term | undefined {
  if (term.op !== "scatter") return undefined;
  const [values, places] = term.operands as readonly [Node, Node];
  if (elementCount(values.type.shape) > elementCount(term.type.shape)) return undefined;
  const spec = parseSpec(term.attributes.spec as string);
  let along = "t";
  while ([...spec.operands.flat(), ...spec.result].includes(along)) along += "'";
  const operands = spec.operands.map((own) => [along, ...own]);
  const attributes = { ...term.attributes, spec: printSpec({ operands, result: spec.result }) };
  return {
    operand,
    pieces: [values, places],
    combine: (all) => makeNode("scatter", all, attributes, { origins }),
  };
}

function zeros({ type }: Node, origins: Origins): Node {
  const zero = makeNode("constant", [], { values: [0] }, { declared: tensorType(type.dtype, []), origins });
  return makeNode("broadcast", [zero], { shape: [...type.shape], axes: [] }, { origins });
}

/** Values side by side along one axis, as f32. */
function packRow(values: readonly Node[], origins: Origins): Node {
  const make = (op: string, operands: readonly Node[], attributes: Record<string, string | number | number[]>) =>
    makeNode(op, operands, attributes, { origins });
  const flat = values.map((value) => {
    const float = value.type.dtype === "f32" ? value : make("cast", [value], { to: "f32" });
    return make("reshape", [float], { shape: [elementCount(value.type.shape)] });
  });
  return flat.length === 1 ? (flat[0] as Node) : make("concat", flat, { axis: 0 });
}

/** The values of all steps, each with a first axis of steps, from rows that `packRow` made of values like these. */
function unpackRows(rows: Node, values: readonly Node[], steps: number, origins: Origins): readonly Node[] {
  const make = (op: string, operands: readonly Node[], attributes: Record<string, string | number | number[]>) =>
    makeNode(op, operands, attributes, { origins });
  let start = 0;
  return values.map(({ type }) => {
    const width = elementCount(type.shape);
    const part = make("slice", [rows], { starts: [0, start], sizes: [steps, width], steps: [1, 1] });
    start += width;
    const shaped = make("reshape", [part], { shape: [steps, ...type.shape] });
    if (type.dtype === "f32") return shaped;
    return make(
      "cast",
      [shaped],
      type.below === undefined ? { to: type.dtype } : { to: type.dtype, below: type.below },
    );
  });
}
