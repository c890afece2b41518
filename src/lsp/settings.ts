/** What an editor can set, under `weft`. */
import { type CostSettings, defaultCostSettings } from "./line-costs.ts";

export interface ServerSettings extends CostSettings {
  /** Whether types are shown behind `let`. */
  readonly inlayHints: boolean;
}

/** Settings from whatever the client sent; what does not fit is as if left out. */
export function readSettings(given: unknown): ServerSettings {
  const { preset, sizes, inlayHints } = recordOf(given);
  const numbers = Object.entries(recordOf(sizes)).filter(
    (entry): entry is [string, number] => Number.isSafeInteger(entry[1]) && (entry[1] as number) > 0,
  );
  return {
    preset: typeof preset === "string" && preset !== "" ? preset : defaultCostSettings.preset,
    sizes: Object.fromEntries(numbers),
    inlayHints: inlayHints !== false,
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
