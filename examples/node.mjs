// A Performer built into a module and run in Node, without the compiler: node examples/node.mjs
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildModule } from "./build-module.mjs";

const folder = buildModule(
  "models/performer/performer.weft",
  "performer",
  "--preset",
  "tiny",
  "--set",
  "L=32",
  "--seed",
  "1",
);

// In a project this is `import { load, tensor } from "./performer/index.js";`, and TypeScript knows names, shapes and element types.
const { load, tensor } = await import(pathToFileURL(join(folder, "index.js")).href);

const program = await load();
const tokens = tensor(
  "i32",
  [32],
  Int32Array.from({ length: 32 }, (_, t) => (t * t) % 16),
);
const { logits } = await program.run({ tokens });
const [positions, vocabulary] = logits.shape;
const best = Array.from({ length: positions }, (_, t) => {
  const row = logits.data.subarray(t * vocabulary, (t + 1) * vocabulary);
  return row.indexOf(Math.max(...row));
});
console.log(`on ${program.adapter}`);
console.log(
  `logits: [${logits.shape.join(", ")}]; the most probable token at each position, of weights that are only drawn:`,
);
console.log(best.join(" "));

try {
  await program.run({ tokens: tensor("i32", [31], new Int32Array(31)) });
} catch (error) {
  console.log(`31 tokens instead of 32: ${error.message}`);
}
program.dispose();
