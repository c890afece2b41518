/** `weft fmt`: writes the canonical layout, or only tells. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeWorkplace } from "./command.ts";

const { folder, write, weft } = makeWorkplace();
const untidy = "fn f( x :f32 )->f32{\n      return x*2\n}";
const tidy = "fn f(x: f32) -> f32 {\n  return x*2\n}\n";

describe("weft fmt", () => {
  it("tells with --check and changes nothing", async () => {
    write("untidy.weft", untidy);
    write("tidy.weft", tidy);
    const told = await weft("fmt", "--check", "untidy.weft", "tidy.weft");
    expect([told.status, told.stdout]).toEqual([1, "untidy.weft: would change\n"]);
    expect((await weft("fmt", "--check", "tidy.weft")).status).toBe(0);
    expect(readFileSync(join(folder, "untidy.weft"), "utf8")).toBe(untidy);
  });

  it("writes the file", async () => {
    write("written.weft", untidy);
    const done = await weft("fmt", "written.weft", "--json");
    expect(done.status).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ ok: true, files: [{ file: "written.weft", state: "changed" }] });
    expect(readFileSync(join(folder, "written.weft"), "utf8")).toBe(tidy);
  });

  it("shows mistakes, leaves such files alone, and formats the others", async () => {
    const broken = untidy.replace("x*2", "(x*2");
    write("broken.weft", broken);
    write("other.weft", untidy);
    const done = await weft("fmt", "broken.weft", "other.weft", "missing.weft");
    expect(done.status).toBe(1);
    expect(done.stderr).toContain("broken.weft:2");
    expect(done.stderr).toContain("missing.weft does not exist");
    expect(readFileSync(join(folder, "broken.weft"), "utf8")).toBe(broken);
    expect(readFileSync(join(folder, "other.weft"), "utf8")).toBe(tidy);
  });
});
