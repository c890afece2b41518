import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openDevice } from "../../src/runtime/index.ts";
import { device } from "./device-for-tests.ts";

device?.close();

describe("opening a device", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("says what to do when there is no adapter", async () => {
    vi.stubEnv("WEFT_ADAPTER", "none");
    const opening = openDevice({ prefer: "auto" });
    await expect(opening).rejects.toMatchObject({ name: "DeviceError", code: "no-adapter" });
    await expect(opening).rejects.toThrow(/npm run setup.*mesa-vulkan-drivers.*--device reference/);
  });

  it.skipIf(device === undefined)("tells what it opened and why", async () => {
    const opened = await openDevice({ prefer: "auto" });
    expect(opened.description).toMatch(/^(GPU|software device) .+ \(.+\)$/);
    expect(opened.profile.limits.maxBindingBytes).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(opened.profile.limits.maxBindings).toBeGreaterThanOrEqual(8);
    expect(opened.profile.limits.maxBufferBytes % 4).toBe(0);
    expect(JSON.parse(JSON.stringify(opened.profile))).toEqual(opened.profile);
    opened.close();
    expect(opened.lostError()).toMatchObject({ code: "lost" });
  });

  it.skipIf(device?.profile.kind !== "software")("refuses a GPU where only software is", async () => {
    await expect(openDevice({ prefer: "gpu" })).rejects.toMatchObject({ code: "no-adapter" });
  });

  it.skipIf(device?.profile.kind !== "software")("leaves the driver choice of the environment as it was", async () => {
    vi.stubEnv("VK_DRIVER_FILES", undefined);
    (await openDevice({ prefer: "software" })).close();
    expect(process.env.VK_DRIVER_FILES).toBeUndefined();
  });

  it.skipIf(device === undefined)("refuses limits out of reach", async () => {
    const opening = openDevice({ prefer: "auto", requiredLimits: { maxComputeInvocationsPerWorkgroup: 1e9 } });
    await expect(opening).rejects.toThrow(
      /maxComputeInvocationsPerWorkgroup of 1000000000 is needed, but the device offers/,
    );
    await expect(openDevice({ prefer: "auto", requiredLimits: { maxNonsense: 1 } })).rejects.toMatchObject({
      code: "limit",
    });
  });

  it.skipIf(device === undefined).each(["closed", "left open"])("lets the process end with the device %s", (how) => {
    const script = `
      const { openDevice } = await import("./src/runtime/index.ts");
      const device = await openDevice({ prefer: "auto", robustness: false });
      if (${how === "closed"}) device.close();
      console.log("done");`;
    const run = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 60_000,
    });
    expect([run.status, run.signal, run.stdout]).toEqual([0, null, "done\n"]);
  });
});
