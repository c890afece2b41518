/**
 * Runs the cases of a file written by compare-language.py through Weft and prints the difference of each from PyTorch, in the
 * reference evaluator (float64) and on the device (f32). Ends with status 1 when one is above its tolerance.
 *
 *     npx tsx scripts/compare-language.ts FILE [PART OF A NAME]
 */

import { openDevice } from "../src/runtime/index.ts";
import { evaluateCase, readCases, runCase, type TorchCase } from "../test/std/torch-cases.ts";

/** What float64 may differ from float64 with operands rounded to f32 in other places. */
const evaluatorTolerance = 1e-6;

const [path, part = ""] = process.argv.slice(2);
if (path === undefined) throw new Error("name a file that compare-language.py wrote");
const device = await openDevice({ prefer: "auto" });
const cases = (await readCases(path)).filter(({ name }) => name.includes(part));
let failed = 0;

async function attempt(each: TorchCase): Promise<string> {
  try {
    const reference = evaluateCase(each);
    const f32 = await runCase(device, each);
    const good = reference <= evaluatorTolerance && f32 <= each.tolerance;
    if (!good) failed++;
    return `${good ? "  " : "✗ "}${reference.toExponential(1).padStart(8)} ${f32.toExponential(1).padStart(8)}  ${each.name}`;
  } catch (error) {
    failed++;
    return `✗ ${each.name}: ${(error as Error).message}`;
  }
}

console.log("  float64      f32  case");
for (const each of cases) console.log(await attempt(each));
console.log(`${cases.length} cases, ${failed} failed`);
device.close();
process.exitCode = failed === 0 ? 0 : 1;
