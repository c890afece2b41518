// Asks Dawn for an adapter and prints what it got as one line of JSON. Runs in a process of its own, because a broken
// Vulkan driver can take the whole process down, and because Dawn reads its driver settings only once.
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
const info = adapter?.info;
process.stdout.write(
  `${JSON.stringify(
    info
      ? {
          found: true,
          vendor: info.vendor,
          architecture: info.architecture,
          device: info.device,
          description: info.description,
          features: [...adapter.features].filter((name) => /f16|subgroup|timestamp/.test(name)),
        }
      : { found: false },
  )}\n`,
);
process.exit(0);
