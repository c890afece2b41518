/** What someone works on: a text, and how it is to be built and run. */

export interface Draft {
  /** Name of the text in messages, from which `use ./…` is resolved. */
  readonly path: string;
  readonly text: string;
  /** Model of the entry; absent for a bare function, and with `entry` for the first of the text. */
  readonly model?: string;
  readonly entry?: string;
  readonly preset?: string;
  /** Model parameters and generic sizes that are given; the others are chosen. */
  readonly settings: Readonly<Record<string, number | boolean>>;
  /** Seed of parameters and inputs. */
  readonly seed: number;
  /** False leaves the graph as it is written, every node a kernel of its own. */
  readonly optimise: boolean;
}

/** Path of a text that belongs to nothing else. */
export const ownPath = "playground.weft";

/** How a text is built when nobody says anything. */
export const plainDraft: Omit<Draft, "text"> = { path: ownPath, settings: {}, seed: 0, optimise: true };

/** Whether both build the same. */
export function sameDraft(a: Draft, b: Draft): boolean {
  return JSON.stringify(keyOf(a)) === JSON.stringify(keyOf(b));
}

const keyOf = ({ path, text, model, entry, preset, settings, seed, optimise }: Draft) => [
  [path, text, model, entry, preset, seed, optimise],
  Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)),
];

/** The value that somebody typed for a size or a switch; undefined when it is neither. */
export function settingFrom(typed: string): number | boolean | undefined {
  const text = typed.trim();
  if (text === "true" || text === "false") return text === "true";
  const number = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}
