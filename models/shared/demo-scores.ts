/** Scores that a system's demo measures on held-out samples (`weft demo NAME --test N`). */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * What `weft demo NAME --preset tiny --json` reports under `scores`.
 *
 * @param options of the demo, weights among them
 * @throws Error when the demo fails; it has printed why
 */
export function demoScores<Scores>(name: string, options: readonly string[]): Scores {
  const words = ["tsx", "src/cli/main.ts", "demo", name, "--preset", "tiny", "--json", ...options];
  const { status, stdout } = spawnSync("npx", words, { stdio: ["ignore", "pipe", "inherit"], cwd: root });
  if (status !== 0) throw new Error(`weft demo ${name} ended with status ${status}`);
  return (JSON.parse(stdout.toString("utf8")) as { readonly scores: Scores }).scores;
}
