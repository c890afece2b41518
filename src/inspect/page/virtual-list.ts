/** A list of any length of which only the visible rows exist. One stop of the tab key; arrows move inside. */
import { beforeNextFrame, element, onClickInside, setAttributes } from "./elements.ts";

export interface ListRow {
  readonly content: readonly (Node | string)[];
  readonly classes?: string;
  readonly selected?: boolean;
  /** What a screen reader says, where the contents alone would be numbers without names. */
  readonly label?: string;
}

export interface ListOptions {
  /** For screen readers. */
  readonly label: string;
  readonly classes?: string;
  readonly count: () => number;
  readonly row: (index: number) => ListRow;
  /** Widest row in characters, for scrolling sideways; 0 wraps nothing and cuts off. */
  readonly characters?: () => number;
  /** A row was clicked, or Enter pressed on it; the event tells what inside the row was hit. */
  readonly onPick?: (index: number, event: Event) => void;
  /** The pointer is over a row, or has left the list. */
  readonly onPoint?: (index: number | undefined, event: Event) => void;
}

export interface VirtualList {
  readonly element: HTMLElement;
  /** Draws the visible rows anew. */
  readonly refresh: () => void;
  /** Brings a row into view and makes it the current one. */
  readonly show: (index: number) => void;
}

/** Must agree with the style sheet's line height of rows. */
const rowHeight = 20;
/** Rows drawn beyond both ends, so that scrolling shows no gaps. */
const margin = 8;

let lists = 0;

export function virtualList(options: ListOptions): VirtualList {
  const prefix = `list-${lists++}-`;
  let current = 0;
  const space = element("div", { class: "list-space", role: "presentation" });
  const frame = element(
    "div",
    { class: `list ${options.classes ?? ""}`, role: "listbox", tabindex: 0, "aria-label": options.label },
    space,
  );

  const draw = () => {
    const count = options.count();
    current = Math.max(0, Math.min(current, count - 1));
    space.style.height = `${count * rowHeight}px`;
    const characters = options.characters?.() ?? 0;
    space.style.minWidth = characters > 0 ? `${characters + 2}ch` : "100%";
    const first = Math.max(0, Math.floor(frame.scrollTop / rowHeight) - margin);
    const last = Math.min(count, Math.ceil((frame.scrollTop + frame.clientHeight) / rowHeight) + margin);
    const rows: HTMLElement[] = [];
    for (let index = first; index < last; index++) {
      const { content, classes = "", selected = false, label } = options.row(index);
      const row = element(
        "div",
        {
          class: `row ${classes} ${index === current ? "current" : ""}`,
          role: "option",
          id: prefix + index,
          "aria-selected": String(selected),
          "aria-label": label,
          "aria-setsize": count,
          "aria-posinset": index + 1,
          "data-row": index,
        },
        ...content,
      );
      row.style.top = `${index * rowHeight}px`;
      rows.push(row);
    }
    space.replaceChildren(...rows);
    setAttributes(frame, { "aria-activedescendant": count > 0 ? prefix + current : undefined });
  };
  const refresh = beforeNextFrame(draw);

  const show = (index: number) => {
    current = index;
    const top = index * rowHeight;
    const isVisible = top >= frame.scrollTop && top + rowHeight <= frame.scrollTop + frame.clientHeight;
    if (!isVisible) frame.scrollTop = Math.max(0, top - frame.clientHeight / 3);
    refresh();
  };

  const rowOf = (event: Event): number | undefined => {
    const row = (event.target as Element).closest<HTMLElement>("[data-row]");
    return row === null ? undefined : Number(row.dataset.row);
  };
  frame.addEventListener("scroll", refresh, { passive: true });
  onClickInside(frame, (event) => {
    const index = rowOf(event);
    if (index === undefined) return;
    current = index;
    options.onPick?.(index, event);
    refresh();
  });
  frame.addEventListener("pointerover", (event) => options.onPoint?.(rowOf(event), event));
  frame.addEventListener("pointerleave", (event) => options.onPoint?.(undefined, event));
  frame.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(frame.clientHeight / rowHeight) - 1);
    const count = options.count();
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: count - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      show(Math.max(0, Math.min(count - 1, to)));
    } else if ((event.key === "Enter" || event.key === " ") && count > 0) {
      event.preventDefault();
      options.onPick?.(current, event);
    }
  });
  new ResizeObserver(refresh).observe(frame);
  return { element: frame, refresh, show };
}
