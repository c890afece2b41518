/** The runtime that is copied into built modules: what `runtime.d.ts` declares, and nothing of the compiler. */
import { DeviceError, InputError, WeightsError } from "../errors.ts";
import { loadProgram, openDevice } from "./load-program.ts";
import type * as declared from "./runtime.d.ts";
import { tensor } from "./tensors.ts";

export { DeviceError, InputError, loadProgram, openDevice, tensor, WeightsError };

// Users see runtime.d.ts; the compiler holds it against what is really here.
({ DeviceError, InputError, loadProgram, openDevice, tensor, WeightsError }) satisfies typeof declared;
