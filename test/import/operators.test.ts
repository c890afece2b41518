/** Every operator by a small model: what its import computes against onnxruntime. */
import { describe, expect, it } from "vitest";
import { operators } from "../../src/import/operators/table.ts";
import { drawn, importDifference } from "./agreement.ts";
import { type AttributeValue, modelBytes, type Numbers } from "./build-model.ts";
import { type OperatorCase, operatorCases } from "./operator-cases.ts";

/** What is promised: relative to the largest element of an output. */
const tolerance = 1e-4;

/** A case as a model: inputs that are not `data` are initialisers, and are also tried as inputs where they are data too. */
function modelOf({ operator, opset = 17, inputs, attributes, outputs = 1 }: OperatorCase) {
  const named = inputs.map((input, k) => [input === undefined ? "" : `in${k}`, input] as const);
  const given = named.flatMap(([name, input]) =>
    input === undefined || !("input" in input) ? [] : [[name, input.input] as const],
  );
  const constant = named.flatMap(([name, input]) =>
    input === undefined || "input" in input ? [] : [[name, input.constant] as const],
  );
  const names = Array.from({ length: outputs }, (_, k) => `out${k}`);
  const bytes = modelBytes({
    opset,
    inputs: Object.fromEntries(given.map(([name, { kind, shape }]) => [name, { kind, shape }])),
    initialisers: Object.fromEntries(constant),
    nodes: [
      {
        operator,
        inputs: named.map(([name]) => name),
        outputs: names,
        attributes: attributes as Record<string, AttributeValue>,
      },
    ],
    outputs: names,
  });
  return { bytes, values: Object.fromEntries(given) as Record<string, Numbers> };
}

describe("operators", () => {
  it.each(
    operatorCases.map(
      (each) => [each.about === undefined ? each.operator : `${each.operator}: ${each.about}`, each] as const,
    ),
  )("%s", async (_, each) => {
    const { bytes, values } = modelOf(each);
    const { difference, text } = await importDifference(bytes, values);
    expect(difference, text).toBeLessThan(each.exact === true ? 1e-12 : tolerance);
  });

  it("all have a case", () => {
    const tried = new Set(operatorCases.map(({ operator }) => operator));
    // In text.test.ts and torch.test.ts.
    const elsewhere = ["Swish", "Constant", "ConstantOfShape", "Shape", "Size", "Range", "CastLike"];
    expect(Object.keys(operators).filter((name) => !tried.has(name) && !elsewhere.includes(name))).toEqual([]);
  });

  it("draws numbers that differ", () => {
    expect(new Set(drawn([64]).data).size).toBe(64);
  });
});
