/**
 * What a kernel costs, counted in its statements: loads, arithmetic, values kept in registers. A model of the device turns the counts
 * into a time. The times are for comparing schedules of one kernel, not for predicting a clock.
 */
import type { DeviceProfile } from "./device-profile.ts";
import type { IndexAtom, IndexExpression } from "./index-expression.ts";
import type { Kernel, ScalarExpression, Statement } from "./kernel.ts";

/** What one thread does, turns of loops counted; vec4 work counts four times. */
export interface ThreadWork {
  readonly loadedElements: number;
  readonly loads: number;
  /** Lines of memory that loads touch, where neighbouring threads share them, and where each has its own. */
  readonly nearLines: number;
  readonly farLines: number;
  readonly storedElements: number;
  /** Reads of arrays of the thread or of its workgroup. */
  readonly ownElements: number;
  /** Operations, of which so many are transcendental functions or the like. */
  readonly arithmetic: number;
  readonly expensive: number;
  readonly broadcasts: number;
  /** Integer operations of addresses and conditions. */
  readonly indexing: number;
  /** Values of variables that live through loops. */
  readonly registers: number;
}

type Counts = { -readonly [K in keyof ThreadWork]: number };

/** Elements of a line of memory, as caches hold it. */
const lineElements = 16;

export function threadWork(kernel: Kernel): ThreadWork {
  const counts: Counts = {
    loadedElements: 0,
    loads: 0,
    nearLines: 0,
    farLines: 0,
    storedElements: 0,
    ownElements: 0,
    arithmetic: 0,
    expensive: 0,
    broadcasts: 0,
    indexing: 0,
    registers: 0,
  };
  const walk: Walk = { counts, first: threadPlaces(kernel, 0), second: threadPlaces(kernel, 1), lines: new Set() };
  countStatements(kernel.body, 1, walk);
  return counts;
}

interface Walk {
  readonly counts: Counts;
  /** Values of index variables in two neighbouring threads. */
  readonly first: Map<string, number>;
  readonly second: Map<string, number>;
  /** Lines that this turn of the innermost loop has touched. */
  readonly lines: Set<string>;
}

function threadPlaces(kernel: Kernel, thread: number): Map<string, number> {
  const { team } = kernel;
  const own =
    team === undefined ? [kernel.thread] : [team.member, ...(team.invocation === undefined ? [] : [team.invocation])];
  return new Map(own.map(({ name }) => [name, thread]));
}

/** Value of an index where loops are at their first turn and values from memory are 0. */
function valueOfIndex(index: IndexExpression, places: ReadonlyMap<string, number>): number {
  return index.terms.reduce(
    (sum, { coefficient, atom }) => sum + coefficient * valueOfAtom(atom, places),
    index.constant,
  );
}

function valueOfAtom(atom: IndexAtom, places: ReadonlyMap<string, number>): number {
  switch (atom.kind) {
    case "variable":
      return places.get(atom.variable.name) ?? 0;
    case "value":
      return 0;
    case "quotient":
      return Math.floor(valueOfIndex(atom.of, places) / atom.by);
    case "remainder": {
      const of = valueOfIndex(atom.of, places);
      return of - Math.floor(of / atom.by) * atom.by;
    }
    case "clamp":
      return Math.min(atom.high, Math.max(atom.low, valueOfIndex(atom.of, places)));
  }
}

function countLine(buffer: number, address: IndexExpression, turns: number, walk: Walk): void {
  const terms = address.key.slice(0, address.key.lastIndexOf("+"));
  const line = `${buffer}:${terms}:${Math.floor(address.constant / lineElements)}`;
  if (walk.lines.has(line)) return;
  walk.lines.add(line);
  const step = Math.abs(valueOfIndex(address, walk.second) - valueOfIndex(address, walk.first));
  if (step >= lineElements) walk.counts.farLines += turns;
  else walk.counts.nearLines += turns;
}

function countStatements(statements: readonly Statement[], turns: number, walk: Walk): void {
  for (const statement of statements) {
    switch (statement.kind) {
      case "let":
      case "assign":
        countExpression(statement.value, turns, walk);
        break;
      case "var":
        walk.counts.registers += statement.value.type.width;
        countExpression(statement.value, turns, walk);
        break;
      case "array":
        walk.counts.registers += statement.length * statement.type.width;
        break;
      case "index":
        for (const places of [walk.first, walk.second])
          places.set(statement.variable.name, valueOfIndex(statement.value, places));
        countIndex(statement.value, turns, walk);
        break;
      case "set":
        countIndex(statement.index, turns, walk);
        countExpression(statement.value, turns, walk);
        break;
      case "store":
        walk.counts.storedElements += turns * statement.value.type.width;
        countIndex(statement.address, turns, walk);
        countExpression(statement.value, turns, walk);
        break;
      case "loop":
        countTurn(statement.body, turns * statement.variable.extent, walk);
        break;
      case "parallel":
        countStatements(statement.body, turns * statement.thread.extent, walk);
        break;
      case "if":
        countExpression(statement.condition, turns, walk);
        countStatements(statement.body, turns, walk);
        break;
      case "barrier":
      case "matrix":
      case "load-matrix":
      case "multiply-matrices":
      case "store-matrix":
        // Only measurements choose matrices of subgroups: what they cost differs too much by device.
        break;
    }
  }
}

/** The body of a loop; loads of the loops inside live by themselves. */
function countTurn(body: readonly Statement[], turns: number, walk: Walk): void {
  const own = body.filter(({ kind }) => kind !== "loop");
  const around = [...walk.lines];
  walk.lines.clear();
  countStatements(own, turns, walk);
  countStatements(
    body.filter(({ kind }) => kind === "loop"),
    turns,
    walk,
  );
  walk.lines.clear();
  for (const line of around) walk.lines.add(line);
}

function countExpression(expression: ScalarExpression, turns: number, walk: Walk): void {
  const { width } = expression.type;
  switch (expression.kind) {
    case "literal":
    case "name":
      return;
    case "element":
      walk.counts.ownElements += turns;
      countIndex(expression.index, turns, walk);
      return;
    case "index":
      countIndex(expression.index, turns, walk);
      return;
    case "load":
      walk.counts.loads += turns;
      walk.counts.loadedElements += turns * width;
      countLine(expression.buffer, expression.address, turns, walk);
      countIndex(expression.address, turns, walk);
      return;
    case "broadcast":
      walk.counts.broadcasts += turns * width;
      countExpression(expression.of, turns, walk);
      return;
    case "apply": {
      const each = Math.max(1, expression.row.flops);
      walk.counts.arithmetic += turns * width * each;
      if (expression.row.expensive === true) walk.counts.expensive += turns * width;
      for (const arg of expression.args) countExpression(arg, turns, walk);
      return;
    }
    case "dot":
      walk.counts.arithmetic += turns * 7;
      for (const arg of expression.of) countExpression(arg, turns, walk);
      return;
    case "lanes":
      for (const arg of expression.of) countExpression(arg, turns, walk);
      return;
    case "splat":
    case "lane":
      countExpression(expression.of, turns, walk);
      return;
  }
}

function countIndex(index: IndexExpression, turns: number, walk: Walk): void {
  walk.counts.indexing += turns * Math.max(0, index.terms.length - 1 + (index.constant === 0 ? 0 : 1));
  for (const { coefficient, atom } of index.terms) {
    if (coefficient !== 1) walk.counts.indexing += turns;
    if (atom.kind === "value") countExpression(atom.value, turns, walk);
    else if (atom.kind !== "variable") {
      walk.counts.indexing += turns * (atom.kind === "clamp" ? 2 : 4);
      countIndex(atom.of, turns, walk);
    }
  }
}

/**
 * Modelled time of a kernel, in arbitrary units.
 *
 * A software adapter computes the invocations of a subgroup in the lanes of the processor's vectors. There a load is a gather, element by
 * element whatever its width, dearer where every lane has a line of its own, and arithmetic hides behind it. A GPU loads a vec4 at once and
 * hides the wait for it behind other threads, as long as registers leave room for them.
 */
export function modelledTime(kernel: Kernel, profile: DeviceProfile): number {
  const work = threadWork(kernel);
  const model = profile.kind === "software" ? softwareModel : gpuModel;
  const perThread =
    work.loadedElements * model.element +
    work.loads * model.load +
    work.nearLines * model.nearLine +
    work.farLines * model.farLine +
    work.storedElements * model.store +
    work.ownElements * model.ownElement +
    work.arithmetic * model.arithmetic +
    work.expensive * model.expensive +
    work.broadcasts * model.broadcast +
    work.indexing * model.indexing;
  const spilling = work.registers > model.registers ? model.spilling : 1;
  // Fewer threads than the device computes at once leave a part of it idle.
  return (perThread * spilling * Math.max(kernel.thread.extent, model.parallel)) / model.parallel;
}

/** What a unit of each kind of work costs a thread. */
interface CostModel {
  readonly element: number;
  readonly load: number;
  readonly nearLine: number;
  readonly farLine: number;
  readonly store: number;
  readonly ownElement: number;
  readonly arithmetic: number;
  readonly expensive: number;
  readonly broadcast: number;
  readonly indexing: number;
  /** Values that a thread can keep in registers, and how much slower it is with more. */
  readonly registers: number;
  readonly spilling: number;
  /** Threads that the device computes at once. */
  readonly parallel: number;
}

/** Fitted to 143 kernels of products, convolutions and FAVOR+ on llvmpipe: within 19 % of the measured times (root mean square). */
const softwareModel: CostModel = {
  element: 10,
  load: 9,
  nearLine: 5,
  farLine: 27,
  store: 3,
  ownElement: 10,
  arithmetic: 1,
  expensive: 10,
  broadcast: 0.5,
  indexing: 0.1,
  registers: 64,
  spilling: 1.15,
  parallel: 512,
};

/** From what is known of GPUs in general; no kernel of ours has been timed on one. */
const gpuModel: CostModel = {
  element: 1,
  load: 4,
  nearLine: 2,
  farLine: 16,
  store: 2,
  ownElement: 1,
  arithmetic: 1,
  expensive: 8,
  broadcast: 1,
  indexing: 0.5,
  registers: 128,
  spilling: 4,
  parallel: 8192,
};
