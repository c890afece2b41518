/** The inspection page from the command, its twins in the terminal, and profiles. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDevice } from "../../src/runtime/index.ts";
import { attention, makeWorkplace, smallAttention } from "./command.ts";

const { folder, write, weft, weftWith } = makeWorkplace();
write("attention.weft", attention);
const read = (name: string) => readFileSync(join(folder, name), "utf8");

const hasDevice = await openDevice({ prefer: "auto" }).then(
  (device) => {
    device.close();
    return true;
  },
  (error: Error) => {
    console.log(`tests of profiles are skipped: ${error.message}`);
    return false;
  },
);

describe("weft inspect", () => {
  it("writes one HTML file with the data, the page and nothing to fetch", async () => {
    const run = await weft("inspect", "attention.weft", ...smallAttention, "--emit", "html", "-o", "page.html");
    expect(run).toMatchObject({ status: 0, stdout: "" });
    expect(run.stderr).toMatch(/html written to page\.html/);
    const html = read("page.html");
    expect(html).toMatch(/^<!doctype html>/);
    const data = JSON.parse(/id="inspection">(.*?)<\/script>/s.exec(html)?.[1] as string);
    expect(data).toMatchObject({ format: "weft-inspection/1", name: "attention" });
    expect(data.sources[0]).toEqual({ path: "attention.weft", text: attention });
    expect(html).not.toMatch(/<(script|link|img)[^>]*(src|href)=/);
    // The same object, as JSON alone.
    const json = await weft("inspect", "attention.weft", ...smallAttention, "--emit", "json", "-o", "data.json");
    expect(json.status).toBe(0);
    const plain = (value: typeof data) => ({
      ...value,
      stages: value.stages.map(({ ms: _, ...stage }: { ms: number }) => stage),
    });
    expect(plain(JSON.parse(read("data.json")))).toEqual(plain(data));
  });

  it("keeps the page of BERT-base below a few MB", async () => {
    const bert = join(process.cwd(), "models", "bert", "bert.weft");
    const page = join(folder, "bert.html");
    const { status } = await weft("inspect", bert, "--set", "L=128", "--emit", "html", "-o", page);
    expect(status).toBe(0);
    expect(statSync(page).size).toBeLessThan(3e6);
  });

  it("shows cost and memory in the terminal", async () => {
    const { status, stdout } = await weft("inspect", "attention.weft", ...smallAttention, "--cost", "--memory");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /── cost by line.*attention\.weft:4 +let Y\[i, c\] = sum\[j\].*── cost by kernel.*── memory: .* alive at step \d+ of/s,
    );
    const lines = stdout.slice(0, stdout.indexOf("── cost by kernel"));
    const shares = [...lines.matchAll(/^ *([\d.]+) % .*\.weft:\d+ +\S/gm)].map(([, share]) => Number(share));
    expect(shares.length).toBeGreaterThan(1);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
  });

  it("says when a file cannot be written", async () => {
    const { status, stderr } = await weft(
      "inspect",
      "attention.weft",
      ...smallAttention,
      "--emit",
      "json",
      "-o",
      join("missing", "data.json"),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/missing.data\.json cannot be written \(ENOENT\)/);
  });

  it.skipIf(!hasDevice)("measures with --profile", async () => {
    const { status, stdout } = await weft("inspect", "attention.weft", ...smallAttention, "--profile", "--json");
    expect(status).toBe(0);
    const { profile, steps } = JSON.parse(stdout);
    expect(profile.ms).toHaveLength(steps);
  });
});

describe("weft run --profile", () => {
  it.skipIf(!hasDevice)("shows the hottest kernels with their lines, and writes a trace", async () => {
    const run = await weft("run", "attention.weft", ...smallAttention, "--profile", "--trace", "trace.json");
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/modelled +measured +work\/s +moved\/s +work +moved +dispatches +kernel +kind +source/);
    expect(run.stdout).toMatch(/attention\.weft:(\d+,)*[34]/);
    const { traceEvents } = JSON.parse(read("trace.json"));
    const dispatches = traceEvents.filter(({ ph, pid }: { ph: string; pid: number }) => ph === "X" && pid === 2);
    expect(dispatches.length).toBeGreaterThan(0);
    expect(dispatches[0].args.lines[0]).toMatch(/\.weft:\d+$/);
    const json = JSON.parse((await weft("run", "attention.weft", ...smallAttention, "--profile", "--json")).stdout);
    expect(json.profile.ms).toHaveLength(json.dispatches);
  });

  it("says what is missing where there is no device", async () => {
    const { status, stderr } = await weftWith(
      { WEFT_ADAPTER: "none" },
      "run",
      "attention.weft",
      ...smallAttention,
      "--trace",
      "none.json",
    );
    expect(status).toBe(3);
    expect(stderr).toMatch(/--profile times kernels, and there is no WebGPU device/);
    expect(existsSync(join(folder, "none.json"))).toBe(false);
  });
});
