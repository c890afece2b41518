/**
 * How far FAVOR+ is from exact attention as the number of random features grows: 15 draws of inputs, each with several draws
 * of the random matrix, with orthogonal and with independent rows, on the device of this machine (figure 2 of the paper, for
 * short rows). Ends with status 1 when the error does not fall as 1/m, or when orthogonal rows are worse than independent ones.
 *
 *     npx tsx scripts/performer-approximation.ts
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  approximationInputs,
  approximationProjection,
  exactAttention,
  featureCounts,
  logSlope,
  meanSquaredError,
  standardSetting,
} from "../models/performer/approximation.ts";
import { compile } from "../src/index.ts";
import { openDevice } from "../src/runtime/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const path = "models/performer/attention.weft";
const read = (wanted: string): string => readFileSync(join(root, wanted), "utf8");

const { length, width } = standardSetting;
const seeds = Array.from({ length: 15 }, (_, seed) => seed);
/**
 * Matrices for each draw of inputs. One matrix serves all 1024 positions, so its luck does not average out within a run: a
 * single one for each seed leaves a noise of about ten percent, as much as orthogonal rows gain.
 */
const matrices = 16;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const problems = seeds.map((seed) => {
  const inputs = approximationInputs(standardSetting, seed);
  return { seed, inputs, exact: exactAttention(standardSetting, inputs) };
});
const device = await openDevice({ prefer: "auto" });
console.log(`device: ${device.profile.description}`);
console.log(
  `L = ${length}, d = ${width}, rows of norm ${standardSetting.norm}, mean squared error over ${seeds.length} seeds with ${matrices} matrices each\n`,
);
console.log("       m  independent   orthogonal");

/** Relative standard errors of the means. */
const noise: number[] = [];
const errors = { independent: [] as number[], orthogonal: [] as number[] };
for (const m of featureCounts) {
  const settings = { L: length, S: length, d: width, e: width, m, eps: 0 };
  const program = await compile(read(path), { path, readSource: read, entry: "favor", settings, device });
  for (const kind of ["independent", "orthogonal"] as const) {
    const runs: number[] = [];
    for (const { seed, inputs, exact } of problems) {
      for (let draw = 0; draw < matrices; draw++) {
        const W = approximationProjection(kind, m, width, seed * matrices + draw);
        const output = Object.values(await program.run({ ...inputs, W } as Parameters<typeof program.run>[0]))[0];
        runs.push(meanSquaredError(output as ArrayLike<number>, exact));
      }
    }
    errors[kind].push(mean(runs));
    noise.push(Math.sqrt(mean(runs.map((run) => (run / mean(runs) - 1) ** 2)) / runs.length));
  }
  program.dispose();
  const cells = [errors.independent, errors.orthogonal].map((all) =>
    (all.at(-1) as number).toExponential(2).padStart(13),
  );
  console.log(`${String(m).padStart(8)}${cells.join("")}`);
}
const slopes = Object.entries(errors).map(([kind, values]) => [kind, logSlope(featureCounts, values)] as const);
console.log(
  `\nslope of log error over log m: ${slopes.map(([kind, slope]) => `${kind} ${slope.toFixed(3)}`).join(", ")}`,
);

const falls = slopes.every(([, slope]) => Math.abs(slope + 1) <= 0.15);
const better = errors.orthogonal.every((error, i) => error <= (errors.independent[i] as number));
console.log(`standard error of each mean: at most ${(100 * Math.max(...noise)).toFixed(1)} %`);
console.log(falls ? "the error falls as 1/m" : "FAILED: the error does not fall as 1/m");
console.log(better ? "orthogonal rows are never worse" : "FAILED: orthogonal rows are worse at some m");
device.close();
process.exit(falls && better ? 0 : 1);
