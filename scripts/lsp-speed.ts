/**
 * How long an edit in a file of 2,000 lines takes until its diagnostics are there, through the real server over its streams:
 * `npx tsx scripts/lsp-speed.ts [edits]`. The file is made of the library's recurrent and attention files, again and again under other names.
 * Edits stand at the beginning of bodies, of functions and of modules: a line that can be read, and one that cannot. The processor time of the
 * same work in this process is what a busy machine leaves comparable.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver-protocol/node";
import { readLibrarySource } from "../src/library.ts";
import { diagnosticsOf, openWorkspace } from "../src/lsp/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lines = 2000;

/** At least `lines` lines of functions and modules, all different. */
function longText(): string {
  const files = ["std/recurrent.weft", "std/attention.weft"].map((name) => readFileSync(join(root, name), "utf8"));
  const imports = [...new Set(files.join("\n").match(/^use .*$/gm))];
  const plain = files.join("\n").replace(/^use .*$/gm, "");
  const names = [...plain.matchAll(/^(?:fn|module) (\w+)/gm)].map((match) => match[1] as string);
  let text = `${imports.join("\n")}\n`;
  for (let round = 0; text.split("\n").length < lines; round++) {
    text += names.reduce((body, name) => body.replace(new RegExp(`\\b${name}\\b`, "g"), `${name}_${round}`), plain);
  }
  return text;
}

/** Offsets behind the opening of bodies all over the text: where one types. */
function placesIn(text: string, count: number): number[] {
  const bodies = [...text.matchAll(/\{\n/g)].map((match) => match.index + 2);
  return Array.from({ length: count }, (_, k) => bodies[(k * 7919) % bodies.length] as number);
}

function summary(ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] as number).toFixed(0);
  return `median ${at(0.5)} ms, nine of ten within ${at(0.9)} ms, at most ${at(1)} ms`;
}

/** What is typed. */
const typed = { "a line": "  let edit = 1\n", "half a line": "  let edit =\n" };

/** Processor time of parsing and checking after each edit, in milliseconds. */
function measureHere(text: string, places: readonly number[], added: string): number[] {
  const path = "/speed.weft";
  const workspace = openWorkspace({ readFile: readLibrarySource, projectFiles: () => [], libraryFiles: () => [] });
  workspace.open(path, text);
  workspace.view(path);
  return places.map((place, k) => {
    workspace.open(path, text.slice(0, place) + added.replace("edit", `edit${k}`) + text.slice(place));
    const before = process.cpuUsage();
    const view = workspace.quickView(path);
    if (view === undefined) throw new Error("there is no text");
    diagnosticsOf(view);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
}

/** Time from sending an edit to receiving its diagnostics, in milliseconds. */
async function measureServer(text: string, places: readonly number[], added: string): Promise<number[]> {
  const server = spawn(process.execPath, [join(root, "bin", "weft.mjs"), "lsp"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  let arrived: (version: number) => void = () => {};
  connection.onNotification("textDocument/publishDiagnostics", ({ version }: { version: number }) => arrived(version));
  connection.listen();
  await connection.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
  await connection.sendNotification("initialized", {});
  const uri = pathToFileURL(join(root, "speed.weft")).href;
  const answered = (version: number) =>
    new Promise<void>((resolve) => {
      arrived = (each) => {
        if (each === version) resolve();
      };
    });
  const opened = answered(1);
  await connection.sendNotification("textDocument/didOpen", {
    textDocument: { uri, languageId: "weft", version: 1, text },
  });
  await opened;
  const times: number[] = [];
  let version = 1;
  for (const place of places) {
    const line = text.slice(0, place).split("\n").length - 1;
    // One typed line, and what takes it away again.
    for (const change of [
      { range: { start: { line, character: 0 }, end: { line, character: 0 } }, text: added },
      { range: { start: { line, character: 0 }, end: { line: line + 1, character: 0 } }, text: "" },
    ]) {
      version++;
      const done = answered(version);
      const start = performance.now();
      await connection.sendNotification("textDocument/didChange", {
        textDocument: { uri, version },
        contentChanges: [change],
      });
      await done;
      times.push(performance.now() - start);
    }
  }
  await connection.sendRequest("shutdown");
  await connection.sendNotification("exit");
  connection.dispose();
  return times;
}

const text = longText();
const places = placesIn(text, Number(process.argv[2] ?? 20));
process.stdout.write(`${text.split("\n").length} lines\n`);
for (const [what, added] of Object.entries(typed)) {
  // The first edits also warm the compiler of JavaScript up.
  const here = measureHere(text, places, added);
  process.stdout.write(
    `${what}: processor time here  ${summary(here.slice(Math.floor(here.length / 2)))} (second half)\n`,
  );
  process.stdout.write(`${what}: edit to diagnostics  ${summary(await measureServer(text, places, added))}\n`);
}
