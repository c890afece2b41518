/**
 * Measures how time and memory grow, doubling by doubling: attention with the number of places, networks with the batch, the compiler with
 * the number of layers. Prints a table an axis.
 *
 *     npx tsx scripts/growth.ts                     everything that the device has the memory for
 *     npx tsx scripts/growth.ts --quick             three sizes an axis, three runs each
 *     npx tsx scripts/growth.ts --axis favor        one axis (repeatable); `layers` is the compiler's
 *     npx tsx scripts/growth.ts --axis favor --sizes 32768,65536,131072,262144
 *     npx tsx scripts/growth.ts --write             writes GROWTH.md, GROWTH.json and growth.svg; axes that were not measured are kept
 *     npx tsx scripts/growth.ts --adapter gpu       a GPU or nothing; further sizes are measured there
 *
 * Results of a software adapter lie in bench/, those of a GPU below bench/adapters, by its name.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readAdapterWish } from "../bench/adapter.ts";
import { type GrowthAxis, growthAxes } from "../bench/growth/axes.ts";
import { growthChart } from "../bench/growth/chart.ts";
import { compileFamilies, compilePoint, type Family } from "../bench/growth/compiling.ts";
import { type GrowthPoint, planSize, timeSize } from "../bench/growth/measure.ts";
import {
  type CompileTable,
  type Growth,
  type GrowthTable,
  growthPage,
  printCompiling,
  printGrowth,
} from "../bench/growth/report.ts";
import { openResultFolder } from "../bench/result-files.ts";
import { DeviceError, openDevice, type WeftDevice } from "../src/runtime/index.ts";

const say = (line: string) => process.stderr.write(`growth: ${line}\n`);
const layersName = "layers";

function options() {
  const { values } = parseArgs({
    options: {
      axis: { type: "string", multiple: true, default: [] },
      sizes: { type: "string" },
      repeat: { type: "string" },
      adapter: { type: "string" },
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const names = [...growthAxes.map(({ name }) => name), layersName];
  const unknown = values.axis.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no axis "${unknown}"; the axes are ${names.join(", ")}`);
  const repeat = Number(values.repeat ?? (values.quick ? 3 : 5));
  const sizes = values.sizes?.split(",").map(Number);
  if ([repeat, ...(sizes ?? [])].some((number) => !Number.isInteger(number) || number < 1)) {
    throw new Error("--repeat and --sizes want whole numbers above 0");
  }
  if (sizes !== undefined && values.axis.length !== 1) throw new Error("--sizes belongs to one --axis");
  const wanted = (name: string) => values.axis.length === 0 || values.axis.includes(name);
  return { ...values, adapter: readAdapterWish(values.adapter), repeat, sizes, wanted };
}

/** The sizes one after the other, until one fails: at the end of a device's memory that says how far it goes. */
async function measureAxis(
  axis: GrowthAxis,
  sizes: readonly number[],
  device: WeftDevice,
  repeat: number,
): Promise<GrowthTable> {
  const { name, title, unit, remark } = axis;
  const points: GrowthPoint[] = [];
  for (const size of sizes) {
    try {
      const point =
        axis.asWritten === true
          ? planSize(axis, size, device.profile).point
          : await timeSize(axis, size, device, repeat);
      say(`${name} ${size}${point.ms === undefined ? "" : `: ${point.ms.toFixed(1)} ms`}`);
      points.push(point);
    } catch (error) {
      const ended = `${size} ${unit}: ${(error as Error).message.split("\n")[0]}`;
      say(`${name} ended by ${ended}`);
      return { name, title, unit, remark, points, ended };
    }
  }
  return { name, title, unit, remark, points };
}

function measureLayers(sizes: readonly number[], repeat: number): CompileTable {
  const family = compileFamilies.find(({ name }) => name === "bert") as Family;
  // The first compilation includes what the JavaScript engine compiles.
  compilePoint(family, 1, 1);
  const points = sizes.map((layers) => compilePoint(family, layers, repeat));
  return {
    title: "Compile time: BERT-base with N layers of 128 tokens",
    remark:
      "From text to kernels, without the driver; layers alike are lowered once. All stages: `npx tsx scripts/compile-time.ts`.",
    points,
  };
}

/** What an earlier run wrote, with the axes of this run in place of the same axes; in the order and the words of the list. */
function withEarlier(growth: Growth, file: string): Growth {
  const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Growth) : undefined;
  const known = [...growth.tables, ...(earlier?.tables ?? [])];
  const tables = growthAxes.flatMap(({ name, title, unit, remark }) => {
    const table = known.find((one) => one.name === name);
    return table === undefined ? [] : [{ ...table, title, unit, remark }];
  });
  return { ...growth, tables, compiling: growth.compiling ?? earlier?.compiling };
}

async function main(): Promise<void> {
  const chosen = options();
  const { profile, description, close } = await openDevice({ prefer: chosen.adapter });
  close();
  say(description);
  const shortened = (sizes: readonly number[]) => (chosen.quick ? sizes.slice(0, 3) : sizes);
  const tables: GrowthTable[] = [];
  // After every axis, so that little is lost where a run is stopped.
  const write = (compiling?: CompileTable) => {
    if (!chosen.write) return;
    const { folder, shown } = openResultFolder(profile);
    const date = new Date().toISOString().slice(0, 10);
    const common = { adapter: profile.description, date, node: process.versions.node, repeat: chosen.repeat };
    const growth = withEarlier({ ...common, tables, compiling }, join(folder, "GROWTH.json"));
    writeFileSync(join(folder, "GROWTH.json"), `${JSON.stringify(growth, null, 2)}\n`);
    writeFileSync(join(folder, "GROWTH.md"), growthPage(growth));
    writeFileSync(join(folder, "growth.svg"), growthChart(growth));
    say(`wrote GROWTH.json, GROWTH.md and growth.svg in ${shown}`);
  };
  for (const axis of growthAxes.filter(({ name }) => chosen.wanted(name))) {
    const { sizes, largeSizes = [] } = axis;
    const own = shortened(profile.kind === "gpu" ? [...sizes, ...largeSizes] : sizes);
    // Each has a device of its own: one that ran out of memory may be lost.
    const device = await openDevice({ prefer: chosen.adapter });
    const table = await measureAxis(axis, chosen.sizes ?? own, device, chosen.repeat);
    device.close();
    process.stdout.write(`\n${printGrowth(table)}\n`);
    tables.push(table);
    write();
  }
  const layers = [1, 2, 4, 8, 16, 24];
  const compiling = chosen.wanted(layersName)
    ? measureLayers(chosen.axis.includes(layersName) ? (chosen.sizes ?? layers) : shortened(layers), 3)
    : undefined;
  if (compiling !== undefined) {
    process.stdout.write(`\n${printCompiling(compiling)}\n`);
    write(compiling);
  }
  // Software drivers are torn down at exit in an order of their own; everything is written by now.
  process.exit(0);
}

await main().catch((error: unknown) => {
  if (!(error instanceof DeviceError)) throw error;
  say(error.message);
  process.exit(3);
});
