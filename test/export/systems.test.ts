/** Whole systems in their tiny configurations: onnxruntime against the reference evaluator. */
import { describe, it } from "vitest";
import { elaborateModel, type ModelRequest } from "../models/compile-model.ts";
import { system, tinySystems } from "../models/tiny-systems.ts";
import { expectAgreement } from "./system-agreement.ts";

const requests: readonly ModelRequest[] = [
  ...tinySystems,
  { path: system("bert"), entry: "pretraining_loss", settings: { L: 12 } },
];

describe("systems in onnxruntime", () => {
  it.each(requests.map((request) => ({ preset: "tiny", ...request })))("$path $model $entry", async (request) => {
    const program = elaborateModel(request);
    await expectAgreement(program, program.graph, program.graph);
  });
});
