/**
 * Runs the cases of a file written by compare-sstvos.py through Weft and prints the difference of each from PyTorch, relative to the
 * greatest wanted value, in the reference evaluator (float64) and on the device (f32). Ends with status 1 when one is too large. A software
 * device may take minutes to build the kernels for the first time.
 *
 *     npx tsx scripts/compare-sstvos.ts FILE [PART OF A NAME]
 */
import { openDevice } from "../src/runtime/index.ts";
import { deviceModel, differences, evaluateModel } from "../test/models/compile-model.ts";
import { readSstvosCases } from "../test/models/sstvos-case.ts";

const [path, part = ""] = process.argv.slice(2);
if (path === undefined) throw new Error("name a file that compare-sstvos.py wrote");
const device = await openDevice({ prefer: "auto" });
let failed = 0;
console.log("  float64      f32  case");
for (const { name, request, outputs } of await readSstvosCases(path)) {
  if (!name.includes(part)) continue;
  const evaluated = evaluateModel(request);
  const model = await deviceModel(device, request);
  const computed = await model.run(request.inputs ?? {});
  model.dispose();
  for (const [output, { data }] of outputs) {
    const [float64, f32] = [evaluated, computed].map((values) => differences(values[output] ?? [], data).relative);
    if (!(float64 !== undefined && float64 <= 1e-6 && f32 !== undefined && f32 <= 1e-4)) failed++;
    console.log(`  ${float64?.toExponential(1)}  ${f32?.toExponential(1)}  ${name}: ${output}`);
  }
}
device.close();
process.exitCode = failed === 0 ? 0 : 1;
