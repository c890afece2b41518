// Builds a module with the `weft` command of this checkout, as a project would with `npx weft build`.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs `weft build FILE -o .weft/examples/NAME OPTIONS…` and returns the module's folder. */
export function buildModule(file, name, ...options) {
  const folder = join(root, ".weft", "examples", name);
  const args = [join(root, "bin", "weft.mjs"), "build", join(root, file), "-o", folder, ...options];
  const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
  return folder;
}
