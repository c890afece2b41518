/** Inspections read from JSON: what was written comes back, what is broken is refused with its place. */
import { describe, expect, it } from "vitest";
import { type Inspection, InspectionFormatError, readInspection } from "../../src/inspect/index.ts";
import { inspectAttention } from "./compile-for-inspection.ts";

const { inspection } = inspectAttention();

describe("reading an inspection", () => {
  it("gives back what was written", () => {
    expect(readInspection(JSON.stringify(inspection))).toEqual(JSON.parse(JSON.stringify(inspection)));
  });

  const broken: readonly (readonly [string, unknown, RegExp])[] = [
    ["other JSON", { a: 1 }, /it is no inspection: it has no "format"/],
    ["a list", [], /it is no object/],
    ["an older one", { ...inspection, equations: undefined }, /without equations; write it again/],
    ["another format", { ...inspection, format: "weft-inspection/2" }, /no "format": "weft-inspection\/1"/],
    ["a table that is none", { ...inspection, nodes: 3 }, /nodes is no list/],
    ["no name", { ...inspection, name: 3 }, /it: name is no text/],
    ["no memory", { ...inspection, memory: null }, /memory is no object/],
    [
      "a reference to nothing",
      { ...inspection, launches: [{ ...inspection.launches[0], members: [123456] }] },
      /launches\[0\]: members 123456 is not in its table/,
    ],
    [
      "negative work",
      { ...inspection, nodes: inspection.nodes.map((node, i) => (i === 2 ? { ...node, flops: -1 } : node)) },
      /nodes\[2\]: flops is no number/,
    ],
  ];
  it.each(broken)("refuses %s", (_, value, message) => {
    expect(() => readInspection(JSON.stringify(value as Inspection))).toThrow(message);
    expect(() => readInspection(JSON.stringify(value as Inspection))).toThrow(InspectionFormatError);
  });

  it("refuses what is not JSON", () => {
    expect(() => readInspection("graph g {")).toThrow(/it is not JSON/);
  });
});
