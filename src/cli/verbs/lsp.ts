/** `weft lsp`: the language server, for editors, over standard input and output. */
import { packageRoot } from "../../library.ts";
import { serve } from "../../lsp/index.ts";
import { exitStatus } from "../exit-status.ts";
import type { Verb } from "../verb.ts";
import { packageVersion } from "../versions.ts";

export const lspVerb: Verb = {
  name: "lsp",
  describe: (command) => {
    command
      .summary("language server for editors, over standard input and output")
      // Clients of editors name the way of talking; there is only this one.
      .option("--stdio", "talk over standard input and output (always so)");
  },
  execute: async () => {
    await serve({
      input: process.stdin,
      output: process.stdout,
      libraryRoot: packageRoot,
      version: packageVersion(),
    });
    return exitStatus.done;
  },
};
