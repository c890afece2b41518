/** Test help: from a text to numbers, and arrays with which the expected numbers are written as plain loops. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import { check } from "../../src/frontend/check.ts";
import type { CheckedProgram } from "../../src/frontend/checked-program.ts";
import type { Diagnostic } from "../../src/frontend/diagnostic.ts";
import { type ElaborationRequest, type ElaborationResult, elaborate } from "../../src/frontend/elaborate.ts";
import { checkGraph, evaluateGraph, type Graph, printGraph, type Tensor, tensorOf } from "../../src/ir/index.ts";

/** A row-major array of numbers for expectations. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly at: (...position: number[]) => number;
}

/** Builds an array from a function of the position. */
export function array(shape: readonly number[], value: (...position: number[]) => number): NumberArray {
  const data: number[] = [];
  const visit = (position: number[]) => {
    if (position.length === shape.length) {
      data.push(value(...position));
      return;
    }
    for (let k = 0; k < (shape[position.length] as number); k++) visit([...position, k]);
  };
  visit([]);
  const at = (...position: number[]) => {
    let offset = 0;
    position.forEach((k, axis) => {
      if (!(k >= 0 && k < (shape[axis] as number))) throw new RangeError(`position ${position} of [${shape}]`);
      offset = offset * (shape[axis] as number) + k;
    });
    return data[offset] as number;
  };
  return { shape, data, at };
}

/** Numbers without pattern in -1..1, the same on every run; `salt` tells arrays apart. */
export function noise(shape: readonly number[], salt = 1): NumberArray {
  let n = salt * 7919;
  return array(shape, () => {
    n++;
    const x = Math.sin(n * 12.9898) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
}

/** Whole numbers 0 … below-1 without pattern. */
export function indices(shape: readonly number[], below: number, salt = 1): NumberArray {
  const source = noise(shape, salt);
  return array(shape, (...position) => Math.min(below - 1, Math.floor(((source.at(...position) + 1) / 2) * below)));
}

export const sum = (n: number, term: (k: number) => number): number =>
  Array.from({ length: n }, (_, k) => term(k)).reduce((a, b) => a + b, 0);

/** `code at line:column: title (label)`, with notes on lines of their own. */
export function shortForm({ code, title, primary, notes }: Diagnostic): string {
  const { line, column } = primary.span;
  const label = primary.text === "" ? "" : ` (${primary.text})`;
  return [`${code} at ${line}:${column}: ${title}${label}`, ...notes].join("\n  ");
}

/** Checks a text that must be free of errors; `std/…` is read from the repository. */
export function checked(text: string, files: Readonly<Record<string, string>> = {}): CheckedProgram {
  const program = check("test.weft", {
    builtins: languageBuiltins(),
    readSource: (path) => {
      if (path === "test.weft") return text;
      if (files[path] !== undefined) return files[path];
      return path.startsWith("std/") ? readFileSync(path, "utf8") : undefined;
    },
  });
  const errors = program.diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  expect(errors.map((diagnostic) => shortForm(diagnostic)).join("\n")).toBe("");
  return program;
}

/** Elaborates a text; diagnostics are left to the caller. */
export function elaborated(
  text: string,
  request: ElaborationRequest = {},
  files: Readonly<Record<string, string>> = {},
): ElaborationResult & { readonly program: CheckedProgram } {
  const program = checked(text, files);
  return { ...elaborate(program, request), program };
}

/** The graph of a text that elaborates without diagnostics, verified. */
export function graphOf(
  text: string,
  request: ElaborationRequest = {},
  files: Readonly<Record<string, string>> = {},
): Graph {
  const { graph, diagnostics } = elaborated(text, request, files);
  expect(diagnostics.map((diagnostic) => shortForm(diagnostic)).join("\n")).toBe("");
  checkGraph(graph as Graph);
  return graph as Graph;
}

/** The IR text without comments: structure only. */
export function irOf(text: string, request: ElaborationRequest = {}): string {
  return printGraph(graphOf(text, request))
    .split("\n")
    .map((line) => line.replace(/\s*;.*$/, ""))
    .join("\n");
}

/** Runs a text's entry in the reference evaluator on inputs and parameters given by name. */
export function run(
  text: string,
  request: ElaborationRequest & { readonly values?: Readonly<Record<string, NumberArray>> },
): Record<string, Tensor> {
  const { values = {}, ...rest } = request;
  const graph = graphOf(text, rest);
  const take = (nodes: Graph["inputs"]) =>
    Object.fromEntries(
      nodes.map((node) => {
        const name = node.attributes.name as string;
        const given = values[name];
        if (given === undefined) throw new Error(`no value for ${name}`);
        expect(given.shape, name).toEqual(node.type.shape);
        return [name, tensorOf(node.type, given.data)];
      }),
    );
  return evaluateGraph(graph, { inputs: take(graph.inputs), parameters: take(graph.parameters) });
}

/** Compares a result with an expectation, shape and elements (relative to 1e-12: both sides are double). */
export function expectTensor(got: Tensor | undefined, want: NumberArray): void {
  expect(got?.type.shape).toEqual([...want.shape]);
  want.data.forEach((value, k) => {
    const found = (got as Tensor).data[k] as number;
    const close = Object.is(found, value) || Math.abs(found - value) <= 1e-12 * Math.max(1, Math.abs(value));
    if (!close) expect(found, `element ${k}`).toBe(value);
  });
}

/** Runs a text with one result and compares it. */
export function expectRun(text: string, request: Parameters<typeof run>[1], want: NumberArray): void {
  const [result] = Object.values(run(text, request));
  expectTensor(result, want);
}
