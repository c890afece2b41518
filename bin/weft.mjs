#!/usr/bin/env node
// Runs the built command. In a source checkout whose dist/ is missing or older than src/, builds it first (well under a second).
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = join(root, "dist", "weft.mjs");

if (existsSync(join(root, "src")) && existsSync(join(root, "scripts", "build.mjs"))) {
  const { buildIfStale } = await import(pathToFileURL(join(root, "scripts", "build.mjs")).href);
  try {
    await buildIfStale();
  } catch (error) {
    process.stderr.write(`weft: the build failed, run \`npm install\` and \`npm run build\`: ${error.message}\n`);
    process.exit(70);
  }
}
await import(pathToFileURL(command).href);
