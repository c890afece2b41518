/** `weft start [FILE]`: the main job on a text, or the tour of a .weft file. */
import { join } from "node:path";
import { packageRoot } from "../../library.ts";
import { exitStatus } from "../exit-status.ts";
import { withMachine } from "../machine.ts";
import { runMainJob } from "../main-job.ts";
import { addModelOptions, readCompileOptions } from "../options.ts";
import { tour } from "../tour.ts";
import type { Verb } from "../verb.ts";

/** Read when no file is given: a long text of the project's own documentation. */
const defaultText = "docs/language.md";

export const startVerb: Verb = {
  name: "start",
  describe: (command) => {
    command
      .summary("run the Performer on a text and show what the optimiser did")
      .argument(
        "[file]",
        `text whose bytes are read (default: ${defaultText} of the package), or a .weft file to look at`,
      );
    addModelOptions(command);
  },
  execute: async ([file], raw, terminal) => {
    const options = readCompileOptions(raw);
    const path = file ?? join(packageRoot, defaultText);
    const isProgram = path.endsWith(".weft") || path.endsWith(".ir");
    await withMachine(options.device, terminal, (machine) =>
      isProgram ? tour(path, options, machine, terminal) : runMainJob(path, options, machine, terminal),
    );
    return exitStatus.done;
  },
};
