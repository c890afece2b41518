/** docs/tutorial.md: its texts are files, its commands run, and what it quotes is printed. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeWorkplace } from "./command.ts";

const page = readFileSync(new URL("../../docs/tutorial.md", import.meta.url), "utf8");
const { weft, write } = makeWorkplace();

for (const [, name, text] of page.matchAll(/```weft (\S+)\n([\s\S]*?)```/g)) write(name as string, text as string);
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  (block as string).trim().split("\n"),
);

describe("docs/tutorial.md", () => {
  it("has commands", () => expect(commands.length).toBeGreaterThan(8));

  it.each(commands)("%s", async (command) => {
    const [npx, name, ...args] = command.split(/\s+/);
    expect([npx, name]).toEqual(["npx", "weft"]);
    const { status, stderr } = await weft(...args);
    expect(status, stderr).toBe(0);
  });

  it("quotes the message and the figures as they are printed", async () => {
    const linear = /```weft linear.weft\n([\s\S]*?)```/.exec(page)?.[1] as string;
    const message = /```\n(error\[size\/mismatch\][\s\S]*?)```/.exec(page)?.[1] as string;
    write("wrong.weft", linear.replace("V[j, c]", "V[c, j]"));
    const { status, stderr } = await weft("check", "wrong.weft");
    expect(status).toBe(1);
    expect(stderr.replaceAll("wrong.weft", "linear.weft")).toContain(message.trim());

    const sizes = ["--set", "L=4096", "--set", "d=64", "--set", "e=64"];
    const { stdout } = await weft("inspect", "linear.weft", ...sizes);
    const words = page.replace(/\s+/g, " ");
    const rewrite = /reassociated: ([^\n]*)/.exec(stdout)?.[1] as string;
    expect(words).toContain(`1 × reassociated: ${rewrite}`);
    const ran = await weft("run", "linear.weft", ...sizes, "--input", "all=random");
    const cost = /\d+ kernels, .* of activations/.exec(ran.stderr)?.[0] as string;
    expect(words).toContain(cost);
  });
});
