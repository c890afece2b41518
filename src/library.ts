/** Where the installed package keeps its own .weft files. Node only; browsers bring the texts themselves. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the package: this file lies in src/, and in dist/ once it is built. */
export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Text of a file of the standard library, by the path that `use` gives it (`std/nn.weft`); undefined when there is none, or
 * for any other path.
 */
export function readLibrarySource(path: string): string | undefined {
  if (!/^std\/[\p{L}\p{N}_/-]+\.weft$/u.test(path)) return undefined;
  try {
    return readFileSync(join(packageRoot, path), "utf8");
  } catch {
    return undefined;
  }
}
