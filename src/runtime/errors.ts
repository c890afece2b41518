/** The errors of running: each says what happened in the user's terms and what can be done. */

/**
 * Why a device could not do its work.
 *
 * - `no-adapter`: there is no usable device at all
 * - `limit`: something is larger than the device allows; found before anything is created
 * - `out-of-memory`: the device refused an allocation
 * - `kernel`: a kernel did not compile
 * - `lost`: the device went away (driver reset, or the runtime closed it)
 * - `validation`: WebGPU refused a call; a bug of the compiler or the runtime
 */
export type DeviceErrorCode = "no-adapter" | "limit" | "out-of-memory" | "kernel" | "lost" | "validation";

export class DeviceError extends Error {
  readonly code: DeviceErrorCode;
  /** The kernel concerned, where there is one. */
  readonly kernel: string | undefined;

  constructor(code: DeviceErrorCode, message: string, kernel?: string) {
    super(message);
    this.name = "DeviceError";
    this.code = code;
    this.kernel = kernel;
  }
}

/** Data handed to a program does not fit its declaration: a missing name, a wrong shape, an index out of range. */
export class InputError extends Error {
  /** Name of the input or parameter. */
  readonly input: string;

  constructor(input: string, message: string) {
    super(message);
    this.name = "InputError";
    this.input = input;
  }
}

/** A file of weights or arrays is damaged, or lacks what was asked of it. */
export class WeightsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WeightsError";
  }
}

/** A plan breaks a rule of its own contract or of WebGPU: a bug of the compiler, never the user's. */
export class PlanError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PlanError";
  }
}
