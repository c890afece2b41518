/** WebGPU's error scopes around a stretch of calls, turned into `DeviceError`s. */
import { DeviceError } from "./errors.ts";

/** The result of a stretch of calls, and what WebGPU said about it once it has looked. */
export interface Scoped<T> {
  readonly result: T;
  /** The first error, worded with `doing`, or undefined when all is well. Never rejects. */
  readonly failure: Promise<DeviceError | undefined>;
}

/**
 * Runs `work` inside all three error scopes. `work` is synchronous, so scopes of interleaved calls cannot mix.
 *
 * @param doing  what the calls do, to begin the message: "allocating the buffers of …"
 */
export function scoped<T>(gpu: GPUDevice, doing: string, work: () => T): Scoped<T> {
  // Popped in reverse: validation first, since an invalid call says more than what follows from it.
  gpu.pushErrorScope("internal");
  gpu.pushErrorScope("out-of-memory");
  gpu.pushErrorScope("validation");
  let popped: Promise<DeviceError | undefined>[] = [];
  const pop = () => {
    // An internal error is reported as "validation": both are a bug, not a shortage.
    popped = (["validation", "out-of-memory", "validation"] as const).map((code) =>
      gpu.popErrorScope().then(
        (error) =>
          error === null || error === undefined ? undefined : new DeviceError(code, `${doing}: ${error.message}`),
        // A lost device rejects; its own error is reported by the guard around the work.
        () => undefined,
      ),
    );
  };
  let result: T;
  try {
    result = work();
  } finally {
    pop();
  }
  return { result, failure: Promise.all(popped).then((errors) => errors.find((error) => error !== undefined)) };
}
