/** Weights of another architecture: every demo says so, with what it looked for and what it found, and answers nothing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, describe, expect, it } from "vitest";
import { reportFailure } from "../../src/cli/failure.ts";
import { makeTerminal } from "../../src/cli/terminal.ts";
import { demoVerb } from "../../src/cli/verbs/demo.ts";
import { safetensorsPieces } from "../../src/runtime/index.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const weights = join(folder, "other.safetensors");
writeFileSync(
  weights,
  Buffer.concat(
    safetensorsPieces([
      { name: "net.0.weight", dtype: "f32", shape: [2, 3], data: new Float32Array(6) },
      { name: "net.0.bias", dtype: "f32", shape: [2], data: new Float32Array(2) },
    ]),
  ),
);

async function demo(...given: readonly string[]) {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    ({
      isTTY: false,
      write: (text: string) => {
        written[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  const terminal = makeTerminal(false, { stdout: stream("stdout"), stderr: stream("stderr") });
  const command = new Command("demo").option("--json").exitOverride();
  demoVerb.describe(command);
  try {
    command.parse([...given], { from: "user" });
    return { status: await demoVerb.execute(command.args, command.opts(), terminal), ...written };
  } catch (error) {
    return { status: reportFailure(error, terminal), ...written };
  }
}

describe("weights of another architecture", () => {
  it.each([
    ["onestage-grounding", "visumodel.module_list.0.conv_0.weight"],
    ["tap", "text_bert.embeddings.word_embeddings.weight"],
    ["sstvos", "feature_extracter.backbone.conv1.weight"],
    ["performer", "token_emb.weight"],
  ])("are refused by %s", async (name, lacking) => {
    const { status, stdout, stderr } = await demo(name, "--weights", weights, "--device", "reference");
    expect(stderr).toContain("has none of the");
    expect(stderr).toContain(lacking);
    expect(stderr).toContain("2 others (net.0.bias, net.0.weight): these are weights of another network");
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(status).toBe(1);
    expect(stdout).not.toMatch(/comes next|is at|answer/);
  });
});
