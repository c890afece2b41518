/** The inspection as data: complete, consistent, and as its schema says. */
import { describe, expect, it } from "vitest";
import {
  attributeCosts,
  graphAfter,
  graphLines,
  type Inspection,
  makeRelations,
  renderPage,
  writeTrace,
} from "../../src/inspect/index.ts";
import { printGraph } from "../../src/ir/index.ts";
import { inspectAttention, inspectPerformer, inspectRecurrence } from "./compile-for-inspection.ts";
import { validate, validInspection } from "./valid-inspection.ts";

const cases = [
  { name: "attention", ...inspectAttention() },
  { name: "performer", ...inspectPerformer() },
  { name: "recurrence", ...inspectRecurrence() },
];

/** A profile in which step n takes n + 1 ms. */
const profiled = (inspection: Inspection): Inspection => ({
  ...inspection,
  profile: { method: "timestamps", ms: Array.from({ length: inspection.steps }, (_, step) => step + 1) },
});

describe.each(cases)("the inspection of $name", ({ compiled, inspection }) => {
  it("is as the published schema says, with a profile too", () => {
    for (const each of [inspection, profiled(inspection)]) validInspection(each);
  });

  it("holds every stage's graph as its text form has it", () => {
    const graphs = [compiled.graph, ...compiled.stages.map((stage) => stage.graph)];
    expect(inspection.stages).toHaveLength(graphs.length);
    graphs.forEach((graph, stage) => {
      const lines = graphLines(inspection, graphAfter(inspection, stage));
      const text = lines.map((line) => line.text).join("\n");
      const printed = printGraph(graph, { comments: false })
        .split("\n")
        .map((line) => line.trim().replace(/ \{$/, ""));
      // Closing braces of bodies stand alone in the text form; here the nesting shows them.
      const plain = (line: string) => line !== "}" && line !== "";
      const cut = (line: string) => line.replace(/values=\[.*/, "values");
      expect(
        text
          .split("\n")
          .map((line) => line.trim().replace(/ \{$/, ""))
          .filter(plain)
          .map(cut),
      ).toEqual(printed.filter(plain).map(cut));
    });
  });

  it("refers only to what is in its tables", () => {
    const { nodes, spans, sources, rules, kernels, launches, steps, memory } = inspection;
    nodes.forEach((node, id) => {
      for (const operand of node.operands) expect(operand).toBeLessThan(id);
      for (const origin of node.origins) expect(spans[origin]).toBeDefined();
    });
    for (const { source, start, end, line, column } of spans) {
      const text = sources[source]?.text as string;
      expect(end).toBeLessThanOrEqual(text.length);
      const before = text.slice(0, start).split("\n");
      expect([before.length, (before.at(-1) as string).length + 1]).toEqual([line, column]);
    }
    inspection.equations.forEach(({ source, start, end, line }, id) => {
      const text = sources[source]?.text as string;
      expect(text.slice(0, start).split("\n")).toHaveLength(line);
      expect(spans.some((span) => span.source === source && span.start >= start && span.end <= end)).toBe(true);
      const next = inspection.equations[id + 1];
      if (next?.source === source) expect(next.start).toBeGreaterThanOrEqual(end);
    });
    for (const { rewrites } of inspection.stages) for (const { rule } of rewrites) expect(rules[rule]).toBeDefined();
    for (const launch of launches) {
      expect(kernels[launch.kernel]).toBeDefined();
      for (const id of [...launch.members, ...launch.inputs, ...launch.outputs]) expect(nodes[id]).toBeDefined();
      for (const { name } of launch.bindings)
        expect(kernels[launch.kernel]?.wgsl).toMatch(new RegExp(`\\b${name}: array`));
    }
    const all = launches.flatMap((launch) => launch.steps).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: steps }, (_, i) => i));
    expect(memory.live).toHaveLength(steps);
  });

  it("shares out all that the kernels cost, and no more", () => {
    for (const each of [inspection, profiled(inspection)]) {
      const costs = attributeCosts(each);
      expect(costs.total.modelled).toBeCloseTo(1, 9);
      expect(costs.total.flops).toBeCloseTo(
        compiled.plan.steps.reduce((sum, { flops }) => sum + flops, 0),
        3,
      );
      const sums = (parts: Iterable<{ readonly modelled: number; readonly bytes: number; readonly ms?: number }>) =>
        [...parts].reduce(
          (all, { modelled, bytes, ms = 0 }) => [all[0]! + modelled, all[1]! + bytes, all[2]! + ms],
          [0, 0, 0],
        );
      const whole = sums([costs.total]);
      for (const parts of [costs.launches, costs.nodes.values(), costs.lines, costs.equations]) {
        sums(parts).forEach((sum, i) => {
          expect(sum / Math.max(whole[i]!, 1e-12)).toBeCloseTo(whole[i] === 0 ? 0 : 1, 6);
        });
      }
    }
  });

  it("says what of the moved bytes is unavoidable: inputs, parameters and results, each once", () => {
    const { parameterBytes, inputBytes, outputBytes } = inspection.memory;
    const unavoidable = inspection.launches.reduce((sum, launch) => sum + launch.unavoidable, 0);
    expect(unavoidable).toBeGreaterThan(0);
    expect(unavoidable).toBeLessThanOrEqual(parameterBytes + inputBytes + outputBytes);
  });

  it("places no two activations at the same bytes at the same time, and marks the peak", () => {
    const { tensors, arenas, live, peakStep } = inspection.memory;
    tensors.forEach((a, i) => {
      expect(a.offset + a.bytes).toBeLessThanOrEqual(arenas[a.arena] as number);
      for (const b of tensors.slice(i + 1)) {
        const together = a.arena === b.arena && a.from <= b.to && b.from <= a.to;
        if (together) expect(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset).toBe(true);
      }
    });
    live.forEach((bytes, step) => {
      const alive = tensors.filter(({ from, to }) => from <= step && step <= to);
      expect(bytes).toBe(alive.reduce((sum, tensor) => sum + tensor.bytes, 0));
    });
    expect(live[peakStep] ?? 0).toBe(live.reduce((most, bytes) => Math.max(most, bytes), 0));
  });

  it("leads from every kernel to its lines and back", () => {
    const relations = makeRelations(inspection);
    inspection.launches.forEach((launch, index) => {
      const { spans, nodes } = relations.of({ kind: "launch", launch: index });
      for (const output of launch.outputs) expect(nodes.has(output)).toBe(true);
      const lines = [...spans].map((id) => inspection.spans[id]!);
      expect(lines.length).toBeGreaterThan(0);
      const back = lines.some(({ source, line }) => relations.of({ kind: "line", source, line }).launches.has(index));
      expect(back).toBe(true);
    });
  });

  it("becomes a trace with one event for each pass and each dispatch", () => {
    const { traceEvents } = writeTrace(profiled(inspection));
    const complete = traceEvents.filter(({ ph }) => ph === "X");
    expect(complete.filter(({ pid }) => pid === 1)).toHaveLength(inspection.stages.length - 1);
    const dispatches = complete.filter(({ pid }) => pid === 2);
    expect(dispatches.map(({ dur }) => dur)).toEqual(
      Array.from({ length: inspection.steps }, (_, i) => (i + 1) * 1000),
    );
    dispatches.reduce((end, { ts, dur }) => {
      expect(ts).toBeCloseTo(end, 6);
      return ts + (dur as number);
    }, 0);
    expect(() => writeTrace(inspection)).toThrow(RangeError);
  });

  it("becomes a page that ends where it should, whatever the texts contain", () => {
    const hostile = "</script><script>alert(1)</script>";
    const html = renderPage(
      { ...inspection, name: hostile, sources: [{ path: hostile, text: hostile }] },
      { script: "start();", style: "p {}" },
    );
    expect(html.match(/<script/g)).toHaveLength(2);
    const data = /<script type="application\/json" id="inspection">(.*?)<\/script>/s.exec(html)?.[1] as string;
    expect(JSON.parse(data)).toMatchObject({ name: hostile, sources: [{ text: hostile }] });
    expect(html).not.toMatch(/https?:|src=/);
  });
});

describe("the schema", () => {
  it("refuses what is not as it says", () => {
    const { inspection } = cases[0]!;
    expect(validate({ ...inspection, format: "weft-inspection/2" })).toBe(false);
    expect(validate({ ...inspection, more: 1 })).toBe(false);
    expect(validate({ ...inspection, launches: [{ ...inspection.launches[0], kind: "unknown" }] })).toBe(false);
  });
});
