/**
 * Packs the VS Code extension with its language server and the library: `npx tsx scripts/package-extension.ts [FOLDER]` writes weft-VERSION.vsix
 * into dist/, or into the folder given. Nothing is fetched, and no account is needed.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX } from "@vscode/vsce";
import { build } from "esbuild";
import { grammarFile } from "./make-grammar.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const extension = join(root, "editors", "vscode");

/**
 * Writes the package into a folder and returns its path.
 *
 * @throws Error when bundling or packing fails
 */
export async function packageExtension(folder: string): Promise<string> {
  const staged = mkdtempSync(join(tmpdir(), "weft-extension-"));
  try {
    const manifest = JSON.parse(readFileSync(join(extension, "package.json"), "utf8"));
    // What only the repository needs stays there.
    const { scripts: _scripts, devDependencies: _dependencies, private: _private, ...packed } = manifest;
    const files = ["LICENSE", "README.md", "language-configuration.json", "dist/*.js", "std/*.weft", "syntaxes/*.json"];
    writeFileSync(join(staged, "package.json"), `${JSON.stringify({ ...packed, files }, undefined, 2)}\n`);
    for (const name of ["README.md", "language-configuration.json"]) cpSync(join(extension, name), join(staged, name));
    cpSync(join(root, "LICENSE"), join(staged, "LICENSE"));
    mkdirSync(join(staged, "syntaxes"));
    writeFileSync(join(staged, "syntaxes", "weft.tmLanguage.json"), grammarFile());
    mkdirSync(join(staged, "std"));
    for (const name of readdirSync(join(root, "std")).filter((each) => each.endsWith(".weft")))
      cpSync(join(root, "std", name), join(staged, "std", name));
    await build({
      absWorkingDir: extension,
      entryPoints: ["src/extension.ts", "src/server.ts"],
      outdir: join(staged, "dist"),
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      external: ["vscode"],
      define: { weftVersion: JSON.stringify(manifest.version) },
      minify: true,
      logLevel: "warning",
    });
    mkdirSync(folder, { recursive: true });
    const packagePath = join(folder, `${manifest.name}-${manifest.version}.vsix`);
    await createVSIX({ cwd: staged, packagePath, dependencies: false, allowMissingRepository: true });
    return packagePath;
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${await packageExtension(process.argv[2] ?? join(root, "dist"))}\n`);
}
