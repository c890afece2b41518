/** Exit statuses, usage mistakes, and what stands on which stream. */
import { describe, expect, it } from "vitest";
import { attention, makeWorkplace, smallAttention } from "./command.ts";

const { weft, write } = makeWorkplace();
write("attention.weft", attention);

describe("usage", () => {
  it("prints help and the version on standard output", async () => {
    const [help, version] = await Promise.all([weft("--help"), weft("--version")]);
    expect(help.status).toBe(0);
    expect(help.stdout).toMatch(/check.*run.*inspect.*build.*export.*params.*explain.*doctor/s);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    { args: ["frobnicate"], says: /unknown command 'frobnicate'/ },
    { args: ["run"], says: /missing required argument 'file'/ },
    { args: ["run", "attention.weft", "--bogus"], says: /unknown option '--bogus'/ },
    { args: ["run", "attention.weft", "--set", "L"], says: /--set L: it must have the form NAME=VALUE/ },
    { args: ["run", "attention.weft", "--set", "L=many"], says: /`many` is neither a number nor true or false/ },
    { args: ["run", "attention.weft", "--seed", "-1"], says: /whole number/ },
    { args: ["run", "attention.weft", "--repeat", "0"], says: /at least 1/ },
    { args: ["run", "attention.weft", "--device", "tpu"], says: /auto or gpu or software or reference/ },
    { args: ["run", "attention.weft", "--precision", "f8"], says: /f32 or f16/ },
    { args: ["run", "attention.weft", "--approx", "nystrom"], says: /It must be favor or favor:FEATURES/ },
    { args: ["run", "attention.weft", "--output", "y.npy"], says: /\.safetensors/ },
    { args: ["export", "attention.weft", "-o", "m.onnx"], says: /required option '--to <format>' not specified/ },
    { args: ["build", "attention.weft"], says: /required option '-o, --output <folder>' not specified/ },
    { args: ["build", "attention.weft", "-o", "m", "--for", "tpu"], says: /--for tpu: it must be gpu or software/ },
    { args: ["build", "attention.weft", "-o", "m", "--allow-missing"], says: /what to do with --weights/ },
    { args: ["fmt"], says: /missing required argument/ },
    { args: ["inspect", "attention.weft", "-o", "page.html"], says: /--output needs --emit/ },
    { args: ["inspect", "attention.weft", "--cost", "--emit", "json"], says: /--emit json has their figures/ },
    { args: ["inspect", "attention.weft", "--memory", "--after", "canonicalise"], says: /--after shows one graph/ },
    { args: ["explain", "size/mismach"], says: /did you mean size\/mismatch/ },
    {
      args: ["run", "attention.weft", ...smallAttention, "--disable", "foo"],
      says: /no pass foo; the passes are .*canonicalise/,
    },
    {
      args: ["inspect", "attention.weft", ...smallAttention, "--after", "foo"],
      says: /no such pass runs; there are written, /,
    },
  ])("weft $args is wrong usage", async ({ args, says }) => {
    const { status, stdout, stderr } = await weft(...args);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  it("explains a code", async () => {
    const [text, json, all] = await Promise.all([
      weft("explain", "size/mismatch"),
      weft("explain", "size/mismatch", "--json"),
      weft("explain"),
    ]);
    expect(text.status).toBe(0);
    expect(text.stdout.length).toBeGreaterThan(80);
    expect(JSON.parse(json.stdout)).toMatchObject({ code: "size/mismatch" });
    expect(all.stdout.split("\n")).toContain("size/mismatch");
  });
});
