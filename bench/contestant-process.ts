/** The harness's end of a contestant's process. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer, Order } from "./contestant.ts";
import type { ContestantName } from "./workload.ts";

const bench = dirname(fileURLToPath(import.meta.url));

export interface Contestant {
  readonly name: ContestantName;
  /** Settles with the failure when the process dies or takes longer than the limit. */
  ask(order: Order, limitMs: number): Promise<Answer>;
  /** ANSI-free tail of what the process said, for reasons. */
  lastWords(): string;
  stop(): void;
}

export function startContestant(name: ContestantName, environment: Readonly<Record<string, string>>): Contestant {
  const child: ChildProcess = fork(join(bench, "contestant.ts"), [name], {
    execArgv: ["--import", "tsx", "--max-old-space-size=8192"],
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
  }
  let settle: ((answer: Answer) => void) | undefined;
  let dead: Answer | undefined;
  const give = (answer: Answer) => {
    settle?.(answer);
    settle = undefined;
  };
  child.on("message", (message: Answer) => give(message));
  child.on("exit", (code, signal) => {
    dead = { kind: "failed", reason: `its process ended (${signal ?? code})` };
    give(dead);
  });
  return {
    name,
    ask: (order, limitMs) =>
      new Promise((resolve) => {
        if (dead !== undefined) return resolve(dead);
        const timer = setTimeout(() => {
          child.kill("SIGKILL");
          give({ kind: "failed", reason: `no answer within ${Math.round(limitMs / 1000)} s` });
        }, limitMs);
        settle = (answer) => {
          clearTimeout(timer);
          resolve(answer);
        };
        child.send(order);
      }),
    lastWords: () => said.trim(),
    // Some drivers and runtimes crash while they are torn down in order; nothing is left to save.
    stop: () => child.kill("SIGKILL"),
  };
}

/** A result file that a contestant wrote. */
export function readResult(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
