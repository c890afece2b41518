/**
 * Rewrites a `.weights` file of Darknet as safetensors with the paths of models/darknet53.
 *
 *     npx tsx scripts/convert-darknet.ts yolov3.weights yolov3.safetensors
 *     npx tsx scripts/convert-darknet.ts darknet53.conv.74 darknet53.safetensors Darknet53
 */
import { openSync, readFileSync, writeSync } from "node:fs";
import { readDarknetWeights } from "../models/darknet53/weights-file.ts";
import { checkSource, elaborateProgram } from "../src/compile.ts";
import { readLibrarySource } from "../src/library.ts";
import { safetensorsPieces } from "../src/runtime/index.ts";

const [from, to, model = "YOLOv3"] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error("name a .weights file and the file to write");
const path = "models/darknet53/darknet53.weft";
const readSource = (file: string) => {
  try {
    return readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  } catch {
    return readLibrarySource(file);
  }
};
const { value } = elaborateProgram(checkSource(path, readSource), { model, settings: { B: 1, h: 1, v: 1 } });
if (value === undefined) throw new Error(`${path} has no model ${model}`);
const values = readDarknetWeights(from, readFileSync(from), value.parameters);
const pieces = safetensorsPieces(
  value.parameters.map(({ path, type }) => {
    const data = values.get(path);
    if (data === undefined) throw new Error(`nothing in ${from} is ${path}`);
    return { name: path, dtype: "f32" as const, shape: type.shape, data };
  }),
);
const file = openSync(to, "w");
for (const piece of pieces) writeSync(file, piece);
console.log(`${to}: ${values.size} tensors of ${model}`);
