/** `weft demo performer`: a text goes in; how well each of its bytes was foreseen, and how it goes on, come out. */
import { writeFileSync } from "node:fs";
import { type Demo, type DemoContext, DemoInputError, type DemoProgram } from "../../src/demo.ts";
import { wholeNumberOption } from "../shared/demo-options.ts";
import { bestBytes, continued, shownByte, surprises } from "./bytes.ts";

const file = "models/performer/performer.weft";

/** What is read where the user names no file. */
const ownText = `The equation of the paper is the program. A tensor is defined for all its indices at once, and every index on the right is either on
the left or bound by a reduction. Which order of evaluation is the fastest is found by the compiler.
`;

export const demo: Demo = {
  name: "performer",
  summary: "reads a text and continues it byte by byte, each foreseen from those before",
  defaultPreset: "text",
  options: [
    {
      flags: "--text <file>",
      description: "the text; any file, read as bytes (default: a few lines about this project)",
    },
    { flags: "--window <n>", description: "bytes that are seen at once (default: 128, or all of a shorter text)" },
    { flags: "--bytes <n>", description: "bytes to add (default: 32)" },
  ],
  run,
};

async function run(context: DemoContext): Promise<void> {
  const count = wholeNumberOption(context, "bytes", 0, 100_000) ?? 32;
  const most = wholeNumberOption(context, "window", 2, 1_048_576) ?? 128;
  const text = readText(context);
  const L = Math.min(most, text.length);
  const program = await context.compile({ file, entry: "logits", settings: { L, causal: true } });
  checkVocabulary(context, program);
  if (!context.trained) {
    context.print(
      "The weights are untrained: nothing below is foreseen, 8 bits a byte is knowing nothing. models/performer/README.md has the command that trains some.",
    );
  }
  const logitsOf = async (window: Uint8Array): Promise<Float32Array> => {
    const found = await program.run("read", { tokens: { shape: [L], data: Int32Array.from(window) } });
    return found.logits as Float32Array;
  };
  const window = text.subarray(text.length - L);
  const logits = await logitsOf(window);
  const bits = surprises(logits, window);
  const mean = bits.reduce((sum, value) => sum + value, 0) / bits.length;
  context.print(`The last ${L} of ${text.length} bytes: ${mean.toFixed(3)} bits a byte.`);
  const next = bestBytes(logits.subarray(256 * (L - 1)), 5);
  const listed = next.map(({ byte, probability }) => `${shownByte(byte)} ${(100 * probability).toFixed(1)} %`);
  context.print(`What comes next: ${listed.join(", ")}.`);
  context.report("trained", context.trained);
  context.report("bytes", text.length);
  context.report("bitsPerByte", mean);
  context.report("next", next);
  context.report("dispatches", program.dispatches);
  if (count === 0) return;
  const added = await continued(window, logits, count, logitsOf);
  const path = context.outputPath("performer.txt");
  writeFileSync(path, Buffer.concat([text, added]));
  context.print(`It goes on: ${JSON.stringify(new TextDecoder().decode(added))}`);
  context.print(`Written with its continuation to ${path}.`);
  context.report("added", [...added]);
  context.report("output", path);
}

function readText(context: DemoContext): Uint8Array {
  const { text: path } = context.options;
  const text = typeof path === "string" ? context.readFile(path) : new TextEncoder().encode(ownText);
  if (text.length >= 2) return text;
  throw new DemoInputError([
    `${String(path)} has ${text.length === 0 ? "no byte" : "one byte"}; give a text of two bytes or more`,
  ]);
}

/** Presets for other alphabets read no bytes. */
function checkVocabulary({ preset }: DemoContext, { outputs }: DemoProgram): void {
  const tokens = outputs.logits?.shape[1];
  if (tokens === 256) return;
  throw new DemoInputError([`preset ${preset} knows ${tokens} tokens, and a text has 256 bytes; take --preset text`]);
}
