/** Where results of an adapter are kept, so that those of one never replace those of another. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceProfile } from "../src/codegen/index.ts";

export const benchFolder = dirname(fileURLToPath(import.meta.url));

/** `NVIDIA H200` as `nvidia-h200`; what is in brackets (drivers, versions) is left out. */
export function adapterName(description: string): string {
  const plain = description
    .replace(/\([^)]*\)/g, " ")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return plain === "" ? "unnamed-adapter" : plain;
}

/** The folder of an adapter's results below bench/: bench/ itself for software adapters, which every checkout has; else one by its name. */
export function resultFolder({ kind, description }: Pick<DeviceProfile, "kind" | "description">): string {
  return kind === "software" ? benchFolder : join(benchFolder, "adapters", adapterName(description));
}

/** The folder, made if need be, and its path from the root of the repository. */
export function openResultFolder(profile: Pick<DeviceProfile, "kind" | "description">): {
  readonly folder: string;
  readonly shown: string;
} {
  const folder = resultFolder(profile);
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
  return { folder, shown: relative(dirname(benchFolder), folder) };
}
