/** The language server that is packed with the extension; the library's texts lie beside it, in `std/`. */
import { dirname } from "node:path";
import { serve } from "../../../src/lsp/index.ts";

declare const __dirname: string;
/** The extension's version, put in when it is bundled. */
declare const weftVersion: string;

void serve({
  input: process.stdin,
  output: process.stdout,
  libraryRoot: dirname(__dirname),
  version: weftVersion,
}).then(() => process.exit(0));
