/** `vite playground` serves the page; `vite build playground` writes dist/playground: static files with relative addresses. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** The one module of the compiler's runtime that is Node's. */
const alias = [{ find: /^\.\/dawn\.ts$/, replacement: here("./src/without-dawn.ts") }];

export default defineConfig({
  root: here("."),
  base: "./",
  resolve: { alias },
  // Only what writes module folders asks for ts-morph, and no page does.
  worker: { format: "es", rolldownOptions: { external: ["ts-morph"] } },
  optimizeDeps: { exclude: ["ts-morph"] },
  server: { fs: { allow: [here("..")] } },
  build: {
    outDir: here("../dist/playground"),
    emptyOutDir: true,
    target: "es2023",
    // Browsers with WebGPU know `light-dark()`; what would be made of it for others forgets the page's own switch.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 1500,
  },
});
