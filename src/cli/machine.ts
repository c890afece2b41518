/** Where a program runs: an open WebGPU device, or the reference evaluator on the host. */
import type { DeviceProfile } from "../codegen/index.ts";
import { hostProfile } from "../compile.ts";
import { DeviceError, openDevice, type WeftDevice } from "../runtime/index.ts";
import type { DeviceChoice } from "./options.ts";
import type { Terminal } from "./terminal.ts";

export type Machine =
  | {
      readonly kind: "device";
      readonly device: WeftDevice;
      readonly profile: DeviceProfile;
      readonly description: string;
    }
  | {
      readonly kind: "reference";
      /** True when the user asked for it, false when there was nothing better. */
      readonly chosen: boolean;
      readonly profile: DeviceProfile;
      readonly description: string;
    };

/**
 * Opens what `--device` asks for. `auto` falls back to the reference evaluator, and says so.
 *
 * @throws DeviceError when a device was asked for by name and there is none
 */
export async function openMachine(choice: DeviceChoice, terminal: Terminal): Promise<Machine> {
  if (choice === "reference") return referenceMachine(true, "reference evaluator (asked for)");
  terminal.progress("opening the device");
  try {
    const device = await openDevice({ prefer: choice });
    return { kind: "device", device, profile: device.profile, description: device.description };
  } catch (error) {
    if (choice !== "auto" || !(error instanceof DeviceError) || error.code !== "no-adapter") throw error;
    const reason = error.message.split(". ")[0];
    terminal.note(`no device: ${reason}; the reference evaluator computes instead (\`weft doctor\` says more)`);
    return referenceMachine(false, `reference evaluator (${reason})`);
  }
}

/** Runs work on a machine and closes it afterwards, whatever happens. */
export async function withMachine<T>(
  choice: DeviceChoice,
  terminal: Terminal,
  work: (machine: Machine) => Promise<T>,
): Promise<T> {
  const machine = await openMachine(choice, terminal);
  try {
    return await work(machine);
  } finally {
    if (machine.kind === "device") machine.device.close();
  }
}

function referenceMachine(chosen: boolean, description: string): Machine {
  return { kind: "reference", chosen, profile: hostProfile, description };
}
