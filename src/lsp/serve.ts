/** The language server: requests of an editor, over streams, answered by the pure files of this folder. */
import { fileURLToPath } from "node:url";
import type { InitializeParams, InitializeResult } from "vscode-languageserver";
import { TextDocument } from "vscode-languageserver-textdocument";
import { answerQuestions } from "./answer.ts";
import { diagnosticsOf } from "./diagnose.ts";
import { type DiskFiles, diskFiles } from "./files.ts";
import { type Places, toDiagnostics } from "./protocol.ts";
import { readSettings, type ServerSettings } from "./settings.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

export interface ServeOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Folder that holds `std/`. */
  readonly libraryRoot: string;
  readonly version: string;
}

/** Milliseconds without another change after which a text is checked, and after which all that can use it. */
const pause = { own: 10, all: 250 };

/** Serves one client until it says `exit` or its stream ends. Loads the protocol's package, which other commands do without. */
export async function serve({ input, output, libraryRoot, version }: ServeOptions): Promise<void> {
  const node = await import("vscode-languageserver/node");
  const connection = node.createConnection(node.ProposedFeatures.all, input, output);
  const { console: log } = connection;
  const documents = new node.TextDocuments(TextDocument);
  let files: DiskFiles = diskFiles(libraryRoot, []);
  let workspace: Workspace = openWorkspace(files);
  let settings: ServerSettings = readSettings(undefined);
  let canPullSettings = false;
  let canWatch = false;
  let canRefreshHints = false;
  const places: Places = {
    uriOf: (path) => uris.get(path) ?? files.uriOf(path),
    textOf: (path) => workspace.text(path),
  };
  /** Addresses as the client spells them. */
  const uris = new Map<string, string>();

  /** A mistake of the server is told, and answered with nothing. */
  const guarded = <T>(what: string, fallback: T, answer: () => T): T => {
    try {
      return answer();
    } catch (error) {
      log.error(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return fallback;
    }
  };

  // ── Diagnostics ──────────────────────────────────────────────────────────────────────────────────────────────────

  const timers = new Map<string, NodeJS.Timeout>();
  /** What was last told of each file: the same is not told again. */
  const told = new Map<string, string>();
  const publish = (path: string): void => {
    const uri = uris.get(path);
    const document = uri === undefined ? undefined : documents.get(uri);
    if (uri === undefined || document === undefined) return;
    guarded("diagnostics", undefined, () => {
      const view = workspace.quickView(path);
      if (view === undefined) return;
      const diagnostics = toDiagnostics(places, path, diagnosticsOf(view));
      const answer = `${document.version} ${JSON.stringify(diagnostics)}`;
      if (told.get(path) === answer) return;
      told.set(path, answer);
      void connection.sendDiagnostics({ uri, version: document.version, diagnostics });
    });
  };
  const schedule = (key: string, delay: number, act: () => void): void => {
    clearTimeout(timers.get(key));
    timers.set(
      key,
      setTimeout(() => {
        timers.delete(key);
        act();
      }, delay),
    );
  };
  /** Checks all open files; those whose programs did not change cost nothing. */
  const checkAll = (): void =>
    schedule("all", pause.all, () => {
      for (const path of workspace.openPaths()) publish(path);
    });
  documents.onDidOpen(({ document }) => uris.set(files.pathOf(document.uri), document.uri));
  documents.onDidChangeContent(({ document }) => {
    const path = files.pathOf(document.uri);
    workspace.open(path, document.getText());
    schedule(path, pause.own, () => publish(path));
    checkAll();
  });
  documents.onDidClose(({ document }) => {
    const path = files.pathOf(document.uri);
    workspace.close(path);
    uris.delete(path);
    told.delete(path);
    void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
    checkAll();
  });
  const filesChanged = (): void => {
    files.rescan();
    workspace.forgetFiles();
    checkAll();
  };

  // ── Life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  connection.onInitialize((parameters: InitializeParams): InitializeResult => {
    const { capabilities } = parameters;
    canPullSettings = capabilities.workspace?.configuration === true;
    canWatch = capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    canRefreshHints = capabilities.workspace?.inlayHint?.refreshSupport === true;
    files = diskFiles(libraryRoot, foldersOf(parameters));
    workspace = openWorkspace(files);
    settings = readSettings(parameters.initializationOptions);
    return {
      serverInfo: { name: "weft", version },
      capabilities: {
        positionEncoding: "utf-16",
        textDocumentSync: { openClose: true, change: 2 },
        hoverProvider: true,
        definitionProvider: true,
        referencesProvider: true,
        documentHighlightProvider: true,
        renameProvider: { prepareProvider: true },
        completionProvider: { triggerCharacters: [".", ":", "/", "@"] },
        signatureHelpProvider: { triggerCharacters: ["(", ","] },
        documentFormattingProvider: true,
        documentSymbolProvider: true,
        inlayHintProvider: true,
        codeActionProvider: { codeActionKinds: ["quickfix"] },
      },
    };
  });
  const pullSettings = async (): Promise<void> => {
    if (!canPullSettings) return;
    try {
      settings = readSettings(await connection.workspace.getConfiguration("weft"));
      if (canRefreshHints) connection.languages.inlayHint.refresh();
    } catch (error) {
      log.error(`settings: ${String(error)}`);
    }
  };
  connection.onInitialized(async () => {
    if (canWatch) {
      void connection.client.register(node.DidChangeWatchedFilesNotification.type, {
        watchers: [{ globPattern: "**/*.weft" }],
      });
    }
    if (canPullSettings)
      void connection.client.register(node.DidChangeConfigurationNotification.type, { section: "weft" });
    await pullSettings();
  });
  connection.onDidChangeConfiguration(async ({ settings: given }) => {
    if (canPullSettings) await pullSettings();
    else settings = readSettings((given as { readonly weft?: unknown } | null)?.weft);
  });
  connection.onDidChangeWatchedFiles(filesChanged);

  answerQuestions({
    connection,
    refuse: (reason) => new node.ResponseError(node.LSPErrorCodes.RequestFailed, reason),
    guarded,
    document: (uri) => documents.get(uri),
    pathOf: (uri) => files.pathOf(uri),
    places,
    workspace: () => workspace,
    settings: () => settings,
  });
  documents.listen(connection);
  connection.listen();
  await new Promise<void>((resolve) => {
    connection.onExit(() => resolve());
    input.once("end", () => resolve());
  });
  for (const timer of timers.values()) clearTimeout(timer);
}

/** Folders of the client's workspace, as paths. */
function foldersOf({ workspaceFolders, rootUri }: InitializeParams): readonly string[] {
  const uris = workspaceFolders?.map(({ uri }) => uri) ?? (rootUri == null ? [] : [rootUri]);
  return uris.filter((uri) => uri.startsWith("file:")).map((uri) => fileURLToPath(uri));
}
