/**
 * Gradients of the library against central differences in float64, ≤ 1e-6: every case that is compared with PyTorch is also
 * differentiated, by all its floating-point inputs and parameters.
 */
import { describe, it } from "vitest";
import { type GraphValues, isFloat } from "../../src/ir/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { arbitraryValues, expectGradients } from "../passes/central-differences.ts";
import { gradientCases } from "./gradient-cases.ts";
import { graphWithValues, readCases } from "./torch-cases.ts";

const cases = await readCases("test/fixtures/language/torch.safetensors");

/** Clipped to the end of its schedule, a fraction of a power has the slope 0 · ∞, here as in every framework. */
const withoutSlope = /^polynomial .*0\.9/;

/** Cases whose values lie on kinks, jumps or poles (a boundary of a schedule, a second moment of 0): differentiated beside them. */
const onKinks = /^(hard_|step_|milestone_decay|polynomial|warm_up)/;

function withPositiveVariances({ inputs, parameters }: GraphValues): GraphValues {
  const positive = Object.entries(parameters).map(([name, tensor]) =>
    name.endsWith("running_var")
      ? [name, { ...tensor, data: tensor.data.map((x) => 0.5 + Math.abs(x)) }]
      : [name, tensor],
  );
  return { inputs, parameters: Object.fromEntries(positive) };
}

describe("gradients of", () => {
  it.each(cases.filter(({ name }) => !withoutSlope.test(name)))("$name", (each) => {
    const { graph, values: given } = graphWithValues(each);
    const values = onKinks.test(each.name) ? { ...given, inputs: arbitraryValues(graph, [0.2, 0.9]).inputs } : given;
    const sources = [...graph.inputs, ...graph.parameters];
    if (!sources.some(({ type }) => isFloat(type.dtype)) || !graph.outputs.some(({ node }) => isFloat(node.type.dtype)))
      return;
    expectGradients(graph, { values, elements: 1, tensors: 6 });
  });

  it.each(Object.entries(gradientCases))("%s", (_name, text) => {
    const graph = graphOf(text);
    expectGradients(graph, { values: withPositiveVariances(arbitraryValues(graph)), elements: 3, tensors: 8 });
  });

  it.each(["BatchNorm2d", "BatchNorm1d", "BasicBlock of a ResNet"])("%s while training", (name) => {
    const graph = graphOf(gradientCases[name] as string, { training: true });
    expectGradients(graph, { values: withPositiveVariances(arbitraryValues(graph)), elements: 3, tensors: 8 });
  });
});
