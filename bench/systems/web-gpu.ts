/** Gives libraries made for browsers the WebGPU of Node (npm `webgpu`), with the switches that Weft's own runtime uses. */
import { create, globals } from "webgpu";
import { makeNaps } from "../../src/runtime/node.ts";

/** Installs `navigator.gpu` and says which adapter it offers. */
export async function installWebGpu(): Promise<string> {
  Object.assign(globalThis, globals);
  const gpu = create([
    "enable-dawn-features=vulkan_enable_f16_on_nvidia",
    "disable-dawn-features=lazy_clear_resource_on_first_use,timestamp_quantization",
  ]);
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "Node" }, configurable: true });
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  return adapter?.info.description ?? "none";
}

/**
 * Waits for the device as Weft's own runtime does: the thread sleeps between looks at Dawn's events, so that on a software adapter every
 * contestant has the same processors.
 */
export async function rested<T>(work: Promise<T>): Promise<T> {
  let isWaiting = true;
  makeNaps(() => isWaiting)();
  try {
    return await work;
  } finally {
    isWaiting = false;
  }
}
