// Builds examples/edges.weft and serves examples/page.html, which runs it in the browser: node examples/serve.mjs [PORT]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { buildModule, root } from "./build-module.mjs";

const folder = buildModule("examples/edges.weft", "edges", "--set", "H=256", "--set", "W=256");
const types = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".wgsl": "text/plain" };

const server = createServer(async ({ url }, response) => {
  const { pathname } = new URL(url ?? "/", "http://localhost");
  const inModule = /^\/edges\/((?:kernels\/)?[\w-]+\.\w+)$/.exec(pathname)?.[1];
  const file = pathname === "/" ? join(root, "examples", "page.html") : inModule && join(folder, inModule);
  try {
    const bytes = await readFile(file ?? "");
    response.writeHead(200, { "Content-Type": `${types[extname(file)] ?? "application/octet-stream"}; charset=utf-8` });
    response.end(bytes);
  } catch {
    response.writeHead(404).end("not found");
  }
});
server.listen(Number(process.argv[2] ?? 8080), "localhost", () => {
  console.log(`http://localhost:${server.address().port}/ (Ctrl+C ends)`);
});
