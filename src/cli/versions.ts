/** Versions of what Weft is made of, for `--version`, `doctor` and reports of bugs. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../library.ts";

/** Version of the installed package. */
export function packageVersion(): string {
  return versionIn(join(packageRoot, "package.json")) ?? "unknown";
}

/** Version of the npm package that carries Dawn, or undefined when it is not installed. */
export function dawnPackageVersion(): string | undefined {
  try {
    const main = createRequire(import.meta.url).resolve("webgpu");
    return versionIn(join(dirname(main), "package.json"));
  } catch {
    return undefined;
  }
}

function versionIn(file: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { version?: string }).version;
  } catch {
    return undefined;
  }
}
