/**
 * Runs the WebNN operator vectors through texts of the language, on the reference evaluator and on this machine's device.
 *
 *     npm run conformance -- [OPERATION…] [--unoptimised] [--texts]
 *
 * OPERATION is a name of the table, `conv2d`; all run unless some are named. `--unoptimised` leaves out all passes, and every
 * node becomes its own kernel. `--texts` shows the text of each failing case. WEFT_WEBNN_VECTORS names another folder of
 * vectors. Exit status: 0 when at least 99 of 100 cases pass, 1 when fewer do, 2 when it could not start.
 */
import { parseArgs } from "node:util";
import { openDevice, type WeftDevice } from "../src/runtime/index.ts";
import { report, runCases, suffices, tallyOf } from "../test/conformance/report.ts";
import { readSuites, vectorsFolder } from "../test/conformance/vectors.ts";

process.exit(await main());

async function main(): Promise<number> {
  const options = { unoptimised: { type: "boolean" }, texts: { type: "boolean" } } as const;
  const arguments_ = readArguments(() => parseArgs({ options, allowPositionals: true }));
  if (arguments_ === undefined) return 2;
  const { values, positionals } = arguments_;
  const folder = vectorsFolder();
  if (folder === undefined) {
    console.error(
      "There are no WebNN vectors: WEFT_WEBNN_VECTORS names a folder that does not exist, or this copy lacks its own.",
    );
    return 2;
  }
  const suites = readSuites(folder);
  const unknown = positionals.filter((name) => !suites.has(name));
  if (unknown.length > 0 || suites.size === 0) {
    console.error(
      suites.size === 0 ? `${folder} holds no vectors.` : `${folder} has no vectors called ${unknown.join(", ")}.`,
    );
    return 2;
  }
  const chosen = [...suites].filter(([name]) => positionals.length === 0 || positionals.includes(name));
  const device = await deviceOrReason();
  const vectors = chosen.flatMap(([, cases]) => cases);
  const judged = await runCases(vectors, {
    device,
    ...(values.unoptimised ? { passes: { optimise: false } } : {}),
    onVerdict: progressOf(vectors.length),
  });
  console.log(
    report(
      chosen.map(([name]) => name),
      judged,
      { texts: values.texts },
    ),
  );
  return suffices(tallyOf(judged)) ? 0 : 1;
}

function readArguments<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: npm run conformance -- [OPERATION…] [--unoptimised] [--texts]`);
    return undefined;
  }
}

async function deviceOrReason(): Promise<WeftDevice | undefined> {
  try {
    const device = await openDevice({ prefer: "auto" });
    console.log(`On the reference evaluator and the ${device.description}\n`);
    return device;
  } catch (error) {
    console.log(`On the reference evaluator alone: ${(error as Error).message}\n`);
    return undefined;
  }
}

/** Counts on one line of a terminal; silent elsewhere. */
function progressOf(total: number): () => void {
  let done = 0;
  return () => {
    done++;
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total}${done === total ? "\r\x1b[K" : ""}`);
  };
}
