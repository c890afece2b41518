/**
 * One file with the weights of several, whose names must differ: what a demo takes whose networks are trained apart. `--half` stores them
 * in half precision, as the weights that come with the systems (models/NAME/tiny.safetensors) are.
 *
 *     npx tsx scripts/join-weights.ts [--half] OUTPUT.safetensors A.safetensors ...
 */
import { parseArgs } from "node:util";
import { openWeights, writeWeights } from "../src/runtime/node.ts";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { half: { type: "boolean" } } });
const [output, ...files] = positionals;
if (output === undefined || files.length === 0) throw new Error("give the file to write and those to read");
const dtype = values.half === true ? "f16" : "f32";
const origin = new Map<string, string>();
const tensors: Parameters<typeof writeWeights>[1][number][] = [];
for (const path of files) {
  const file = await openWeights(path);
  for (const [name, { shape }] of file.tensors) {
    const before = origin.get(name);
    if (before !== undefined) throw new Error(`${before} and ${path} both have ${name}`);
    origin.set(name, path);
    tensors.push({ name, dtype, shape, data: (await file.read(name, "f32")).data });
  }
  await file.close();
}
await writeWeights(output, tensors);
