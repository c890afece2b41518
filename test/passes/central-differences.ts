/** Test help: gradients of a graph against central differences in float64 on the reference evaluator. */
import { expect } from "vitest";
import {
  checkGraph,
  elementCount,
  evaluateGraph,
  type Graph,
  type GraphValues,
  isFloat,
  makeBuilder,
  makeNode,
  type Node,
  type Tensor,
  tensorOf,
} from "../../src/ir/index.ts";
import { differentiate, gradientName } from "../../src/passes/index.ts";

/** Relative error that gradients in float64 may have. */
const tolerance = 1e-6;

/** The difference has an error of step^2 times the third derivative, and 2^-52 / step by rounding. */
const step = 2 ** -18;

/** Numbers in 0 … 1 without pattern, the same on every run. */
function noise(salt: number): () => number {
  let state = salt * 7919;
  return () => {
    state++;
    const x = Math.sin(state * 12.9898) * 43758.5453;
    return x - Math.floor(x);
  };
}

/** Values in -1 … 1 (or in `range`), indices below their bound, booleans. */
export function arbitraryValues(graph: Graph, range: readonly [number, number] = [-1, 1], salt = 1): GraphValues {
  const next = noise(salt);
  const [low, high] = range;
  const named = (nodes: readonly Node[]) =>
    Object.fromEntries(
      nodes.map((node): [string, Tensor] => {
        const { dtype, shape, below } = node.type;
        const values = Array.from({ length: elementCount(shape) }, () => {
          const x = next();
          if (dtype === "bool") return x < 0.3 ? 0 : 1;
          return dtype === "i32" || dtype === "u32"
            ? Math.floor(x * (below ?? 5))
            : Math.fround(low + (high - low) * x);
        });
        return [node.attributes.name as string, tensorOf(node.type, values)];
      }),
    );
  return { inputs: named(graph.inputs), parameters: named(graph.parameters) };
}

/** The graph with one output, the sum over all floating-point outputs of their elements times weights without pattern. */
export function weightedLoss(graph: Graph): Graph {
  const b = makeBuilder();
  const next = noise(77);
  const terms = graph.outputs.flatMap(({ node }): Node[] => {
    if (!isFloat(node.type.dtype)) return [];
    const { shape } = node.type;
    const values = Array.from({ length: elementCount(shape) }, () => Math.fround(2 * next() - 1));
    const weights = makeNode("constant", [], { values }, { declared: node.type });
    const product = b.apply("mul", node, weights);
    return [
      shape.length === 0
        ? product
        : b.node("sum", [product], { spec: `${shape.map((_, k) => `i${k}`).join(" ")} -> ` }),
    ];
  });
  const total = terms.reduce((sum, term) => b.apply("add", sum, term));
  return { ...graph, outputs: [{ name: "loss", node: total }] };
}

/** The slope of the loss when the inputs move along the given directions, and what rounding the two losses can do to it. */
function slopeAlong(
  graph: Graph,
  of: string,
  values: GraphValues,
  directions: ReadonlyMap<string, Float64Array>,
): { readonly slope: number; readonly rounding: number } {
  const moved = (sign: number): GraphValues => {
    const move = (tensors: Readonly<Record<string, Tensor>>) =>
      Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]): [string, Tensor] => {
          const direction = directions.get(name);
          if (direction === undefined) return [name, tensor];
          const data = tensor.data.map((x, i) => x + sign * step * (direction[i] as number));
          return [name, { type: tensor.type, data }];
        }),
      );
    return { inputs: move(values.inputs), parameters: move(values.parameters) };
  };
  const loss = (sign: number) => (evaluateGraph(graph, moved(sign))[of] as Tensor).data[0] as number;
  const [above, below] = [loss(1), loss(-1)];
  return {
    slope: (above - below) / (2 * step),
    rounding: (4 * 2 ** -52 * Math.max(Math.abs(above), Math.abs(below))) / step,
  };
}

export interface GradientCheck {
  /** Name of the loss; without it, the weighted sum of all outputs. */
  readonly of?: string;
  readonly values?: GraphValues;
  /** Elements of each tensor that are also moved one by one. */
  readonly elements?: number;
  /** Tensors that are moved by themselves; then all together. */
  readonly tensors?: number;
}

/** Compares the gradients by all floating-point inputs and parameters with central differences; returns the differentiated graph. */
export function expectGradients(forward: Graph, check: GradientCheck = {}): Graph {
  const { elements = 6, tensors = 16 } = check;
  const graph = check.of === undefined ? weightedLoss(forward) : forward;
  const of = check.of ?? "loss";
  const sources = [...graph.inputs, ...graph.parameters].filter((node) => node.type.dtype === "f32");
  const names = sources.map((node) => node.attributes.name as string);
  const complete = differentiate(graph, { of, by: names });
  checkGraph(complete, { origins: false });
  const values = check.values ?? arbitraryValues(graph);
  const outputs = evaluateGraph(complete, values);
  const next = noise(5);
  const random = new Map(
    sources.map((node, k) => [
      names[k] as string,
      Float64Array.from({ length: elementCount(node.type.shape) }, () => 2 * next() - 1),
    ]),
  );
  const compare = (what: string, directions: ReadonlyMap<string, Float64Array>) => {
    let found = 0;
    let scale = 0;
    for (const [name, direction] of directions) {
      const gradient = (outputs[gradientName(name)] as Tensor).data;
      for (let i = 0; i < direction.length; i++) {
        const term = (gradient[i] as number) * (direction[i] as number);
        found += term;
        scale = Math.max(scale, Math.abs(term));
      }
    }
    const { slope, rounding } = slopeAlong(graph, of, values, directions);
    const error = Math.max(0, Math.abs(found - slope) - rounding) / Math.max(Math.abs(slope), scale, 1e-4);
    if (!(error <= tolerance)) expect(found, `${what}, relative error ${error}`).toBe(slope);
  };
  for (const name of names.slice(0, tensors)) {
    const whole = random.get(name) as Float64Array;
    compare(`gradient by ${name}`, new Map([[name, whole]]));
    for (let k = 0; k < Math.min(elements, whole.length); k++) {
      const element = whole.length <= elements ? k : (k * 7919) % whole.length;
      const unit = new Float64Array(whole.length);
      unit[element] = 1;
      compare(`gradient by element ${element} of ${name}`, new Map([[name, unit]]));
    }
  }
  if (names.length > 1) compare("gradient by all", random);
  expect(names.length).toBeGreaterThan(0);
  return complete;
}
