/**
 * FAVOR+: softmax attention through positive random features (Choromanski et al., "Rethinking Attention with Performers",
 * ICLR 2021, lemma 1 and section 2.4). Only where it is allowed: between a marker (`@approx(favor)`) and the arguments of the
 * marked call, or everywhere with `--approx favor`.
 *
 * What is replaced is the exponential alone: exp(s q·k - max) becomes φ(q)·φ(k) with φ(x) = m^(-1/2) (exp(W x - |x|²/2 - max) + ε).
 * Its normaliser and the weighted sum stay as they were, restricted ranges and masks included; that all of it can now be
 * computed in linear time is left to the contraction order.
 */
import {
  type Graph,
  graphNodes,
  initialValues,
  isConstant,
  makeBuilder,
  makeNode,
  type Node,
  nodeUsers,
  parseSpec,
  randomStream,
  tensorType,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import { keptAxes } from "./fusion-rows.ts";
import type { Pass, PassContext, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

/** Added to every feature, so that no normaliser is 0: the value of the published code (lucidrains/performer-pytorch 1.1.4). */
const stabiliser = 1e-4;

export const approximateSoftmax: Pass = {
  name: "approximate",
  summary: "Replaces softmax attention by positive random features where `@approx` or `--approx` allows it.",
  changesValues: true,
  run,
};

/** A permission with the nodes it covers. */
interface Permission {
  readonly features: number;
  readonly seed: number;
  readonly covers: ReadonlySet<Node> | "everything";
  readonly marker?: Node;
}

function run(graph: Graph, context: PassContext): PassResult {
  const nodes = graphNodes(graph);
  const markers = nodes.filter(({ op }) => op === "approximate");
  const permissions: Permission[] = markers.map((marker) => ({
    features: (marker.attributes.features as number | undefined) ?? 0,
    seed: (marker.attributes.seed as number | undefined) ?? 0,
    covers: between(marker),
    marker,
  }));
  const everywhere = context.approximation;
  if (everywhere !== undefined) permissions.push({ ...everywhere, covers: "everything" });
  if (permissions.length === 0) return { graph, rewrites: [] };

  const users = nodeUsers(nodes);
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  const applied = new Set<Permission>();
  for (const node of nodes) {
    const permission = permissions.find(({ covers }) => covers === "everything" || covers.has(node));
    const found = permission && findAttention(node, users);
    if (permission === undefined || found === undefined) continue;
    applied.add(permission);
    const features = permission.features > 0 ? permission.features : usualFeatures(found.channels);
    const made = randomFeatures(node, found, features, permission.seed, rewrites.length);
    replacements.set(node, made);
    rewrites.push(traceOf(node, found, made, features, permission.seed));
  }
  for (const permission of permissions) {
    const { marker } = permission;
    if (marker === undefined) continue;
    if (!applied.has(permission)) rewrites.push(nothingFound(marker));
    replacements.set(marker, marker.operands[0] as Node);
  }
  return { graph: mapGraph(graph, replacements), rewrites };
}

/** Nodes that the marker's first operand needs, back to the marker's other operands. */
function between(marker: Node): Set<Node> {
  const [value, ...frontier] = marker.operands as readonly [Node, ...Node[]];
  const covered = new Set<Node>();
  const stack = [value];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (covered.has(node) || frontier.includes(node)) continue;
    covered.add(node);
    stack.push(...node.operands);
  }
  return covered;
}

// ── What is recognised ─────────────────────────────────────────────────────────────────────────────────────────────

/** exp(scale · Σ_c q[…, c] k[…, c] - max_j …) that is used as weights over j, normalised. */
interface Attention {
  readonly scores: Node;
  readonly scale: number;
  readonly query: Node;
  readonly key: Node;
  readonly queryIndices: readonly string[];
  readonly keyIndices: readonly string[];
  /** Indices of the scores; `summed` is the one that the weights are normalised over. */
  readonly resultIndices: readonly string[];
  readonly summed: string;
  /** Product of the sizes of the contracted indices. */
  readonly channels: number;
  readonly contracted: readonly string[];
}

function findAttention(weights: Node, users: ReadonlyMap<Node, readonly Node[]>): Attention | undefined {
  if (weights.op !== "exp" || weights.type.dtype !== "f32") return undefined;
  const difference = weights.operands[0] as Node;
  if (difference.op !== "sub") return undefined;
  const [exponent, spread] = difference.operands as readonly [Node, Node];
  const shift = spread.op === "broadcast" ? (spread.operands[0] as Node) : undefined;
  const maximum = shift?.op === "stop_gradient" ? (shift.operands[0] as Node) : shift;
  if (maximum?.op !== "maximum" || !unmasked(maximum.operands[0] as Node, exponent)) return undefined;
  const kept = keptAxes(maximum);
  const reduced = exponent.type.shape.flatMap((_, axis) => (kept.includes(axis) ? [] : [axis]));
  const [axis] = reduced;
  if (axis === undefined || reduced.length > 1 || !isNormalised(weights, axis, users)) return undefined;
  const scaled = scaledContraction(exponent);
  if (scaled === undefined) return undefined;
  const { scores, scale } = scaled;
  const spec = parseSpec(scores.attributes.spec as string);
  const [a, b] = spec.operands as [readonly string[], readonly string[]];
  const summed = spec.result[axis] as string;
  const contracted = [...new Set([...a, ...b])].filter((name) => !spec.result.includes(name));
  const plain = (names: readonly string[]) => new Set(names).size === names.length;
  const keyIsSecond = b.includes(summed);
  const [queryIndices, keyIndices] = keyIsSecond ? [a, b] : [b, a];
  const fits =
    plain(a) && plain(b) && contracted.length > 0 && contracted.every((name) => a.includes(name) && b.includes(name));
  if (!fits || queryIndices.includes(summed) || !keyIndices.includes(summed)) return undefined;
  const [query, key] = keyIsSecond
    ? (scores.operands as readonly [Node, Node])
    : ([scores.operands[1], scores.operands[0]] as readonly [Node, Node]);
  const channels = contracted.reduce(
    (count, name) => count * (query.type.shape[queryIndices.indexOf(name)] as number),
    1,
  );
  return {
    scores,
    scale,
    query,
    key,
    queryIndices,
    keyIndices,
    resultIndices: spec.result,
    summed,
    channels,
    contracted,
  };
}

/** The maximum may be taken of the exponent itself, or of what a mask leaves of it. */
function unmasked(operand: Node, exponent: Node): boolean {
  return (
    operand === exponent ||
    (operand.op === "select" && operand.operands[1] === exponent && isConstant(operand.operands[2] as Node))
  );
}

/** A contraction of two factors times a number: `S`, `S / c`, `c S`, `-S`. */
function scaledContraction(exponent: Node): { readonly scores: Node; readonly scale: number } | undefined {
  let node = exponent;
  let scale = 1;
  for (;;) {
    if (node.op === "contract") {
      const fits = node.operands.length === 2 && node.attributes.where === undefined && scale !== 0;
      return fits ? { scores: node, scale } : undefined;
    }
    const [x, y] = node.operands as readonly [Node, Node];
    if (node.op === "neg") {
      scale = -scale;
      node = x;
    } else if ((node.op === "div" || node.op === "mul") && y !== undefined && isConstant(y)) {
      const [value] = y.attributes.values as readonly [number];
      scale = node.op === "div" ? scale / value : scale * value;
      node = x;
    } else if (node.op === "mul" && isConstant(x)) {
      scale *= (x.attributes.values as readonly [number])[0];
      node = y;
    } else {
      return undefined;
    }
    if (!Number.isFinite(scale)) return undefined;
  }
}

/**
 * Whether the weights occur only divided by their sum along the axis. Factors common to a row then cancel, which is what the
 * subtracted maxima of the features need.
 */
function isNormalised(weights: Node, axis: number, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  const same = new Set<Node>([weights]);
  for (const user of users.get(weights) ?? []) {
    if (user.op === "select" && user.operands[1] === weights && isConstant(user.operands[2] as Node, 0)) same.add(user);
  }
  const readers = [...same].flatMap((node) => users.get(node) ?? []).filter((user) => !same.has(user));
  const totals = new Set(
    readers.filter(
      (user) =>
        user.op === "sum" && !keptAxes(user).includes(axis) && keptAxes(user).length === weights.type.shape.length - 1,
    ),
  );
  const byTotal = (node: Node) =>
    node.op === "div" && node.operands[1]?.op === "broadcast" && totals.has(node.operands[1].operands[0] as Node);
  const weighted = (node: Node) =>
    node.op === "contract" && (users.get(node) ?? []).length > 0 && (users.get(node) ?? []).every(byTotal);
  return totals.size > 0 && readers.every((user) => totals.has(user) || byTotal(user) || weighted(user));
}

// ── What it becomes ────────────────────────────────────────────────────────────────────────────────────────────────

/** d log d, rounded: enough for the estimate to concentrate (theorem 4 of the paper; the default of its code). */
export function usualFeatures(channels: number): number {
  return Math.max(1, Math.round(channels * Math.log(Math.max(channels, 2))));
}

function randomFeatures(weights: Node, found: Attention, features: number, seed: number, position: number): Node {
  const { query, key, queryIndices, keyIndices, resultIndices, summed, scale, contracted, channels } = found;
  const builder = makeBuilder(weights.origins, found.scores.origins);
  const names = new Set([...queryIndices, ...keyIndices, ...resultIndices]);
  const feature = ["r", "feature", "feature_1"].find((name) => !names.has(name)) ?? `r${names.size}`;
  const projection = projectionTable(
    [...weights.origins],
    contracted,
    query,
    queryIndices,
    features,
    channels,
    seed,
    position,
  );
  const root = Math.sqrt(Math.abs(scale));
  const q = builder.apply("mul", query, builder.constant(root));
  const k = builder.apply("mul", key, builder.constant(scale < 0 ? -root : root));
  const side = (
    x: Node,
    indices: readonly string[],
    stable: (kept: readonly string[]) => readonly string[],
  ): { node: Node; indices: readonly string[] } => {
    const kept = indices.filter((name) => !contracted.includes(name));
    const own = [...kept, feature];
    const projected = builder.contract(`${indices.join(" ")}, ${feature} ${contracted.join(" ")} -> ${own.join(" ")}`, [
      x,
      projection,
    ]);
    const squares = builder.node("sum", [builder.apply("mul", x, x)], {
      spec: `${indices.join(" ")} -> ${kept.join(" ")}`,
    });
    const half = builder.apply("mul", squares, builder.constant(0.5));
    const shape = projected.type.shape;
    const position = (wanted: readonly string[]) => wanted.map((name) => own.indexOf(name));
    const rows = stable(kept);
    const greatest = builder.node("maximum", [projected], { spec: `${own.join(" ")} -> ${rows.join(" ")}` });
    const centred = builder.apply("sub", projected, builder.broadcast(half, shape, position(kept)));
    const stabilised = builder.apply("sub", centred, builder.broadcast(greatest, shape, position(rows)));
    const positive = builder.apply("add", builder.apply("exp", stabilised), builder.constant(stabiliser));
    return { node: builder.apply("mul", positive, builder.constant(1 / Math.sqrt(features))), indices: own };
  };
  // Of a query, any factor of its own cancels; of keys, only one that all keys of a row have in common.
  const left = side(q, queryIndices, (kept) => kept);
  const right = side(k, keyIndices, (kept) => kept.filter((name) => name !== summed));
  const estimate = builder.contract(
    `${left.indices.join(" ")}, ${right.indices.join(" ")} -> ${resultIndices.join(" ")}`,
    [left.node, right.node],
  );
  return weights.name === undefined ? estimate : { ...estimate, name: weights.name };
}

/** W[r, c…] with orthogonal rows of Gaussian length. */
function projectionTable(
  origins: Node["origins"],
  contracted: readonly string[],
  query: Node,
  queryIndices: readonly string[],
  features: number,
  channels: number,
  seed: number,
  position: number,
): Node {
  const stream = randomStream(seed, `approximate.favor.${position}`);
  const values = initialValues("orthogonal_features", [features, channels], {}, stream);
  const sizes = contracted.map((name) => query.type.shape[queryIndices.indexOf(name)] as number);
  return makeNode(
    "constant",
    [],
    { values: [...values] },
    { origins, declared: tensorType("f32", [features, ...sizes]), name: "W" },
  );
}

// ── What is reported ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Relative standard error of one estimated kernel value for rows with |√s (q + k)|² = `square`: lemma 2 of the paper, for independent
 * features; orthogonal ones are never worse (theorem 2).
 */
export function expectedError(features: number, square: number): number {
  return Math.sqrt(Math.expm1(square) / features);
}

function traceOf(weights: Node, found: Attention, made: Node, features: number, seed: number): RewriteTrace {
  const before = costOf([weights, found.scores]);
  const after = costOf([made]);
  const percent = (100 * expectedError(features, 1)).toPrecision(2);
  return {
    pass: "approximate",
    rule: `favor, ${features} features, seed ${seed}, relative error of a weight √((e^|q + k|² - 1) / ${features})`,
    reason: `allowed by the author: exp(q·k) is estimated by ${features} orthogonal positive features (seed ${seed}); expected relative error at most √((e^|q + k|² - 1) / ${features}), ${percent} % where |q + k| = 1`,
    before: describeNode(weights, 3),
    after: describeNode(made, 1),
    origins: weights.origins,
    flopsBefore: before.flops,
    flopsAfter: after.flops,
    bytesBefore: before.bytes,
    bytesAfter: after.bytes,
  };
}

function nothingFound(marker: Node): RewriteTrace {
  const text = describeNode(marker.operands[0] as Node, 1);
  return {
    pass: "approximate",
    rule: "nothing to approximate",
    reason: "no softmax attention stands between the marked call and its arguments; the value stays exact",
    before: text,
    after: text,
    origins: marker.origins,
    flopsBefore: 0,
    flopsAfter: 0,
    bytesBefore: 0,
    bytesAfter: 0,
  };
}
