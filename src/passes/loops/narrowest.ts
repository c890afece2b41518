/**
 * Where to cut a loop's body: of all values that hold the sums which the rest needs, those with the fewest elements.
 *
 * The gates of a recurrent network are many values made of one; handing over the one, and making them of it again at each step,
 * takes less memory and fewer buffers.
 */
import { elementCount, graphNodes, type Node } from "../../ir/index.ts";

/** The roots, with groups of them replaced by a smaller value that they can all be computed from without a further sum. */
export function narrowest(roots: readonly Node[], isSum: (node: Node) => boolean): readonly Node[] {
  let cut = roots;
  for (;;) {
    const smaller = replaceSome(cut, isSum);
    if (smaller === undefined) return cut;
    cut = smaller;
  }
}

/** The best replacement of several values by one; `undefined` when none has fewer elements. */
function replaceSome(cut: readonly Node[], isSum: (node: Node) => boolean): readonly Node[] | undefined {
  const nodes = graphNodes({ name: "", inputs: [], parameters: [], outputs: cut.map((node) => ({ name: "", node })) });
  const holdsSum = new Map<Node, boolean>();
  for (const node of nodes)
    holdsSum.set(node, isSum(node) || node.operands.some((operand) => holdsSum.get(operand) === true));
  let best: readonly Node[] | undefined;
  let saved = 0;
  for (const candidate of nodes) {
    if (holdsSum.get(candidate) !== true || cut.includes(candidate)) continue;
    const covered = cut.filter((root) => follows(root, candidate, nodes, isSum));
    const before = covered.reduce((sum, root) => sum + elementCount(root.type.shape), 0);
    const gain = before - elementCount(candidate.type.shape);
    if (covered.length < 2 || gain <= saved) continue;
    saved = gain;
    best = [...cut.filter((root) => !covered.includes(root)), candidate];
  }
  return best;
}

/** True when the root can be computed from the candidate and what holds no sum. `nodes` has operands before users. */
function follows(root: Node, candidate: Node, nodes: readonly Node[], isSum: (node: Node) => boolean): boolean {
  const blocked = new Map<Node, boolean>();
  for (const node of nodes) {
    if (node === candidate) blocked.set(node, false);
    else blocked.set(node, isSum(node) || node.operands.some((operand) => blocked.get(operand) === true));
    if (node === root) break;
  }
  return blocked.get(root) === false;
}
