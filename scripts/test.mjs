// `npm test [-- FILTER]`: sets everything up, runs vitest, and ends with one line of counts.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, runScript, SetupError, setUp } from "./setup.mjs";

/** Counts of a vitest JSON report. A file that fails before its first test (a syntax error, say) counts as one failure. */
export function countTests(report) {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

await runScript(async () => {
  await setUp();
  const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
  const reportFile = join(folder, "report.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const run = spawnSync(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
  });
  try {
    const { passed, failed, skipped } = countTests(readReport(reportFile));
    process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
    process.exitCode = run.status === 0 && failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new SetupError("vitest wrote no report: it stopped before running tests");
  }
}
