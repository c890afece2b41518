/**
 * Float64 sums of products for the reference evaluator.
 *
 * Two operands without a condition are packed so that the summed indices lie contiguously and go through a register-blocked
 * matrix product; everything else walks the index space run by run. Both add the terms of one result element in
 * row-major order of the summed indices, so they agree to the last bit.
 */
import { type IndexSpace, visitRuns } from "./iteration.ts";

/** Below this many products the packing costs more than it saves. */
const smallestPacked = 4096;

/** Adds the products into `result`, whose elements must be 0 on entry. */
export function sumProducts(operands: readonly Float64Array[], space: IndexSpace, result: Float64Array): void {
  const [a, b] = operands;
  const points = space.extents.reduce((count, extent) => count * extent, 1);
  const summed = space.extents.slice(space.kept).reduce((count, extent) => count * extent, 1);
  const packed = operands.length === 2 && space.conditions.length === 0 && points >= smallestPacked && summed >= 4;
  if (packed) packedProduct(a as Float64Array, b as Float64Array, space, result);
  else runProducts(operands, space, result);
}

/** Sums of integer products, wrapped to 32 bits as the device wraps them; `signed` tells i32 from u32. */
export function sumIntegerProducts(
  operands: readonly Float64Array[],
  space: IndexSpace,
  result: Float64Array,
  signed: boolean,
): void {
  const steps = space.strides.map((strides) => strides.at(-1) ?? 0);
  const resultStep = space.resultStrides.at(-1) ?? 0;
  visitRuns(space, (offsets, out, _first, count) => {
    for (let i = 0; i < count; i++) {
      let product = 1;
      for (let k = 0; k < operands.length; k++) {
        const offset = (offsets[k] as number) + i * (steps[k] as number);
        product = Math.imul(product, (operands[k] as Float64Array)[offset] as number);
      }
      const at = out + i * resultStep;
      const sum = (result[at] as number) + product;
      result[at] = signed ? sum | 0 : sum >>> 0;
    }
  });
}

function runProducts(operands: readonly Float64Array[], space: IndexSpace, result: Float64Array): void {
  const steps = space.strides.map((strides) => strides.at(-1) ?? 0);
  const resultStep = space.resultStrides.at(-1) ?? 0;
  const [a, b] = operands as [Float64Array, Float64Array];
  const [stepA, stepB] = steps as [number, number];
  if (operands.length === 2) {
    visitRuns(space, (offsets, out, _first, count) => {
      let atA = offsets[0] as number;
      let atB = offsets[1] as number;
      if (resultStep === 0) {
        let sum = result[out] as number;
        for (let i = 0; i < count; i++, atA += stepA, atB += stepB) sum += (a[atA] as number) * (b[atB] as number);
        result[out] = sum;
      } else {
        let at = out;
        for (let i = 0; i < count; i++, atA += stepA, atB += stepB, at += resultStep) {
          result[at] = (result[at] as number) + (a[atA] as number) * (b[atB] as number);
        }
      }
    });
    return;
  }
  visitRuns(space, (offsets, out, _first, count) => {
    for (let i = 0; i < count; i++) {
      let product = 1;
      for (let k = 0; k < operands.length; k++) {
        product *= (operands[k] as Float64Array)[(offsets[k] as number) + i * (steps[k] as number)] as number;
      }
      const at = out + i * resultStep;
      result[at] = (result[at] as number) + product;
    }
  });
}

/** One loop of a copy: how often, and how far each turn moves in the source. */
interface Loop {
  readonly extent: number;
  readonly stride: number;
}

function packedProduct(a: Float64Array, b: Float64Array, space: IndexSpace, result: Float64Array): void {
  const axes = space.order.map((_, axis) => axis);
  const [stridesA, stridesB] = space.strides as [readonly number[], readonly number[]];
  const inA = (axis: number) => stridesA[axis] !== 0;
  const inB = (axis: number) => stridesB[axis] !== 0;
  const kept = axes.filter((axis) => axis < space.kept);
  const batch = kept.filter((axis) => inA(axis) && inB(axis));
  const rows = kept.filter((axis) => inA(axis) && !inB(axis));
  const columns = kept.filter((axis) => !inA(axis));
  const summed = axes.filter((axis) => axis >= space.kept);
  const size = (chosen: readonly number[]) =>
    chosen.reduce((count, axis) => count * (space.extents[axis] as number), 1);
  const loops = (chosen: readonly number[], strides: readonly number[]): Loop[] =>
    chosen.map((axis) => ({ extent: space.extents[axis] as number, stride: strides[axis] as number }));
  const packedA = pack(a, loops([...batch, ...rows, ...summed], stridesA));
  const packedB = pack(b, loops([...batch, ...columns, ...summed], stridesB));
  const m = size(rows);
  const n = size(columns);
  const k = size(summed);
  const product = new Float64Array(size(batch) * m * n);
  for (let i = 0; i < size(batch); i++)
    rowProducts(packedA, i * m * k, m, packedB, i * n * k, n, k, product, i * m * n);
  unpack(product, loops([...batch, ...rows, ...columns], space.resultStrides), result);
}

/** Elements of a strided source in the order of the loops, contiguously; the source itself when it already lies so. */
function pack(source: Float64Array, loops: readonly Loop[]): Float64Array {
  const count = loops.reduce((product, { extent }) => product * extent, 1);
  let contiguous = 1;
  const inPlace = [...loops].reverse().every(({ extent, stride }) => {
    const fits = extent === 1 || stride === contiguous;
    contiguous *= extent;
    return fits;
  });
  if (inPlace && count === source.length) return source;
  const target = new Float64Array(count);
  copyLoops(loops, (offset, stride, count, done) => {
    for (let i = 0, at = offset; i < count; i++, at += stride) target[done + i] = source[at] as number;
  });
  return target;
}

function unpack(source: Float64Array, loops: readonly Loop[], target: Float64Array): void {
  copyLoops(loops, (offset, stride, count, done) => {
    for (let i = 0, at = offset; i < count; i++, at += stride) target[at] = source[done + i] as number;
  });
}

/** Walks the loops; `move` gets the strided offset of each innermost run and the number of elements before it. */
function copyLoops(
  loops: readonly Loop[],
  move: (offset: number, stride: number, count: number, done: number) => void,
): void {
  const inner = loops.at(-1) ?? { extent: 1, stride: 0 };
  const outer = loops.slice(0, -1);
  const position = new Array<number>(outer.length).fill(0);
  if (loops.some(({ extent }) => extent === 0)) return;
  let offset = 0;
  for (let done = 0; ; done += inner.extent) {
    move(offset, inner.stride, inner.extent, done);
    let axis = outer.length - 1;
    for (; axis >= 0; axis--) {
      const { extent, stride } = outer[axis] as Loop;
      const turn = (position[axis] as number) + 1;
      if (turn < extent) {
        position[axis] = turn;
        offset += stride;
        break;
      }
      position[axis] = 0;
      offset -= (extent - 1) * stride;
    }
    if (axis < 0) return;
  }
}

/** `product[i, j] = sum of a[i, p] * b[j, p]` over rows of length k, two rows of a by four of b at a time. */
function rowProducts(
  a: Float64Array,
  startA: number,
  m: number,
  b: Float64Array,
  startB: number,
  n: number,
  k: number,
  product: Float64Array,
  startProduct: number,
): void {
  for (let j = 0; j < n; j += 4) {
    const wide = j + 4 <= n;
    for (let i = 0; i < m; i += 2) {
      const at = startProduct + i * n + j;
      if (wide && i + 2 <= m) {
        blockProduct(a, startA + i * k, b, startB + j * k, k, product, at, n);
      } else {
        for (let row = i; row < Math.min(i + 2, m); row++) {
          for (let column = j; column < Math.min(j + 4, n); column++) {
            const rowA = startA + row * k;
            const rowB = startB + column * k;
            let sum = 0;
            for (let p = 0; p < k; p++) sum += (a[rowA + p] as number) * (b[rowB + p] as number);
            product[startProduct + row * n + column] = sum;
          }
        }
      }
    }
  }
}

function blockProduct(
  a: Float64Array,
  startA: number,
  b: Float64Array,
  startB: number,
  k: number,
  product: Float64Array,
  at: number,
  n: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  const b1 = startB + k;
  const b2 = b1 + k;
  const b3 = b2 + k;
  const a1 = startA + k;
  for (let p = 0; p < k; p++) {
    const x0 = a[startA + p] as number;
    const x1 = a[a1 + p] as number;
    const y0 = b[startB + p] as number;
    const y1 = b[b1 + p] as number;
    const y2 = b[b2 + p] as number;
    const y3 = b[b3 + p] as number;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
  }
  product[at] = s00;
  product[at + 1] = s01;
  product[at + 2] = s02;
  product[at + 3] = s03;
  product[at + n] = s10;
  product[at + n + 1] = s11;
  product[at + n + 2] = s12;
  product[at + n + 3] = s13;
}
