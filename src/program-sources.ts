/** Where the texts of a program come from: the caller's own, and in Node the library of the installed package. */
import type { ReadSource } from "./compile.ts";

/**
 * The given text under its path, then what the caller reads, then the installed library.
 *
 * @param path  of the text, from which `use ./…` is resolved
 */
export async function sourcesFor(
  path: string,
  source: string,
  readSource: ReadSource | undefined,
): Promise<ReadSource> {
  const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
  const library: ReadSource = inNode ? (await import("./library.ts")).readLibrarySource : () => undefined;
  return (wanted) => (wanted === path ? source : (readSource?.(wanted) ?? library(wanted)));
}
