/** Where the contestants run: the peers installed, and the adapter that all of them find. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDevice, type WeftDevice } from "../src/runtime/index.ts";
import { softwareDriverManifest } from "../src/runtime/node.ts";
import type { ContestantName } from "./workload.ts";

const bench = dirname(fileURLToPath(import.meta.url));

/**
 * Installs the peers below bench/, so that Weft itself depends on none of them, unless only Weft is asked for.
 *
 * @returns the contestants that can take part: without the peers, as on a machine without network, Weft alone
 */
export function installPeers(
  contestants: readonly ContestantName[],
  say: (line: string) => void,
): readonly ContestantName[] {
  if (!contestants.some((name) => name !== "weft")) return contestants;
  const stamp = join(bench, "node_modules", ".package-lock.json");
  const lock = join(bench, "package-lock.json");
  const names = (file: string) =>
    Object.entries(
      (JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, { version?: string }> }).packages,
    )
      .filter(([path]) => path !== "")
      .map(([path, { version }]) => `${path}@${version}`)
      .join(" ");
  if (existsSync(stamp) && names(stamp) === names(lock)) return contestants;
  say("bench: installing the peers (npm ci --ignore-scripts)");
  const result = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: bench,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (result.status === 0) return contestants;
  const own = contestants.filter((name) => name === "weft");
  if (own.length === 0) throw new Error("the peers could not be installed; the lines above say why");
  say("bench: the peers could not be installed, so Weft runs alone");
  return own;
}

const wishes = ["auto", "gpu", "software"] as const;
export type AdapterWish = (typeof wishes)[number];

/** @throws for a text that is none of the wishes */
export function readAdapterWish(text: string | undefined): AdapterWish {
  const wish = wishes.find((known) => known === (text ?? "auto"));
  if (wish === undefined) throw new Error(`--adapter ${text}: it is ${wishes.join(", ")}`);
  return wish;
}

/**
 * The adapter, and what makes all contestants' processes find the same one.
 *
 * @throws DeviceError "no-adapter" when there is none of the wanted kind
 */
export async function chooseAdapter(wish: AdapterWish): Promise<{
  readonly profile: WeftDevice["profile"];
  readonly environment: Record<string, string>;
}> {
  const device = await openDevice({ prefer: wish });
  const { profile } = device;
  device.close();
  const manifest = profile.kind === "software" && process.platform === "linux" ? softwareDriverManifest() : undefined;
  const own = { WEFT_ADAPTER: profile.kind };
  return { profile, environment: manifest === undefined ? own : { ...own, VK_DRIVER_FILES: manifest } };
}
