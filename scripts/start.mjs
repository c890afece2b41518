// `npm start [FILE]`: sets everything up, then shows what Weft does with FILE.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, runScript, setUp } from "./setup.mjs";

await runScript(async () => {
  await setUp();
  const result = spawnSync(process.execPath, [join(root, "bin", "weft.mjs"), "start", ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exitCode = result.status ?? 70;
});
