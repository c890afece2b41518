/** Where the contestants run: the peers installed, and the adapter that all of them find. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDevice } from "../src/runtime/index.ts";
import { softwareDriverManifest } from "../src/runtime/node.ts";

const bench = dirname(fileURLToPath(import.meta.url));

/** Peers live below bench/, so that Weft itself depends on none of them. */
export function installPeers(): void {
  const stamp = join(bench, "node_modules", ".package-lock.json");
  const lock = join(bench, "package-lock.json");
  const names = (file: string) =>
    Object.entries(
      (JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, { version?: string }> }).packages,
    )
      .filter(([path]) => path !== "")
      .map(([path, { version }]) => `${path}@${version}`)
      .join(" ");
  if (existsSync(stamp) && names(stamp) === names(lock)) return;
  process.stderr.write("bench: installing the peers (npm ci --ignore-scripts)\n");
  const result = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: bench,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (result.status !== 0) throw new Error("the peers could not be installed; the lines above say why");
}

/** The adapter, and what makes the peers' own copies of Dawn find the same one. */
export async function chooseAdapter(): Promise<{
  readonly adapter: string;
  readonly environment: Record<string, string>;
}> {
  const device = await openDevice({ prefer: "auto" });
  const { kind, description } = device.profile;
  device.close();
  const manifest = kind === "software" && process.platform === "linux" ? softwareDriverManifest() : undefined;
  return { adapter: description, environment: manifest === undefined ? {} : { VK_DRIVER_FILES: manifest } };
}
