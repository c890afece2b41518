/** Weft as a contestant. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileSource, type PassSelection } from "../../src/compile.ts";
import { renderDiagnostics } from "../../src/frontend/index.ts";
import { byteLength } from "../../src/ir/index.ts";
import { type HostArray, openDevice, prepare } from "../../src/runtime/index.ts";
import { type Workload, workloadData } from "../workload.ts";
import type { PreparedWorkload, System } from "./system.ts";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function readSource(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

type DeviceProfile = Parameters<typeof compileSource>[0]["profile"];

/** @throws with the diagnostics when the text does not compile */
export function compileWorkload({ weft }: Pick<Workload, "weft">, profile: DeviceProfile, passes?: PassSelection) {
  const { value, diagnostics, sources } = compileSource({
    ...weft,
    path: `bench/workloads/${weft.file}`,
    readSource,
    profile,
    passes,
  });
  if (value === undefined) throw new Error(renderDiagnostics(diagnostics, sources));
  return value;
}

export async function open(): Promise<System> {
  const device = await openDevice({ prefer: "auto" });
  const version = (JSON.parse(readSource("package.json") as string) as { version: string }).version;
  return {
    adapter: device.profile.description,
    version,
    prepare: async (workload): Promise<PreparedWorkload> => {
      const { plan } = compileWorkload(workload, device.profile);
      const data = workloadData(workload);
      const shapes = new Map(plan.parameters.map(({ name, type }) => [name, type.shape]));
      const executable = await prepare(device, plan, {
        parameters: (name) => data.parameter(name, shapes.get(name) ?? []) as HostArray,
      });
      const inputs = Object.fromEntries(plan.inputs.map(({ name }) => [name, data.input(name) as HostArray]));
      const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
      return {
        result: async () => Object.values(await executable.run(inputs))[0] as Float32Array,
        time: async (repeat) => total((await executable.time({ repeat, warmup: 0 })).ms) / repeat,
        facts: {
          dispatches: plan.steps.length,
          flops: total(plan.steps.map(({ flops }) => flops)),
          bytes: total(plan.steps.map(({ bytes }) => bytes)),
          peakBytes: total(plan.arenas),
          unavoidableBytes: total(
            [...plan.inputs, ...plan.parameters, ...plan.outputs].map(({ type }) => byteLength(type)),
          ),
        },
      };
    },
  };
}
