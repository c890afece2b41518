/**
 * What each system of models/ costs at `tiny` and at `paper`, as the table of models/README.md: everything from the plan, without a device.
 *
 *     npx tsx scripts/systems-table.ts [--only WORD] [--run] [--write]
 *
 * `--only` takes the rows whose name contains the word. `--run` also measures on the device, one run after one that warms up, and keeps
 * what it found in models/measured.json; rows that take minutes only where `--only` is their whole name. `--write` puts the whole table into
 * models/README.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { baselineProfile, type DeviceProfile, stepsOfRun } from "../src/codegen/index.ts";
import { type CompiledProgram, compileSource } from "../src/compile.ts";
import { renderDiagnostics } from "../src/frontend/index.ts";
import { initialParameters } from "../src/initial-parameters.ts";
import { elementCount } from "../src/ir/index.ts";
import { randomInput } from "../src/random-data.ts";
import { type HostValue, hostArrayFromNumbers, openDevice, prepare, type WeftDevice } from "../src/runtime/index.ts";
import { type SystemCase, systemCases } from "./systems-cases.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const measuredFile = join(root, "models/measured.json");
const pageFile = join(root, "models/README.md");

/** A device with room for everything and as many bindings as drivers offer. */
const profile: DeviceProfile = {
  ...baselineProfile,
  limits: { ...baselineProfile.limits, maxBindings: 16, maxBindingBytes: 2 ** 31, maxBufferBytes: 2 ** 31 },
};

/** Exact counts; bytes count each tensor once a kernel. */
export interface SystemCounts {
  /** Numbers in trained tensors, of the whole model. */
  readonly parameters: number;
  readonly kernels: number;
  readonly dispatches: number;
  readonly flops: number;
  readonly bytesMoved: number;
  /** Bytes of all values between kernels, as they share memory. */
  readonly peakBytes: number;
  /** Bytes of the largest value between kernels. */
  readonly largestBytes: number;
}

/** What was measured once, and where. */
interface Measured {
  readonly ms: number;
  /** Year, month and day. */
  readonly date: string;
  readonly adapter: string;
}

/**
 * Compiles a case.
 *
 * @throws Error with the diagnostics when the text does not compile
 */
export function compiledSystem(one: SystemCase, target: DeviceProfile = profile): CompiledProgram {
  const { value, diagnostics, sources } = compileSource({
    ...one,
    path: one.file,
    readSource: (path) => {
      try {
        return readFileSync(join(root, path), "utf8");
      } catch {
        return undefined;
      }
    },
    profile: target,
  });
  if (value === undefined) throw new Error(`${one.name}\n${renderDiagnostics(diagnostics, sources)}`);
  return value;
}

/** The counts of a compiled case. */
export function countsOf({ plan, parameters }: CompiledProgram): SystemCounts {
  const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
  const run = stepsOfRun(plan);
  const stored = plan.steps.flatMap(({ slices }) => slices.filter(({ buffer }) => buffer.kind === "arena"));
  return {
    parameters: total(parameters.filter(({ role }) => role === "param").map(({ type }) => elementCount(type.shape))),
    kernels: plan.kernels.length,
    dispatches: run.length,
    flops: total(run.map(({ flops }) => flops)),
    bytesMoved: total(run.map(({ bytes }) => bytes)),
    peakBytes: total(plan.arenas),
    largestBytes: stored.reduce((most, { size }) => Math.max(most, size), 0),
  };
}

/** Milliseconds of one run after another, with weights and inputs drawn from seed 0. */
async function measured(device: WeftDevice, one: SystemCase): Promise<Measured> {
  const { plan, parameters } = compiledSystem(one, device.profile);
  const executable = await prepare(device, plan, { parameters: initialParameters(parameters, 0) });
  try {
    const inputs = plan.inputs.map(({ name, type }): [string, HostValue] => {
      const given = one.values?.[name];
      const count = elementCount(type.shape);
      const numbers =
        given === undefined ? undefined : Array.from({ length: count }, (_, k) => given[k % given.length] ?? 0);
      const data = numbers === undefined ? randomInput(type, 0, name) : hostArrayFromNumbers(type.dtype, numbers);
      return [name, { shape: type.shape, data }];
    });
    await executable.run(Object.fromEntries(inputs));
    const { ms } = await executable.time({ repeat: 1, warmup: 0 });
    const date = new Date().toISOString().slice(0, 10);
    return { ms: Number((ms[0] ?? Number.NaN).toPrecision(4)), date, adapter: device.description };
  } finally {
    executable.dispose();
  }
}

/** Thousands are set apart; small numbers have three digits. */
const whole = (value: number) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const digits = (value: number) => (value >= 100 ? whole(Math.round(value)) : String(Number(value.toPrecision(3))));

const columns = [
  "what",
  "preset",
  "size",
  "parameters",
  "kernels",
  "dispatches",
  "GFLOP",
  "MB moved",
  "peak MB",
  "largest value MB",
  "ms",
] as const;

function row(one: SystemCase, counts: SystemCounts, measurement: Measured | undefined): string {
  const cells = [
    `[${one.title}](${one.file.replace(/^models\//, "").replace(/[^/]*$/, "README.md")})`,
    `\`${one.preset}\``,
    one.size,
    whole(counts.parameters),
    whole(counts.kernels),
    whole(counts.dispatches),
    digits(counts.flops / 1e9),
    digits(counts.bytesMoved / 1e6),
    digits(counts.peakBytes / 1e6),
    digits(counts.largestBytes / 1e6),
    measurement === undefined ? "" : digits(measurement.ms),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The table in Markdown, with a line that says when and where was measured. */
export function systemsTable(
  rows: readonly (readonly [SystemCase, SystemCounts])[],
  measurements: Readonly<Record<string, Measured>>,
): string {
  const places = new Map<string, Set<string>>();
  for (const [{ name }] of rows) {
    const found = measurements[name];
    if (found !== undefined) places.set(found.adapter, (places.get(found.adapter) ?? new Set()).add(found.date));
  }
  const where = [...places].map(([adapter, dates]) => `${adapter}, ${[...dates].sort().join(" and ")}`);
  return [
    `| ${columns.join(" | ")} |`,
    `| ${columns.map((title) => (columns.indexOf(title) < 3 ? "---" : "---:")).join(" | ")} |`,
    ...rows.map(([one, counts]) => row(one, counts, measurements[one.name])),
    ...(where.length === 0 ? [] : ["", `Milliseconds: ${where.join("; ")}; one run after one that warmed up.`]),
  ].join("\n");
}

const marks = ["<!-- systems-table -->", "<!-- /systems-table -->"] as const;

/**
 * The page with the table between its marks replaced.
 *
 * @throws Error when the page lacks a mark
 */
export function withTable(page: string, table: string): string {
  const [start, end] = marks.map((mark) => page.indexOf(mark)) as [number, number];
  if (start < 0 || end < start) throw new Error(`the page lacks the marks ${marks.join(" and ")}`);
  return `${page.slice(0, start + marks[0].length)}\n${table}\n${page.slice(end)}`;
}

function knownMeasurements(): Record<string, Measured> {
  try {
    return JSON.parse(readFileSync(measuredFile, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string" }, run: { type: "boolean" }, write: { type: "boolean" } },
  });
  const chosen = systemCases.filter(({ name }) => name.includes(values.only ?? ""));
  if (chosen.length === 0)
    throw new Error(
      `no row is called like ${values.only}; there are ${systemCases.map(({ name }) => name).join(", ")}`,
    );
  const measurements = knownMeasurements();
  if (values.run === true) {
    const device = await openDevice({ prefer: "auto" });
    try {
      for (const one of chosen.filter(({ slow, name }) => slow !== true || name === values.only)) {
        measurements[one.name] = await measured(device, one);
        console.error(`${one.name}: ${digits(measurements[one.name]?.ms ?? 0)} ms`);
        writeFileSync(measuredFile, `${JSON.stringify(measurements, undefined, 2)}\n`);
      }
    } finally {
      device.close();
    }
  }
  const counted = (cases: readonly SystemCase[]) => cases.map((one) => [one, countsOf(compiledSystem(one))] as const);
  if (values.write === true) {
    const table = systemsTable(counted(systemCases), measurements);
    writeFileSync(pageFile, withTable(readFileSync(pageFile, "utf8"), table));
  } else {
    console.log(systemsTable(counted(chosen), measurements));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
