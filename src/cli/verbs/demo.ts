/** `weft demo NAME`: one of the systems, from real files to an answer. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command, CommanderError } from "commander";
import type { Demo } from "../../demo.ts";
import { packageRoot } from "../../library.ts";
import { openDemo } from "../demo-context.ts";
import { type ExitStatus, exitStatus, InputProblems, UsageError } from "../exit-status.ts";
import { withMachine } from "../machine.ts";
import { addCompileOptions, type CompileOptions, readCompileOptions } from "../options.ts";
import { printMilliseconds } from "../quantities.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";

export const demoVerb: Verb = {
  name: "demo",
  describe: (command) => {
    command
      .summary("run one of the systems from files to an answer")
      .argument("[name]", `one of: ${demoNames().join(", ")}`)
      .argument("[options...]", "options of the demo: `weft demo NAME --help` lists them")
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments();
  },
  execute: async ([name, ...rest], raw, terminal) => {
    const known = demoNames();
    if (name === undefined || name.startsWith("-")) {
      throw new UsageError(`weft demo NAME runs a system; there are ${known.join(", ")}`);
    }
    if (!known.includes(name)) throw new UsageError(`there is no demo ${name}; there are ${known.join(", ")}`);
    const demo = await loadDemo(name);
    const json = raw.json === true ? ["--json"] : [];
    return runDemo(demo, [...rest, ...json], terminal);
  },
};

/** Names of the systems that have a demo, in alphabetical order. */
function demoNames(): readonly string[] {
  const folder = join(packageRoot, "models");
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "demo.ts")))
    .map((entry) => entry.name)
    .sort();
}

/** The bundle that the build made of a demo; in a checkout run from its sources, the source. */
async function loadDemo(name: string): Promise<Demo> {
  const fromSources = import.meta.url.endsWith(".ts");
  const path = fromSources ? join("models", name, "demo.ts") : join("dist", "demos", `${name}.mjs`);
  const { demo } = (await import(pathToFileURL(join(packageRoot, path)).href)) as { demo: Demo };
  return demo;
}

async function runDemo(demo: Demo, args: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  const raw = parseOptions(demo, args);
  if (raw === undefined) return exitStatus.done;
  const given = readCompileOptions(raw);
  const preset = given.preset ?? demo.defaultPreset;
  const shipped = raw.untrained === true ? undefined : shippedWeights(demo.name, preset, given);
  // A system of several networks may come with weights for some of them.
  const compile = shipped === undefined ? given : { ...given, weights: shipped, allowMissing: true };
  return withMachine(compile.device, terminal, async (machine) => {
    const { output } = raw as { readonly output?: string };
    const settings = {
      compile,
      preset,
      ...(output === undefined ? {} : { output }),
      options: raw as Readonly<Record<string, string | boolean | undefined>>,
    };
    const open = openDemo(settings, machine, terminal);
    try {
      if (!open.context.trained) {
        open.context.print("The weights are untrained, drawn from the seed: the answer shows the way, not the skill.");
      }
      if (shipped !== undefined) {
        open.context.print(
          `The weights come with Weft (models/${demo.name}/tiny.safetensors): trained on the synthetic world alone, they know no photograph.`,
        );
      }
      await demo.run(open.context);
    } catch (error) {
      // A demo is a bundle of its own, with its own copy of the class.
      if (error instanceof Error && error.name === "DemoInputError") {
        throw new InputProblems((error as Error & { readonly problems: readonly string[] }).problems);
      }
      throw error;
    } finally {
      open.close();
    }
    terminal.endProgress();
    const ms = Object.fromEntries(open.stages);
    if (terminal.json) {
      terminal.printJson({ adapter: machine.description, trained: open.context.trained, ...open.values, ms });
    } else {
      const rows = [...open.stages].map(([stage, time]) => [stage, printMilliseconds(time)]);
      terminal.print(`\n${printTable([{ title: "stage" }, { title: "time", align: "right" }], rows)}`);
    }
    return exitStatus.done;
  });
}

/** Weights of the tiny network that come with a system, where the user has not chosen otherwise. */
function shippedWeights(name: string, preset: string | undefined, given: CompileOptions): string | undefined {
  if (preset !== "tiny" || given.weights !== undefined || given.settings.size > 0) return undefined;
  const path = join(packageRoot, "models", name, "tiny.safetensors");
  return existsSync(path) ? path : undefined;
}

/** The demo's options, or undefined after its help was shown. */
function parseOptions(demo: Demo, args: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const command = new Command(`weft demo ${demo.name}`)
    .description(demo.summary)
    .option("--json", "machine-readable results on standard output")
    .exitOverride();
  addCompileOptions(command);
  command.option("--output <path>", "where the result is written");
  command.option("--untrained", "weights drawn from the seed, where trained ones come with the system");
  for (const { flags, description } of demo.options) command.option(flags, description);
  try {
    command.parse([...args], { from: "user" });
    return command.opts();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    if (error instanceof CommanderError) throw new UsageError(error.message.replace(/^error: /, ""));
    throw error;
  }
}
