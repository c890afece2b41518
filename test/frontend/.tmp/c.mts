import { readFileSync, existsSync } from "node:fs";
import { check } from "../../../src/frontend/check.ts";
import { renderDiagnostics } from "../../../src/frontend/render-diagnostic.ts";
import { languageBuiltins } from "../../../src/builtins.ts";
for (const path of process.argv.slice(2)) {
  const t0 = performance.now();
  const p = check(path, { builtins: languageBuiltins(), readSource: (f) => existsSync(f) ? readFileSync(f, "utf8") : undefined });
  console.log(path, p.diagnostics.length, (performance.now()-t0).toFixed(0), "ms");
  console.log(renderDiagnostics(p.diagnostics.slice(0, 12), p.sources));
}
