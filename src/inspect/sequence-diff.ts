/**
 * The shortest way from one sequence to another by leaving out and putting in elements (Myers 1986, "An O(ND) Difference
 * Algorithm and Its Variations", with the linear-space refinement of section 4b).
 */

/** Positions `[in a, in b]` of elements that both sequences keep, rising in both. */
export type Matches = readonly (readonly [number, number])[];

/** Elements of both sequences that correspond; elements are compared by `===`. */
export function matchSequences(a: readonly number[], b: readonly number[]): Matches {
  const matches: [number, number][] = [];
  const boxes: [number, number, number, number][] = [[0, a.length, 0, b.length]];
  while (boxes.length > 0) {
    let [aStart, aEnd, bStart, bEnd] = boxes.pop() as [number, number, number, number];
    while (aStart < aEnd && bStart < bEnd && a[aStart] === b[bStart]) matches.push([aStart++, bStart++]);
    while (aStart < aEnd && bStart < bEnd && a[aEnd - 1] === b[bEnd - 1]) matches.push([--aEnd, --bEnd]);
    if (aStart === aEnd || bStart === bEnd) continue;
    const [x, y] = middle(a, b, aStart, aEnd, bStart, bEnd);
    boxes.push([aStart, x, bStart, y], [x, aEnd, y, bEnd]);
  }
  return matches.sort((one, other) => one[0] - other[0]);
}

/**
 * A point on a shortest path, found by searching from both ends until the searches meet. The box is not empty in either
 * direction, and differs at both ends, so that the point is no corner that would leave the box as it is.
 */
function middle(
  a: readonly number[],
  b: readonly number[],
  aStart: number,
  aEnd: number,
  bStart: number,
  bEnd: number,
): readonly [number, number] {
  const width = aEnd - aStart;
  const height = bEnd - bStart;
  const delta = width - height;
  const most = Math.ceil((width + height) / 2);
  const offset = most + 1;
  // Furthest x on each diagonal x - y, from the start and, mirrored, from the end.
  const forward = new Int32Array(2 * most + 3);
  const backward = new Int32Array(2 * most + 3);
  for (let cost = 0; cost <= most; cost++) {
    for (let k = -cost; k <= cost; k += 2) {
      const down = k === -cost || (k !== cost && at(forward, offset + k - 1) < at(forward, offset + k + 1));
      let x = down ? at(forward, offset + k + 1) : at(forward, offset + k - 1) + 1;
      while (x < width && x - k < height && x - k >= 0 && a[aStart + x] === b[bStart + x - k]) x++;
      forward[offset + k] = x;
      const mirrored = delta - k;
      if (delta % 2 !== 0 && Math.abs(mirrored) < cost && x + at(backward, offset + mirrored) >= width) {
        return clamp(x, x - k);
      }
    }
    for (let k = -cost; k <= cost; k += 2) {
      const down = k === -cost || (k !== cost && at(backward, offset + k - 1) < at(backward, offset + k + 1));
      let x = down ? at(backward, offset + k + 1) : at(backward, offset + k - 1) + 1;
      while (x < width && x - k < height && x - k >= 0 && a[aEnd - 1 - x] === b[bEnd - 1 - x + k]) x++;
      backward[offset + k] = x;
      const mirrored = delta - k;
      if (delta % 2 === 0 && Math.abs(mirrored) <= cost && x + at(forward, offset + mirrored) >= width) {
        return clamp(width - x, height - x + k);
      }
    }
  }
  throw new Error("the two searches never met");

  function clamp(x: number, y: number): readonly [number, number] {
    return [aStart + Math.min(width, Math.max(0, x)), bStart + Math.min(height, Math.max(0, y))];
  }
}

const at = (values: Int32Array, index: number): number => values[index] as number;
