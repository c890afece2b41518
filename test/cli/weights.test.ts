/** Files of weights for models they were not made for. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Terminal } from "../../src/cli/terminal.ts";
import { openParameters } from "../../src/cli/weights.ts";
import { writeWeights } from "../../src/runtime/node.ts";

const vector = { dtype: "f32", shape: [2] } as const;
const wanted = ["net.first.weight", "net.first.bias", "net.second.weight", "net.second.bias"].map((path) => ({
  path,
  type: vector,
}));

async function open(names: readonly string[], allowMissing: boolean) {
  const file = join(mkdtempSync(join(tmpdir(), "weft-")), "weights.safetensors");
  await writeWeights(
    file,
    names.map((name) => ({ name, ...vector, data: Float32Array.of(5, 6) })),
  );
  const notes: string[] = [];
  const terminal = { note: (text: string) => notes.push(text) } as unknown as Terminal;
  const initial = async () => ({ shape: [2], data: Float32Array.of(0, 0) });
  const parameters = await openParameters(wanted, { file, allowMissing, initial }, terminal);
  return { parameters, notes };
}

describe("weights of another network", () => {
  it("are refused in one line", async () => {
    const error = await open(["conv1.weight", "bn1.weight", "bn1.bias", "fc.weight"], false).catch((thrown) => thrown);
    expect(error.problems).toHaveLength(1);
    expect(error.message).toMatch(
      /has none of the 4 parameters \(net\.first\.weight, net\.first\.bias, net\.second\.weight, …\), but 4 others \(bn1\.bias/,
    );
    expect(error.message).toMatch(/weights of another network/);
  });

  it("are listed tensor by tensor where some fit", async () => {
    const error = await open(["net.first.weight", "fc.weight"], false).catch((thrown) => thrown);
    expect(error.problems).toHaveLength(3 + 1 + 1);
  });

  it("give nothing where the file may be incomplete, which can be told from the number taken", async () => {
    const none = await open(["fc.weight"], true);
    expect(none.parameters.fromFile).toBe(0);
    expect(none.notes).toContainEqual(expect.stringMatching(/^4 of 4 parameters are not in/));
    const some = await open(["net.first.weight"], true);
    expect(some.parameters.fromFile).toBe(1);
    expect(await some.parameters.read("net.first.weight")).toEqual({ shape: [2], data: Float32Array.of(5, 6) });
    await Promise.all([none, some].map(({ parameters }) => parameters.close()));
  });
});
