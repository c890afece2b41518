/** Views of which one is shown; arrows move between the tabs, as the ARIA practices have it. */
import { element, setAttributes } from "./elements.ts";

export interface Tab {
  readonly name: string;
  readonly content: HTMLElement;
}

export interface Tabs {
  readonly element: HTMLElement;
  readonly open: (index: number) => void;
}

/**
 * @param first   the one that is open at the start
 * @param onOpen  told of every change
 */
export function tabs(label: string, entries: readonly Tab[], first = 0, onOpen?: (index: number) => void): Tabs {
  const buttons = entries.map(({ name }, i) =>
    element(
      "button",
      { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `panel-${i}`, title: `Key ${i + 1}` },
      name,
    ),
  );
  const panels = entries.map(({ content }, i) =>
    element("div", { role: "tabpanel", id: `panel-${i}`, "aria-labelledby": `tab-${i}`, class: "panel" }, content),
  );
  const open = (index: number) => {
    buttons.forEach((each, i) => {
      setAttributes(each, { "aria-selected": String(i === index), tabindex: i === index ? 0 : -1 });
    });
    panels.forEach((panel, i) => {
      panel.hidden = i !== index;
    });
    onOpen?.(index);
  };
  buttons.forEach((each, i) => {
    each.addEventListener("click", () => open(i));
    each.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1 }[event.key];
      if (to === undefined) return;
      const index = (to + buttons.length) % buttons.length;
      open(index);
      buttons[index]?.focus();
    });
  });
  open(first);
  const list = element("div", { role: "tablist", "aria-label": label }, ...buttons);
  return { element: element("section", { class: "pane tabs", "aria-label": label }, list, ...panels), open };
}
