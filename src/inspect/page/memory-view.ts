/** Activations over the run: where they lie, how long they live, and when most is alive. */
import { printNumberOf, printSize } from "../quantities.ts";
import { bar } from "./coloured-text.ts";
import { drawing, element, setAttributes } from "./elements.ts";
import { nodeMarks, type Reader } from "./reader.ts";
import { virtualList } from "./virtual-list.ts";

const size = { width: 900, curve: 90, places: 260, gap: 14, left: 70 };

export function memoryView(reader: Reader): HTMLElement {
  const { inspection } = reader;
  const { memory } = inspection;
  const peak = memory.live[memory.peakStep] ?? 0;
  const arenas = memory.arenas.reduce((sum, bytes) => sum + bytes, 0);
  const atPeak = memory.tensors.filter(({ from, to }) => from <= memory.peakStep && memory.peakStep <= to);
  const summary =
    memory.tensors.length === 0
      ? "No activation lies in memory between kernels."
      : `Most is alive at step ${memory.peakStep}: ${printSize(peak)} in ${printNumberOf(atPeak.length, "tensor")}. ` +
        `The arenas take ${printSize(arenas)}. Besides: parameters ${printSize(memory.parameterBytes)}, ` +
        `inputs ${printSize(memory.inputBytes)}, outputs ${printSize(memory.outputBytes)}.`;
  const rows = [...memory.tensors].sort((a, b) => b.bytes - a.bytes || a.from - b.from);
  const largest = rows[0]?.bytes ?? 0;
  const list = virtualList({
    label: "Activations, the largest first. Enter marks where one comes from.",
    classes: "costs",
    count: () => rows.length,
    row: (index) => {
      const tensor = rows[index];
      if (tensor === undefined) return { content: [] };
      const node = inspection.nodes[tensor.node];
      const isAlive = tensor.from <= memory.peakStep && memory.peakStep <= tensor.to;
      return {
        content: [
          bar(tensor.bytes / largest, ""),
          element("span", { class: "column number wide" }, printSize(tensor.bytes)),
          element("span", { class: "column number wide" }, `${tensor.from}–${tensor.to}`),
          element("span", { class: "column number" }, isAlive ? "peak" : ""),
          element("span", { class: "column name" }, node?.name ?? node?.op ?? ""),
          element("code", { class: "column path" }, node?.type ?? ""),
        ],
        classes: nodeMarks(reader, tensor.node),
        selected: reader.chosen().nodes.has(tensor.node),
        label: `${node?.name ?? node?.op}, ${node?.type}: ${printSize(tensor.bytes)}, steps ${tensor.from} to ${tensor.to}${isAlive ? ", alive at the peak" : ""}`,
      };
    },
    onPick: (index) => {
      const node = rows[index]?.node;
      reader.choose(node === undefined ? undefined : { kind: "node", node });
    },
    onPoint: (index) => {
      const node = index === undefined ? undefined : rows[index]?.node;
      reader.point(node === undefined ? undefined : { kind: "node", node });
    },
  });
  reader.onChange(() => list.refresh());
  const head = element(
    "div",
    { class: "row table-head", "aria-hidden": "true" },
    element("span", { class: "bar" }),
    element("span", { class: "column number wide" }, "size"),
    element("span", { class: "column number wide" }, "steps"),
    element("span", { class: "column number" }, ""),
    element("span", { class: "column name" }, "value"),
  );
  return element(
    "div",
    { class: "view" },
    element("p", { class: "summary" }, summary),
    ...(memory.tensors.length === 0 ? [] : [memoryPicture(reader, summary), head, list.element]),
  );
}

/** Above, the bytes alive at each step; below, every tensor as a box of its addresses and steps. */
function memoryPicture(reader: Reader, summary: string): SVGSVGElement {
  const { inspection } = reader;
  const { memory, steps } = inspection;
  const top = size.curve + size.gap;
  const height = top + size.places + 20;
  const x = (step: number) => size.left + ((size.width - size.left) * step) / Math.max(1, steps);
  const most = memory.live.reduce((all, bytes) => Math.max(all, bytes), 1);
  const starts = memory.arenas.map((_, i) => memory.arenas.slice(0, i).reduce((sum, bytes) => sum + bytes, 0));
  const total = Math.max(
    1,
    memory.arenas.reduce((sum, bytes) => sum + bytes, 0),
  );
  const y = (bytes: number) => top + (size.places * bytes) / total;
  const curve = memory.live.flatMap((bytes, step) => {
    const level = size.curve - (size.curve - 4) * (bytes / most);
    return [`${x(step)},${level}`, `${x(step + 1)},${level}`];
  });
  const boxes = memory.tensors.map(({ node, arena, offset, bytes, from, to }) => {
    const start = (starts[arena] ?? 0) + offset;
    const at = inspection.nodes[node];
    const title = `${at?.name ?? at?.op}: ${at?.type}, ${printSize(bytes)}, steps ${from} to ${to}`;
    const box = drawing(
      "rect",
      {
        x: x(from),
        y: y(start),
        width: Math.max(1, x(to + 1) - x(from)),
        height: Math.max(1, y(start + bytes) - y(start)),
        "data-node": node,
      },
      drawing("title", {}, title),
    );
    box.addEventListener("click", () => reader.choose({ kind: "node", node }));
    box.addEventListener("pointerenter", () => reader.point({ kind: "node", node }));
    box.addEventListener("pointerleave", () => reader.point(undefined));
    return box;
  });
  const mark = () => {
    boxes.forEach((box, i) => {
      setAttributes(box, { class: `tensor shade-${i % 4} ${nodeMarks(reader, Number(box.dataset.node))}` });
    });
  };
  mark();
  reader.onChange(mark);
  const middle = x(memory.peakStep + 0.5);
  return drawing(
    "svg",
    { viewBox: `0 0 ${size.width} ${height}`, class: "memory", role: "img", "aria-label": `Memory plan. ${summary}` },
    drawing("text", { x: size.left - 6, y: 12, "text-anchor": "end" }, printSize(most)),
    drawing("text", { x: size.left - 6, y: size.curve, "text-anchor": "end" }, "alive"),
    drawing("polyline", {
      points: `${x(0)},${size.curve} ${curve.join(" ")} ${x(steps)},${size.curve}`,
      class: "live",
    }),
    ...starts.map((start, i) =>
      drawing("text", { x: size.left - 6, y: y(start) + 12, "text-anchor": "end" }, `arena ${i}`),
    ),
    ...boxes,
    drawing("line", { x1: middle, x2: middle, y1: 0, y2: top + size.places, class: "peak" }),
    drawing(
      "text",
      { x: middle, y: height - 4, "text-anchor": middle > size.width / 2 ? "end" : "start", class: "peak-label" },
      `peak at step ${memory.peakStep}`,
    ),
  );
}
