/** Making elements. Texts always go in as text, never as markup. */

type Child = Node | string | undefined;

/** Attributes by name; those that are undefined or false are left out, true ones are empty. */
export type ElementAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** An HTML element with attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: ElementAttributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(name), attributes, children);
}

/** An SVG element with attributes and children. */
export function drawing<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: ElementAttributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled<E extends Element>(made: E, attributes: ElementAttributes, children: readonly Child[]): E {
  setAttributes(made, attributes);
  for (const child of children) if (child !== undefined) made.append(child);
  return made;
}

export function setAttributes(target: Element, attributes: ElementAttributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) target.removeAttribute(name);
    else target.setAttribute(name, value === true ? "" : String(value));
  }
}

/** A button that does something. */
export function button(text: string, attributes: ElementAttributes, onClick: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** A drop-down of labelled choices. */
export function chooser(
  label: string,
  options: readonly string[],
  onChange: (index: number) => void,
): HTMLSelectElement {
  const made = element(
    "select",
    { "aria-label": label },
    ...options.map((text, i) => element("option", { value: i }, text)),
  );
  made.addEventListener("change", () => onChange(made.selectedIndex));
  return made;
}

/** Runs work once before the next frame, however often it is asked for. */
export function beforeNextFrame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/**
 * Listens to clicks inside a frame whose contents are drawn anew while the pointer moves: where what was pressed is gone at the
 * release, the browser knows only that the frame was clicked, and what was pressed counts.
 *
 * @param act  gets the event whose target was meant
 */
export function onClickInside(frame: HTMLElement, act: (event: Event) => void): void {
  let pressed: Event | undefined;
  frame.addEventListener("pointerdown", (event) => {
    pressed = event;
  });
  frame.addEventListener("click", (event) => {
    const isGone = pressed?.target instanceof Element && !pressed.target.isConnected;
    act(isGone && pressed !== undefined && event.detail > 0 ? pressed : event);
    pressed = undefined;
  });
}
