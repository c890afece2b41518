/** The .weft files of the library and the models, which the tests of the language server read. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkSource } from "../../src/compile.ts";
import type { CheckedProgram } from "../../src/frontend/index.ts";
import { packageRoot } from "../../src/library.ts";

/** Paths from the root of the package, `std/…` and `models/…`. */
export const weftFiles: readonly string[] = ["std", "models"].flatMap((folder) =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".weft"))
    .map((name) => `${folder}/${name.split("\\").join("/")}`)
    .sort(),
);

export const readWeft = (path: string): string => readFileSync(join(packageRoot, path), "utf8");

/** A file by its path from the root of the package, or undefined. */
export function readFromPackage(path: string): string | undefined {
  try {
    return readWeft(path);
  } catch {
    return undefined;
  }
}

export function checkText(path: string, text: string): CheckedProgram {
  return checkSource(path, (wanted) => (wanted === path ? text : readFromPackage(wanted)));
}
