/** The folder that `weft build` writes: a new or empty one, or that of an earlier build. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ModuleFile, moduleRuntimeFiles } from "../codegen/index.ts";
import { packageRoot } from "../library.ts";
import { InputProblems } from "./exit-status.ts";
import { readSourceText } from "./source-files.ts";

/** The runtime that the build of Weft bundled. @throws InputProblems when the package was not built */
export function readRuntime(): ModuleFile[] {
  return moduleRuntimeFiles.map((path) => ({
    path,
    text: readSourceText(join(packageRoot, "dist", "standalone", path)),
  }));
}

/**
 * Makes the folder, and removes the files of an earlier build from it: kernels that are no longer there would only mislead.
 *
 * @throws InputProblems when it holds anything that no build wrote
 */
export function prepareFolder(folder: string): void {
  try {
    if (existsSync(folder)) {
      if (!statSync(folder).isDirectory()) throw new InputProblems([`${folder} is a file, not a folder`]);
      if (readdirSync(folder).length > 0) {
        for (const file of filesOfEarlierBuild(folder)) rmSync(join(folder, file), { force: true });
      }
    }
    mkdirSync(join(folder, "kernels"), { recursive: true });
  } catch (error) {
    throw asInputProblem(folder, error);
  }
}

/** Writes the files in order; the manifest comes last, so that a folder with one is whole. */
export function writeModuleFiles(folder: string, files: readonly ModuleFile[]): void {
  try {
    for (const { path, text } of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
  } catch (error) {
    throw asInputProblem(folder, error);
  }
}

function filesOfEarlierBuild(folder: string): readonly string[] {
  const refuse = () =>
    new InputProblems([`${folder} is not empty and holds no module of \`weft build\`; give another folder`]);
  try {
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
      readonly generator?: unknown;
      readonly files?: unknown;
    };
    const { generator, files } = manifest;
    if (typeof generator !== "string" || !generator.startsWith("weft ") || !Array.isArray(files)) throw refuse();
    // Only names that a build gives: a manifest is a file like any other, and must not remove what lies elsewhere.
    return files.filter(
      (file): file is string => typeof file === "string" && /^(kernels\/)?[\w-]+(\.\w+)+$/.test(file),
    );
  } catch {
    throw refuse();
  }
}

function asInputProblem(folder: string, error: unknown): unknown {
  if (error instanceof InputProblems) return error;
  return new InputProblems([`${folder} cannot be written (${(error as NodeJS.ErrnoException).code ?? error})`]);
}
