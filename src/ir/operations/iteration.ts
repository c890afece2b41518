/** Walks over index spaces, shared by the reference semantics of the families with named indices. */
import { type Constraint, type IndexSpec, parseConstraints, satisfies } from "../index-spec.ts";
import { stridesOf } from "../types.ts";

/** Offsets of each operand and of the result at every point of an index space, in row-major order of `order`. */
export interface SpaceVisitor {
  (offsets: Int32Array | Float64Array, resultOffset: number, position: readonly number[]): void;
}

/**
 * Visits every point of the space spanned by the spec's indices, result indices outermost, that satisfies `where`.
 * `offsets[k]` is the element offset into operand k.
 */
export function visitSpace(
  spec: IndexSpec,
  sizes: ReadonlyMap<string, number>,
  where: string,
  visit: SpaceVisitor,
): void {
  const reduced = [...sizes.keys()].filter((name) => !spec.result.includes(name));
  const order = [...spec.result.filter((name, i) => spec.result.indexOf(name) === i), ...reduced];
  const extents = order.map((name) => sizes.get(name) ?? 1);
  const strides = spec.operands.map((indices) => indexStrides(indices, sizes, order));
  const resultStrides = indexStrides(spec.result, sizes, order);
  const constraints: readonly Constraint[] = parseConstraints(where);
  if (extents.some((extent) => extent === 0)) return;

  const position = new Array<number>(order.length).fill(0);
  const offsets = new Float64Array(spec.operands.length);
  const axisOf = new Map(order.map((name, axis) => [name, axis]));
  const at = (name: string) => position[axisOf.get(name) as number] as number;
  let resultOffset = 0;
  for (;;) {
    if (constraints.length === 0 || satisfies(constraints, at)) visit(offsets, resultOffset, position);
    let axis = order.length - 1;
    for (; axis >= 0; axis--) {
      const next = (position[axis] as number) + 1;
      const step = next < (extents[axis] as number) ? 1 : -(position[axis] as number);
      position[axis] = (position[axis] as number) + step;
      for (let k = 0; k < offsets.length; k++) {
        offsets[k] = (offsets[k] as number) + step * ((strides[k] as number[])[axis] as number);
      }
      resultOffset += step * (resultStrides[axis] as number);
      if (step === 1) break;
    }
    if (axis < 0) return;
  }
}

/** Stride of each index of `order` in a row-major tensor with axes `indices`; repeated indices (a diagonal) add up. */
function indexStrides(indices: readonly string[], sizes: ReadonlyMap<string, number>, order: readonly string[]): number[] {
  const strides = stridesOf(indices.map((name) => sizes.get(name) ?? 1));
  return order.map((name) => {
    let sum = 0;
    indices.forEach((other, axis) => {
      if (other === name) sum += strides[axis] as number;
    });
    return sum;
  });
}
