/** Writing down what a maintainer needs to see a bug again: the graph or the sources, the request, the error. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageVersion } from "./versions.ts";

export interface Reproducer {
  /** Pass, kernel, or step of the compiler. */
  readonly stage: string;
  readonly error: unknown;
  /** Files by name: IR text, sources, WGSL. */
  readonly files: ReadonlyMap<string, string>;
}

const folder = join(".weft", "reproducers");

/**
 * Writes a folder of files below `.weft/reproducers/` in the working folder.
 *
 * @returns its path, or undefined when it cannot be written, which must not hide the bug itself
 */
export function writeReproducer({ stage, error, files }: Reproducer): string | undefined {
  const time = new Date().toISOString().replace(/[:.]/g, "-");
  const path = join(folder, `${time}-${stage.replace(/[^\p{L}\p{N}-]+/gu, "-").slice(0, 40)}`);
  const report = {
    weft: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    arguments: process.argv.slice(2),
    stage,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
  try {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    for (const [name, text] of files) writeFileSync(join(path, name.replace(/[^\p{L}\p{N}._-]+/gu, "_")), text);
    return path;
  } catch {
    return undefined;
  }
}
