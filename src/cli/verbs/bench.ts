/** `weft bench FILE`: times an entry on random inputs, in all and kernel by kernel. */
import { type Plan, unavoidableBytes } from "../../codegen/index.ts";
import { printFlops, printSpan } from "../../ir/index.ts";
import { DeviceError, prepare, type StepProfile, type WeftDevice } from "../../runtime/index.ts";
import { compileEntry, initialValuesOf, loadEntry } from "../compilation.ts";
import { exitStatus } from "../exit-status.ts";
import { openInputs } from "../input-files.ts";
import { readInputs } from "../input-values.ts";
import { withMachine } from "../machine.ts";
import { addCompileOptions, type CompileOptions, countingNumber, readCompileOptions } from "../options.ts";
import { median, printBytes, printMilliseconds } from "../quantities.ts";
import { makeRunReport, printRunSummary } from "../run-report.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { addSchedulesOption, readSchedules, reportNotes } from "../tuned-file.ts";
import type { Verb } from "../verb.ts";

/** All dispatches of one kernel together. */
interface KernelTime {
  readonly label: string;
  readonly dispatches: number;
  readonly ms: number;
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
  /** Those of them that are inputs, weights and results, each counted where it is first touched. */
  readonly unavoidable: number;
  /** First place in the source that it computes. */
  readonly place: string;
}

export const benchVerb: Verb = {
  name: "bench",
  describe: (command) => {
    command.summary("time an entry, in all and kernel by kernel").argument("<file>", ".weft or .ir file");
    addCompileOptions(command);
    addSchedulesOption(command);
    command.option("--repeat <n>", "timed runs, of which the median counts", countingNumber, 9);
  },
  execute: async ([file], raw, terminal) => {
    const given = readCompileOptions(raw);
    // Times hardly depend on values, so what is not given is drawn.
    const options = { ...given, inputs: new Map([["all", "random"], ...given.inputs]) };
    await withMachine(options.device, terminal, async (machine) => {
      if (machine.kind === "reference") {
        throw new DeviceError(
          "no-adapter",
          "bench times kernels, and there is no WebGPU device; `weft doctor` says what to install",
        );
      }
      await bench(file as string, options, raw.repeat as number, machine.device, terminal);
    });
    return exitStatus.done;
  },
};

async function bench(
  file: string,
  options: CompileOptions,
  repeat: number,
  device: WeftDevice,
  terminal: Terminal,
): Promise<void> {
  const sources = await openInputs(options.inputs, options.inputsFile);
  try {
    const started = performance.now();
    const entry = loadEntry(file, options, sources, terminal);
    const compiled = compileEntry(entry, {
      profile: device.profile,
      passes: options,
      ...readSchedules(options.schedules),
      onProgress: (step) => terminal.progress(step),
    });
    const compile = performance.now() - started;
    reportNotes(compiled, terminal);
    const inputs = await readInputs(entry.graph.inputs, sources, options.seed);
    const executable = await prepare(device, compiled.plan, { parameters: initialValuesOf(entry, options.seed) });
    try {
      terminal.progress("warming up");
      await executable.run(inputs);
      const ms: number[] = [];
      for (let turn = 0; turn < repeat; turn++) {
        terminal.progress(`run ${turn + 1} of ${repeat}`);
        ms.push(...(await executable.time({ repeat: 1, warmup: 0 })).ms);
      }
      terminal.progress("profiling");
      const kernels = byKernel(await executable.profile(), compiled.plan);
      const run = median(ms);
      const report = makeRunReport(device.description, compiled, entry.graph, {
        compile,
        ...executable.prepareMs,
        run,
      });
      terminal.endProgress();
      if (terminal.json) {
        terminal.printJson({ ...report, runs: ms, kernelTimes: kernels });
        return;
      }
      const sorted = [...ms].sort((a, b) => a - b);
      terminal.print(
        [
          printRunSummary(report),
          `run: median ${printMilliseconds(run)} of ${repeat}, from ${printMilliseconds(sorted[0] ?? 0)} to ${printMilliseconds(sorted.at(-1) ?? 0)}` +
            `, ${printFlops((report.flops / run) * 1000)}/s, ${printBytes((report.bytesMoved / run) * 1000)}/s`,
          "",
          kernelTable(kernels),
        ].join("\n"),
      );
    } finally {
      executable.dispose();
    }
  } finally {
    await sources.close();
  }
}

function byKernel(steps: readonly StepProfile[], plan: Plan): KernelTime[] {
  const unavoidable = plan.kernels.map(() => 0);
  unavoidableBytes(plan).forEach((bytes, position) => {
    const kernel = plan.steps[position]?.kernel ?? 0;
    unavoidable[kernel] = (unavoidable[kernel] ?? 0) + bytes;
  });
  const sums = new Map<number, KernelTime>();
  for (const step of steps) {
    const sum = sums.get(step.kernel);
    const place = step.origins[0] === undefined ? "" : printSpan(step.origins[0]);
    sums.set(step.kernel, {
      label: step.label,
      dispatches: (sum?.dispatches ?? 0) + 1,
      ms: (sum?.ms ?? 0) + step.ms,
      flops: (sum?.flops ?? 0) + step.flops,
      bytes: (sum?.bytes ?? 0) + step.bytes,
      unavoidable: unavoidable[step.kernel] ?? 0,
      place,
    });
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms);
}

function kernelTable(kernels: readonly KernelTime[]): string {
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const rate = (amount: number, ms: number) => (ms > 0 ? (amount / ms) * 1000 : 0);
  return printTable(
    [
      { title: "kernel" },
      { title: "dispatches", align: "right" },
      { title: "time", align: "right" },
      { title: "share", align: "right" },
      { title: "work/s", align: "right" },
      { title: "moved/s", align: "right" },
      { title: "moved", align: "right" },
      { title: "unavoidable", align: "right" },
      { title: "first place" },
    ],
    kernels.map(({ label, dispatches, ms, flops, bytes, unavoidable, place }) => [
      label,
      String(dispatches),
      printMilliseconds(ms),
      `${((100 * ms) / Math.max(total, 1e-9)).toFixed(0)} %`,
      `${printFlops(rate(flops, ms))}/s`,
      `${printBytes(rate(bytes, ms))}/s`,
      printBytes(bytes),
      printBytes(unavoidable),
      place,
    ]),
  );
}
