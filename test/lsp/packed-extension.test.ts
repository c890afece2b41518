/** The packed VS Code extension: what is in it, and that the server in it works without this checkout. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grammarFile } from "../../scripts/make-grammar.ts";
import { packageExtension } from "../../scripts/package-extension.ts";
import { readLibrarySource } from "../../src/library.ts";
import { startClient } from "./client.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-vsix-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files: ReadonlyMap<string, Buffer>;

/** Files of a zip archive by path, read from its central directory (PKWARE, APPNOTE 4.3). */
function unpack(archive: Buffer): Map<string, Buffer> {
  const end = archive.lastIndexOf("PK\x05\x06");
  const found = new Map<string, Buffer>();
  let entry = archive.readUInt32LE(end + 16);
  for (let count = archive.readUInt16LE(end + 10); count > 0; count--) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(entry + offset)) as number[];
    const path = archive.toString("utf8", entry + 46, entry + 46 + (name as number));
    const local = archive.readUInt32LE(entry + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const data = archive.subarray(start, start + archive.readUInt32LE(entry + 20));
    found.set(path, archive.readUInt16LE(entry + 10) === 0 ? data : inflateRawSync(data));
    entry += 46 + (name as number) + (extra as number) + (comment as number);
  }
  return found;
}

beforeAll(async () => {
  const packed = await packageExtension(folder);
  expect(packed).toBe(join(folder, "weft-0.1.0.vsix"));
  files = unpack(readFileSync(packed));
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
});

const text = (path: string): string => files.get(`extension/${path}`)?.toString("utf8") ?? "";

describe("the packed extension", () => {
  it("holds the client, the server, the library, the grammar, the configuration of the language and the licence", () => {
    const manifest = JSON.parse(text("package.json"));
    expect(manifest).toMatchObject({ name: "weft", publisher: "weft", license: "MIT", main: "./dist/extension.js" });
    expect(manifest.private).toBeUndefined();
    const [language] = manifest.contributes.languages;
    const [grammar] = manifest.contributes.grammars;
    for (const path of [manifest.main, language.configuration, grammar.path, "./dist/server.js", "./readme.md"])
      expect([path, files.has(`extension/${path.slice(2)}`)]).toEqual([path, true]);
    expect(text(grammar.path.slice(2))).toBe(grammarFile());
    expect(() => JSON.parse(text(language.configuration.slice(2)))).not.toThrow();
    expect(text("std/nn.weft")).toBe(readLibrarySource("std/nn.weft"));
    expect(text("LICENSE.txt")).toMatch(/^MIT License\n\nCopyright \(c\) \d+ The Weft authors/);
    expect([...files.keys()].filter((path) => /\.ts$|node_modules|\.map$/.test(path))).toEqual([]);
  });

  it("needs nothing but the editor and Node", () => {
    const needed = (path: string) =>
      new Set([...text(path).matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1]));
    const foreign = (path: string) =>
      [...needed(path)].filter((name) => name !== undefined && !builtinModules.includes(name.replace("node:", "")));
    expect(foreign("dist/extension.js")).toEqual(["vscode"]);
    expect(foreign("dist/server.js")).toEqual([]);
  });

  it("has a server that answers, with the library beside it", async () => {
    const client = await startClient(folder, {}, [join(folder, "extension/dist/server.js")]);
    expect(client.result.serverInfo).toEqual({ name: "weft", version: "0.1.0" });
    expect(client.result.capabilities.hoverProvider).toBe(true);
    const source =
      "use std/nn: Linear\n\nmodule Twice(d: size) {\n  sub inner: Linear(d, d)\n  fn forward(x: f32[d]) -> f32[d] = inner(inner(z))\n}\n";
    const { diagnostics } = await client.open("twice.weft", source);
    expect(diagnostics.map(({ code, range }) => [code, range.start.line])).toEqual([["name/unknown", 4]]);
    expect(await client.stop()).toBe(0);
    expect(client.complaints()).toBe("");
  });
});
