/** A server for pages in tests: the files of one folder, and an empty page at its root. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface FolderServer {
  /** Without a slash at its end. */
  readonly base: string;
  /** What was asked for, in order. */
  readonly asked: readonly string[];
  readonly close: () => void;
}

export async function serveFolder(folder: string): Promise<FolderServer> {
  const asked: string[] = [];
  const server = createServer(({ url = "/" }, response) => {
    asked.push(url);
    if (url === "/") {
      response.writeHead(200, { "Content-Type": "text/html" }).end("<title>module</title>");
      return;
    }
    try {
      const bytes = readFileSync(join(folder, url));
      const type = url.endsWith(".js") ? "text/javascript" : "application/octet-stream";
      response.writeHead(200, { "Content-Type": type }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
