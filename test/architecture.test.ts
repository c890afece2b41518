/** The rules of docs and design that a compiler does not check: who may import whom, purity, cycles, file length. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What each folder of src/ may import besides itself: folders through their face, or single files. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ir: [],
  frontend: ["ir"],
  passes: ["ir"],
  codegen: ["ir", "passes"],
  runtime: ["ir", "codegen/plan.ts", "codegen/device-profile.ts"],
  inspect: ["ir", "passes", "codegen"],
  train: ["ir", "passes"],
  export: ["ir"],
  import: ["ir", "frontend"],
  lsp: ["ir", "frontend", "passes", "compile.ts", "builtins.ts"],
  cli: ["ir", "frontend", "passes", "codegen", "runtime", "inspect", "train", "export", "import", "lsp", "."],
  ".": ["ir", "frontend", "passes", "codegen", "runtime", "train"],
};

/** Files that other folders may import besides every folder's index.ts. */
const faces = new Set([
  "src/runtime/node.ts",
  "src/runtime/standalone/files.ts",
  "src/lsp/editing.ts",
  "src/inspect/page/index.ts",
  "src/inspect/page/style.css",
  "src/cli/table.ts",
  "src/cli/run-report.ts",
  "src/codegen/plan.ts",
  "src/codegen/device-profile.ts",
]);

const pureFolders = ["ir", "frontend", "passes", "codegen", "inspect", "train", "lsp", "export", "import"];

/** Files of these folders that do reach the outside. */
const impureFiles = new Set(["src/lsp/serve.ts", "src/lsp/files.ts"]);

const isPure = (file: string) => pureFolders.includes(folderOf(file)) && !impureFiles.has(file);

/** npm packages of the pure folders: parsers and printers, nothing that reaches the outside. */
const purePackages = new Set(["ohm-js", "ts-morph", "vscode-languageserver-textdocument", "@bufbuild", "onnx-buf"]);

/** npm packages whose types they may name. */
const pureTypes = new Set(["vscode-languageserver"]);

/** Files longer than 500 lines, with the reason. */
const longFiles: Readonly<Record<string, string>> = {
  "src/frontend/syntax-tree.ts": "one type for each construct of the language, read as one page",
};

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** The imported file, relative to the root, when it is one of ours. */
  readonly file: string | undefined;
  /** `import type` and `export type` vanish at run time. */
  readonly typeOnly: boolean;
}

/** Removes comments, keeping strings whole. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, string) => string ?? " ",
  );
}

function importsOf(from: string, text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean) => {
    const file = specifier.startsWith(".") ? posix.normalize(posix.join(posix.dirname(from), specifier)) : undefined;
    found.push({ from, specifier, file, typeOnly });
  };
  for (const match of code.matchAll(
    /^[ \t]*(?:import|export)\s+(type\s+(?=[{*\w]))?(?:[\w*{}\s,$]+?\s*from\s*)?["']([^"'\n]+)["']/gm,
  )) {
    add(match[2] as string, match[1] !== undefined);
  }
  for (const match of code.matchAll(/\bimport\(\s*["']([^"'\n]+)["']\s*\)/g)) add(match[1] as string, false);
  return found;
}

function sourcesBelow(folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .map((name) => relative(root, join(path, name)).split("\\").join("/"))
    .filter((name) => /\.(ts|mjs)$/.test(name) && statSync(join(root, name)).isFile());
}

const read = (file: string) => readFileSync(join(root, file), "utf8");
const sources = sourcesBelow("src");
const imports = sources.flatMap((file) => importsOf(file, read(file)));

/** `src/ir/operations/reduce.ts` belongs to `ir`, `src/compile.ts` to `.`. */
function folderOf(file: string): string {
  const parts = file.split("/");
  return parts.length > 2 ? (parts[1] as string) : ".";
}

/** The first cycle of each group of files that import each other, as paths joined by arrows. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      found.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, "done");
  };
  for (const file of edges.keys()) visit(file, []);
  return found;
}

describe("the import scanner", () => {
  it("finds every form of import and nothing in comments", () => {
    const text = `
      import "./a.ts";
      import b from './b.ts';
      import type { C } from "./c.ts";
      import {
        type D,
        d,
      } from "../d.ts";
      export * from "./e.ts"; // import "./no.ts"
      export type { F } from "./f.ts";
      import * as g from "node:fs";
      /* import "./no.ts" */
      const h = await import("./h.ts");
      export const i = "./no.ts";
      import type from "./j.ts";
    `;
    const found = importsOf("src/x/y.ts", text).map(
      ({ file, specifier, typeOnly }) => `${file ?? specifier}${typeOnly ? " type" : ""}`,
    );
    expect(found.sort()).toEqual([
      "node:fs",
      "src/d.ts",
      "src/x/a.ts",
      "src/x/b.ts",
      "src/x/c.ts type",
      "src/x/e.ts",
      "src/x/f.ts type",
      "src/x/h.ts",
      "src/x/j.ts",
    ]);
  });

  it("finds cycles", () => {
    const edges = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b", "d"]],
      ["d", []],
    ]);
    expect(cycles(edges)).toEqual(["b → c → b"]);
  });
});

describe("the architecture", () => {
  it("has sources to look at", () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(imports.length).toBeGreaterThan(sources.length / 2);
  });

  it("imports only existing files, with their extension", () => {
    const wrong = imports.filter(({ file }) => file !== undefined && !existsSync(join(root, file)));
    expect(wrong.map(({ from, specifier }) => `${from}: ${specifier}`)).toEqual([]);
  });

  it("lets each folder know only those before it", () => {
    const wrong = imports.filter(({ from, file }) => {
      if (file === undefined || !file.startsWith("src/")) return file !== undefined;
      const [home, target] = [folderOf(from), folderOf(file)];
      const allowed = mayImport[home] ?? [];
      return home !== target && !allowed.includes(target) && !allowed.includes(file.slice("src/".length));
    });
    expect(wrong.map(({ from, specifier }) => `${from} must not import ${specifier}`)).toEqual([]);
  });

  it("lets folders see only each other's faces", () => {
    const all = [
      ...imports,
      ...["models", "bench", "playground"].flatMap(sourcesBelow).flatMap((file) => importsOf(file, read(file))),
    ];
    const wrong = all.filter(({ from, file }) => {
      if (file === undefined || !file.startsWith("src/")) return false;
      const inside = from.startsWith("src/") && folderOf(from) === folderOf(file);
      return !inside && folderOf(file) !== "." && !/^src\/[^/]+\/index\.ts$/.test(file) && !faces.has(file);
    });
    expect(wrong.map(({ from, specifier }) => `${from} reaches into ${specifier}`)).toEqual([]);
  });

  it("keeps the compiler out of the playground's page: workers have it", () => {
    const reached = new Set(["playground/src/main.ts"]);
    const wrong: string[] = [];
    for (const from of reached) {
      for (const { file, typeOnly } of importsOf(from, read(from))) {
        if (file === undefined || typeOnly) continue;
        if (file.startsWith("playground/") && file.endsWith(".ts")) reached.add(file);
        else if (file.startsWith("src/") && !file.startsWith("src/inspect/page/"))
          wrong.push(`${from} imports ${file}`);
      }
    }
    expect(reached.size).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });

  it("keeps the compiler pure: no Node modules, no GPU, no clock, no chance", () => {
    const packages = imports.filter(
      ({ from, file, specifier, typeOnly }) =>
        isPure(from) &&
        file === undefined &&
        !purePackages.has(specifier.split("/")[0] as string) &&
        !(typeOnly && pureTypes.has(specifier)),
    );
    expect(packages.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
    const impure =
      /\bprocess\.\w+|\bDate\.now\b|\bnew Date\b|\bperformance\.now\b|\bMath\.random\b|\bfetch\(|\bsetTimeout\b/;
    const uses = sources.filter(isPure).flatMap((file) => {
      const match = impure.exec(withoutComments(read(file)));
      return match === null ? [] : [`${file} uses ${match[0]}`];
    });
    expect(uses).toEqual([]);
  });

  it("prints nowhere but in the command", () => {
    const prints = /\bconsole\.\w+|\bprocess\.(stdout|stderr)\b/;
    const wrong = sources.filter((file) => folderOf(file) !== "cli" && prints.test(withoutComments(read(file))));
    expect(wrong).toEqual([]);
  });

  it("has no import cycles", () => {
    const edges = new Map<string, string[]>();
    for (const { from, file, typeOnly } of imports) {
      if (file !== undefined && !typeOnly) edges.set(from, [...(edges.get(from) ?? []), file]);
    }
    expect(cycles(edges)).toEqual([]);
  });

  it("keeps files short", () => {
    const lines = (file: string) => read(file).split("\n").length;
    const long = [...sources, ...["scripts", "models", "playground"].flatMap(sourcesBelow)].filter(
      (file) => lines(file) > 501,
    );
    expect(long.filter((file) => longFiles[file] === undefined)).toEqual([]);
    // A reason that is no longer needed goes.
    expect(Object.keys(longFiles).filter((file) => !long.includes(file))).toEqual([]);
  });
});
