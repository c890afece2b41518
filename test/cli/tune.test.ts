/** `weft tune`, and `--schedules`, as child processes. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testDevice } from "../codegen/on-device.ts";
import { makeWorkplace } from "./command.ts";

const { folder, weft, write } = makeWorkplace();
write(
  "product.weft",
  `fn product<n>(A: f32[n, n], B: f32[n, n]) -> f32[n, n] {
  let C[i, j] = sum[k] A[i, k] * B[k, j]
  return C
}
`,
);
const product = ["product.weft", "--set", "n=64"];
const random = ["--input", "all=random"];
const device = await testDevice();
const path = (name: string) => join(folder, name);

describe.skipIf(device === undefined)("tune", () => {
  it("--dry-run says what would be measured, and writes nothing", async () => {
    const { status, stdout } = await weft("tune", ...product, "--limit", "7", "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toMatch(/would measure 1 kernel for at most 7 s/);
    expect(stdout).toMatch(/contraction-[0-9a-f]{16}/);
    expect(existsSync(path("product.schedules.json"))).toBe(false);
  });

  it("measures within its limit, and its file is used", async () => {
    const { status, stdout } = await weft("tune", ...product, "--limit", "4", "--json", "-o", "found.json");
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.seconds).toBeLessThan(10);
    expect(report.kernels).toHaveLength(1);
    const [kernel] = report.kernels;
    expect(kernel.wrong).toEqual([]);
    expect(report.output).toBe(kernel.verdict === "better" ? "found.json" : null);
    expect(existsSync(path("found.json"))).toBe(kernel.verdict === "better");
  });

  it("leaves a file of another adapter alone", async () => {
    const text = JSON.stringify({
      format: 1,
      adapter: { vendor: "v", architecture: "a", description: "another" },
      date: "2026-01-31T12:00:00.000Z",
      weft: "1",
      kernels: {},
    });
    writeFileSync(path("other.json"), text);
    const { status, stderr } = await weft("tune", ...product, "-o", "other.json");
    expect(status).toBe(2);
    expect(stderr).toMatch(/measured on another/);
    expect(readFileSync(path("other.json"), "utf8")).toBe(text);
  });

  it("leaves a file alone that holds something else", async () => {
    const { status, stderr } = await weft("tune", ...product, "-o", "product.weft");
    expect(status).toBe(2);
    expect(stderr).toMatch(/no file of tuned schedules/);
    expect(readFileSync(path("product.weft"), "utf8")).toMatch(/^fn product/);
  });

  it("needs a device", async () => {
    const { status, stderr } = await weft("tune", ...product, "--device", "reference");
    expect(status).toBe(3);
    expect(stderr).toMatch(/no WebGPU device/);
  });
});

describe.skipIf(device === undefined)("--schedules", () => {
  it("chooses the schedule, which `inspect --emit kernels` shows", async () => {
    const dry = await weft("tune", ...product, "--dry-run", "--json");
    const [{ key, candidates }] = JSON.parse(dry.stdout).kernels;
    const { vendor, architecture, description } = device?.profile ?? {};
    const schedule = candidates.at(-1);
    const kernels = { [key]: { label: "C", schedule, ms: 1, defaultMs: 2 } };
    const adapter = { vendor, architecture, description };
    const file = { format: 1, adapter, date: "2026-01-31T12:00:00.000Z", weft: "1", kernels };
    write("chosen.json", JSON.stringify(file));
    const shown = await weft("inspect", ...product, "--emit", "kernels", "--schedules", "chosen.json");
    expect(shown.stdout).toContain("(measurement)");
    const without = await weft("inspect", ...product, "--emit", "kernels");
    expect(without.stdout).toContain("(model)");
    const run = await weft("run", ...product, ...random, "--schedules", "chosen.json", "--compare", "reference");
    expect(run.stderr).not.toMatch(/not used|left aside/);
    expect(run.status).toBe(0);
  });

  it("notes what it cannot use, and goes on", async () => {
    write("bad.json", "{");
    const { status, stderr } = await weft("run", ...product, ...random, "--schedules", "bad.json");
    expect(status).toBe(0);
    expect(stderr).toMatch(/tuned schedules are not used: it is no JSON/);
  });

  it("is an error for a file that does not exist", async () => {
    const { status, stderr } = await weft("bench", ...product, "--schedules", "missing.json");
    expect(status).toBe(1);
    expect(stderr).toMatch(/missing\.json does not exist/);
  });
});
