/**
 * Measures how long the compiler takes, stage by stage and without a device, for BERT-base and for families of growing graphs, and
 * how the time grows with the graph: the slope of its logarithm over the logarithm of the number of nodes, 1 for linear.
 *
 *     npx tsx scripts/compile-time.ts [--family NAME] [--layers N,N,…] [--repeat N]
 *
 * Each time is the best of `--repeat` (3) runs; with 1 the first compilation includes what the JavaScript engine compiles.
 */
import { parseArgs } from "node:util";
import { bestCompiling, type CompileTimes, compileFamilies, type Family, totalMs } from "../bench/growth/compiling.ts";
import { exponentOf } from "../bench/growth/rate.ts";

function report(family: Family, sizes: readonly number[], repeat: number): void {
  const rows = sizes.map((layers) => bestCompiling(family, layers, repeat));
  const cell = (value: string | number) => String(value).padStart(9);
  const line = (title: string, values: readonly (string | number)[]) =>
    console.log(`${title.padEnd(26)}${values.map(cell).join("")}`);
  console.log(`\n${family.title}`);
  line("N", sizes);
  line(
    "nodes",
    rows.map(({ nodes }) => nodes),
  );
  line(
    "dispatches",
    rows.map(({ dispatches }) => dispatches),
  );
  line(
    "kernels",
    rows.map(({ kernels }) => kernels),
  );
  line(
    "arena / lower bound",
    rows.map(({ arenaRatio }) => arenaRatio.toFixed(3)),
  );
  const stages = [...(rows.at(-1) as CompileTimes).ms.keys()];
  const withTotal = rows.map((times) => ({ nodes: times.nodes, ms: new Map([...times.ms, ["all", totalMs(times)]]) }));
  line("ms", [...sizes.map(() => ""), "exponent"]);
  for (const stage of [...stages, "all"]) {
    const times = withTotal.map(({ nodes, ms }) => ({ x: nodes, y: ms.get(stage) ?? 0 }));
    line(stage, [...times.map(({ y }) => y.toFixed(1)), times.length < 2 ? "" : exponentOf(times).toFixed(2)]);
  }
}

const { values } = parseArgs({
  options: { family: { type: "string" }, layers: { type: "string" }, repeat: { type: "string", default: "3" } },
});
const chosen = compileFamilies.filter(({ name }) => values.family === undefined || name === values.family);
const layers = values.layers?.split(",").map(Number);
const repeat = Number(values.repeat);
const wrong = [repeat, ...(layers ?? [])].some((number) => !Number.isInteger(number) || number < 1);
if (chosen.length === 0 || wrong) {
  console.error(
    `--family is one of ${compileFamilies.map(({ name }) => name).join(", ")}; --layers and --repeat are whole numbers`,
  );
  process.exitCode = 2;
} else {
  for (const family of chosen) report(family, layers ?? family.sizes, repeat);
}
