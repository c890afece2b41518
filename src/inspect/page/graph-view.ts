/** The plan as a drawing: modules that open to their kernels, and kernels that open to the nodes they evaluate. */
import type { Id } from "../inspection.ts";
import type { LayoutEdge } from "../layered-layout.ts";
import { type GraphBlock, moduleTree, openAtFirst } from "../module-tree.ts";
import { printNumberOf } from "../quantities.ts";
import type { Anchor } from "../related.ts";
import { beforeNextFrame, button, drawing, element, onClickInside, setAttributes } from "./elements.ts";
import { blockTexts, type GraphScene, layOutScene } from "./graph-scene.ts";
import type { Reader } from "./reader.ts";

/** Around the drawing, so that nothing sticks to the frame. */
const border = 20;
/** Drawn beyond the frame, so that scrolling shows no gaps. */
const beyond = 100;

export function graphView(reader: Reader): HTMLElement {
  const { inspection } = reader;
  const blocks = moduleTree(inspection);
  const edges = edgesBetweenLaunches(reader);
  const open = new Set<GraphBlock>(openAtFirst(blocks));
  let current: GraphBlock | undefined = blocks[0];
  let zoom = 1;
  let scene: GraphScene;

  const canvas = drawing("svg", { class: "graph", "aria-hidden": "true" });
  const space = element("div", { class: "graph-space" }, canvas);
  const frame = element(
    "div",
    {
      class: "graph-frame",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "graph",
      "aria-label":
        "Modules and kernels as a graph. Up and down arrows move along the order of the run, right and left open and close, Enter chooses.",
    },
    space,
  );
  const status = element("span", { class: "summary", role: "status" });

  const place = () => {
    const state = {
      isOpen: (block: GraphBlock) => open.has(block),
      isCurrent: (block: GraphBlock) => block === current,
    };
    scene = layOutScene(reader, blocks, edges, state);
    resize();
  };
  const resize = () => {
    space.style.width = `${(scene.width + 2 * border) * zoom}px`;
    space.style.height = `${(scene.height + 2 * border) * zoom}px`;
    refresh();
  };
  /** Draws what the frame shows and a little around it. */
  const draw = () => {
    const [left, top] = [frame.scrollLeft / zoom - border, frame.scrollTop / zoom - border];
    const [width, height] = [frame.clientWidth / zoom, frame.clientHeight / zoom];
    setAttributes(canvas, {
      width: frame.clientWidth,
      height: frame.clientHeight,
      viewBox: `${left} ${top} ${width} ${height}`,
    });
    const view = {
      left: left - beyond,
      top: top - beyond,
      right: left + width + beyond,
      bottom: top + height + beyond,
    };
    canvas.replaceChildren(...scene.draw(view));
  };
  const refresh = beforeNextFrame(draw);

  const setOpen = (block: GraphBlock, wanted: boolean) => {
    if (open.has(block) === wanted) return;
    if (wanted) open.add(block);
    else open.delete(block);
    place();
  };
  const reveal = (block: GraphBlock | undefined) => {
    const at = block === undefined ? undefined : scene.placeOf(block);
    if (at === undefined) return;
    const [x, y] = [((at.left + at.right) / 2 + border) * zoom, (at.top + border) * zoom];
    const seen =
      x >= frame.scrollLeft &&
      x <= frame.scrollLeft + frame.clientWidth &&
      y >= frame.scrollTop &&
      y + 40 * zoom <= frame.scrollTop + frame.clientHeight;
    if (!seen) frame.scrollTo(x - frame.clientWidth / 2, y - frame.clientHeight / 3);
  };
  const goTo = (block: GraphBlock | undefined) => {
    if (block === undefined) return;
    current = block;
    const { title, detail } = blockTexts(reader, block);
    status.textContent = `${block.kind} ${title}, ${detail}, ${open.has(block) ? "open" : "closed"}`;
    reveal(block);
    refresh();
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

  const blockAt = (event: Event) => {
    const shape = (event.target as Element).closest<SVGElement>("[data-first]");
    if (shape === null) return undefined;
    const { first, last, launch } = shape.dataset;
    return scene.blocks.find(
      (block) =>
        block.first === Number(first) &&
        block.last === Number(last) &&
        (block.kind === "launch") === (launch !== undefined),
    );
  };
  const anchorAt = (event: Event): Anchor | undefined => {
    const node = (event.target as Element).closest<SVGElement>("[data-node]")?.dataset.node;
    const block = blockAt(event);
    return node !== undefined ? { kind: "node", node: Number(node) } : block && anchorOf(block);
  };
  onClickInside(frame, (event) => {
    const block = blockAt(event);
    if (block === undefined) return;
    current = block;
    if ((event.target as Element).closest("[data-open]") !== null) setOpen(block, !open.has(block));
    else reader.choose(anchorAt(event));
  });
  frame.addEventListener("pointerover", (event) => reader.point(anchorAt(event)));
  frame.addEventListener("keydown", (event) => {
    if (current === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = scene.blocks.indexOf(current);
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => goTo(scene.blocks[at + 1]),
      ArrowUp: () => goTo(scene.blocks[at - 1]),
      Home: () => goTo(scene.blocks[0]),
      End: () => goTo(scene.blocks.at(-1)),
      ArrowRight: () => openCurrent(true),
      ArrowLeft: () => (current !== undefined && open.has(current) ? openCurrent(false) : goTo(parentOf(current))),
      o: () => openCurrent(!open.has(current as GraphBlock)),
      Enter: () => reader.choose(anchorOf(current as GraphBlock)),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
  const openCurrent = (wanted: boolean) => {
    if (current === undefined) return;
    setOpen(current, wanted);
    goTo(current);
  };
  const parentOf = (block: GraphBlock | undefined) =>
    scene.blocks.findLast((other) => other.kind === "module" && block !== undefined && other.children.includes(block));
  /** The innermost seen block with a launch. */
  const seenWith = (launch: Id) => scene.blocks.findLast(({ first, last }) => first <= launch && launch <= last);

  reader.onChange((what) => {
    const { launches } = reader.chosen();
    if (what === "chosen" && launches.size > 0) {
      const isThere = current !== undefined && [...launches].some((id) => seenWith(id) === current);
      if (!isThere) current = seenWith([...launches].reduce((least, id) => Math.min(least, id)));
      reveal(current);
    }
    refresh();
  });
  const modules = () => scene.blocks.filter((block) => block.kind === "module" && !open.has(block));
  const controls = element(
    "div",
    { class: "controls" },
    button("−", { "aria-label": "Smaller" }, () => zoomBy(1 / 1.3)),
    button("+", { "aria-label": "Larger" }, () => zoomBy(1.3)),
    button("Open chosen", { title: "Opens the chosen kernels, and what they stand in" }, () => {
      openAround(blocks, reader.chosen().launches, open);
      place();
    }),
    button("One level more", { title: "Opens every module that is seen" }, () => {
      for (const block of modules()) open.add(block);
      place();
    }),
    button("Close all", {}, () => {
      open.clear();
      place();
      goTo(blocks[0]);
    }),
    status,
  );
  place();
  status.textContent = `${printNumberOf(inspection.launches.length, "kernel")}, ${printNumberOf(edges.length, "edge")}`;
  return element("div", { class: "view" }, controls, frame);
}

function anchorOf(block: GraphBlock): Anchor {
  if (block.kind === "launch") return { kind: "launch", launch: block.first };
  const launches = Array.from({ length: block.last - block.first + 1 }, (_, i) => block.first + i);
  return { kind: "module", path: block.path, launches };
}

/** Opens all blocks that hold one of the launches, down to the kernels. */
function openAround(blocks: readonly GraphBlock[], launches: ReadonlySet<Id>, open: Set<GraphBlock>): void {
  for (const block of blocks) {
    if (![...launches].some((id) => block.first <= id && id <= block.last)) continue;
    open.add(block);
    if (block.kind === "module") openAround(block.children, launches, open);
  }
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
