/**
 * Random valid graphs for property tests.
 *
 * A graph is decoded from a list of instructions of small natural numbers. Every list decodes (an instruction that fits
 * nothing is skipped), so dropping instructions is always a legal way to shrink a failure.
 */
import fc from "fast-check";
import {
  type Attributes,
  elementCount,
  type Graph,
  type GraphValues,
  isFloat,
  makeNode,
  type Node,
  type Span,
  type Tensor,
  type TensorType,
  tensorOf,
  tensorType,
} from "../../src/ir/index.ts";

export interface Instruction {
  readonly kind: number;
  readonly picks: readonly number[];
  readonly seeds: readonly number[];
}

export interface RandomGraphOptions {
  /** Most instructions in a graph; 12 unless said. */
  readonly maximumInstructions?: number;
  /** Without them (floor, sign, comparisons, argmax, …) every result is a continuous function of the inputs. */
  readonly discontinuous?: boolean;
  /** Whole numbers from -3 to 3, for tests that want exact arithmetic. */
  readonly integers?: boolean;
  /** Kinds of instructions to leave out, by name in `instructionKinds`. */
  readonly without?: readonly InstructionKind[];
}

export interface RandomGraph {
  readonly graph: Graph;
  readonly values: GraphValues;
}

const sizes = [1, 2, 3, 4, 5, 7, 8] as const;
const largestRank = 4;
const largestTensor = 2048;
const largestSpace = 20_000;

const natural = fc.nat({ max: 1023 });
const instruction: fc.Arbitrary<Instruction> = fc.record({
  kind: natural,
  picks: fc.array(natural, { minLength: 3, maxLength: 3 }),
  seeds: fc.array(natural, { minLength: 4, maxLength: 4 }),
});

/** Graphs together with values for their inputs and parameters. */
export function randomGraphs(options: RandomGraphOptions = {}): fc.Arbitrary<RandomGraph> {
  return fc
    .record({
      instructions: fc.array(instruction, { minLength: 1, maxLength: options.maximumInstructions ?? 12 }),
      shapes: fc.array(natural, { minLength: 4, maxLength: 4 }),
      seed: fc.nat(),
    })
    .map(({ instructions, shapes, seed }) => {
      const graph = decodeGraph(instructions, shapes, options);
      return { graph, values: randomValues(graph, seed, options.integers === true) };
    });
}

/** Deterministic uniform numbers in [0, 1) for test data (mulberry32). */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Values for every input and parameter: f32 numbers of moderate size, whole numbers where the type wants them. */
export function randomValues(graph: Graph, seed: number, integers = false): GraphValues {
  const next = uniforms(seed);
  const draw = ({ dtype, below }: TensorType) => {
    if (below !== undefined) return Math.floor(next() * below);
    if (dtype === "bool") return next() < 0.5 ? 0 : 1;
    if (!isFloat(dtype) || integers) return Math.floor(next() * 7) - (dtype === "u32" ? 0 : 3);
    const kind = next();
    if (kind < 0.1) return Math.floor(next() * 7) - 3;
    return Math.fround((next() - 0.5) * (kind < 0.8 ? 4 : 0.01));
  };
  const fill = (nodes: readonly Node[]) =>
    Object.fromEntries(
      nodes.map((node): [string, Tensor] => {
        const count = elementCount(node.type.shape);
        return [
          node.attributes.name as string,
          tensorOf(
            node.type,
            Array.from({ length: count }, () => draw(node.type)),
          ),
        ];
      }),
    );
  return { inputs: fill(graph.inputs), parameters: fill(graph.parameters) };
}

/** The live values of a graph under construction. */
interface Decoder {
  readonly values: Node[];
  readonly options: RandomGraphOptions;
  /** Makes a node with an origin of its own and keeps it among the values. */
  readonly add: (op: string, operands: readonly Node[], attributes?: Attributes, declared?: TensorType) => Node;
  /** A value that satisfies the predicate, or undefined. */
  readonly pick: (choice: number, fits: (node: Node) => boolean) => Node | undefined;
}

function decodeGraph(
  instructions: readonly Instruction[],
  shapes: readonly number[],
  options: RandomGraphOptions,
): Graph {
  const values: Node[] = [];
  let made = 0;
  const add: Decoder["add"] = (op, operands, attributes, declared) => {
    made++;
    const origin: Span = { file: "random.weft", start: 10 * made, end: 10 * made + 7, line: made, column: 3 };
    const name = made % 3 === 0 ? `t${made}` : undefined;
    const node = makeNode(op, operands, attributes, { declared, origins: [origin], name });
    values.push(node);
    return node;
  };
  const pick: Decoder["pick"] = (choice, fits) => {
    const fitting = values.filter(fits);
    // Half of the picks go to the newest values, so that graphs grow deep and little of them stays unused.
    const newest = choice % 2 === 0 ? fitting.slice(-3) : fitting;
    return newest[(choice >> 1) % Math.max(newest.length, 1)];
  };
  // Few different sizes in one graph, so that shapes often fit each other.
  const chosen = [0, 3, 6].map((bits) => sizes[((shapes[0] as number) >> bits) % sizes.length] as number);
  const shapeOf = (seed: number) =>
    Array.from({ length: seed % 4 }, (_, axis) => chosen[Math.floor(seed / 4 ** (axis + 1)) % 3] as number);
  const [a, b, c, d] = shapes as [number, number, number, number];
  const input = (name: string, type: TensorType) => add("input", [], { name }, type);
  const inputs = [
    input("x", tensorType("f32", shapeOf(a))),
    input("y", tensorType("f32", shapeOf(b))),
    input("at", tensorType("i32", shapeOf(c % 8), 1 + (c % 3))),
  ];
  const parameters = [add("parameter", [], { name: "layer.0.weight" }, tensorType("f32", shapeOf(d)))];
  const kinds = weightedKinds.filter((kind) => !options.without?.includes(kind));
  for (const record of instructions) {
    const kind = kinds[record.kind % kinds.length] as InstructionKind;
    decoders[kind]({ values, options, add, pick }, record);
  }
  const used = new Set(values.flatMap((node) => node.operands));
  const results = values.filter((node) => node.operands.length > 0 && !used.has(node)).slice(-4);
  const outputs = results.map((node, i) => ({ name: `out${i}`, node }));
  return { name: "random", inputs, parameters, outputs };
}

const float = (node: Node) => node.type.dtype === "f32";
const sameShape = (a: Node, b: Node) => String(a.type.shape) === String(b.type.shape);

const tame = (decoder: Decoder, node: Node) => decoder.add("tanh", [node]);
const constant = (decoder: Decoder, value: number) =>
  decoder.add("constant", [], { values: [value] }, tensorType("f32", []));

/** Operations that keep any argument in their domain by a guard before them. */
const unaryRecipes: readonly ((decoder: Decoder, x: Node) => Node)[] = [
  (d, x) => d.add("neg", [x]),
  (d, x) => d.add("abs", [x]),
  (d, x) => d.add("sin", [x]),
  (d, x) => d.add("tan", [tame(d, x)]),
  (d, x) => d.add("cos", [x]),
  (d, x) => d.add("tanh", [x]),
  (d, x) => d.add("erf", [x]),
  (d, x) => d.add("exp", [d.add("min", [x, constant(d, 3)])]),
  (d, x) => d.add("log", [d.add("add", [d.add("mul", [x, x]), constant(d, 0.75)])]),
  (d, x) => d.add("sqrt", [d.add("add", [d.add("abs", [x]), constant(d, 0.125)])]),
  (d, x) => d.add("rsqrt", [d.add("add", [d.add("mul", [x, x]), constant(d, 0.5)])]),
];

const jumpingUnary = ["floor", "ceil", "round", "sign"] as const;

const binaryRecipes: readonly ((decoder: Decoder, x: Node, y: Node, seed: number) => Node)[] = [
  (d, x, y) => d.add("add", [x, y]),
  (d, x, y) => d.add("sub", [x, y]),
  (d, x, y) => d.add("mul", [tame(d, x), y]),
  (d, x, y) => d.add("max", [x, y]),
  (d, x, y) => d.add("min", [x, y]),
  (d, x, y) => d.add("div", [x, d.add("add", [d.add("abs", [y]), constant(d, 0.5)])]),
  (d, x, _y, seed) => {
    const base = d.add("add", [d.add("abs", [tame(d, x)]), constant(d, 0.25)]);
    return d.add("pow", [base, constant(d, [2, 0.5, -1, 3][seed % 4] as number)]);
  },
];

/** Index names of an operand: axes may share an index with another operand's axis of the same size. */
function nameAxes(shape: readonly number[], known: Map<string, number>, seed: number, repeat: boolean): string[] {
  const own: string[] = [];
  shape.forEach((size, axis) => {
    const sharing = [...known].filter(([name, other]) => other === size && (repeat || !own.includes(name)));
    const shared = sharing[(seed >> axis) % Math.max(sharing.length, 1)];
    const fresh = "ijklmnopqrstuvw"[known.size] as string;
    const name = shared !== undefined && ((seed >> (axis + 2)) & 1) === 1 ? shared[0] : fresh;
    known.set(name, size);
    own.push(name);
  });
  return own;
}

/** A condition over the first indices, or none. */
function condition(names: readonly string[], seed: number): string {
  const [i, j] = names;
  if (i === undefined) return "";
  if (j === undefined) return seed % 5 === 0 ? `1 <= ${i}` : "";
  return ["", "", `${j} <= ${i}`, `${i} <= ${j} + 1`, `2 ${j} <= ${i} + 1`, `${i} + ${j} <= 3, 1 <= ${j}`][
    seed % 6
  ] as string;
}

const decoders = {
  unary(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, float);
    if (x === undefined) return;
    if (d.options.discontinuous !== false && (seeds[1] as number) % 5 === 0) {
      d.add(jumpingUnary[(seeds[0] as number) % jumpingUnary.length] as string, [x]);
    } else {
      (unaryRecipes[(seeds[0] as number) % unaryRecipes.length] as (typeof unaryRecipes)[number])(d, x);
    }
  },
  binary(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, float);
    if (x === undefined) return;
    const fits = (node: Node) => float(node) && (node.type.shape.length === 0 || sameShape(node, x));
    const y = d.pick(picks[1] as number, fits) ?? x;
    if (d.options.discontinuous !== false && (seeds[2] as number) % 8 === 0) {
      d.add("mod", [x, d.add("add", [d.add("abs", [y]), constant(d, 0.5)])]);
      return;
    }
    const recipe = binaryRecipes[(seeds[0] as number) % binaryRecipes.length] as (typeof binaryRecipes)[number];
    recipe(d, x, y, seeds[1] as number);
  },
  choose(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, float);
    if (x === undefined || d.options.discontinuous === false) return;
    const y =
      d.pick(picks[1] as number, (node) => float(node) && String(node.type.shape) === String(x.type.shape)) ?? x;
    const op = ["lt", "le", "gt", "ge", "ne", "eq"][(seeds[0] as number) % 6] as string;
    const test = d.add(op, [x, y]);
    const logic = ["not", "and", "or", "xor"][(seeds[1] as number) % 4] as string;
    const other = d.pick(picks[2] as number, (node) => node.type.dtype === "bool" && sameShape(node, test)) ?? test;
    const flag = (seeds[3] as number) % 2 === 0 ? test : d.add(logic, logic === "not" ? [test] : [test, other]);
    if ((seeds[2] as number) % 3 === 0) d.add("cast", [flag], { to: "f32" });
    else d.add("select", [flag, x, y]);
  },
  contract(d: Decoder, { picks, seeds }: Instruction) {
    const count = 1 + ((seeds[0] as number) % 3);
    const operands: Node[] = [];
    const known = new Map<string, number>();
    const specs: string[][] = [];
    for (let k = 0; k < count; k++) {
      const node = d.pick(picks[k] as number, float);
      if (node === undefined) return;
      const widened = new Map(known);
      const names = nameAxes(node.type.shape, widened, seeds[1] as number, true);
      if (widened.size > 12 || [...widened.values()].reduce((a, b) => a * b, 1) > largestSpace) continue;
      for (const [name, size] of widened) known.set(name, size);
      operands.push(node);
      specs.push(names);
    }
    if (operands.length === 0) return;
    const all = [...known.keys()];
    const kept = all.filter((_, i) => (((seeds[2] as number) >> i) & 1) === 1).slice(0, largestRank);
    if ((seeds[3] as number) % 2 === 0) kept.reverse();
    if (kept.reduce((size, name) => size * (known.get(name) as number), 1) > largestTensor) return;
    const spec = `${specs.map((names) => names.join(" ")).join(", ")} -> ${kept.join(" ")}`;
    const result = d.add("contract", operands, { spec, where: condition(all, seeds[3] as number) });
    if (all.length > kept.length + 1) tame(d, result);
  },
  reduce(d: Decoder, { picks, seeds }: Instruction) {
    const flags = (seeds[3] as number) % 4 === 0 && d.options.discontinuous !== false;
    const x = d.pick(picks[0] as number, flags ? (node) => node.type.dtype === "bool" : float);
    if (x === undefined || x.type.shape.length === 0) return;
    const names = x.type.shape.map((_, axis) => "ijkl"[axis] as string);
    const gone = names.filter((_, axis) => (((seeds[0] as number) >> axis) & 1) === 1);
    const reduced = gone.length === 0 ? [names[0] as string] : gone;
    const positional = d.options.discontinuous !== false && !flags && (seeds[1] as number) % 5 === 0;
    const dropped = positional ? reduced.slice(0, 1) : reduced;
    const spec = `${names.join(" ")} -> ${names.filter((name) => !dropped.includes(name)).join(" ")}`;
    const ops = flags ? ["any", "all"] : positional ? ["argmax", "argmin"] : ["sum", "maximum", "minimum", "product"];
    const where = flags || positional ? "" : condition(names, seeds[2] as number);
    const op = ops[(seeds[2] as number) % ops.length] as string;
    // Products grow without limit; sines do not.
    d.add(op, [op === "product" ? d.add("sin", [x]) : x], { spec, where });
  },
  scan(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, (node) => float(node) && node.type.shape.length > 0);
    if (x === undefined) return;
    const ops = ["cumulative_sum", "cumulative_maximum", "cumulative_minimum", "cumulative_product"];
    if ((seeds[0] as number) % 5 === 4) {
      const y = d.pick(picks[1] as number, (node) => float(node) && sameShape(node, x));
      if (y === undefined) return;
      const axis = (seeds[1] as number) % x.type.shape.length;
      d.add("linear_recurrence", [d.add("sin", [x]), y], { axis, reverse: (seeds[3] as number) % 2 === 0 });
      return;
    }
    const op = ops[(seeds[0] as number) % ops.length] as string;
    const exclusive = (seeds[2] as number) % 2 === 0 && (op === "cumulative_sum" || op === "cumulative_product");
    d.add(op, [op === "cumulative_product" ? d.add("sin", [x]) : x], {
      axis: (seeds[1] as number) % x.type.shape.length,
      exclusive,
      reverse: (seeds[3] as number) % 2 === 0,
    });
  },
  movement(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, () => true);
    if (x === undefined) return;
    const shape = x.type.shape;
    const rank = shape.length;
    const [a, b, c] = seeds as [number, number, number];
    const choice = rank === 0 ? (a % 2) * 3 : a % 7;
    switch (choice) {
      case 0:
        return void d.add("reshape", [x], { shape: rank === 0 ? [1] : [elementCount(shape)] });
      case 1: {
        const permutation = shape.map((_, axis) => axis);
        for (let axis = rank - 1; axis > 0; axis--) {
          const other = (b >> axis) % (axis + 1);
          [permutation[axis], permutation[other]] = [permutation[other] as number, permutation[axis] as number];
        }
        return void d.add("transpose", [x], { permutation });
      }
      case 2:
        return void d.add("reverse", [x], {
          axes: shape.flatMap((_, axis) => (((b >> axis) & 1) === 1 ? [axis] : [])),
        });
      case 3: {
        const size = sizes[c % sizes.length] as number;
        if (rank >= largestRank || elementCount(shape) * size > largestTensor) return;
        const at = b % (rank + 1);
        const spread = [...shape.slice(0, at), size, ...shape.slice(at)];
        return void d.add("broadcast", [x], {
          shape: spread,
          axes: shape.map((_, axis) => (axis < at ? axis : axis + 1)),
        });
      }
      case 4: {
        const starts = shape.map((size, axis) => (b >> axis) % size);
        const steps = shape.map((_, axis) => 1 + ((c >> axis) % 2));
        const taken = shape.map((size, axis) => Math.ceil((size - (starts[axis] as number)) / (steps[axis] as number)));
        return void d.add("slice", [x], { starts, sizes: taken, steps });
      }
      case 5: {
        if (x.type.dtype === "bool") return;
        const low = shape.map((_, axis) => (b >> axis) % 3);
        const high = shape.map((_, axis) => (c >> axis) % 2);
        const count = shape.reduce((n, size, axis) => n * (size + (low[axis] as number) + (high[axis] as number)), 1);
        if (count > largestTensor) return;
        return void d.add("pad", [x], { low, high, value: float(x) ? b % 3 : 0 });
      }
      default: {
        const axis = b % rank;
        const fits = (node: Node) =>
          node.type.dtype === x.type.dtype &&
          node.type.shape.length === rank &&
          node.type.shape.every((size, k) => k === axis || size === shape[k]);
        const y = d.pick(picks[1] as number, fits) ?? x;
        if (elementCount(shape) + elementCount(y.type.shape) > largestTensor) return;
        d.add("concat", [x, y], { axis });
      }
    }
  },
  gather(d: Decoder, { picks, seeds }: Instruction) {
    const data = d.pick(picks[0] as number, (node) => float(node) && node.type.shape.length > 0);
    if (data === undefined) return;
    const axis = (seeds[0] as number) % data.type.shape.length;
    const size = data.type.shape[axis] as number;
    const fits = (node: Node) => node.type.below !== undefined && node.type.below <= size;
    const index = d.pick(picks[1] as number, fits) ?? d.add("iota", [], { size });
    const known = new Map<string, number>([["v", size]]);
    const own = data.type.shape.map((other, k) => {
      const name = k === axis ? "v" : ("abcd"[k] as string);
      known.set(name, other);
      return name;
    });
    known.delete("v");
    const names = nameAxes(index.type.shape, known, seeds[1] as number, false);
    const kept = [...new Set([...names, ...own.filter((name) => name !== "v")])];
    if ((seeds[2] as number) % 2 === 0) kept.reverse();
    if (kept.length > largestRank) return;
    if (kept.reduce((count, name) => count * (known.get(name) as number), 1) > largestTensor) return;
    d.add("gather", [data, index], { spec: `${own.join(" ")}, ${names.join(" ")} -> ${kept.join(" ")}`, at: "v" });
  },
  window(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, (node) => float(node) && node.type.shape.length > 0);
    if (x === undefined || x.type.shape.length === largestRank) return;
    const names = x.type.shape.map((_, axis) => "abcd"[axis] as string);
    const along = (seeds[0] as number) % names.length;
    const width = 1 + ((seeds[1] as number) % 3);
    const shape = x.type.shape.map((size, axis) => (axis === along ? 1 + ((seeds[3] as number) % (size + 1)) : size));
    if (elementCount(shape) * width > largestTensor) return;
    const stride = 1 + ((seeds[2] as number) % 2);
    const axes = names.map((name, axis) => (axis === along ? `${stride} ${name} + k - 1` : name));
    d.add("window", [x], {
      spec: `${axes.join(", ")} -> k ${names.join(" ")}`,
      shape: [width, ...shape],
      value: (seeds[2] as number) % 3,
    });
  },
  order(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, (node) => node.type.dtype !== "bool" && node.type.shape.length > 0);
    if (x === undefined || d.options.discontinuous === false) return;
    d.add("argsort", [x], {
      axis: (seeds[0] as number) % x.type.shape.length,
      descending: (seeds[1] as number) % 2 === 0,
    });
  },
  cast(d: Decoder, { picks, seeds }: Instruction) {
    const x = d.pick(picks[0] as number, (node) => node.type.dtype !== "f32");
    if (x !== undefined) d.add("cast", [x], { to: (seeds[0] as number) % 4 === 0 ? "i32" : "f32" });
  },
} as const;

export type InstructionKind = keyof typeof decoders;

/** Names of the kinds of instructions. */
export const instructionKinds = Object.keys(decoders) as readonly InstructionKind[];

/** The kinds with more ways to be wrong come up twice as often. */
const weightedKinds: readonly InstructionKind[] = [...instructionKinds, "binary", "contract", "reduce", "movement"];
