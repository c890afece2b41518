/** The VS Code extension: starts the language server and connects the editor to it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commands, type ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, type ServerOptions, TransportKind } from "vscode-languageclient/node";

let client: LanguageClient | undefined;
/** The server that is packed with the extension. */
let packedServer = "";

/** Called by VS Code when the first .weft file is opened. */
export async function activate(context: ExtensionContext): Promise<void> {
  packedServer = context.asAbsolutePath(join("dist", "server.js"));
  context.subscriptions.push(commands.registerCommand("weft.restartServer", restart));
  await start();
}

/** Called by VS Code before it ends. */
export async function deactivate(): Promise<void> {
  await client?.stop();
  client = undefined;
}

async function restart(): Promise<void> {
  await deactivate();
  await start();
}

async function start(): Promise<void> {
  const server = findServer();
  client = new LanguageClient("weft", "Weft", server.options, {
    documentSelector: [{ language: "weft" }],
    initializationOptions: workspace.getConfiguration("weft"),
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const reason = error instanceof Error ? error.message : String(error);
    void window.showErrorMessage(
      `The language server of Weft did not start (${server.from}): ${reason}. The setting "weft.server.path" chooses another.`,
    );
  }
}

interface Server {
  readonly options: ServerOptions;
  /** Where it was found, for messages. */
  readonly from: string;
}

/** The command of the settings, that of the package in the folder, that of a checkout of Weft itself, or the extension's own server. */
function findServer(): Server {
  const chosen = workspace.getConfiguration("weft").get<string>("server.path", "");
  if (chosen !== "") return chosen.endsWith(".mjs") ? moduleAt(chosen) : commandNamed(chosen);
  for (const { uri } of workspace.workspaceFolders ?? []) {
    const installed = join(uri.fsPath, "node_modules", "weft", "bin", "weft.mjs");
    if (existsSync(installed)) return moduleAt(installed);
    const own = join(uri.fsPath, "bin", "weft.mjs");
    if (existsSync(own) && isWeft(join(uri.fsPath, "package.json"))) return moduleAt(own);
  }
  return moduleAt(packedServer);
}

function isWeft(manifest: string): boolean {
  try {
    return JSON.parse(readFileSync(manifest, "utf8")).name === "weft";
  } catch {
    return false;
  }
}

/** Runs with the Node of the editor. */
function moduleAt(module: string): Server {
  return { options: { module, args: ["lsp"], transport: TransportKind.stdio }, from: module };
}

function commandNamed(command: string): Server {
  const isWindows = process.platform === "win32";
  return { options: { command, args: ["lsp"], options: { shell: isWindows } }, from: `\`${command}\`` };
}
