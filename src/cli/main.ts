/** The `weft` command: builds the verbs, parses the arguments, and turns whatever comes of it into an exit status. */
import { Command, CommanderError } from "commander";
import { type ExitStatus, exitStatus } from "./exit-status.ts";
import { reportFailure } from "./failure.ts";
import { makeTerminal } from "./terminal.ts";
import type { Verb } from "./verb.ts";
import { benchVerb } from "./verbs/bench.ts";
import { buildVerb } from "./verbs/build.ts";
import { checkVerb } from "./verbs/check.ts";
import { demoVerb } from "./verbs/demo.ts";
import { doctorVerb } from "./verbs/doctor.ts";
import { explainVerb } from "./verbs/explain.ts";
import { exportVerb } from "./verbs/export.ts";
import { fmtVerb } from "./verbs/fmt.ts";
import { importVerb } from "./verbs/import.ts";
import { inspectVerb } from "./verbs/inspect.ts";
import { lspVerb } from "./verbs/lsp.ts";
import { newVerb } from "./verbs/new.ts";
import { paramsVerb } from "./verbs/params.ts";
import { runVerb } from "./verbs/run.ts";
import { startVerb } from "./verbs/start.ts";
import { trainVerb } from "./verbs/train.ts";
import { tuneVerb } from "./verbs/tune.ts";
import { packageVersion } from "./versions.ts";

const verbs: readonly Verb[] = [
  startVerb,
  checkVerb,
  runVerb,
  inspectVerb,
  benchVerb,
  tuneVerb,
  trainVerb,
  buildVerb,
  exportVerb,
  importVerb,
  demoVerb,
  paramsVerb,
  fmtVerb,
  explainVerb,
  doctorVerb,
  newVerb,
  lspVerb,
];

/** Runs the command and returns its exit status. Never throws. */
async function main(args: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = exitStatus.done;
  const program = new Command("weft")
    .description("Compiles neural models written as equations to WGSL kernels and runs them through WebGPU.")
    .version(packageVersion(), "-V, --version")
    .exitOverride()
    .showHelpAfterError("(`weft --help` or `weft VERB --help` lists what there is)")
    .configureHelp({ showGlobalOptions: false });
  for (const verb of verbs) {
    const command = program.command(verb.name).option("--json", "machine-readable results on standard output");
    verb.describe(command);
    command.action(async () => {
      const options = command.opts<Record<string, unknown>>();
      const terminal = makeTerminal(options.json === true);
      try {
        status = await verb.execute(command.args, options, terminal);
        terminal.endProgress();
      } catch (error) {
        status = reportFailure(error, terminal);
      }
    });
  }
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.usage;
    return reportFailure(error, makeTerminal(false));
  }
  return status;
}

// Whoever reads may stop early, as `weft inspect … | head` does; that is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(process.exitCode ?? exitStatus.done);
  });
}
process.on("uncaughtException", (error) => {
  process.exit(reportFailure(error, makeTerminal(process.argv.includes("--json"))));
});

process.exitCode = await main(process.argv.slice(2));
