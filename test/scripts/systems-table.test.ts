/** The table of models/README.md: its counts are those of the plans, its page keeps what stands around it. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { systemCases } from "../../scripts/systems-cases.ts";
import { compiledSystem, countsOf, systemsTable, withTable } from "../../scripts/systems-table.ts";

const caseOf = (name: string) => {
  const found = systemCases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no row ${name}`);
  return found;
};

describe("rows", () => {
  it("have names of their own, and files", () => {
    expect(new Set(systemCases.map(({ name }) => name)).size).toBe(systemCases.length);
    expect(systemCases.filter(({ file }) => !existsSync(file))).toEqual([]);
  });

  it("count what the plan says", () => {
    const program = compiledSystem(caseOf("BERT, tiny"));
    const counts = countsOf(program);
    expect(counts.parameters).toBe(111_195);
    expect(counts.dispatches).toBe(program.plan.steps.length);
    expect(counts.kernels).toBe(program.plan.kernels.length);
    // Twelve tokens of 256 hidden units are the largest value, and the least that is alive at once.
    expect(counts.largestBytes).toBe(4 * 12 * 256);
    expect(counts.peakBytes).toBeGreaterThanOrEqual(counts.largestBytes);
    expect(counts.bytesMoved).toBeGreaterThan(4 * 100_000);
  });

  it.each(["HULANet, tiny", "NS-VQA: question parser, tiny", "ResNet-34, tiny"])(
    "are compiled at their sizes: %s",
    (name) => {
      const counts = countsOf(compiledSystem(caseOf(name)));
      expect(counts.flops).toBeGreaterThan(0);
      expect(counts.largestBytes).toBeLessThanOrEqual(counts.peakBytes);
    },
  );
});

describe("the table", () => {
  const counts = { parameters: 1234567, kernels: 2, dispatches: 3, flops: 4.56e9, bytesMoved: 7.891e8 } as const;
  const one = caseOf("JRNet, paper");
  const full = { ...counts, peakBytes: 2e6, largestBytes: 1e3 };

  it("says when and where was measured", () => {
    const table = systemsTable([[one, full]], { [one.name]: { ms: 1234.5, date: "2026-01-02", adapter: "a device" } });
    expect(table).toContain(
      "| [JRNet](jrnet/README.md) | `paper` | 320 × 320 | 1,234,567 | 2 | 3 | 4.56 | 789 | 2 | 0.001 | 1,235 |",
    );
    expect(table).toContain("Milliseconds: a device, 2026-01-02;");
    expect(systemsTable([[one, full]], {})).not.toContain("Milliseconds");
  });

  it("goes between its marks", () => {
    const page = "before\n<!-- systems-table -->\nold\n<!-- /systems-table -->\nafter\n";
    expect(withTable(page, "new")).toBe("before\n<!-- systems-table -->\nnew\n<!-- /systems-table -->\nafter\n");
    expect(() => withTable("no marks", "new")).toThrow("lacks the marks");
  });
});
