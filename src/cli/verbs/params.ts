/** `weft params FILE`: every parameter and buffer of a model with its path, shape, element type and count. */
import { checkSource, instantiateModel } from "../../compile.ts";
import type { ParameterInfo } from "../../frontend/index.ts";
import { byteLength, elementCount, type TensorType } from "../../ir/index.ts";
import { accept, bugIn, isIrFile, loadEntry } from "../compilation.ts";
import { exitStatus, InputProblems } from "../exit-status.ts";
import { addModelOptions, readCompileOptions } from "../options.ts";
import { printBytes, printCount } from "../quantities.ts";
import { readSourceText, sourceReader } from "../source-files.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";

interface Row {
  readonly path: string;
  readonly role: ParameterInfo["role"];
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly bytes: number;
  readonly doc?: string;
}

interface Total {
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

export const paramsVerb: Verb = {
  name: "params",
  describe: (command) => {
    command.summary("list parameters and buffers").argument("<file>", ".weft or .ir file");
    addModelOptions(command);
  },
  execute: async ([file], options, terminal) => {
    const rows = listParameters(file as string, options, terminal);
    const total = (role: Row["role"]): Total => {
      const own = rows.filter((row) => row.role === role);
      const sum = (field: "count" | "bytes") => own.reduce((all, row) => all + row[field], 0);
      return { tensors: own.length, elements: sum("count"), bytes: sum("bytes") };
    };
    const totals = { parameters: total("param"), buffers: total("buffer") };
    if (terminal.json) terminal.printJson({ parameters: rows, totals });
    else terminal.print(printRows(rows, totals));
    return exitStatus.done;
  },
};

function listParameters(file: string, raw: Readonly<Record<string, unknown>>, terminal: Terminal): Row[] {
  const options = readCompileOptions(raw);
  if (isIrFile(file)) {
    return loadEntry(file, options, undefined, terminal).wanted.map(({ path, type }) => rowOf(path, "param", type));
  }
  const request = {
    model: options.model,
    entry: options.entry,
    preset: options.preset,
    settings: Object.fromEntries(options.settings),
  };
  const text = readSourceText(file);
  try {
    const instance = accept(instantiateModel(checkSource(file, sourceReader(file)), request), terminal);
    return instance.parameters.map(({ path, role, type, doc }) => rowOf(path, role, type, doc));
  } catch (error) {
    if (error instanceof InputProblems || (error as Error).name === "SourceErrors") throw error;
    throw bugIn("building the model", new Map([[file, text]]), error);
  }
}

function rowOf(path: string, role: Row["role"], type: TensorType, doc?: string): Row {
  const { dtype, shape } = type;
  return {
    path,
    role,
    dtype,
    shape,
    count: elementCount(shape),
    bytes: byteLength(type),
    ...(doc === undefined ? {} : { doc }),
  };
}

function printRows(rows: readonly Row[], totals: { readonly parameters: Total; readonly buffers: Total }): string {
  const table = printTable(
    [{ title: "path" }, { title: "role" }, { title: "type" }, { title: "count", align: "right" }],
    rows.map(({ path, role, dtype, shape, count }) => [
      path,
      role,
      shape.length === 0 ? dtype : `${dtype}[${shape.join(", ")}]`,
      printCount(count),
    ]),
  );
  const line = (name: string, { tensors, elements, bytes }: Total) =>
    `${name}: ${printCount(elements)} elements in ${printCount(tensors)} tensors, ${printBytes(bytes)}`;
  const sums = [line("parameters", totals.parameters), line("buffers", totals.buffers)].join("\n");
  return rows.length === 0 ? `no parameters\n${sums}` : `${table}\n\n${sums}`;
}
