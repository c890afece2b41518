/**
 * Online softmax kernels (see passes/fusion-online-softmax.ts). A thread takes a few rows and walks the summed index eight
 * positions at a time: scores into registers, new maximum, weights, then the running total and the running weighted sums,
 * which are scaled by exp(old maximum - new maximum) whenever the maximum grows.
 */
import { type Constraint, indexSizes, largestF32, type Node, parseConstraints, parseSpec } from "../ir/index.ts";
import type { KernelGroup, OnlineSoftmax } from "../passes/index.ts";
import { type Block, lane, literal, type PrivateArray, splat } from "./block.ts";
import {
  addIndex,
  asConstant,
  clampIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  substituteIndex,
  variableIndex,
} from "./index-expression.ts";
import type { ScalarExpression } from "./kernel.ts";
import { below, followEpilogue, kernelName, type LoweredKernel, multiply } from "./lowering.ts";
import { constraintTest, loopBounds } from "./ranges.ts";
import type { DeviceSchedule, OnlineSoftmaxSchedule } from "./schedule.ts";
import { type ColumnLoads, loadColumns, loadRows, loadSharedColumns, range, sharedValues } from "./tile-loads.ts";
import { layOutRows } from "./tile-threads.ts";
import { applyOperation, laneIndex, lanes, laneVariable, type RegionSources } from "./values.ts";

const lowest = literal(-largestF32, "f32");
const zero = literal(0, "f32");

/** vec4 accumulators that a thread keeps in registers at most. */
const mostRegisters = 64;

/** Variables that can be used as an array with constant indices. */
function registers(block: Block, count: number): PrivateArray {
  const variables = range(count).map((k) => block.variable(`weighted_${k}`, splat(zero)));
  const at = (index: IndexExpression) => variables[asConstant(index) as number] as ScalarExpression;
  return { at, set: (index, value) => block.assign(at(index), value) };
}

/** The schedules that an online softmax may have on a device. */
export function onlineSoftmaxSchedules(
  group: KernelGroup,
  device: DeviceSchedule,
  repeats: boolean,
): readonly OnlineSoftmaxSchedule[] {
  const { subgroup } = device;
  const own: OnlineSoftmaxSchedule = { rows: 4, vectors: 2 };
  if (subgroup === undefined || repeats || !rolesOf(group).shared) return [own];
  const shared = { workgroup: 2 * subgroup, subgroup };
  return [own, { ...own, shared }, { rows: 2, vectors: 2, shared }];
}

/** What the indices of an online softmax are to it. */
function rolesOf(group: KernelGroup) {
  const { weighted, weightsOperand, scores: scoresNode } = group.online as OnlineSoftmax;
  const spec = parseSpec(weighted.attributes.spec as string);
  const names = spec.operands[weightsOperand] as readonly string[];
  const valueNames = spec.operands[1 - weightsOperand] as readonly string[];
  const sizes = indexSizes(
    spec,
    weighted.operands.map((operand) => operand.type),
  );
  const summed = names.find((name) => !spec.result.includes(name)) as string;
  const column = spec.result.find((name) => !names.includes(name)) as string;
  const scores = scoresNode === undefined ? undefined : scoreFactors(scoresNode, names, summed);
  // Rows share keys and values when neither depends on the row index.
  const row = names.filter((name) => name !== summed).at(-1) as string;
  const shared = !valueNames.includes(row) && (scores === undefined || scores.keyNames.every((name) => name !== row));
  return { spec, names, valueNames, sizes, summed, column, row, scores, shared };
}

export function lowerOnlineSoftmax(
  group: KernelGroup,
  schedule: OnlineSoftmaxSchedule,
  region?: RegionSources,
): LoweredKernel {
  const online = group.online as OnlineSoftmax;
  const { weighted, exponent, weightsOperand } = online;
  const { spec, names, valueNames, sizes, summed, column, row, scores, shared } = rolesOf(group);
  const valueNode = weighted.operands[1 - weightsOperand] as Node;
  const size = (name: string) => sizes.get(name) as number;
  const where: readonly Constraint[] = parseConstraints((weighted.attributes.where as string | undefined) ?? "");
  const rows = shared ? Math.min(schedule.rows, size(row)) : 1;
  const outer = names.filter((name) => name !== summed && name !== row);
  const rowTiles = Math.ceil(size(row) / rows);
  const vectors = Math.min(schedule.vectors, Math.max(1, Math.floor(size(summed) / 4)));
  const columnVectors = Math.ceil(size(column) / 4);

  const threads = layOutRows(group, { outer, sizes, rowTiles }, schedule.shared, region);
  const { lowering, places, rowTile } = threads;
  const { block } = lowering;
  const rowAt = (r: number) => scaleIndex(rowTile, rows, r);
  const inRange = (name: string, at: IndexExpression) => clampIndex(at, 0, size(name) - 1);
  const positionOf = (indices: readonly string[], own: ReadonlyMap<string, IndexExpression>) =>
    indices.map((name) => own.get(name) ?? (places.get(name) as IndexExpression));

  const maxima = range(rows).map((r) => block.variable(`maximum_${r}`, lowest));
  const totals = range(rows).map((r) => block.variable(`total_${r}`, zero));
  // Registers where they suffice; an array that a loop indexes lies in slow memory on some devices.
  const unrolled = rows * columnVectors <= mostRegisters;
  const sums = unrolled
    ? registers(block, rows * columnVectors)
    : block.array("weighted", rows * columnVectors, { dtype: "f32", width: 4 });
  const eachColumn = (body: (across: IndexExpression) => void) => {
    if (unrolled) {
      for (const v of range(columnVectors)) body(constantIndex(v));
      return;
    }
    const across: IndexVariable = { name: block.freshName(column), extent: columnVectors };
    block.loop(across, {}, () => body(variableIndex(across)));
  };

  const step = 4 * vectors;
  const walk: IndexVariable = { name: block.freshName(summed), extent: Math.ceil(size(summed) / step) };
  const tileRow: IndexVariable = { name: "tile_row", extent: rows };
  const bounds = loopBounds(
    where,
    summed,
    new Map(places).set(row, addIndex(scaleIndex(threads.anyRowTile, rows), variableIndex(tileRow))),
    size(summed),
    step,
    [tileRow, ...threads.inside],
    new Set([summed]),
  );
  block.loop(walk, bounds, () => {
    const at = (v: number) => addIndex(scaleIndex(variableIndex(walk), step, 4 * v), laneIndex);
    const inside = (v: number) => inRange(summed, at(v));
    // What changes from block to block may not be computed outside the loop.
    const now = (expression: ScalarExpression): ScalarExpression => ({
      ...expression,
      uses: new Set([...expression.uses, walk.name]),
    });

    const raw = scores === undefined ? undefined : scoreTile(inside);
    const rowWeights = range(rows).map((r) => {
      const own = (v: number) => new Map(places).set(row, inRange(row, rowAt(r))).set(summed, inside(v));
      const values = range(vectors).map((v) => {
        lowering.computed = (node) =>
          node === online.scores ? ((raw as ScalarExpression[][])[r] as ScalarExpression[])[v] : undefined;
        const value = lowering.value(exponent, positionOf(names, own(v)));
        lowering.computed = () => undefined;
        const test = keepTest(r, v);
        const kept = test === undefined ? splat(value) : applyOperation("select", [test, value, lowest], "f32");
        return { test, value: block.bind(kept, undefined, "score") };
      });
      const maximum = maxima[r] as ScalarExpression;
      const total = totals[r] as ScalarExpression;
      const largest = values.flatMap(({ value }) => lanes.map((component) => lane(value, component)));
      const next = block.bind(
        now(largest.reduce((a, b) => applyOperation("max", [a, b], "f32"), maximum)),
        undefined,
        "largest",
      );
      const shrink = applyOperation("exp", [applyOperation("sub", [maximum, next], "f32")], "f32");
      const correction = block.bind(now(shrink), undefined, "correction");
      const weights = values.map(({ test, value }) => {
        const weight = applyOperation("exp", [applyOperation("sub", [value, next], "f32")], "f32");
        return block.bind(
          test === undefined ? weight : applyOperation("select", [test, weight, zero], "f32"),
          undefined,
          "weight",
        );
      });
      const added = weights.flatMap((weight) => lanes.map((component) => lane(weight, component)));
      block.assign(
        total,
        added.reduce((a, b) => applyOperation("add", [a, b], "f32"), applyOperation("mul", [total, correction], "f32")),
      );
      block.assign(maximum, next);
      return { correction, weights: added };
    });

    eachColumn((across) => {
      const columnIndex = inRange(column, addIndex(scaleIndex(across, 4), laneIndex));
      const weightedValue = (k: IndexExpression) => {
        const position = inRange(summed, addIndex(scaleIndex(variableIndex(walk), step), k));
        const own = new Map(places).set(summed, position).set(column, columnIndex);
        if (!shared) own.set(row, inRange(row, rowAt(0)));
        return splat(lowering.value(valueNode, positionOf(valueNames, own)));
      };
      const { invocation } = threads;
      const loaded =
        invocation === undefined
          ? range(step).map((k) => weightedValue(constantIndex(k)))
          : turnsOf(step, invocation.extent).flatMap(({ first, points }) =>
              sharedValues(lowering, points, invocation, (point) =>
                weightedValue(addIndex(point, constantIndex(first))),
              ),
            );
      rowWeights.forEach(({ correction, weights }, r) => {
        const place = addIndex(across, constantIndex(r * columnVectors));
        let sum: ScalarExpression = multiply(correction, sums.at(place), "f32");
        weights.forEach((weight, k) => {
          sum = applyOperation("add", [sum, multiply(weight, loaded[k] as ScalarExpression, "f32")], "f32");
        });
        sums.set(place, sum);
      });
    });

    /** False beyond the end of the index and outside its restriction; `undefined` where neither can be. */
    function keepTest(r: number, v: number): ScalarExpression | undefined {
      const own = new Map(places).set(row, rowAt(r)).set(summed, at(v));
      const held = new Map(places).set(row, inRange(row, rowAt(r))).set(summed, inside(v));
      const masked =
        online.mask && block.bind(splat(lowering.value(online.mask, positionOf(names, held))), undefined, "kept");
      const tests = [constraintTest(where, own), below(at(v), size(summed)), masked].filter(
        (test) => test !== undefined,
      );
      return tests.length === 0 ? undefined : tests.reduce((a, b) => applyOperation("and", [a, b], "bool"));
    }

    function scoreTile(columnAt: (v: number) => IndexExpression): ScalarExpression[][] {
      const { queryNode, keyNode, queryNames, keyNames, inner, sizes: innerSizes } = scores as ScoreFactors;
      const tile = range(rows).map((r) => range(vectors).map((v) => block.variable(`score_${r}${v}`, splat(zero))));
      const last = inner.at(-1) as string;
      const { invocation } = threads;
      const widths = [...(invocation === undefined ? [] : [invocation.extent]), 4];
      const width = widths.find((each) => (innerSizes.get(last) as number) % each === 0) ?? 1;
      const own = new Map<string, IndexExpression>();
      const nest = (depth: number) => {
        const name = inner[depth] as string;
        const stride = name === last ? width : 1;
        const variable: IndexVariable = {
          name: block.freshName(name),
          extent: (innerSizes.get(name) as number) / stride,
        };
        block.loop(variable, {}, () => {
          if (name !== last) {
            own.set(name, variableIndex(variable));
            nest(depth + 1);
            return;
          }
          const along = (point: IndexExpression) => addIndex(scaleIndex(variableIndex(variable), width), point);
          const turn = { points: width, fours: width % 4 === 0 };
          const queries = loadRows(lowering, queryNode, {
            ...turn,
            rows,
            position: (at, point) => positionOf(queryNames, new Map(own).set(row, at).set(last, along(point))),
            rowAt: (r) => inRange(row, rowAt(r)),
            rowStart: undefined,
          });
          const keyLoads: ColumnLoads = {
            ...turn,
            vectors,
            position: (at, point) => {
              const place = new Map(own).set(summed, at).set(last, along(point));
              if (!shared) place.set(row, inRange(row, rowAt(0)));
              return positionOf(keyNames, place);
            },
            columnAt,
          };
          const keys =
            invocation === undefined
              ? loadColumns(lowering, keyNode, keyLoads)
              : loadSharedColumns(lowering, keyNode, keyLoads, invocation);
          for (let k = 0; k < width; k++) {
            for (let r = 0; r < rows; r++) {
              for (let v = 0; v < vectors; v++) {
                const score = (tile[r] as ScalarExpression[])[v] as ScalarExpression;
                const product = multiply(
                  (queries[r] as ScalarExpression[])[k] as ScalarExpression,
                  (keys[v] as ScalarExpression[])[k] as ScalarExpression,
                  "f32",
                );
                block.assign(score, applyOperation("add", [score, product], "f32"));
              }
            }
          }
        });
      };
      nest(0);
      return tile;
    }
  });

  block.when(threads.exists, storeRows);
  return lowering.finish(kernelName(group));

  function quotient(sum: ScalarExpression, total: ScalarExpression): ScalarExpression {
    return online.mask === undefined ? applyOperation("div", [sum, total], "f32") : quotientUnderMask(sum, total);
  }

  function storeRows() {
    const wholeColumns = size(column) % 4 === 0;
    for (const r of range(rows)) {
      const test = below(rowAt(r), size(row));
      const body = () =>
        eachColumn((across) => {
          const place = addIndex(across, constantIndex(r * columnVectors));
          const total = totals[r] as ScalarExpression;
          const sum = sums.at(place);
          const result = block.bind(online.normalised ? quotient(sum, total) : sum, undefined, "sum");
          const at = addIndex(scaleIndex(across, 4), laneIndex);
          const store = (index: IndexExpression, value: ScalarExpression) => {
            lowering.computed = (node) => (node === weighted ? value : node === online.total ? total : undefined);
            const own = new Map(places).set(row, inRange(row, rowAt(r))).set(column, index);
            const position = followEpilogue(
              weighted,
              online.root,
              new Set(group.members),
              positionOf(spec.result, own),
            );
            lowering.store(online.root, position, lowering.value(online.root, position));
            lowering.computed = () => undefined;
          };
          if (wholeColumns) {
            store(at, result);
            return;
          }
          for (const component of lanes) {
            const index = substituteIndex(at, laneVariable, constantIndex(component));
            const guard = below(index, size(column));
            const storeOne = () => store(inRange(column, index), lane(result, component));
            block.when(guard, storeOne);
          }
        });
      block.when(test, body);
    }
  }
}

/** The parts of a turn of which a subgroup loads one element for each invocation. */
function turnsOf(step: number, subgroup: number) {
  const count = Math.ceil(step / subgroup);
  return range(count).map((k) => ({ first: k * subgroup, points: Math.min(subgroup, step - k * subgroup) }));
}

/** Where a mask leaves no position, all weights are 0 and so is their sum. */
function quotientUnderMask(sum: ScalarExpression, total: ScalarExpression): ScalarExpression {
  const none = applyOperation("eq", [total, zero], "bool");
  return applyOperation("select", [none, zero, applyOperation("div", [sum, total], "f32")], "f32");
}

interface ScoreFactors {
  readonly queryNode: Node;
  readonly keyNode: Node;
  /** Index names in those of the weights. */
  readonly queryNames: readonly string[];
  readonly keyNames: readonly string[];
  /** Indices summed by the scores, the one that is fastest in a factor last. */
  readonly inner: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** The factors of the scores with their kept indices renamed to those of the weights; the one with the summed index has the keys. */
function scoreFactors(scores: Node, names: readonly string[], summed: string): ScoreFactors {
  const spec = parseSpec(scores.attributes.spec as string);
  const renamed = new Map(spec.result.map((name, axis) => [name, names[axis] as string]));
  const rename = (name: string) => renamed.get(name) ?? `${name}'`;
  const operands = spec.operands.map((indices) => indices.map(rename));
  const keyOperand = (operands[1] as string[]).includes(summed) ? 1 : 0;
  const [queryNames, keyNames] = [operands[1 - keyOperand] as string[], operands[keyOperand] as string[]];
  const sizes = new Map<string, number>();
  scores.operands.forEach((operand, k) => {
    operand.type.shape.forEach((size, axis) => {
      sizes.set((operands[k] as string[])[axis] as string, size);
    });
  });
  const inner = queryNames.filter((name) => keyNames.includes(name) && !names.includes(name));
  const fastest = [keyNames.at(-1), queryNames.at(-1)].find((name) => name !== undefined && inner.includes(name));
  const ordered = fastest === undefined ? inner : [...inner.filter((name) => name !== fastest), fastest];
  return {
    queryNode: scores.operands[1 - keyOperand] as Node,
    keyNode: scores.operands[keyOperand] as Node,
    queryNames,
    keyNames,
    inner: ordered,
    sizes,
  };
}
