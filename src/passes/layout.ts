/** Bringing a tensor whose axes have names into the order and extent of other names. */
import type { Builder, Node } from "../ir/index.ts";

/**
 * A view of `node`, whose axes are named `from`, with the axes `to`: axes are reordered and missing ones are repeated.
 * `from` has no repetitions and is part of `to`.
 *
 * @param sizes size of every name in `to`
 */
export function layOut(
  builder: Builder,
  node: Node,
  from: readonly string[],
  to: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Node {
  const present = to.filter((name) => from.includes(name));
  const ordered = builder.transpose(
    node,
    present.map((name) => from.indexOf(name)),
  );
  const axes = present.map((name) => to.indexOf(name));
  return builder.broadcast(
    ordered,
    to.map((name) => sizes.get(name) as number),
    axes,
  );
}
