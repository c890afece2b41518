/** Systems after the passes, and with gradients: what else an export can be asked for. */
import { describe, it } from "vitest";
import { optimiseGraph, withGradients } from "../../src/compile.ts";
import { elaborateModel, type ModelRequest } from "../models/compile-model.ts";
import { expectAgreement } from "./system-agreement.ts";

const system = (name: string) => `models/${name}/${name}.weft`;
/** The graph that the passes leave, or the one with the gradients of all parameters. */
const derived: readonly (ModelRequest & { readonly after: "passes" | "gradients" })[] = [
  { path: system("performer"), entry: "logits", settings: { L: 16 }, after: "passes" },
  { path: system("resnet"), model: "ResNet34", settings: { B: 1, H: 32, W: 32 }, after: "passes" },
  { path: system("ns-vqa"), model: "QuestionParser", entry: "parse", settings: { B: 1, L: 5 }, after: "passes" },
  { path: system("performer"), entry: "loss", settings: { L: 8 }, after: "gradients" },
  {
    path: system("ns-vqa"),
    model: "QuestionParser",
    entry: "loss",
    settings: { B: 1, L: 4, T: 3 },
    after: "gradients",
  },
  {
    path: system("ns-vqa"),
    model: "AttributeNetwork",
    entry: "loss",
    settings: { B: 1, H: 16, W: 16 },
    after: "gradients",
  },
];

describe("derived graphs in onnxruntime", () => {
  it.each(derived)("$path $model $entry after $after", async ({ after, ...request }) => {
    const program = elaborateModel({ preset: "tiny", ...request });
    if (after === "gradients") {
      const graph = withGradients(program, { gradient: "all" });
      await expectAgreement(program, graph, graph);
    } else await expectAgreement(program, program.graph, optimiseGraph(program.graph, {}).finalGraph);
  });
});
