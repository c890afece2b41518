/** The device on which device tests run. Opened once per test file; without one, the tests are skipped and say why. */
import { openDevice, type WeftDevice } from "../../src/runtime/index.ts";

async function tryOpen(): Promise<{ device?: WeftDevice; reason?: string }> {
  try {
    return { device: await openDevice({ prefer: "auto" }) };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

const opened = await tryOpen();
if (opened.reason !== undefined) console.warn(`device tests skipped: ${opened.reason}`);

export const device = opened.device;

/** For tests guarded by `skipIf(device === undefined)`, where there is a device. */
export function theDevice(): WeftDevice {
  if (device === undefined) throw new Error("no device");
  return device;
}
