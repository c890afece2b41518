// Gives a Linux machine without a GPU a software Vulkan driver (Mesa's lavapipe) that Dawn accepts.
//
// Dawn refuses the Mesa 22.3 of Debian 12; that release's backports suite has a newer one. Debian 13, Ubuntu 24.04 and
// later ship a good one themselves. The address of the backports suite is derived from the machine's own apt sources, so
// mirrors and proxies keep working.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const packages = ["mesa-vulkan-drivers", "libvulkan1"];
const sourceFile = "/etc/apt/sources.list.d/weft-backports.sources";
const driverFolders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/** Path of lavapipe's driver manifest, or undefined when it is not installed. */
export function softwareDriverManifest() {
  for (const folder of driverFolders) {
    if (!existsSync(folder)) continue;
    const file = readdirSync(folder).find((name) => name.startsWith("lvp_icd") && name.endsWith(".json"));
    if (file !== undefined) return join(folder, file);
  }
  return undefined;
}

/** Whether changing the system is harmless: root in a container or in CI. */
export function mayInstall() {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  return Boolean(process.env.CI) || existsSync("/.dockerenv") || existsSync("/run/.containerenv") || containerCgroup();
}

function containerCgroup() {
  try {
    return /docker|kubepods|containerd|lxc/.test(readFileSync("/proc/1/cgroup", "utf8"));
  } catch {
    return false;
  }
}

function osRelease() {
  const text = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const fields = [...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map((match) => [match[1], match[2]]);
  return Object.fromEntries(fields);
}

/** The release whose own Mesa is too old and whose backports suite has a newer one, or undefined. */
function backportsSuite() {
  const release = osRelease();
  return release.ID === "debian" && release.VERSION_CODENAME === "bookworm" ? "bookworm-backports" : undefined;
}

/** Finds the mirror (and its key) from which the machine installs its release. */
export function findMirror(texts, codename) {
  for (const text of texts) {
    for (const stanza of text.split(/\n\s*\n/)) {
      const field = (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, "im").exec(stanza)?.[1]?.trim();
      if (/^no$/i.test(field("Enabled") ?? "yes")) continue;
      if (field("Types")?.split(/\s+/).includes("deb") && field("Suites")?.split(/\s+/).includes(codename)) {
        return { uri: field("URIs")?.split(/\s+/)[0], signedBy: field("Signed-By") };
      }
    }
    for (const line of text.split("\n")) {
      const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line.trim());
      if (match && match[3] === codename) {
        return { uri: match[2], signedBy: /signed-by=(\S+)/.exec(match[1] ?? "")?.[1] };
      }
    }
  }
  return undefined;
}

function aptSourceTexts() {
  const folder = "/etc/apt/sources.list.d";
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(list|sources)$/.test(name)) : [];
  return ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))]
    .filter((file) => existsSync(file) && file !== sourceFile)
    .map((file) => readFileSync(file, "utf8"));
}

function writeBackportsSource(suite) {
  const codename = suite.replace("-backports", "");
  const texts = aptSourceTexts();
  const known = findMirror(texts, suite);
  if (known) return;
  const mirror = findMirror(texts, codename);
  if (!mirror?.uri) throw new Error(`no apt source for ${codename} was found, so none for ${suite} can be derived`);
  const lines = ["Types: deb", `URIs: ${mirror.uri}`, `Suites: ${suite}`, "Components: main"];
  if (mirror.signedBy) lines.push(`Signed-By: ${mirror.signedBy}`);
  writeFileSync(sourceFile, `${lines.join("\n")}\n`);
}

/** The commands that install the driver, for people who prefer to run them by hand. */
export function installCommands() {
  const release = osRelease();
  if (existsSync("/usr/bin/apt-get")) {
    const suite = backportsSuite();
    const target = suite ? `-t ${suite} ` : "";
    const note = suite ? ` (after adding the ${suite} suite to the apt sources)` : "";
    return `sudo apt-get install ${target}${packages.join(" ")}${note}`;
  }
  if (existsSync("/usr/bin/dnf")) return "sudo dnf install mesa-vulkan-drivers vulkan-loader";
  if (existsSync("/usr/bin/pacman")) return "sudo pacman -S vulkan-swrast vulkan-icd-loader";
  if (existsSync("/sbin/apk")) return "Dawn needs glibc: use a Debian or Ubuntu image instead of Alpine";
  return `install Mesa's software Vulkan driver (lavapipe) and the Vulkan loader for ${release.PRETTY_NAME ?? "this system"}`;
}

function apt(args) {
  const result = spawnSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (result.status !== 0) {
    throw new Error(`apt-get ${args.join(" ")} failed:\n${result.stderr || result.stdout}`);
  }
}

/** Installs the driver with apt-get; harmless to repeat. Throws when apt-get fails. */
export function installSoftwareDriver() {
  const suite = backportsSuite();
  if (suite) writeBackportsSource(suite);
  apt(["update"]);
  apt(["install", "-y", "--no-install-recommends", ...(suite ? ["-t", suite] : []), ...packages]);
}
