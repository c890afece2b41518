import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These drive a real Chromium, which `npm test` does not install: `npm run test:browser`.
    exclude:
      process.env.WEFT_BROWSER_TESTS === undefined
        ? ["test/inspect/page.test.ts", "**/node_modules/**"]
        : ["**/node_modules/**"],
    setupFiles: ["test/properties.ts"],
    // Processes, not threads: a native crash in a GPU driver then ends one test file and names it.
    pool: "forks",
    // The software Vulkan driver itself uses every core, so more than two files at once only slow each other down.
    maxWorkers: 2,
    // A limit against hanging, not a measurement: a busy machine may be ten times slower than a quiet one.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
