/**
 * A carried value that each step only adds to (multiplies, or takes the larger or smaller of) something that does not depend on
 * the state is a prefix sum (product, maximum, minimum); one that each step multiplies by something and adds something to is a linear
 * recurrence. Both leave the loop and become scans, which are done in parallel.
 */
import {
  type Builder,
  elementCount,
  type Graph,
  graphNodes,
  isConstant,
  makeBuilder,
  makeNode,
  type Node,
  operationOf,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import { affineStep } from "./loops/affine-step.ts";
import { type AllSteps, allSteps } from "./loops/all-steps.ts";
import { type CarriedPart, freshInputName, type LoopParts, loopOf, partsOf } from "./loops/loop-parts.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const recogniseScans: Pass = {
  name: "recognise-scans",
  summary:
    "Turns recurrences that add, multiply or compare into prefix sums, products, maxima and minima, and linear ones into scans.",
  run: recognise,
};

const scans = ["cumulative_sum", "cumulative_product", "cumulative_maximum", "cumulative_minimum"] as const;

/** The scan whose steps are an elementwise operation. */
const scanOf = (op: string) => scans.find((scan) => operationOf(scan).reducer?.operation === op);

function recognise(graph: Graph): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of graphNodes(graph)) {
    if (node.op !== "loop") continue;
    let parts = partsOf(node);
    let changed = false;
    const oneLess = () => withoutOneScan(parts) ?? withoutOneRecurrence(parts);
    for (let made = oneLess(); made !== undefined; made = oneLess()) {
      parts = made.parts;
      rewrites.push(made.rewrite);
      changed = true;
    }
    if (changed) replacements.set(node, loopOf(parts));
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

/** The loop with one carried value less, which is read from a scan before the loop instead. */
function withoutOneScan(parts: LoopParts): { readonly parts: LoopParts; readonly rewrite: RewriteTrace } | undefined {
  const steps = allSteps(parts);
  for (const part of parts.carried) {
    const { input, initial, next } = part;
    const scan = scanOf(next.op);
    const term = next.operands.find((operand) => operand !== input);
    if (scan === undefined || term === undefined || !next.operands.includes(input)) continue;
    if (steps.dependence(term) === "state") continue;
    const b = makeBuilder(next.origins);
    const { whole, behind } = allShapes(parts, part);
    const terms = overAllSteps(steps, term, whole);
    const running = b.node(scan, [terms], { axis: 0 });
    const neutral = isConstant(initial, operationOf(scan).reducer?.identity(initial.type.dtype));
    const after = neutral ? running : b.apply(next.op, b.broadcast(initial, whole, behind), running);
    const named = next.name === undefined ? after : { ...after, name: next.name };
    return { parts: withScan(parts, part, named), rewrite: traceOf(parts, next, named, runningTotal) };
  }
  return undefined;
}

const runningTotal = {
  rule: "running total",
  reason: "steps that only combine with something known beforehand are a scan, which needs no steps",
};

const recurrenceRule = {
  rule: "linear recurrence",
  reason:
    "steps that multiply by and add what is known beforehand can be joined in any grouping, so they need not wait for each other",
};

/** The loop with one carried value less that goes `a * state + b`, with a and b known before the loop. */
function withoutOneRecurrence(
  parts: LoopParts,
): { readonly parts: LoopParts; readonly rewrite: RewriteTrace } | undefined {
  for (const part of parts.carried) {
    const { input, initial, next } = part;
    const { whole, behind } = allShapes(parts, part);
    if (input.type.dtype !== "f32" || elementCount(whole) > largestTensor(parts)) continue;
    const { factor, term } = affineStep(next, input) ?? {};
    if (factor === undefined || term === undefined) continue;
    const others = parts.carried.filter((other) => other !== part);
    const steps = allSteps({ ...parts, carried: [{ ...part, next: factor }, { ...part, next: term }, ...others] });
    if (steps.dependence(factor) === "state" || steps.dependence(term) === "state") continue;
    const b = makeBuilder(next.origins);
    const factors = overAllSteps(steps, factor, whole);
    const terms = overAllSteps(steps, term, whole);
    const started = isConstant(initial, 0) ? terms : startedFrom(b, initial, factors, terms, behind);
    const made = isConstant(factor, 1)
      ? b.node("cumulative_sum", [started], { axis: 0 })
      : b.node("linear_recurrence", [factors, started], { axis: 0 });
    const named = next.name === undefined ? made : { ...made, name: next.name };
    return { parts: withScan(parts, part, named), rewrite: traceOf(parts, next, named, recurrenceRule) };
  }
  return undefined;
}

/** The terms with what the initial state becomes in the first step added to the first of them. */
function startedFrom(b: Builder, initial: Node, factors: Node, terms: Node, behind: readonly number[]): Node {
  const [steps, ...shape] = terms.type.shape as readonly [number, ...number[]];
  const start = terms.type.shape.map(() => 0);
  const one = terms.type.shape.map(() => 1);
  const first = b.node("slice", [factors], { starts: start, sizes: [1, ...shape], steps: one });
  const reached = b.apply("mul", first, b.broadcast(initial, [1, ...shape], behind));
  const padded = b.node("pad", [reached], { low: start, high: [steps - 1, ...shape.map(() => 0)] });
  return b.apply("add", terms, padded);
}

/**
 * The largest tensor that the loop reads or writes: a state is kept for all steps only where that is no larger, since a loop that
 * carries a matrix and gives a row needs far less.
 */
function largestTensor(parts: LoopParts): number {
  const read = [...parts.invariants.values()].map(({ type }) => elementCount(type.shape));
  return Math.max(parts.steps * elementCount(parts.row.type.shape), ...read);
}

/** The shape of a carried value after all steps, and the axes of it that one step has. */
function allShapes({ steps }: LoopParts, { input }: CarriedPart) {
  const { shape } = input.type;
  return { whole: [steps, ...shape], behind: shape.map((_, axis) => axis + 1) };
}

/** The values of a node in all steps, spread over a shape; the node has the shape of one step or is a single number. */
function overAllSteps(steps: AllSteps, node: Node, whole: readonly number[]): Node {
  const varies = steps.dependence(node) === "step";
  const behind = node.type.shape.map((_, axis) => axis + 1);
  const outside = varies ? steps.everyStep(node) : steps.once(node);
  return makeBuilder(node.origins).broadcast(outside, whole, varies ? [0, ...behind] : behind);
}

/** Reads a carried value from its values after all steps. */
function withScan(parts: LoopParts, part: CarriedPart, after: Node): LoopParts {
  const { input, initial, next } = part;
  const b = makeBuilder(next.origins);
  const invariants = new Map(parts.invariants);
  const names = input.type.shape.map((_, axis) => `i${axis}`);
  const readFrom = (value: Node): Node => {
    const name = freshInputName({ ...parts, invariants }, next.name ?? next.op);
    const inside = makeNode("input", [], { name }, { declared: value.type, origins: next.origins, name });
    invariants.set(inside, value);
    return b.node("gather", [inside, parts.step], { spec: `t ${names.join(" ")}, -> ${names.join(" ")}`, at: "t" });
  };
  const [steps, ...shape] = after.type.shape as readonly [number, ...number[]];
  const first = b.reshape(initial, [1, ...shape]);
  const before =
    steps === 1
      ? first
      : b.node(
          "concat",
          [
            first,
            b.node("slice", [after], {
              starts: after.type.shape.map(() => 0),
              sizes: [steps - 1, ...shape],
              steps: after.type.shape.map(() => 1),
            }),
          ],
          { axis: 0 },
        );
  const replacements = new Map([
    [next, readFrom(after)],
    [input, readFrom(before)],
  ]);
  const carried = parts.carried.filter((other) => other !== part);
  const mapped = mapGraph(
    {
      name: "",
      inputs: [],
      parameters: [],
      outputs: [...carried.map((other) => other.next), parts.row].map((node) => ({ name: "", node })),
    },
    replacements,
  ).outputs.map(({ node }) => node);
  return {
    ...parts,
    carried: carried.map((other, k) => ({ ...other, next: mapped[k] as Node })),
    invariants,
    row: mapped.at(-1) as Node,
  };
}

function traceOf(
  { loop, steps }: LoopParts,
  before: Node,
  after: Node,
  why: { readonly rule: string; readonly reason: string },
): RewriteTrace {
  const [from, to] = [costOf([before]), costOf([after])];
  return {
    pass: "recognise-scans",
    ...why,
    before: `loop(${describeNode(before, 2)})`,
    after: describeNode(after, 2),
    origins: loop.origins,
    flopsBefore: from.flops * steps,
    flopsAfter: to.flops,
    bytesBefore: from.bytes * steps,
    bytesAfter: to.bytes,
  };
}
