// Bundles src/ into dist/: weft.mjs (the command) and index.mjs (the library), whose npm packages stay external, the inspection
// page's own script and style, and standalone/, the runtime that `weft build` copies beside what it writes.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const entries = { weft: "src/cli/main.ts", index: "src/index.ts" };
/** The demo of each system that has one, with the host steps it imports. */
const demos = Object.fromEntries(
  (existsSync(join(root, "models")) ? readdirSync(join(root, "models")) : [])
    .filter((name) => existsSync(join(root, "models", name, "demo.ts")))
    .map((name) => [`demos/${name}`, `models/${name}/demo.ts`]),
);
const page = { inspector: "src/inspect/page/main.ts", "inspector-style": "src/inspect/page/style.css" };
const standalone = { runtime: "src/runtime/standalone/index.ts", "runtime-node": "src/runtime/standalone/node.ts" };
const standaloneTypes = "src/runtime/standalone/runtime.d.ts";
const targets = [
  ...Object.keys({ ...entries, ...demos }).map((name) => join(dist, `${name}.mjs`)),
  join(dist, "inspector.js"),
  join(dist, "inspector-style.css"),
  ...["runtime.js", "runtime-node.js", "runtime.d.ts"].map((name) => join(dist, "standalone", name)),
];

/** The newest modification time below the given files and folders, in ms. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  // A folder's own time counts too: it changes when a file is removed.
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

export function isStale() {
  const oldestTarget = Math.min(...targets.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  const sources = ["src", "models", "package-lock.json", "scripts/build.mjs"].map((name) => newest(join(root, name)));
  return oldestTarget < Math.max(...sources);
}

export async function build() {
  const { build: bundle } = await import("esbuild");
  const missing = Object.values({ ...entries, ...demos }).filter((file) => !existsSync(join(root, file)));
  if (missing.length > 0) throw new Error(`cannot build: ${missing.join(" and ")} missing`);
  const result = await bundle({
    absWorkingDir: root,
    entryPoints: { ...entries, ...demos },
    outdir: dist,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "linked",
    write: false,
    logLevel: "warning",
  });
  const pageResult = await buildPage();
  const standaloneResult = await buildStandalone();
  mkdirSync(dist, { recursive: true });
  // Written aside and renamed, so that another process never reads half a file. Maps first: the bundles refer to them.
  const files = [...result.outputFiles, ...pageResult.outputFiles, ...standaloneResult.outputFiles].sort(
    (a, b) => Number(b.path.endsWith(".map")) - Number(a.path.endsWith(".map")),
  );
  for (const file of files) {
    mkdirSync(dirname(file.path), { recursive: true });
    const temporary = `${file.path}.${process.pid}.tmp`;
    writeFileSync(temporary, file.contents);
    renameSync(temporary, file.path);
  }
  return files.map((file) => relative(root, file.path));
}

/** The inspection page's script and style, in memory. */
export async function buildPage() {
  const { build: bundle } = await import("esbuild");
  return bundle({
    absWorkingDir: root,
    entryPoints: page,
    outdir: dist,
    bundle: true,
    platform: "browser",
    format: "iife",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "warning",
  });
}

/** The runtime of built modules, in memory: what runs everywhere, what Node adds, and the types. */
export async function buildStandalone() {
  const { build: bundle } = await import("esbuild");
  const results = await Promise.all(
    Object.entries(standalone).map(([name, file]) =>
      bundle({
        absWorkingDir: root,
        entryPoints: { [name]: file },
        outdir: join(dist, "standalone"),
        bundle: true,
        external: ["webgpu"],
        platform: "neutral",
        format: "esm",
        target: "es2022",
        minify: true,
        charset: "utf8",
        plugins: [splitRuntime(name)],
        write: false,
        logLevel: "warning",
      }),
    ),
  );
  const text = readFileSync(join(root, standaloneTypes), "utf8");
  const types = { path: join(dist, "standalone", "runtime.d.ts"), text, contents: new TextEncoder().encode(text) };
  return { outputFiles: [...results.flatMap(({ outputFiles }) => outputFiles), types] };
}

/**
 * Leaves what Node alone needs to its own file, which takes the classes of errors from the other, so that there is one of each. Lets
 * esbuild drop every module of ours that nothing uses.
 */
const splitRuntime = (name) => ({
  name: "split-runtime",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, external: true }));
    build.onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
      if (kind === "dynamic-import") return { path: "./runtime-node.js", external: true };
      if (name === "runtime-node" && path.endsWith("/errors.ts")) return { path: "./runtime.js", external: true };
      return { path: join(resolveDir, path), sideEffects: false };
    });
  },
});

export async function buildIfStale() {
  if (isStale()) await build();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${(await build()).join("\n")}\n`);
}
