/** The numbers of a run, and what they cost. */
import { button, element, printNumberOf, printSize, printTime } from "../../src/inspect/page/index.ts";
import type { RunAnswer, RunOutput } from "./build-service.ts";

export interface ResultView {
  readonly element: HTMLElement;
  readonly show: (run: RunAnswer, isOnDevice: boolean) => void;
  /** Says that the numbers are those of an older draft. */
  readonly markOld: () => void;
  readonly clear: () => void;
}

export function resultView(): ResultView {
  const view = element("section", { class: "result", "aria-label": "Result of the run", hidden: true });
  return {
    element: view,
    show: (run, isOnDevice) => {
      view.hidden = false;
      view.classList.remove("old");
      view.replaceChildren(...contents(run, isOnDevice));
    },
    markOld: () => view.classList.add("old"),
    clear: () => {
      view.hidden = true;
      view.replaceChildren();
    },
  };
}

function contents({ outputs, report, deviceBytes }: RunAnswer, isOnDevice: boolean): HTMLElement[] {
  const { ms, kernels, dispatches, peakBytes, parameterBytes, adapter } = report;
  const planned = isOnDevice ? "" : " on a device";
  const facts: readonly (readonly [string, string])[] = [
    ["run", printTime(ms.run)],
    ["compile", printTime(ms.compile)],
    ...(isOnDevice ? ([["pipelines", printTime(ms.pipelines)]] as const) : []),
    [
      "kernels",
      `${printNumberOf(kernels, "kernel")}, ${printNumberOf(dispatches, "dispatch", "dispatches")}${planned}`,
    ],
    ["peak", `${printSize(peakBytes)} of activations${planned}`],
    ["parameters", printSize(parameterBytes)],
    ...(deviceBytes === undefined ? [] : ([["all buffers", printSize(deviceBytes)]] as const)),
  ];
  return [
    element("h2", {}, "Result", element("span", { class: "old-note" }, " (of the text before)")),
    element("p", { class: "summary" }, `Random inputs, computed by ${adapter}.`),
    element(
      "dl",
      {},
      ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    ),
    ...outputs.map((output) =>
      element(
        "div",
        { class: "output" },
        element("pre", {}, output.text),
        button("Save", { "aria-label": `Save ${output.name} as JSON` }, () => save(output)),
      ),
    ),
  ];
}

/** Hands an output over as a file of JSON: name, type, shape and values in row-major order. */
function save({ name, type, data }: RunOutput): void {
  // JSON has no infinities; NaN and they become strings.
  const values = Array.from(data, (value) => (Number.isFinite(value) ? value : String(value)));
  const text = JSON.stringify({ name, dtype: type.dtype, shape: type.shape, values });
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href: address, download: `${name.replace(/[^\p{L}\p{N}_-]/gu, "_")}.json` }).click();
  URL.revokeObjectURL(address);
}
