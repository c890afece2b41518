/** The plan as a drawing: kernels joined by the tensors they hand on; a kernel opens to show the nodes it evaluates. */
import { rank } from "../attribute-cost.ts";
import type { Id } from "../inspection.ts";
import { type Layout, type LayoutEdge, layOut, type Point } from "../layered-layout.ts";
import { printNumberOf, printWork } from "../quantities.ts";
import { beforeNextFrame, button, drawing, element, setAttributes } from "./elements.ts";
import { launchMarks, nodeMarks, type Reader } from "./reader.ts";

const gaps = { across: 24, down: 34 };
const innerGaps = { across: 10, down: 16 };
const nodeBox = { height: 20, character: 6.6 };
const kernelBox = { height: 38, padding: 10 };

export function graphView(reader: Reader): HTMLElement {
  const { inspection, costs } = reader;
  const edges = edgesBetweenLaunches(reader);
  const dearest = costs.launches.reduce((most, cost) => Math.max(most, rank(cost)), 0);
  const open = new Set<number>();
  const inner = new Map<number, Layout & { readonly nodes: readonly Id[] }>();
  let zoom = 1;
  let current = 0;
  let layout: Layout = { boxes: [], routes: [], width: 0, height: 0 };

  const canvas = drawing("svg", { class: "graph", "aria-hidden": "true" });
  const space = element("div", { class: "graph-space" }, canvas);
  const frame = element(
    "div",
    {
      class: "graph-frame",
      tabindex: 0,
      role: "application",
      "aria-label":
        "Kernels as a graph. Up and down arrows move along the order of the run, Enter chooses, O opens a kernel.",
    },
    space,
  );

  const labelOf = (index: number) => {
    const launch = inspection.launches[index];
    const times = (launch?.steps.length ?? 1) > 1 ? ` ×${launch?.steps.length}` : "";
    return `${launch?.label ?? ""}${times}`;
  };
  const detailOf = (index: number) => {
    const launch = inspection.launches[index];
    const output = launch?.outputs[0] === undefined ? undefined : inspection.nodes[launch.outputs[0]];
    return `${launch?.kind}  ${output?.type ?? ""}`;
  };

  function innerLayout(index: number) {
    const known = inner.get(index);
    if (known !== undefined) return known;
    const nodes = [...new Set(inspection.launches[index]?.members)].sort((a, b) => a - b);
    const position = new Map(nodes.map((id, i) => [id, i]));
    const inside = nodes.flatMap((id, to) =>
      [...new Set(inspection.nodes[id]?.operands)].flatMap((operand): LayoutEdge[] => {
        const from = position.get(operand);
        return from === undefined ? [] : [[from, to]];
      }),
    );
    const boxes = nodes.map((id) => ({ width: textWidth(nodeLabel(id)) + 12, height: nodeBox.height }));
    const made = { ...layOut(boxes, inside, innerGaps), nodes };
    inner.set(index, made);
    return made;
  }
  const nodeLabel = (id: Id) => {
    const node = inspection.nodes[id];
    return `${node?.name === undefined ? "" : `${node.name} = `}${node?.op ?? ""} ${node?.type ?? ""}`;
  };

  const place = () => {
    const boxes = inspection.launches.map((_, index) => {
      const width = Math.max(textWidth(labelOf(index)), textWidth(detailOf(index))) + 2 * kernelBox.padding;
      if (!open.has(index)) return { width, height: kernelBox.height };
      const inside = innerLayout(index);
      return {
        width: Math.max(width, inside.width + 2 * kernelBox.padding),
        height: kernelBox.height + inside.height + kernelBox.padding,
      };
    });
    layout = layOut(boxes, edges, gaps);
    resize();
  };
  const resize = () => {
    space.style.width = `${(layout.width + 40) * zoom}px`;
    space.style.height = `${(layout.height + 40) * zoom}px`;
    refresh();
  };

  /** Draws what the frame shows and a little around it. */
  const draw = () => {
    const view = {
      left: frame.scrollLeft / zoom - 20 - 100,
      top: frame.scrollTop / zoom - 20 - 100,
      right: (frame.scrollLeft + frame.clientWidth) / zoom - 20 + 100,
      bottom: (frame.scrollTop + frame.clientHeight) / zoom - 20 + 100,
    };
    setAttributes(canvas, {
      width: frame.clientWidth,
      height: frame.clientHeight,
      viewBox: `${frame.scrollLeft / zoom - 20} ${frame.scrollTop / zoom - 20} ${frame.clientWidth / zoom} ${frame.clientHeight / zoom}`,
    });
    const lines = edges.flatMap(([from, to], edge) => {
      const route = layout.routes[edge] ?? [];
      const [first, last] = [route[0], route.at(-1)];
      if (first === undefined || last === undefined || first.y > view.bottom || last.y < view.top) return [];
      const marked = reader.chosen().launches.has(from) && reader.chosen().launches.has(to);
      return [curve(route, marked ? "edge marked" : "edge")];
    });
    const boxes = layout.boxes.flatMap(({ x, y, width, height }, index) =>
      x > view.right || x + width < view.left || y > view.bottom || y + height < view.top
        ? []
        : [kernelShape(index, x, y, width, height)],
    );
    canvas.replaceChildren(...lines, ...boxes);
  };
  const refresh = beforeNextFrame(draw);

  function kernelShape(index: number, x: number, y: number, width: number, height: number): SVGGElement {
    const heat = dearest === 0 ? 0 : rank(costs.launches[index] ?? costs.total) / dearest;
    const shape = drawing(
      "g",
      {
        transform: `translate(${x} ${y})`,
        class: `kernel ${launchMarks(reader, index)} ${index === current ? "current" : ""}`,
        "data-launch": index,
      },
      drawing("title", {}, `${labelOf(index)}: ${printWork(costs.launches[index]?.flops ?? 0)}`),
      drawing("rect", { width, height, rx: 5 }),
      drawing("rect", { class: "heat", width: Math.max(2, heat * width), height: 3, rx: 1.5 }),
      drawing("text", { x: kernelBox.padding, y: 17, class: "title" }, labelOf(index)),
      drawing("text", { x: kernelBox.padding, y: 31 }, detailOf(index)),
      drawing(
        "text",
        { x: width - 8, y: 17, "text-anchor": "end", "data-open": index, class: "opener" },
        open.has(index) ? "−" : "+",
      ),
    );
    if (open.has(index)) shape.append(insideShape(index));
    return shape;
  }

  function insideShape(index: number): SVGGElement {
    const { boxes, routes, nodes } = innerLayout(index);
    return drawing(
      "g",
      { transform: `translate(${kernelBox.padding} ${kernelBox.height})` },
      ...routes.map((route) => curve(route, "edge")),
      ...nodes.flatMap((id, i) => {
        const box = boxes[i];
        if (box === undefined) return [];
        return [
          drawing(
            "g",
            { transform: `translate(${box.x} ${box.y})`, class: `node ${nodeMarks(reader, id)}`, "data-node": id },
            drawing("rect", { width: box.width, height: box.height, rx: 3 }),
            drawing("text", { x: 6, y: 14 }, nodeLabel(id)),
          ),
        ];
      }),
    );
  }

  const toggle = (index: number) => {
    if (!open.delete(index)) open.add(index);
    place();
  };
  const reveal = (index: number) => {
    const box = layout.boxes[index];
    if (box === undefined) return;
    const [x, y] = [(box.x + box.width / 2 + 20) * zoom, (box.y + 20) * zoom];
    const seen =
      x >= frame.scrollLeft &&
      x <= frame.scrollLeft + frame.clientWidth &&
      y >= frame.scrollTop &&
      y + kernelBox.height <= frame.scrollTop + frame.clientHeight;
    if (!seen) frame.scrollTo(x - frame.clientWidth / 2, y - frame.clientHeight / 3);
  };
  const zoomBy = (factor: number) => {
    zoom = Math.max(0.2, Math.min(3, zoom * factor));
    resize();
  };

  frame.addEventListener("scroll", refresh, { passive: true });
  // Nothing can be brought into view while the tab is hidden.
  let wasHidden = true;
  new ResizeObserver(() => {
    if (wasHidden && frame.clientHeight > 0) reveal(current);
    wasHidden = frame.clientHeight === 0;
    refresh();
  }).observe(frame);
  const hit = (event: Event, what: "launch" | "node" | "open") => {
    const found = (event.target as Element).closest<SVGElement>(`[data-${what}]`);
    return found === null ? undefined : Number(found.dataset[what]);
  };
  frame.addEventListener("click", (event) => {
    const [opener, node, launch] = [hit(event, "open"), hit(event, "node"), hit(event, "launch")];
    if (launch !== undefined) current = launch;
    if (opener !== undefined) toggle(opener);
    else if (node !== undefined) reader.choose({ kind: "node", node });
    else if (launch !== undefined) reader.choose({ kind: "launch", launch });
  });
  frame.addEventListener("pointerover", (event) => {
    const [node, launch] = [hit(event, "node"), hit(event, "launch")];
    reader.point(
      node !== undefined ? { kind: "node", node } : launch !== undefined ? { kind: "launch", launch } : undefined,
    );
  });
  frame.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move !== undefined) {
      event.preventDefault();
      current = Math.max(0, Math.min(inspection.launches.length - 1, current + move));
      status.textContent = `${labelOf(current)}, ${detailOf(current)}`;
      reveal(current);
      refresh();
    } else if (event.key === "Enter") reader.choose({ kind: "launch", launch: current });
    else if (event.key === "o") toggle(current);
  });
  reader.onChange((what) => {
    const first = [...reader.chosen().launches].sort((a, b) => a - b)[0];
    if (what === "chosen" && first !== undefined && !reader.chosen().launches.has(current)) current = first;
    if (what === "chosen" && first !== undefined) reveal(current);
    refresh();
  });
  const status = element("span", { class: "summary", role: "status" });
  status.textContent = `${printNumberOf(inspection.launches.length, "kernel")}, ${printNumberOf(edges.length, "edge")}`;
  const controls = element(
    "div",
    { class: "controls" },
    button("−", { "aria-label": "Smaller" }, () => zoomBy(1 / 1.3)),
    button("+", { "aria-label": "Larger" }, () => zoomBy(1.3)),
    button("Open chosen", {}, () => {
      for (const index of reader.chosen().launches) open.add(index);
      place();
    }),
    button("Close all", {}, () => {
      open.clear();
      place();
    }),
    status,
  );
  place();
  return element("div", { class: "view" }, controls, frame);
}

/** From the launch that writes a value to each that reads it later. */
function edgesBetweenLaunches({ inspection }: Reader): LayoutEdge[] {
  const writer = new Map<Id, number>();
  const edges = new Map<string, LayoutEdge>();
  inspection.launches.forEach(({ kind, inputs, outputs, bindings }, index) => {
    // A loop's kernels hand its state to each other through buffers that are neither inputs nor outputs of the loop.
    const state = kind === "loop" ? bindings.map(({ node }) => node).filter((node) => !inputs.includes(node)) : [];
    for (const node of [...inputs, ...state]) {
      const from = writer.get(node);
      if (from !== undefined && from < index) edges.set(`${from} ${index}`, [from, index]);
    }
    for (const node of [...outputs, ...state]) writer.set(node, index);
  });
  return [...edges.values()];
}

/** A line through points, upright at each of them. */
function curve(points: readonly Point[], classes: string): SVGPathElement {
  const d = points.map(({ x, y }, i) => {
    const last = points[i - 1];
    if (last === undefined) return `M${x} ${y}`;
    const middle = (last.y + y) / 2;
    return `C${last.x} ${middle} ${x} ${middle} ${x} ${y}`;
  });
  return drawing("path", { d: d.join(""), class: classes });
}

const textWidth = (text: string) => text.length * nodeBox.character;
