/**
 * A carried value that each step only adds to (multiplies, or takes the larger or smaller of) something that does not depend on
 * the state is a prefix sum (product, maximum, minimum). It leaves the loop and becomes a scan, which is done in parallel.
 */
import { type Graph, graphNodes, isConstant, makeBuilder, makeNode, type Node, operationOf } from "../ir/index.ts";
import { costOf } from "./cost.ts";
import { allSteps } from "./loops/all-steps.ts";
import { type CarriedPart, freshInputName, type LoopParts, loopOf, partsOf } from "./loops/loop-parts.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const recogniseScans: Pass = {
  name: "recognise-scans",
  summary: "Turns recurrences that only add, multiply or compare into prefix sums, products, maxima and minima.",
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
    for (let made = withoutOneScan(parts); made !== undefined; made = withoutOneScan(parts)) {
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
    const whole = [parts.steps, ...input.type.shape];
    const behind = input.type.shape.map((_, axis) => axis + 1);
    const outside = steps.dependence(term) === "step" ? steps.everyStep(term) : steps.once(term);
    const along =
      steps.dependence(term) === "step"
        ? [0, ...(term.type.shape.length === 0 ? [] : behind)]
        : term.type.shape.length === 0
          ? []
          : behind;
    const terms = b.broadcast(outside, whole, along);
    const running = b.node(scan, [terms], { axis: 0 });
    const neutral = isConstant(initial, operationOf(scan).reducer?.identity(initial.type.dtype));
    const after = neutral ? running : b.apply(next.op, b.broadcast(initial, whole, behind), running);
    const named = next.name === undefined ? after : { ...after, name: next.name };
    return { parts: withScan(parts, part, named), rewrite: traceOf(parts, next, named) };
  }
  return undefined;
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

function traceOf({ loop, steps }: LoopParts, before: Node, after: Node): RewriteTrace {
  const [from, to] = [costOf([before]), costOf([after])];
  return {
    pass: "recognise-scans",
    rule: "running total",
    reason: "steps that only combine with something known beforehand are a scan, which needs no steps",
    before: `loop(${describeNode(before, 2)})`,
    after: describeNode(after, 2),
    origins: loop.origins,
    flopsBefore: from.flops * steps,
    flopsAfter: to.flops,
    bytesBefore: from.bytes * steps,
    bytesAfter: to.bytes,
  };
}
