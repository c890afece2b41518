/** What becomes of bugs and of wrong numbers: the stage is named, a reproducer is written, the first wrong value is found. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { agrees, compareWithReference, printComparison } from "../../src/cli/compare.ts";
import { compileEntry } from "../../src/cli/compilation.ts";
import { InternalFailure } from "../../src/cli/exit-status.ts";
import { reportFailure } from "../../src/cli/failure.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { baselineProfile } from "../../src/codegen/index.ts";
import { parseGraph, tensorOf } from "../../src/ir/index.ts";
import { DeviceError, openDevice } from "../../src/runtime/index.ts";

const home = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "weft-failures-"));
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

function recordingTerminal(): Terminal & { readonly notes: string[]; readonly json: true; readonly values: unknown[] } {
  const notes: string[] = [];
  const values: unknown[] = [];
  return {
    json: true,
    colours: false,
    notes,
    values,
    print: () => undefined,
    printJson: (value) => values.push(value),
    note: (text) => notes.push(text),
    progress: () => undefined,
    endProgress: () => undefined,
  };
}

const text = `graph g {
  %0: f32[2, 3] = input "x"
  %1: f32[3] = parameter "w"
  %2: f32[2] = contract "i c, c -> i" %0, %1
  %3: f32[2] = exp %2
  return y = %3
}
`;

describe("a bug in the compiler", () => {
  it("ends with status 70, the stage, and a reproducer", () => {
    const graph = parseGraph(text);
    const [output] = graph.outputs;
    // What no pass may make: a node whose operation does not exist.
    const broken = {
      ...graph,
      outputs: [{ name: "y", node: { ...(output?.node as never as object), op: "nonsense" } as never }],
    };
    const terminal = recordingTerminal();
    let failure: unknown;
    try {
      compileEntry(
        { path: "g.ir", graph: broken, wanted: [], sources: new Map([["g.ir", text]]) },
        { profile: baselineProfile },
      );
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(InternalFailure);
    expect(reportFailure(failure, terminal)).toBe(70);
    expect(terminal.notes.join("\n")).toMatch(/a bug in Weft, in pass fold-constants: .*nonsense/);
    const { reproducer } = failure as InternalFailure;
    expect(terminal.notes.join("\n")).toContain(reproducer);
    expect(existsSync(reproducer as string)).toBe(true);
    expect(readdirSync(reproducer as string)).toContain("report.json");
    expect(readFileSync(join(reproducer as string, "g.ir"), "utf8")).toBe(text);
    expect(terminal.values).toMatchObject([{ error: { kind: "internal", stage: "pass fold-constants", reproducer } }]);
  });
});

describe("errors of the device", () => {
  it("end with status 3 and the code", () => {
    const terminal = recordingTerminal();
    expect(reportFailure(new DeviceError("lost", "the device was lost"), terminal)).toBe(3);
    expect(terminal.values).toEqual([{ error: { kind: "device", message: "the device was lost", code: "lost" } }]);
  });

  it("are found before anything is created when the adapter refuses a limit", async () => {
    const refused = openDevice({ prefer: "auto", requiredLimits: { maxStorageBufferBindingSize: 2 ** 52 } });
    const failure = await refused.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(DeviceError);
    expect(reportFailure(failure, recordingTerminal())).toBe(3);
    expect((failure as DeviceError).message).toMatch(/is needed, but the device offers|adapter/);
  });
});

describe("comparison with the reference", () => {
  it("names the first value that the device got wrong", async ({ skip }) => {
    const device = await openDevice({ prefer: "auto" }).catch(() => undefined);
    if (device === undefined) return skip("no WebGPU adapter");
    try {
      const graph = parseGraph(text);
      const x = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
      const w = [0.5, -0.25, 0.125];
      const values = {
        inputs: { x: tensorOf({ dtype: "f32", shape: [2, 3] }, x.data) },
        parameters: { w: tensorOf({ dtype: "f32", shape: [3] }, w) },
      };
      const compareGiven = (outputs: readonly number[], onDevice: readonly number[]) =>
        compareWithReference(
          {
            written: graph,
            compiled: graph,
            fuse: true,
            outputs: { y: Float32Array.from(outputs) },
            inputs: { x },
            parameters: async () => ({ shape: [3], data: Float32Array.from(onDevice) }),
            values,
          },
          device,
          recordingTerminal(),
        );
      const right = [Math.exp(0.375), Math.exp(1.5)];
      const good = await compareGiven(right, w);
      expect(agrees(good)).toBe(true);
      expect(printComparison(good).join("\n")).toMatch(/y: within its error bound/);
      // The device is handed another weight than the reference, so that its contraction is off.
      const bad = await compareGiven([right[0] as number, 5], [0.5, -0.25, 0.25]);
      expect(agrees(bad)).toBe(false);
      expect(bad).toMatchObject({
        compared: true,
        first: { operation: "contract", worst: { position: expect.any(Array) } },
      });
      expect(printComparison(bad).join("\n")).toMatch(
        /y: OUTSIDE .* element \[1\] is 5.*\nthe first value outside its bound is contract: f32\[2\]/,
      );
      // Right values, wrong output: what is left is how kernels were fused.
      const fused = await compareGiven([1, 5], w);
      expect(printComparison(fused).join("\n")).toMatch(/each of 2 values.*the fault is in how kernels are fused/);
    } finally {
      device.close();
    }
  });
});
