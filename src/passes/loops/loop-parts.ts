/** A loop taken apart, and put together again from changed parts. */
import { type Graph, graphNodes, makeNode, type Node } from "../../ir/index.ts";

/** A carried value: what the body reads, what it is before the first step, and what a step leaves. */
export interface CarriedPart {
  readonly input: Node;
  readonly initial: Node;
  readonly next: Node;
}

export interface LoopParts {
  readonly loop: Node;
  readonly steps: number;
  readonly carried: readonly CarriedPart[];
  /** Further inputs of the body, with what they are outside. */
  readonly invariants: ReadonlyMap<Node, Node>;
  /** The input that stands for the number of the step. */
  readonly step: Node;
  readonly row: Node;
}

/** The parts of a loop node. */
export function partsOf(loop: Node): LoopParts {
  const body = (loop.regions as readonly Graph[])[0] as Graph;
  const count = loop.attributes.carried as number;
  const output = (k: number) => (body.outputs[k] as Graph["outputs"][0]).node;
  return {
    loop,
    steps: loop.attributes.steps as number,
    carried: body.inputs
      .slice(0, count)
      .map((input, k) => ({ input, initial: loop.operands[k] as Node, next: output(k) })),
    invariants: new Map(body.inputs.slice(count, -1).map((input, k) => [input, loop.operands[count + k] as Node])),
    step: body.inputs.at(-1) as Node,
    row: output(count),
  };
}

/** Nodes of the body, operands before users. */
export function bodyNodes({ loop, carried, invariants, step, row }: LoopParts): Node[] {
  return graphNodes({
    name: (loop.regions as readonly Graph[])[0]?.name ?? "",
    inputs: [...carried.map(({ input }) => input), ...invariants.keys(), step],
    parameters: [],
    outputs: [...carried.map(({ next }) => next), row].map((node) => ({ name: "", node })),
  });
}

/** The loop of these parts. Carried values that no row needs, and invariants that nothing reads, are left out. */
export function loopOf(parts: LoopParts): Node {
  const { loop, steps, row, step } = parts;
  const carried = liveCarried(parts);
  const body = (loop.regions as readonly Graph[])[0] as Graph;
  const results = [...carried.map(({ next }) => next), row].map((node, k) => ({
    name: k < carried.length ? `next_${k}` : "row",
    node,
  }));
  const used = new Set(graphNodes({ name: "", inputs: [], parameters: [], outputs: results }));
  const invariants = [...parts.invariants].filter(([input]) => used.has(input));
  const region: Graph = {
    name: body.name,
    inputs: [...carried.map(({ input }) => input), ...invariants.map(([input]) => input), step],
    parameters: [],
    outputs: results,
  };
  const operands = [...carried.map(({ initial }) => initial), ...invariants.map(([, value]) => value)];
  return makeNode(
    "loop",
    operands,
    { steps, carried: carried.length },
    { regions: [region], origins: loop.origins, name: loop.name },
  );
}

/** Carried values on which the rows depend, directly or through others. */
export function liveCarried({ carried, row }: LoopParts): readonly CarriedPart[] {
  const live = new Set<CarriedPart>();
  const pending = [row];
  while (pending.length > 0) {
    const node = pending.pop() as Node;
    const reached = new Set(graphNodes({ name: "", inputs: [], parameters: [], outputs: [{ name: "", node }] }));
    for (const part of carried) {
      if (!reached.has(part.input) || live.has(part)) continue;
      live.add(part);
      pending.push(part.next);
    }
  }
  return carried.filter((part) => live.has(part));
}

/** A name that no input of the body has. */
export function freshInputName({ carried, invariants, step }: LoopParts, wished: string): string {
  const taken = new Set(
    [...carried.map(({ input }) => input), ...invariants.keys(), step].map((node) => node.attributes.name),
  );
  let name = wished;
  for (let count = 2; taken.has(name); count++) name = `${wished}_${count}`;
  return name;
}
