/** The text over a reload of the page, in the tab's own memory, in the form of a link. */
import type { Draft } from "./draft.ts";
import { fragmentOf, readFragment } from "./share-link.ts";

const key = "weft-draft";

/** Keeps a draft where the browser allows it; one that is too long for a link is not kept. */
export async function keepDraft(draft: Draft): Promise<void> {
  try {
    sessionStorage.setItem(key, await fragmentOf(draft));
  } catch {
    // Without memory the page works as well.
  }
}

/** The draft that was kept. */
export async function keptDraft(): Promise<Draft | undefined> {
  try {
    const shared = await readFragment(sessionStorage.getItem(key) ?? "");
    return shared.kind === "draft" ? shared.draft : undefined;
  } catch {
    return undefined;
  }
}
