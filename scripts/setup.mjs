// Makes a fresh checkout ready: dependencies, the built command, a WebGPU adapter. Plain Node without dependencies,
// because it runs before there are any. Each step is quick when there is nothing to do.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installCommands, installSoftwareDriver, mayInstall, softwareDriverManifest } from "./software-vulkan.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const say = (text) => process.stderr.write(`${text}\n`);

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function dependenciesAreCurrent(stamp) {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  if (existsSync(stamp)) return readFileSync(stamp, "utf8") === lockHash();
  // Installed by npm itself rather than by this script: trust the times.
  return statSync(installed).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs;
}

/** Runs `npm ci` when node_modules is missing or was installed from another lock file. */
export function ensureDependencies() {
  const stamp = join(root, "node_modules", ".weft-lock-hash");
  if (!dependenciesAreCurrent(stamp)) {
    say("weft: installing dependencies (npm ci)");
    const npmScript = process.env.npm_execpath;
    const inNode = npmScript !== undefined && /\.[cm]?js$/.test(npmScript);
    const result = spawnSync(
      inNode ? process.execPath : "npm",
      // Without the packages' own scripts: the only one that would do anything here fetches libraries for other hardware.
      [...(inNode ? [npmScript] : []), "ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
      { cwd: root, stdio: ["ignore", 2, 2], shell: !inNode && process.platform === "win32" },
    );
    if (result.status !== 0) throw new SetupError("npm ci failed; the lines above say why");
  }
  if (!existsSync(stamp)) writeFileSync(stamp, lockHash());
}

/** Builds dist/ when it is missing or older than a source file. */
export async function ensureBuilt() {
  // Imported late: the build needs the dependencies that the step before may only just have installed.
  const { buildIfStale } = await import(pathToFileURL(join(root, "scripts", "build.mjs")).href);
  await buildIfStale();
}

function probeAdapter(environment = {}) {
  const result = spawnSync(process.execPath, [join(root, "scripts", "probe-adapter.mjs")], {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, ...environment },
  });
  try {
    const answer = JSON.parse(result.stdout.trim().split("\n").pop() ?? "");
    return answer.found ? answer : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that Dawn finds an adapter. Without one on Linux, a container or CI job run by root gets a software Vulkan
 * driver; everybody else is told the command. Never fails: without an adapter the reference evaluator serves small inputs.
 */
export function ensureAdapter() {
  const manifest = softwareDriverManifest();
  // A broken hardware driver can hide the software one, hence the second try with that one alone.
  const found = () => probeAdapter() ?? (manifest ? probeAdapter({ VK_DRIVER_FILES: manifest }) : undefined);
  if (found()) return;
  if (process.platform === "linux" && mayInstall()) {
    say("weft: no WebGPU adapter here; installing Mesa's software Vulkan driver (once)");
    try {
      installSoftwareDriver();
    } catch (error) {
      say(`weft: ${error.message}`);
    }
    const adapter = probeAdapter() ?? probeAdapter({ VK_DRIVER_FILES: softwareDriverManifest() ?? "" });
    if (adapter) return say(`weft: using ${adapter.description}`);
  }
  const advice = process.platform === "linux" ? `; to get a software one: ${installCommands()}` : "";
  say(`weft: no WebGPU adapter${advice}. Going on with the reference evaluator, which is slow.`);
}

/** A set-up step that could not be done; its message is for the user. */
export class SetupError extends Error {}

/** Everything, in order. */
export async function setUp() {
  ensureDependencies();
  await ensureBuilt();
  ensureAdapter();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(setUp);
}

/** Runs a script's main function; a `SetupError` ends it with one line instead of a stack trace. */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`weft: ${error.message}`);
    process.exitCode = 1;
  }
}
