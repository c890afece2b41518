/** One system, exported and run, against what its graph means. */
import { expect } from "vitest";
import type { ElaboratedProgram } from "../../src/compile.ts";
import { evaluateGraph, type Graph, type GraphValues, tensorOf } from "../../src/ir/index.ts";
import { randomValues } from "../ir/random-graph.ts";
import { parametersOf } from "../models/compile-model.ts";
import { agreementOf, exportWith, runModel } from "./onnx-session.ts";

/** What is promised: relative to the largest element of an output. */
const tolerance = 1e-4;

/** Compares all outputs of an entry, written as `exported`, with what the entry means. */
export async function expectAgreement(program: ElaboratedProgram, meaning: Graph, written: Graph): Promise<void> {
  const drawn = parametersOf(program);
  const parameters = Object.fromEntries(
    meaning.parameters.map((node) => {
      const path = node.attributes.name as string;
      return [path, tensorOf(node.type, Array.from(drawn.get(path)?.data ?? []))];
    }),
  );
  const values: GraphValues = { inputs: randomValues(meaning, 3).inputs, parameters };
  const exported = exportWith(written, values);
  if (exported.kind === "unsupported") throw new Error(JSON.stringify(exported.unsupported));
  const wanted = evaluateGraph(meaning, values);
  // Nothing is compared where the reference itself says nothing.
  for (const [name, { data }] of Object.entries(wanted)) expect(data.every(Number.isFinite), name).toBe(true);
  expect(Object.values(wanted).some(({ data }) => data.some((value) => value !== 0))).toBe(true);
  const agreement = agreementOf(wanted, await runModel(exported.model, values.inputs));
  expect(agreement.length).toBe(meaning.outputs.length);
  for (const { name, relative } of agreement) expect(relative, name).toBeLessThan(tolerance);
}
