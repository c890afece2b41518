/** `weft export FILE --to onnx -o F.onnx`: the tensor-level graph for other engines. */
import { basename } from "node:path";
import { Option } from "commander";
import { exportedParameters, exportOnnx, type OnnxExport, onnxVersions, parameterBytes } from "../../export/index.ts";
import type { Graph, Node } from "../../ir/index.ts";
import { printType } from "../../ir/index.ts";
import { guarded, initialValuesOf, type LoadedEntry, loadEntry, optimiseEntry } from "../compilation.ts";
import { exitStatus, InputProblems, UsageError } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { parameterReader, writeOnnx } from "../onnx-file.ts";
import { addCompileOptions, type CompileOptions, readCompileOptions } from "../options.ts";
import { printBytes, printCount, printPlural } from "../quantities.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";
import { packageVersion } from "../versions.ts";
import { openParameters } from "../weights.ts";

/** Parameters of more bytes lie in a file of their own: a model is one message, and those end at 2 GiB. */
const largestInside = 2 ** 30;

export const exportVerb: Verb = {
  name: "export",
  describe: (command) => {
    command.summary("write the graph for other engines").argument("<file>", ".weft or .ir file");
    addCompileOptions(command);
    command
      .addOption(new Option("--to <format>", "format to write").choices(["onnx"]).makeOptionMandatory())
      .requiredOption("-o, --output <file>", "file to write")
      .option("--optimised", "the graph after the passes, not as it was written")
      .option(
        "--external-data",
        `parameters in a file beside the model, as they are anyway above ${printBytes(largestInside)}`,
      );
  },
  execute: async ([file], raw, terminal) => {
    const options = readCompileOptions(raw);
    const output = raw.output as string;
    checkCombination(raw, options);
    const sources = await openInputs(options.inputs, options.inputsFile);
    try {
      const entry = loadEntry(file as string, options, sources, terminal);
      const graph = raw.optimised === true ? optimised(entry, options, terminal) : entry.graph;
      const beside = raw.externalData === true || parameterBytes(graph) > largestInside;
      await writeGraph({ entry, graph, options, output, beside, sources, terminal });
    } finally {
      await sources.close();
    }
    return exitStatus.done;
  },
};

/** @throws UsageError for options that would change nothing */
function checkCombination(raw: Readonly<Record<string, unknown>>, options: CompileOptions): void {
  if (options.verify) throw new UsageError("--verify checks passes as they run; use it with `weft run`");
  if (raw.optimised === true) return;
  const given: readonly (readonly [string, boolean])[] = [
    ["--disable", options.disable.length > 0],
    ["--only", options.only !== undefined],
    ["-O", raw.O !== undefined],
    ["--approx", options.approximation !== undefined && options.gradient === undefined],
    ["--precision f16", options.precision === "f16"],
  ];
  for (const [option, isGiven] of given) {
    if (isGiven)
      throw new UsageError(`${option} is about passes, and the graph is exported as written; add --optimised`);
  }
}

function optimised(entry: LoadedEntry, options: CompileOptions, terminal: Terminal): Graph {
  return optimiseEntry(entry, { passes: options, onProgress: (step) => terminal.progress(step) }).finalGraph;
}

interface Job {
  readonly entry: LoadedEntry;
  readonly graph: Graph;
  readonly options: CompileOptions;
  readonly output: string;
  /** Parameters lie in a file beside the model. */
  readonly beside: boolean;
  readonly sources: InputSources;
  readonly terminal: Terminal;
}

const nameOf = (node: Node) => node.attributes.name as string;

async function writeGraph({ entry, graph, options, output, beside, terminal }: Job): Promise<void> {
  const request = {
    file: options.weights,
    allowMissing: options.allowMissing,
    initial: initialValuesOf(entry, options.seed),
  };
  const parameters = await openParameters(entry.wanted, request, terminal);
  try {
    const wanted = exportedParameters(graph);
    const read = parameterReader(parameters.read, new Map(wanted.map((node) => [nameOf(node), node.type.dtype])));
    const location = `${basename(output)}.data`;
    const bytes = new Map<string, Uint8Array<ArrayBuffer>>();
    if (!beside) for (const node of wanted) bytes.set(nameOf(node), await read(nameOf(node)));
    terminal.progress("writing the model");
    const result = guarded("export", entry.sources, () =>
      exportOnnx({
        graph,
        version: packageVersion(),
        parameters: beside ? { kind: "beside", location } : { kind: "inside", bytes },
      }),
    );
    if (result.kind === "unsupported") throw refusal(result);
    await writeOnnx(output, result.model, beside ? { location, layout: result.external } : undefined, read);
    terminal.endProgress();
    report(graph, result, output, beside ? location : undefined, terminal);
  } finally {
    await parameters.close();
  }
}

/** All that ONNX cannot say, with its places in the text. */
function refusal({ unsupported }: Extract<OnnxExport, { kind: "unsupported" }>): InputProblems {
  return new InputProblems(
    unsupported.map(({ operation, reason, places }) => {
      const at = places.length === 0 ? "" : `\n  at ${places.join(", ")}`;
      return `ONNX cannot say this graph: ${operation} ${reason}${at}`;
    }),
  );
}

function report(
  graph: Graph,
  { model, operators, parameters, external, renamed }: Extract<OnnxExport, { kind: "exported" }>,
  output: string,
  location: string | undefined,
  terminal: Terminal,
): void {
  const last = external.at(-1);
  const dataBytes = last === undefined ? 0 : last.offset + last.length;
  const nodes = Object.values(operators).reduce((sum, count) => sum + count, 0);
  const writtenName = (name: string) => renamed.find((each) => each.name === name)?.written ?? name;
  if (terminal.json) {
    const typed = (name: string, { type }: Node) => ({ name, type: printType(type) });
    terminal.printJson({
      file: output,
      bytes: model.byteLength,
      ...(location === undefined ? {} : { data: { file: location, bytes: dataBytes } }),
      ...onnxVersions,
      nodes,
      nodesByOperator: operators,
      inputs: graph.inputs.map((node) => typed(nameOf(node), node)),
      outputs: graph.outputs.map(({ name, node }) => typed(name, node)),
      parameters,
      renamed,
    });
    return;
  }
  const beside = location === undefined ? "" : `, and ${location}, ${printBytes(dataBytes)}`;
  terminal.note(
    `${output}: ${printBytes(model.byteLength)}${beside}; ${printPlural(nodes, "node")}, ${printCount(parameters.length)} parameters, operator set ${onnxVersions.operators}`,
  );
  for (const { name } of renamed) {
    terminal.note(
      `${name} is called ${writtenName(name)} there: in ONNX, inputs, outputs and parameters share their names`,
    );
  }
}
