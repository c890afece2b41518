/**
 * What a kernel costs, counted in its statements: loads, arithmetic, values kept in registers. A model of the device turns the counts
 * into a time. The times are for comparing schedules of one kernel, not for predicting a clock.
 */
import type { DeviceProfile } from "./device-profile.ts";
import type { IndexExpression } from "./index-expression.ts";
import type { Kernel, ScalarExpression, Statement } from "./kernel.ts";

/** What one thread does, turns of loops counted; vec4 work counts four times. */
export interface ThreadWork {
  readonly loadedElements: number;
  readonly loads: number;
  readonly storedElements: number;
  readonly arithmetic: number;
  readonly broadcasts: number;
  /** Integer operations of addresses and conditions. */
  readonly indexing: number;
  /** Values of variables that live through loops. */
  readonly registers: number;
  /** Operations written in the text, loops counted once: what a driver has to compile. */
  readonly written: number;
}

type Counts = { -readonly [K in keyof ThreadWork]: number };

/** Operations that a device spends on a transcendental function, roughly. */
const expensiveOperations = 16;

export function threadWork(kernel: Kernel): ThreadWork {
  const counts: Counts = {
    loadedElements: 0,
    loads: 0,
    storedElements: 0,
    arithmetic: 0,
    broadcasts: 0,
    indexing: 0,
    registers: 0,
    written: 0,
  };
  countStatements(kernel.body, 1, counts);
  return counts;
}

function countStatements(statements: readonly Statement[], turns: number, counts: Counts): void {
  for (const statement of statements) {
    switch (statement.kind) {
      case "let":
      case "assign":
        countExpression(statement.value, turns, counts);
        break;
      case "var":
        counts.registers += statement.value.type.width;
        countExpression(statement.value, turns, counts);
        break;
      case "array":
        counts.registers += statement.length * statement.type.width;
        break;
      case "index":
        countIndex(statement.value, turns, counts);
        break;
      case "set":
        countIndex(statement.index, turns, counts);
        countExpression(statement.value, turns, counts);
        break;
      case "store":
        counts.storedElements += turns * statement.value.type.width;
        countIndex(statement.address, turns, counts);
        countExpression(statement.value, turns, counts);
        break;
      case "loop":
        countStatements(statement.body, turns * statement.variable.extent, counts);
        break;
      case "parallel":
        countStatements(statement.body, turns * statement.thread.extent, counts);
        break;
      case "if":
        countExpression(statement.condition, turns, counts);
        countStatements(statement.body, turns, counts);
        break;
      case "barrier":
        break;
    }
  }
}

function countExpression(expression: ScalarExpression, turns: number, counts: Counts): void {
  const { width } = expression.type;
  switch (expression.kind) {
    case "literal":
    case "name":
      return;
    case "index":
    case "element":
      countIndex(expression.index, turns, counts);
      return;
    case "load":
      counts.loads += turns;
      counts.loadedElements += turns * width;
      counts.written += width;
      countIndex(expression.address, turns, counts);
      return;
    case "broadcast":
      counts.broadcasts += turns * width;
      counts.written += width;
      countExpression(expression.of, turns, counts);
      return;
    case "apply": {
      const each = expression.row.expensive === true ? expensiveOperations : Math.max(1, expression.row.flops);
      counts.arithmetic += turns * width * each;
      counts.written += width * each;
      for (const arg of expression.args) countExpression(arg, turns, counts);
      return;
    }
    case "dot":
      counts.arithmetic += turns * 7;
      counts.written += 7;
      for (const arg of expression.of) countExpression(arg, turns, counts);
      return;
    case "lanes":
      for (const arg of expression.of) countExpression(arg, turns, counts);
      return;
    case "splat":
    case "lane":
      countExpression(expression.of, turns, counts);
      return;
  }
}

function countIndex(index: IndexExpression, turns: number, counts: Counts): void {
  counts.indexing += turns * Math.max(0, index.terms.length - 1 + (index.constant === 0 ? 0 : 1));
  for (const { coefficient, atom } of index.terms) {
    if (coefficient !== 1) counts.indexing += turns;
    if (atom.kind === "value") countExpression(atom.value, turns, counts);
    else if (atom.kind !== "variable") {
      counts.indexing += turns * (atom.kind === "clamp" ? 2 : 4);
      countIndex(atom.of, turns, counts);
    }
  }
}

/**
 * Modelled time of a kernel, in arbitrary units.
 *
 * A software adapter computes the invocations of a subgroup in the lanes of the processor's vectors. There a load is a gather, element by
 * element whatever its width, and weighs as much as ten operations; values beyond the vector registers are kept in memory. A GPU loads a
 * vec4 at once and hides the wait for it behind other threads, as long as registers leave room for them.
 */
export function modelledTime(kernel: Kernel, profile: DeviceProfile): number {
  const work = threadWork(kernel);
  const model = profile.kind === "software" ? softwareModel : gpuModel;
  const perThread =
    work.loadedElements * model.element +
    work.loads * model.load +
    work.arithmetic * model.arithmetic(work.registers) +
    work.broadcasts * model.broadcast +
    work.indexing * model.indexing +
    work.storedElements * model.element;
  // Fewer threads than the device computes at once leave a part of it idle.
  const threads = Math.max(kernel.thread.extent, model.parallel);
  return (perThread * threads) / model.parallel;
}

interface CostModel {
  readonly element: number;
  readonly load: number;
  readonly broadcast: number;
  readonly indexing: number;
  readonly arithmetic: (registers: number) => number;
  readonly parallel: number;
}

const softwareModel: CostModel = {
  element: 10,
  load: 2,
  broadcast: 2,
  indexing: 1,
  arithmetic: (registers) => (registers > 40 ? 1.5 : 1),
  parallel: 64,
};

const gpuModel: CostModel = {
  element: 1,
  load: 4,
  broadcast: 1,
  indexing: 0.5,
  arithmetic: (registers) => (registers > 128 ? 4 : 1),
  parallel: 8192,
};
