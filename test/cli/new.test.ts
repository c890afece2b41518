/** The starter file checks, runs, is formatted, and is never written over another file. */
import { expect, it } from "vitest";
import { makeWorkplace } from "./command.ts";

const { weft, write } = makeWorkplace();

it("writes a file that checks, is formatted and runs", async () => {
  const { status, stdout } = await weft("new", "sparse-attention");
  expect(status).toBe(0);
  expect(stdout).toContain("SparseAttention");
  expect((await weft("check", "sparse-attention.weft")).stdout).toContain("ok");
  expect((await weft("fmt", "--check", "sparse-attention.weft")).status).toBe(0);
  const run = await weft(
    ...["run", "sparse-attention.weft", "--preset", "tiny", "--set", "L=5", "--input", "all=random", "--json"],
  );
  expect(run.status).toBe(0);
  expect(JSON.parse(run.stdout).outputs.forward.shape).toEqual([5, 16]);
});

it("refuses to write over a file, into no folder, and names without letters", async () => {
  write("taken.weft", "");
  const taken = await weft("new", "taken");
  expect([taken.status, taken.stderr]).toEqual([1, expect.stringContaining("exists already")]);
  expect((await weft("new", "nowhere/model.weft")).status).toBe(1);
  expect((await weft("new", "42")).status).toBe(2);
});
