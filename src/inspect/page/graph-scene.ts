/** The drawn graph: where the boxes of modules, kernels and nodes lie, inside each other where they are open. */
import { rank } from "../attribute-cost.ts";
import type { Id } from "../inspection.ts";
import { type Layout, type LayoutEdge, layOut, type Point } from "../layered-layout.ts";
import type { GraphBlock } from "../module-tree.ts";
import { printNumberOf, printShare, printWork } from "../quantities.ts";
import { drawing } from "./elements.ts";
import { launchMarks, markClasses, nodeMarks, type Reader } from "./reader.ts";

const gaps = { across: 24, down: 34 };
const nodeGaps = { across: 10, down: 16 };
const nodeHeight = 20;
const character = 6.6;
const head = { height: 38, padding: 10 };

/** A part of the drawing's plane. */
export interface View {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface SceneState {
  readonly isOpen: (block: GraphBlock) => boolean;
  readonly isCurrent: (block: GraphBlock) => boolean;
}

export interface GraphScene {
  readonly width: number;
  readonly height: number;
  /** Blocks that are seen, outer before inner ones, in the order of the run. */
  readonly blocks: readonly GraphBlock[];
  /** Where a seen block lies. */
  readonly placeOf: (block: GraphBlock) => View | undefined;
  /** What of the drawing lies in a view. */
  readonly draw: (view: View) => readonly SVGElement[];
}

/** A box with what is inside it. */
interface Box {
  readonly block: GraphBlock;
  readonly width: number;
  readonly height: number;
  /** Of an open module. */
  readonly inside?: Group;
  /** Of an open kernel. */
  readonly nodes?: Layout & { readonly ids: readonly Id[] };
}

interface Group {
  readonly boxes: readonly Box[];
  readonly edges: readonly LayoutEdge[];
  readonly layout: Layout;
}

/**
 * @param edges  pairs of launches of which the second reads what the first writes
 */
export function layOutScene(
  reader: Reader,
  blocks: readonly GraphBlock[],
  edges: readonly LayoutEdge[],
  state: SceneState,
): GraphScene {
  const top = group(blocks);
  const seen: GraphBlock[] = [];
  const places = new Map<GraphBlock, View>();
  place(top, 0, 0);
  return {
    width: top.layout.width,
    height: top.layout.height,
    blocks: seen,
    placeOf: (block) => places.get(block),
    draw: (view) => drawGroup(top, 0, 0, view),
  };

  function group(children: readonly GraphBlock[]): Group {
    const boxes = children.map(box);
    const [first, last] = [children[0]?.first ?? 0, children.at(-1)?.last ?? -1];
    const childOf = new Int32Array(last - first + 1);
    children.forEach((child, i) => {
      childOf.fill(i, child.first - first, child.last - first + 1);
    });
    const inside = new Map<number, LayoutEdge>();
    for (const [from, to] of edges) {
      if (from < first || to > last) continue;
      const [a, b] = [childOf[from - first] as number, childOf[to - first] as number];
      if (a !== b) inside.set(a * children.length + b, [a, b]);
    }
    const kept = [...inside.values()];
    return { boxes, edges: kept, layout: layOut(boxes, kept, gaps) };
  }

  function box(block: GraphBlock): Box {
    const texts = blockTexts(reader, block);
    const width = Math.max(texts.title.length, texts.detail.length) * character + 22 + head.padding;
    if (!state.isOpen(block)) return { block, width, height: head.height };
    const inside = block.kind === "module" ? group(block.children) : undefined;
    const nodes = block.kind === "launch" ? layOutNodes(reader, block.first) : undefined;
    const { width: within, height } = inside?.layout ?? nodes ?? { width: 0, height: 0 };
    return {
      block,
      width: Math.max(width, within + 2 * head.padding),
      height: head.height + height + head.padding,
      ...(inside === undefined ? {} : { inside }),
      ...(nodes === undefined ? {} : { nodes }),
    };
  }

  function place({ boxes, layout }: Group, left: number, upper: number): void {
    boxes.forEach(({ block, inside }, i) => {
      const at = layout.boxes[i];
      if (at === undefined) return;
      const [x, y] = [left + at.x, upper + at.y];
      seen.push(block);
      places.set(block, { left: x, top: y, right: x + at.width, bottom: y + at.height });
      if (inside !== undefined) place(inside, x + head.padding, y + head.height);
    });
  }

  /** Lines below, boxes above; places are those of the group's own plane, moved to where it lies. */
  function drawGroup({ boxes, edges: pairs, layout }: Group, left: number, upper: number, view: View): SVGElement[] {
    const marked = reader.chosen().launches;
    const lights = (block: GraphBlock | undefined) =>
      block !== undefined && marked.size > 0 && someLaunch(block, (launch) => marked.has(launch));
    const lines = pairs.flatMap(([from, to], edge) => {
      const route = layout.routes[edge] ?? [];
      const [first, last] = [route[0], route.at(-1)];
      if (first === undefined || last === undefined) return [];
      if (upper + first.y > view.bottom || upper + last.y < view.top) return [];
      const isMarked = lights(boxes[from]?.block) && lights(boxes[to]?.block);
      return [curve(route, left, upper, isMarked ? "edge marked" : "edge")];
    });
    const shapes = boxes.flatMap((each, i) => {
      const at = layout.boxes[i];
      if (at === undefined) return [];
      const [x, y] = [left + at.x, upper + at.y];
      if (x > view.right || x + at.width < view.left || y > view.bottom || y + at.height < view.top) return [];
      return [
        blockShape(reader, each, x, y, state),
        ...(each.inside === undefined ? [] : drawGroup(each.inside, x + head.padding, y + head.height, view)),
      ];
    });
    return [...lines, ...shapes];
  }
}

/** Whether something holds for one of a block's launches. */
function someLaunch({ first, last }: GraphBlock, holds: (launch: Id) => boolean): boolean {
  for (let launch = first; launch <= last; launch++) if (holds(launch)) return true;
  return false;
}

/** What stands in a box. */
export function blockTexts(
  { inspection, costs }: Reader,
  block: GraphBlock,
): { readonly title: string; readonly detail: string } {
  if (block.kind === "module") {
    const count = block.last - block.first + 1;
    return { title: block.name, detail: `${printNumberOf(count, "kernel")}  ${printShare(shareOf(costs, block))}` };
  }
  const launch = inspection.launches[block.first];
  const times = (launch?.steps.length ?? 1) > 1 ? ` ×${launch?.steps.length}` : "";
  const output = launch?.outputs[0] === undefined ? undefined : inspection.nodes[launch.outputs[0]];
  return { title: `${launch?.label ?? ""}${times}`, detail: `${launch?.kind}  ${output?.type ?? ""}` };
}

/** A block's share of the time of the run, measured where it was. */
function shareOf(costs: Reader["costs"], { first, last }: GraphBlock): number {
  const whole = rank(costs.total);
  const own = costs.launches.slice(first, last + 1).reduce((sum, cost) => sum + rank(cost), 0);
  return whole === 0 ? 0 : own / whole;
}

function blockShape(reader: Reader, { block, width, height, nodes }: Box, x: number, y: number, state: SceneState) {
  const { title, detail } = blockTexts(reader, block);
  const share = shareOf(reader.costs, block);
  const flops = reader.costs.launches.slice(block.first, block.last + 1).reduce((sum, cost) => sum + cost.flops, 0);
  const isModule = block.kind === "module";
  const [chosen, pointed] = [reader.chosen().launches, reader.pointed().launches];
  const marks = isModule
    ? markClasses(
        !state.isOpen(block) && someLaunch(block, (launch) => chosen.has(launch)),
        false,
        !state.isOpen(block) && someLaunch(block, (launch) => pointed.has(launch)),
      )
    : launchMarks(reader, block.first);
  const shape = drawing(
    "g",
    {
      transform: `translate(${x} ${y})`,
      class: `${isModule ? "module" : "kernel"} ${marks} ${state.isCurrent(block) ? "current" : ""}`,
      "data-first": block.first,
      "data-last": block.last,
      "data-launch": isModule ? undefined : block.first,
    },
    drawing("title", {}, `${isModule ? block.path : title}: ${printWork(flops)}, ${printShare(share)} of the time`),
    drawing("rect", { width, height, rx: 5 }),
    drawing("rect", { class: "heat", width: Math.max(2, share * width), height: 3, rx: 1.5 }),
    drawing("text", { x: 7, y: 18, "data-open": block.first, class: "opener" }, state.isOpen(block) ? "−" : "+"),
    drawing("text", { x: 22, y: 17, class: "title" }, title),
    drawing("text", { x: 22, y: 31 }, detail),
  );
  if (nodes !== undefined) shape.append(nodesShape(reader, nodes));
  return shape;
}

function layOutNodes({ inspection }: Reader, launch: Id): Layout & { readonly ids: readonly Id[] } {
  const ids = [...new Set(inspection.launches[launch]?.members)].sort((a, b) => a - b);
  const position = new Map(ids.map((id, i) => [id, i]));
  const edges = ids.flatMap((id, to) =>
    [...new Set(inspection.nodes[id]?.operands)].flatMap((operand): LayoutEdge[] => {
      const from = position.get(operand);
      return from === undefined ? [] : [[from, to]];
    }),
  );
  const boxes = ids.map((id) => ({
    width: nodeText(inspection, id).length * character + 12,
    height: nodeHeight,
  }));
  return { ...layOut(boxes, edges, nodeGaps), ids };
}

function nodeText({ nodes }: Reader["inspection"], id: Id): string {
  const node = nodes[id];
  return `${node?.name === undefined ? "" : `${node.name} = `}${node?.op ?? ""} ${node?.type ?? ""}`;
}

function nodesShape(reader: Reader, { boxes, routes, ids }: Layout & { readonly ids: readonly Id[] }): SVGGElement {
  return drawing(
    "g",
    { transform: `translate(${head.padding} ${head.height})` },
    ...routes.map((route) => curve(route, 0, 0, "edge")),
    ...ids.flatMap((id, i) => {
      const box = boxes[i];
      if (box === undefined) return [];
      return [
        drawing(
          "g",
          { transform: `translate(${box.x} ${box.y})`, class: `node ${nodeMarks(reader, id)}`, "data-node": id },
          drawing("rect", { width: box.width, height: box.height, rx: 3 }),
          drawing("text", { x: 6, y: 14 }, nodeText(reader.inspection, id)),
        ),
      ];
    }),
  );
}

/** A line through points, upright at each of them. */
function curve(points: readonly Point[], left: number, top: number, classes: string): SVGPathElement {
  const d = points.map(({ x: u, y: v }, i) => {
    const [x, y] = [left + u, top + v];
    const last = points[i - 1];
    if (last === undefined) return `M${x} ${y}`;
    const middle = (top + last.y + y) / 2;
    return `C${left + last.x} ${middle} ${x} ${middle} ${x} ${y}`;
  });
  return drawing("path", { d: d.join(""), class: classes });
}
