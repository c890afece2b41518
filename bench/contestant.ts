/** The child process of one contestant: prepares one workload, then runs it when told. Adapters and crashes stay its own. */
import { writeFileSync } from "node:fs";
import type { PreparedWorkload, System, WorkFacts } from "./systems/system.ts";
import type { ContestantName } from "./workload.ts";
import { findWorkload } from "./workloads.ts";

export type Order =
  | { readonly kind: "prepare"; readonly workload: string; readonly variant: number; readonly resultFile: string }
  | { readonly kind: "time"; readonly repeat: number };

export type Answer =
  | {
      readonly kind: "prepared";
      readonly adapter: string;
      readonly version: string;
      /** ms of one run after the first. */
      readonly ms: number;
      readonly facts?: WorkFacts;
    }
  | { readonly kind: "timed"; readonly ms: number }
  | { readonly kind: "failed"; readonly reason: string };

const systems: Readonly<Record<ContestantName, () => Promise<{ open(): Promise<System> }>>> = {
  weft: () => import("./systems/weft.ts"),
  ort: () => import("./systems/ort.ts"),
  tfjs: () => import("./systems/tfjs.ts"),
  "jax-js": () => import("./systems/jax-js.ts"),
};

const answer = (message: Answer) => process.send?.(message);
let prepared: PreparedWorkload | undefined;

async function obey(order: Order): Promise<void> {
  if (order.kind === "time") {
    if (prepared === undefined) throw new Error("nothing is prepared");
    answer({ kind: "timed", ms: await prepared.time(order.repeat) });
    return;
  }
  const workload = findWorkload(order.workload);
  const name = process.argv[2] as ContestantName;
  const system =
    name === "weft" && workload.trains === true
      ? await (await import("./training-weft.ts")).open()
      : await (await systems[name]()).open();
  prepared = await system.prepare(workload, order.variant);
  const result = await prepared.result();
  writeFileSync(order.resultFile, new Uint8Array(result.buffer, result.byteOffset, result.byteLength));
  const ms = await prepared.time(1);
  answer({ kind: "prepared", adapter: system.adapter, version: system.version, ms, facts: prepared.facts });
}

process.on("message", (order: Order) => {
  obey(order).catch((error: unknown) => {
    answer({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  });
});
