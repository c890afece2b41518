/** What is run, and with which sizes. */
import { element, setAttributes } from "../../src/inspect/page/index.ts";
import { type Draft, settingFrom } from "./draft.ts";
import type { EntryChoice, SettingChoice } from "./language-service.ts";

/** The part of a draft that is chosen here. */
export type Choice = Pick<Draft, "model" | "entry" | "preset" | "settings" | "seed" | "optimise">;

export interface SettingsEvents {
  readonly onChange: (choice: Choice) => void;
  /** A field holds what is no value. */
  readonly onInvalid: (message: string) => void;
}

export interface SettingsView {
  readonly element: HTMLElement;
  /** Shows a draft of a text that offers these entries. */
  readonly show: (choice: Choice, entries: readonly EntryChoice[]) => void;
  /** Shows what the sizes are that the draft leaves open. */
  readonly showValues: (values: Readonly<Record<string, number | boolean>>) => void;
}

/** The entry that a choice means; undefined when the text no longer has it. */
export function chosenEntry({ model, entry }: Choice, entries: readonly EntryChoice[]): EntryChoice | undefined {
  if (entry === undefined) return entries[0];
  return entries.find((each) => each.entry === entry && (model === undefined || each.model === model));
}

const labelOf = ({ model, entry }: EntryChoice) => (model === undefined ? entry : `${model}.${entry}`);

export function settingsView({ onChange, onInvalid }: SettingsEvents): SettingsView {
  let entries: readonly EntryChoice[] = [];
  let choice: Choice = { settings: {}, seed: 0, optimise: true };
  let shown = "";
  let fields = new Map<string, HTMLInputElement>();

  const entryList = element("select", { id: "entry" });
  const presetList = element("select", { id: "preset" });
  const preset = element("label", {}, "Preset ", presetList);
  const sizes = element("div", { class: "fields" });
  const parameters = element("div", { class: "fields" });
  const model = element("details", {}, element("summary", {}, "Parameters of the model"), parameters);
  const seed = element("input", { inputmode: "numeric", size: 5, spellcheck: "false", autocomplete: "off" });
  const optimise = element("input", { type: "checkbox" });

  const change = (next: Partial<Choice>) => {
    choice = { ...choice, ...next };
    onChange(choice);
  };
  entryList.addEventListener("change", () => {
    const next = entries[entryList.selectedIndex];
    if (next === undefined) return;
    const known = new Set(next.settings.map(({ name }) => name));
    const settings = Object.fromEntries(Object.entries(choice.settings).filter(([name]) => known.has(name)));
    const kept = choice.preset !== undefined && next.presets.includes(choice.preset) ? choice.preset : undefined;
    change({ model: next.model, entry: next.entry, preset: kept, settings });
    show(choice, entries);
  });
  presetList.addEventListener("change", () =>
    change({ preset: presetList.value === "" ? undefined : presetList.value }),
  );
  optimise.addEventListener("change", () => change({ optimise: optimise.checked }));

  /** Reads all fields; the first that is wrong is told. */
  const readFields = () => {
    const settings: Record<string, number | boolean> = {};
    let wrong: string | undefined;
    const check = (field: HTMLInputElement, name: string, value: number | boolean | undefined, wanted: string) => {
      const isWrong = value === undefined && field.value.trim() !== "";
      setAttributes(field, { "aria-invalid": isWrong ? "true" : undefined });
      if (isWrong) wrong ??= `${name}: \`${field.value}\` is not ${wanted}.`;
    };
    for (const [name, field] of fields) {
      const value = settingFrom(field.value);
      check(field, name, value, "a number, true or false");
      if (value !== undefined) settings[name] = value;
    }
    const seedText = seed.value.trim() === "" ? "0" : seed.value.trim();
    const seedValue = /^\d+$/.test(seedText) && Number.isSafeInteger(Number(seedText)) ? Number(seedText) : undefined;
    check(seed, "Seed", seedValue, "a whole number");
    if (wrong !== undefined) onInvalid(wrong);
    else change({ settings, seed: seedValue ?? 0 });
  };
  seed.addEventListener("input", readFields);

  const fieldFor = ({ name, type, default: value }: SettingChoice) => {
    const field = element("input", { size: 5, spellcheck: "false", autocomplete: "off", placeholder: value });
    field.addEventListener("input", readFields);
    fields.set(name, field);
    return element(
      "label",
      { title: `${name}: ${type}${value === undefined ? "" : ` = ${value}`}` },
      `${name} `,
      field,
    );
  };

  function show(next: Choice, offered: readonly EntryChoice[]): void {
    choice = next;
    entries = offered;
    const current = chosenEntry(choice, entries);
    const key = JSON.stringify([entries, current]);
    if (key !== shown) {
      shown = key;
      fields = new Map();
      entryList.replaceChildren(...entries.map((each) => element("option", {}, labelOf(each))));
      presetList.replaceChildren(
        element("option", { value: "" }, "as written"),
        ...(current?.presets ?? []).map((name) => element("option", { value: name }, name)),
      );
      const isOfModel = (each: SettingChoice) => current?.model !== undefined && each.default !== undefined;
      const all = current?.settings ?? [];
      sizes.replaceChildren(...all.filter((each) => !isOfModel(each)).map(fieldFor));
      parameters.replaceChildren(...all.filter(isOfModel).map(fieldFor));
    }
    entryList.selectedIndex = current === undefined ? -1 : entries.indexOf(current);
    preset.hidden = (current?.presets.length ?? 0) === 0;
    model.hidden = parameters.childElementCount === 0;
    presetList.value = choice.preset ?? "";
    for (const [name, field] of fields) keepTyping(field, choice.settings[name]?.toString() ?? "");
    keepTyping(seed, String(choice.seed));
    optimise.checked = choice.optimise;
  }

  return {
    element: element(
      "div",
      { class: "settings", role: "group", "aria-label": "What is run" },
      element("label", {}, "Run ", entryList),
      preset,
      sizes,
      element("label", { title: "of the parameters and inputs that are drawn" }, "Seed ", seed),
      element("label", { title: "Off: the graph as written, every node a kernel" }, optimise, " optimise"),
      model,
    ),
    show,
    showValues: (values) => {
      for (const [name, field] of fields) {
        const value = values[name];
        if (value !== undefined) field.placeholder = String(value);
      }
    },
  };
}

/** Sets a field's text, but for one in which somebody is typing the same value in other words (`1e3`, `64.`). */
function keepTyping(field: HTMLInputElement, text: string): void {
  if (document.activeElement === field && settingFrom(field.value) === settingFrom(text)) return;
  if (field.value !== text) field.value = text;
  setAttributes(field, { "aria-invalid": undefined });
}
