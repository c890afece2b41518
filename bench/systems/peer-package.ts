/** Packages below bench/node_modules, which only `npm run bench` installs. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

/** The name is a value, so that types check where the package is not installed. */
export async function importPeer(name: string): Promise<unknown> {
  const manifest = JSON.parse(readFileSync(join(bench, "node_modules", name, "package.json"), "utf8")) as {
    readonly type?: string;
    readonly module?: string;
  };
  if (manifest.type === "module" && manifest.module !== undefined) {
    return import(pathToFileURL(join(bench, "node_modules", name, manifest.module)).href);
  }
  return createRequire(join(bench, "package.json"))(name);
}

/** A file of a package that its face leaves out. */
export function requirePeerFile(name: string, file: string): unknown {
  return createRequire(join(bench, "package.json"))(join(bench, "node_modules", name, file));
}

export function peerVersion(name: string): string {
  const text = readFileSync(join(bench, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
