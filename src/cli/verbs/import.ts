/** `weft import model.onnx -o DIR`: a model of another framework as a text in Weft and its weights. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { checkSource } from "../../compile.ts";
import { renderDiagnostics } from "../../frontend/index.ts";
import {
  ImportError,
  type ImportedTensor,
  importOnnx,
  type OnnxImport,
  type UnsupportedNodes,
} from "../../import/index.ts";
import { readLibrarySource } from "../../library.ts";
import { convertStored, type TensorToStore, WeightsError } from "../../runtime/index.ts";
import { writeWeights } from "../../runtime/node.ts";
import { exitStatus, InputProblems, InternalFailure, UsageError } from "../exit-status.ts";
import { modelName } from "../model-name.ts";
import { collect, readSettings } from "../options.ts";
import { printPlural } from "../quantities.ts";
import { readFileBytes } from "../source-files.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";

export const importVerb: Verb = {
  name: "import",
  describe: (command) => {
    command
      .summary("write an ONNX model as equations")
      .argument("<file>", ".onnx file")
      .requiredOption("-o, --output <path>", "folder, or .weft file; the weights lie beside it")
      .option("--set <k=v>", "number for a size that the model leaves open; repeatable", collect)
      .option("--force", "replace files that exist");
  },
  execute: async ([file], raw, terminal) => {
    const path = file as string;
    const name = modelName(basename(path, ".onnx"));
    if (name === undefined)
      throw new UsageError(
        `\`${basename(path)}\` gives no name for a model: rename the file so that it begins with a letter`,
      );
    const sizes = readSizes((raw.set as readonly string[] | undefined) ?? []);
    const { text, weights } = outputFiles(raw.output as string, basename(path, ".onnx"), raw.force === true);
    const bytes = readFileBytes(path);
    terminal.progress("reading the model");
    const result = asInput(path, () => importOnnx({ bytes, name, sizes, readExternal: externalReader(path) }));
    if (result.kind === "unsupported") throw refusal(path, result.unsupported);
    checkText(result, basename(text));
    terminal.progress("writing the weights");
    const stored = asInput(path, () => result.tensors.map(storedForm));
    if (stored.length > 0) await writeWeights(weights, stored);
    writeText(text, result.text);
    terminal.endProgress();
    report(result, text, stored.length > 0 ? weights : undefined, terminal);
    return exitStatus.done;
  },
};

function readSizes(assignments: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...readSettings(assignments)].map(([key, value]) => {
      if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
        throw new UsageError(`--set ${key}=${value}: a size is a whole number from 1`);
      }
      return [key, value];
    }),
  );
}

/** Where text and weights go. @throws InputProblems where something lies there already */
function outputFiles(
  output: string,
  name: string,
  force: boolean,
): { readonly text: string; readonly weights: string } {
  const isFile = output.endsWith(".weft");
  const folder = isFile ? dirname(output) : output;
  const stem = isFile ? output.slice(0, -".weft".length) : join(output, name);
  const files = { text: `${stem}.weft`, weights: `${stem}.safetensors` };
  const problems = Object.values(files).flatMap((path) =>
    !force && existsSync(path) ? [`${path} exists already; choose another place, or replace it with --force`] : [],
  );
  if (problems.length > 0) throw new InputProblems(problems);
  try {
    if (existsSync(folder) && !statSync(folder).isDirectory())
      throw new InputProblems([`${folder} is a file, not a folder`]);
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    if (error instanceof InputProblems) throw error;
    throw new InputProblems([`${folder} cannot be made (${(error as NodeJS.ErrnoException).code})`]);
  }
  return files;
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new InputProblems([`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`]);
  }
}

/** Reads files beside the model, and no others: a model from elsewhere must not read what it likes. */
function externalReader(model: string) {
  const folder = dirname(resolve(model));
  const files = new Map<string, Uint8Array>();
  return (location: string, offset: number, length: number | undefined): Uint8Array => {
    const path = resolve(folder, location);
    const inside = relative(folder, path);
    if (inside.startsWith("..") || resolve(inside) === inside) {
      throw new ImportError(
        `its weights lie in \`${location}\`, outside of the model's folder; put them beside the model`,
      );
    }
    const bytes = files.get(path) ?? readFileBytes(join(dirname(model), inside));
    files.set(path, bytes);
    const end = length === undefined ? bytes.byteLength : offset + length;
    if (end > bytes.byteLength) {
      throw new ImportError(
        `${location} has ${bytes.byteLength} bytes, but a tensor of the model ends at byte ${end}; the file is cut short`,
      );
    }
    return bytes.subarray(offset, end);
  };
}

function asInput<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ImportError || error instanceof WeightsError)
      throw new InputProblems([`${path}: ${error.message}`]);
    throw error;
  }
}

/** Everything that Weft cannot say, with the nodes it concerns. */
function refusal(path: string, unsupported: readonly UnsupportedNodes[]): InputProblems {
  return new InputProblems(
    unsupported.map(({ operator, reason, nodes }) => {
      const shown = nodes.slice(0, 5).join(", ");
      const more = nodes.length > 5 ? ` and ${nodes.length - 5} more` : "";
      return `${path}: ${operator} (${printPlural(nodes.length, "node")}): ${reason}\n  at ${shown}${more}`;
    }),
  );
}

/** The text must be one that the compiler takes; where sizes are open, it may not be able to prove what it needs. */
function checkText({ text, sizes }: Extract<OnnxImport, { kind: "imported" }>, path: string): void {
  const { diagnostics, sources } = checkSource(path, (wanted) => (wanted === path ? text : readLibrarySource(wanted)));
  if (!diagnostics.some(({ severity }) => severity === "error")) return;
  const shown = renderDiagnostics(diagnostics, sources).trimEnd();
  if (sizes.length === 0) throw new InternalFailure("import", new Error(`the text has mistakes:\n${shown}`), undefined);
  throw new InputProblems([
    `the model cannot be written for every ${sizes.join(", ")}; give numbers with --set ${sizes.map((name) => `${name}=…`).join(" --set ")}\n${shown}`,
  ]);
}

function storedForm({ path, stored, shape, bytes }: ImportedTensor): TensorToStore {
  const dtype = /^B?F/.test(stored) ? "f32" : stored === "BOOL" ? "bool" : stored === "U32" ? "u32" : "i32";
  const data = Uint8Array.from(bytes());
  const entry = { name: path, type: stored, shape, start: 0, end: data.byteLength };
  // Half precision stays half the size.
  if (stored === "F16" || stored === "BF16") {
    return { name: path, dtype: stored === "F16" ? "f16" : "bf16", shape, data: new Uint16Array(data.buffer) };
  }
  return { name: path, dtype, shape, data: convertStored(entry, data, dtype) };
}

function report(
  result: Extract<OnnxImport, { kind: "imported" }>,
  text: string,
  weights: string | undefined,
  terminal: Terminal,
): void {
  const { nodes, opset, renamed, sizes, notes, tensors } = result;
  if (terminal.json) {
    terminal.printJson({
      file: text,
      weights,
      nodes,
      operators: opset,
      parameters: tensors.length,
      sizes,
      renamed,
      notes,
    });
    return;
  }
  const beside = weights === undefined ? "" : `, and ${weights} with ${printPlural(tensors.length, "tensor")}`;
  terminal.note(`${text}: ${printPlural(nodes, "node")} of operator set ${opset}${beside}`);
  for (const { name, written } of renamed) terminal.note(`${name} is called ${written} there`);
  for (const note of notes) terminal.note(note);
  const settings = sizes.map((name) => ` --set ${name}=…`).join("");
  const given = weights === undefined ? "" : ` --weights ${weights}`;
  terminal.note(`Next: npx weft run ${text}${given}${settings} --input all=random`);
}
