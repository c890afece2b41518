/** The switch between the light and the dark look; at first it is the reader's system that decides. */
import { button } from "./elements.ts";

export function lightOrDark(): HTMLButtonElement {
  return button("Light or dark", { class: "quiet" }, () => {
    const root = document.documentElement;
    const isDark =
      getComputedStyle(root).colorScheme === "dark" ||
      (root.style.colorScheme === "" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.style.colorScheme = isDark ? "light" : "dark";
  });
}
