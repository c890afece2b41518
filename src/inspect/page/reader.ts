/** What the reader looks at: the inspection with its tables, the chosen thing, and who wants to know when that changes. */
import { attributeCosts, type CostTables } from "../attribute-cost.ts";
import { valuesOfEquations } from "../equation-values.ts";
import type { Inspection } from "../inspection.ts";
import { type Anchor, makeRelations, type Related, type Relations, unrelated } from "../related.ts";
import type { ValueSummary } from "../value-statistics.ts";

export interface Reader {
  readonly inspection: Inspection;
  readonly costs: CostTables;
  readonly relations: Relations;
  /** What each equation was seen to compute; undefined for all without a probe. */
  readonly values: readonly (ValueSummary | undefined)[];
  /** What belongs to the thing chosen with a click. */
  readonly chosen: () => Related;
  readonly anchor: () => Anchor | undefined;
  /** What belongs to the thing under the pointer. */
  readonly pointed: () => Related;
  readonly choose: (anchor: Anchor | undefined) => void;
  readonly point: (anchor: Anchor | undefined) => void;
  /** `chosen`: views bring what is marked into view. `pointed`: they only mark it. */
  readonly onChange: (listener: (what: "chosen" | "pointed") => void) => void;
  /** A key is pressed anywhere on the page but where one writes or chooses, and without Control, Alt or Meta. */
  readonly onKey: (listener: (key: string) => void) => void;
}

/**
 * @param until  ends what the views listen to on the whole page, for pages on which other views follow
 */
export function makeReader(inspection: Inspection, until?: AbortSignal): Reader {
  const relations = makeRelations(inspection);
  let anchor: Anchor | undefined;
  let chosen = unrelated;
  let pointed = unrelated;
  let pointedKey = "";
  const listeners: ((what: "chosen" | "pointed") => void)[] = [];
  const tell = (what: "chosen" | "pointed") => {
    for (const listener of listeners) listener(what);
  };
  return {
    inspection,
    costs: attributeCosts(inspection),
    relations,
    values: valuesOfEquations(inspection),
    chosen: () => chosen,
    anchor: () => anchor,
    pointed: () => pointed,
    choose: (next) => {
      anchor = next;
      chosen = next === undefined ? unrelated : relations.of(next);
      tell("chosen");
    },
    point: (next) => {
      // The pointer moves a lot; only another thing under it is news.
      const key = JSON.stringify(next) ?? "";
      if (key === pointedKey) return;
      pointedKey = key;
      pointed = next === undefined ? unrelated : relations.of(next);
      tell("pointed");
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
    onKey: (listener) => {
      document.addEventListener(
        "keydown",
        (event) => {
          const isOther = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
          if (!isOther && !takesKeys(event.target)) listener(event.key);
        },
        { signal: until },
      );
    },
  };
}

/** Whether typing on it means something already. */
function takesKeys(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("select, textarea, input:not([type=checkbox])"))
  );
}

/** Classes that show how a row or piece of text belongs to what is chosen and pointed at. */
export function markClasses(chosen: boolean, kin: boolean, pointed: boolean): string {
  return `${chosen ? "marked" : kin ? "kin" : ""} ${pointed ? "pointed" : ""}`;
}

/** The same for a node. */
export function nodeMarks(reader: Reader, node: number): string {
  const [chosen, pointed] = [reader.chosen(), reader.pointed()];
  return markClasses(chosen.nodes.has(node), chosen.kin.has(node), pointed.nodes.has(node));
}

/** The same for a launch. */
export function launchMarks(reader: Reader, launch: number): string {
  return markClasses(reader.chosen().launches.has(launch), false, reader.pointed().launches.has(launch));
}
