/** A real client: starts `weft lsp` as a child process and talks to it over its streams, as editors do. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  createProtocolConnection,
  type Diagnostic,
  DidChangeTextDocumentNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  type InitializeResult,
  type Position,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  type PublishDiagnosticsParams,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type TextEdit,
} from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A document that the client has open. */
export interface OpenDocument {
  readonly uri: string;
  readonly text: () => string;
  /** Position of the first occurrence of a text, moved on by some units. */
  readonly at: (needle: string, move?: number) => Position;
  /** What a range covers. */
  readonly slice: (range: { readonly start: Position; readonly end: Position }) => string;
  /** Replaces the first occurrence of a text, as a change of just that range, and waits for the diagnostics of the new text. */
  readonly replace: (before: string, after: string) => Promise<readonly Diagnostic[]>;
  /** Gives the document another text as a whole, without waiting. */
  readonly set: (text: string) => void;
  readonly close: () => void;
}

export interface Client {
  readonly connection: ProtocolConnection;
  readonly result: InitializeResult;
  /** What the server wrote to its error stream, and its messages about mistakes of its own. */
  readonly complaints: () => string;
  /** Opens a document and waits for its diagnostics. */
  readonly open: (
    path: string,
    text: string,
  ) => Promise<{ document: OpenDocument; diagnostics: readonly Diagnostic[] }>;
  /** Tells that a file is new on disk, as editors that watch the folder do. */
  readonly fileAppeared: (path: string) => void;
  /** The diagnostics that the server sends next for a document. */
  readonly nextDiagnostics: (uri: string) => Promise<readonly Diagnostic[]>;
  /** Ends the server as editors do; resolves with its exit status. */
  readonly stop: () => Promise<number | null>;
}

/** Applies edits as an editor would. */
export function applied(text: string, edits: readonly TextEdit[]): string {
  return TextDocument.applyEdits(TextDocument.create("", "weft", 0, text), [...edits]);
}

/** The command of this checkout. */
const ownServer = [join(root, "bin", "weft.mjs"), "lsp", "--stdio"];

/**
 * @param folder   folder of the workspace
 * @param command  what Node runs
 */
export async function startClient(folder: string, settings: unknown = {}, command = ownServer): Promise<Client> {
  const server = spawn(process.execPath, command, { cwd: folder });
  let complaints = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const exited = new Promise<number | null>((resolve) => server.once("exit", resolve));
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  const waiting: { readonly uri: string; readonly version?: number; readonly resolve: (list: Diagnostic[]) => void }[] =
    [];
  connection.onNotification(PublishDiagnosticsNotification.type, (given: PublishDiagnosticsParams) => {
    const ready = waiting.filter(
      ({ uri, version }) => uri === given.uri && (version === undefined || version === given.version),
    );
    for (const each of ready) {
      waiting.splice(waiting.indexOf(each), 1);
      each.resolve(given.diagnostics);
    }
  });
  connection.onNotification("window/logMessage", ({ message }: { message: string }) => {
    complaints += message;
  });
  connection.onRequest("client/registerCapability", () => null);
  connection.listen();
  const folderUri = pathToFileURL(folder).href;
  const result = await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid,
    rootUri: folderUri,
    workspaceFolders: [{ uri: folderUri, name: "test" }],
    capabilities: { workspace: { didChangeWatchedFiles: { dynamicRegistration: true } } },
    initializationOptions: settings,
  });
  await connection.sendNotification(InitializedNotification.type, {});
  const diagnosticsFor = (uri: string, version?: number) =>
    new Promise<readonly Diagnostic[]>((resolve) => waiting.push({ uri, version, resolve }));

  return {
    connection,
    result,
    complaints: () => complaints,
    nextDiagnostics: (uri) => diagnosticsFor(uri),
    fileAppeared: (path) =>
      void connection.sendNotification("workspace/didChangeWatchedFiles", {
        changes: [{ uri: pathToFileURL(path).href, type: 1 }],
      }),
    open: async (path, text) => {
      const uri = pathToFileURL(path).href;
      let current = TextDocument.create(uri, "weft", 1, text);
      const first = diagnosticsFor(uri, 1);
      await connection.sendNotification(DidOpenTextDocumentNotification.type, {
        textDocument: { uri, languageId: "weft", version: 1, text },
      });
      const change = (
        version: number,
        changes: readonly ({ text: string } | { range: { start: Position; end: Position }; text: string })[],
      ) => {
        current = TextDocument.update(current, [...changes], version);
        void connection.sendNotification(DidChangeTextDocumentNotification.type, {
          textDocument: { uri, version },
          contentChanges: [...changes],
        });
      };
      const placeOf = (needle: string) => {
        const offset = current.getText().indexOf(needle);
        if (offset < 0) throw new Error(`there is no ${JSON.stringify(needle)}`);
        return offset;
      };
      const document: OpenDocument = {
        uri,
        text: () => current.getText(),
        at: (needle, move = 0) => current.positionAt(placeOf(needle) + move),
        slice: (range) => current.getText(range),
        replace: (before, after) => {
          const offset = placeOf(before);
          const version = current.version + 1;
          const found = diagnosticsFor(uri, version);
          const range = { start: current.positionAt(offset), end: current.positionAt(offset + before.length) };
          change(version, [{ range, text: after }]);
          return found;
        },
        set: (next) => change(current.version + 1, [{ text: next }]),
        close: () => void connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri } }),
      };
      return { document, diagnostics: await first };
    },
    stop: async () => {
      await connection.sendRequest(ShutdownRequest.type);
      await connection.sendNotification(ExitNotification.type);
      const status = await exited;
      connection.dispose();
      return status;
    },
  };
}
