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
      /── cost by line.*attention\.weft:4 +let Y\[i, c\] = sum\[j\].*── cost by kernel.*── cost by node.*contract .*attention\.weft:4.*── memory: .* alive at step \d+ of/s,
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

  it("shows every pass with --all, with its rules and the graph after it", async () => {
    const { status, stdout } = await weft("inspect", "attention.weft", ...smallAttention, "--all");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /── as written: \d+ nodes.*graph attention .*\{.*── after .*: \d+ rewrites?.*graph attention .*\{/s,
    );
    expect(stdout).toMatch(/── unchanged by /);
    expect(stdout.match(/^graph attention /gm)?.length).toBeGreaterThan(2);
  });

  it.skipIf(!hasDevice)("measures with --profile", async () => {
    const { status, stdout } = await weft("inspect", "attention.weft", ...smallAttention, "--profile", "--json");
    expect(status).toBe(0);
    const { profile, steps } = JSON.parse(stdout);
    expect(profile.ms).toHaveLength(steps);
  });
});

describe("weft inspect --probe", () => {
  it("shows what every equation computed, and how far it is off", async () => {
    const { status, stdout } = await weft("inspect", "attention.weft", ...smallAttention, "--probe");
    expect(status).toBe(0);
    expect(stdout).toMatch(/── values by equation: .*; drawn: Q, K, V/);
    expect(stdout).toMatch(/smallest +largest +mean +NaN +infinite +off by +at +of bound +line/);
    // The attention weights lie between 0 and 1; 10 of them sum to 1.
    const weights = /^ *(\S+) +(\S+) +(\S+) .*attention\.weft:3 +let A/m.exec(stdout) as RegExpExecArray;
    const [smallest, largest, mean] = weights.slice(1).map(Number) as [number, number, number];
    expect(smallest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(1);
    expect(mean).toBeCloseTo(0.1, 6);
    expect(stdout).toMatch(/── every value is finite/);
  });

  it("names what is not finite, first of all where it began", async () => {
    write("roots.weft", "fn roots<n>(x: f32[n]) -> f32[n] {\n  let r[i] = sqrt(x[i] - 100)\n  return 2 * r\n}\n");
    const { status, stdout } = await weft("inspect", "roots.weft", "--set", "n=8", "--probe");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ +8 .*roots\.weft:2 +let r\[i\] = sqrt\(x\[i\] - 100\)$/m);
    const suspects = stdout.slice(stdout.indexOf("with NaN, infinities"));
    expect(suspects).toMatch(/ sqrt: f32\[8\]/);
    expect(suspects).not.toMatch(/ sub: f32\[8\]/);
  });

  it("gives JSON and a page with the values, and works without a device", async () => {
    const run = await weft(
      "inspect",
      "attention.weft",
      ...smallAttention,
      "--probe",
      "--device",
      "reference",
      "--json",
    );
    expect(run.status).toBe(0);
    const { probe, nodes } = JSON.parse(run.stdout);
    expect(probe.method).toBe("reference");
    expect(probe.values.every(({ from }: { from: string }) => from === "reference")).toBe(true);
    const names = probe.values.map(({ node }: { node: number }) => nodes[node].name);
    expect(names).toEqual(expect.arrayContaining(["Q", "A", "Y"]));
    const page = await weft(
      "inspect",
      "attention.weft",
      ...smallAttention,
      "--probe",
      "--emit",
      "html",
      "-o",
      "v.html",
    );
    expect(page.status).toBe(0);
    expect(read("v.html")).toMatch(/"probe":\{"method":/);
  });

  it("lists the nodes of an IR text, which has no equations", async () => {
    const ir = await weft("inspect", "attention.weft", ...smallAttention, "--emit", "ir", "-o", "attention.ir");
    expect(ir.status).toBe(0);
    const { status, stdout } = await weft("inspect", "attention.ir", "--probe");
    expect(status).toBe(0);
    expect(stdout).toMatch(/── values by node: .*\n.*\n.* Y +div: f32\[12, 4\]/s);
  });

  it("refuses what the evaluator cannot do in time, and what does not go together", async () => {
    const sizes = ["L=9999", "S=9999", "d=512", "e=512"].flatMap((text) => ["--set", text]);
    const large = await weft("inspect", "attention.weft", ...sizes, "--probe");
    expect(large.status).toBe(3);
    expect(large.stderr).toMatch(/--probe: the reference would need \S+ operations, more than .*use smaller sizes/);
    const wgsl = await weft("inspect", "attention.weft", ...smallAttention, "--probe", "--emit", "wgsl");
    expect([wgsl.status, wgsl.stderr]).toEqual([2, expect.stringMatching(/--emit wgsl does not show what --probe/)]);
  });
});

describe("weft inspect --against", () => {
  it("compares with another program, equation by equation", async () => {
    write(
      "plain.weft",
      attention.replace("softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))", "sum[c] Q[i, c] * K[j, c]"),
    );
    const { status, stdout } = await weft("inspect", "plain.weft", ...smallAttention, "--against", "attention.weft");
    expect(status).toBe(0);
    expect(stdout).toMatch(/attention of attention\.weft → attention, by equation: 1 the same, 1 rewritten/);
    expect(stdout).toMatch(/^~ .*plain\.weft:3 +let A\[i, j\] = sum\[c\] Q/m);
    expect(stdout).toMatch(/was attention:3 let A\[i, j\] = softmax/);
    expect(stdout).toMatch(/^- .*prelude\.weft:\d+ +let e\[k\] = exp/m);
    expect(stdout).toMatch(/100\.?0* → .*the whole/);
  });

  it("compares with the JSON of an earlier run of other options, in the terminal, as JSON and as a page", async () => {
    const common = ["inspect", "attention.weft", ...smallAttention];
    expect((await weft(...common, "-O0", "--emit", "json", "-o", "slow.json")).status).toBe(0);
    const { status, stdout } = await weft(...common, "--against", "slow.json", "--json");
    expect(status).toBe(0);
    const { comparison } = JSON.parse(stdout);
    expect(comparison).toMatchObject({ against: "slow.json", name: "attention" });
    expect(comparison.after.launches).toBeLessThan(comparison.before.launches);
    expect(comparison.after.modelled).toBeLessThan(1);
    const page = await weft(...common, "--against", "slow.json", "--emit", "html", "-o", "compared.html");
    expect(page.status).toBe(0);
    expect(read("compared.html")).toMatch(/"comparison":\{"against":"slow\.json"/);
  });

  it("says what is wrong with the other file", async () => {
    const against = async (other: string) => {
      const { status, stderr } = await weft("inspect", "attention.weft", ...smallAttention, "--against", other);
      return [status, stderr];
    };
    expect(await against("none.json")).toEqual([1, expect.stringMatching(/none\.json does not exist/)]);
    write("other.json", '{"a": 1}');
    expect(await against("other.json")).toEqual([
      1,
      expect.stringMatching(/--against other\.json: it is no inspection/),
    ]);
    write("wrong.weft", "fn f(x: f32) -> f32 = y\n");
    expect(await against("wrong.weft")).toEqual([1, expect.stringMatching(/wrong\.weft:1:23/)]);
  });
});

describe("weft run --profile", () => {
  it.skipIf(!hasDevice)("shows the hottest kernels with their lines, and writes a trace", async () => {
    const run = await weft("run", "attention.weft", ...smallAttention, "--profile", "--trace", "trace.json");
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(
      /modelled +measured +work\/s +moved\/s +work +moved +unavoidable +dispatches +kernel +kind +source/,
    );
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
