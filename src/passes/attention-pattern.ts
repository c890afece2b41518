/**
 * Softmax attention as passes find it: a contraction of queries with keys, scaled, with what is added for each key, exponentiated and
 * normalised along the keys.
 */
import { isConstant, type Node, parseSpec } from "../ir/index.ts";
import { keptAxes } from "./fusion-rows.ts";

/** exp(scale · Σ_c q[…, c] k[…, c] + bias[…, j] - max_j …) that is used as weights over j, normalised. */
export interface Attention {
  readonly kind: "attention";
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
  /** Numbers that are added to the scores of a key, whatever the query: masks, as 0 and far below. */
  readonly biases: readonly KeyBias[];
}

/** factor · node, where the node's axes have these indices, all of them the key's and the summed one among them. */
export interface KeyBias {
  readonly node: Node;
  readonly factor: number;
  readonly indices: readonly string[];
}

/** Softmax attention that has no such form. */
export interface NoAttention {
  readonly kind: "none";
  /** Why, for the author who allowed it. */
  readonly reason: string;
}

/** Recognises the exponentials of softmax attention; `undefined` where a node is nothing of the kind. */
export function findAttention(
  weights: Node,
  users: ReadonlyMap<Node, readonly Node[]>,
): Attention | NoAttention | undefined {
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
  const scaled = scaledContraction(exponent, 1);
  if (scaled === undefined) return undefined;
  const { scores, scale, added } = scaled;
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
  const biases = keyBiases(added, spec.result, keyIndices, summed);
  if (biases === undefined) return { kind: "none", reason: queryDependent };
  return {
    kind: "attention",
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
    biases,
  };
}

const queryDependent =
  "what is added to the scores differs from query to query, so that it is no factor of the keys' features; a mask of the keys alone, or a restricted range (`softmax[j: …]`), can be approximated";

/**
 * What is added to the scores as numbers of the keys. What all keys of a row share cancels and is left out; `undefined` when something
 * depends on key and query both, or is not plainly spread out along the axes.
 */
function keyBiases(
  added: readonly Added[],
  result: readonly string[],
  keyIndices: readonly string[],
  summed: string,
): readonly KeyBias[] | undefined {
  const biases: KeyBias[] = [];
  for (const { node, factor } of added) {
    if (node.type.shape.length === 0) continue;
    const isSpread = node.op === "broadcast";
    const indices = isSpread
      ? (node.attributes.axes as readonly number[]).map((axis) => result[axis] as string)
      : result;
    if (!indices.includes(summed)) continue;
    if (!indices.every((name) => keyIndices.includes(name))) return undefined;
    biases.push({ node: isSpread ? (node.operands[0] as Node) : node, factor, indices });
  }
  return biases;
}

/** The maximum may be taken of the exponent itself, or of what a mask leaves of it. */
function unmasked(operand: Node, exponent: Node): boolean {
  return (
    operand === exponent ||
    (operand.op === "select" && operand.operands[1] === exponent && isConstant(operand.operands[2] as Node))
  );
}

/** factor · node, added to the scores. */
interface Added {
  readonly node: Node;
  readonly factor: number;
}

interface ScaledContraction {
  readonly scores: Node;
  readonly scale: number;
  readonly added: readonly Added[];
}

/** `factor` times a contraction of two factors, with numbers multiplied and tensors added: `S`, `S / c`, `c S`, `-S`, `S / c + M`. */
function scaledContraction(node: Node, factor: number): ScaledContraction | undefined {
  if (!Number.isFinite(factor) || factor === 0) return undefined;
  if (node.op === "contract") {
    const fits = node.operands.length === 2 && node.attributes.where === undefined;
    return fits ? { scores: node, scale: factor, added: [] } : undefined;
  }
  const [x, y] = node.operands as readonly [Node, Node];
  if (node.op === "neg") return scaledContraction(x, -factor);
  if (node.op === "div" && isConstant(y)) return scaledContraction(x, factor / numberOf(y));
  if (node.op === "mul" && isConstant(y)) return scaledContraction(x, factor * numberOf(y));
  if (node.op === "mul" && isConstant(x)) return scaledContraction(y, factor * numberOf(x));
  if (node.op !== "add" && node.op !== "sub") return undefined;
  const sign = node.op === "sub" ? -factor : factor;
  const left = scaledContraction(x, factor);
  if (left !== undefined) return { ...left, added: [...left.added, { node: y, factor: sign }] };
  const right = scaledContraction(y, sign);
  return right && { ...right, added: [...right.added, { node: x, factor }] };
}

const numberOf = (constant: Node) => (constant.attributes.values as readonly [number])[0];

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
