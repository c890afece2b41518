/**
 * FAVOR+: softmax attention through positive random features (Choromanski et al., "Rethinking Attention with Performers",
 * ICLR 2021, lemma 1 and section 2.4). Only where it is allowed: between a marker (`@approx(favor)`) and the arguments of the
 * marked call, or everywhere with `--approx favor`.
 *
 * What is replaced is the exponential alone: exp(s q·k - max) becomes φ(q)·φ(k) with φ(x) = m^(-1/2) (exp(W x - |x|²/2 - max) + ε).
 * Numbers m[j] added to the scores of a key are factors exp(m - max m) of its features: 0 where a mask is far below the rest. The
 * normaliser and the weighted sum stay as they were, restricted ranges included; that all of it can now be computed in linear time is
 * left to the contraction order.
 */
import {
  type Builder,
  type Graph,
  graphNodes,
  initialValues,
  makeBuilder,
  makeNode,
  type Node,
  nodeUsers,
  randomStream,
  tensorType,
} from "../ir/index.ts";
import { type Attention, findAttention, type KeyBias } from "./attention-pattern.ts";
import { costOf } from "./cost.ts";
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
    if (found.kind === "none") {
      rewrites.push(leftExact(node, found.reason));
      continue;
    }
    applied.add(permission);
    const features = permission.features > 0 ? permission.features : usualFeatures(found.channels);
    const made = randomFeatures(node, found, features, permission.seed, replacements.size);
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

// ── What it becomes ────────────────────────────────────────────────────────────────────────────────────────────────

/** d log d, rounded: enough for the estimate to concentrate (theorem 4 of the paper; the default of its code). */
export function usualFeatures(channels: number): number {
  return Math.max(1, Math.round(channels * Math.log(Math.max(channels, 2))));
}

function randomFeatures(weights: Node, found: Attention, features: number, seed: number, position: number): Node {
  const { query, key, queryIndices, keyIndices, resultIndices, summed, scale, contracted, channels, biases } = found;
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
  ): IndexedNode => {
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
  const unweighted = side(k, keyIndices, (kept) => kept.filter((name) => name !== summed));
  const right = biases.reduce((keys, bias) => weighted(builder, keys, bias, summed), unweighted);
  const estimate = builder.contract(
    `${left.indices.join(" ")}, ${right.indices.join(" ")} -> ${resultIndices.join(" ")}`,
    [left.node, right.node],
  );
  return weights.name === undefined ? estimate : { ...estimate, name: weights.name };
}

interface IndexedNode {
  readonly node: Node;
  readonly indices: readonly string[];
}

/** Features of keys times exp(m - max m), the maximum over the keys of a row: the greatest factor is 1, also where all keys are masked. */
function weighted(
  builder: Builder,
  keys: IndexedNode,
  { node, factor, indices }: KeyBias,
  summed: string,
): IndexedNode {
  const shape = keys.node.type.shape;
  const rows = indices.filter((name) => name !== summed);
  const scaled = factor === 1 ? node : builder.apply("mul", node, builder.constant(factor));
  const greatest = builder.node("maximum", [scaled], { spec: `${indices.join(" ")} -> ${rows.join(" ")}` });
  const axes = rows.map((name) => indices.indexOf(name));
  const below = builder.apply("sub", scaled, builder.broadcast(greatest, scaled.type.shape, axes));
  const places = indices.map((name) => keys.indices.indexOf(name));
  const factors = builder.broadcast(builder.apply("exp", below), shape, places);
  return { node: builder.apply("mul", keys.node, factors), indices: keys.indices };
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

function leftExact(weights: Node, reason: string): RewriteTrace {
  const text = describeNode(weights, 3);
  return { ...unchanged(weights, text), rule: "left exact", reason };
}

function nothingFound(marker: Node): RewriteTrace {
  const text = describeNode(marker.operands[0] as Node, 1);
  const reason =
    "no softmax attention that can be approximated stands between the marked call and its arguments; the value stays exact";
  return { ...unchanged(marker, text), rule: "nothing to approximate", reason };
}

function unchanged(node: Node, text: string): Omit<RewriteTrace, "rule" | "reason"> {
  return {
    pass: "approximate",
    before: text,
    after: text,
    origins: node.origins,
    flopsBefore: 0,
    flopsAfter: 0,
    bytesBefore: 0,
    bytesAfter: 0,
  };
}
