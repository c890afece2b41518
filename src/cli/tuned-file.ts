/** Files of tuned schedules, as `weft tune` writes them and `--schedules` reads them. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import {
  type DeviceProfile,
  isSameAdapter,
  type KernelSchedule,
  readTunedSchedules,
  type TunedSchedules,
} from "../codegen/index.ts";
import { InputProblems, UsageError } from "./exit-status.ts";
import { readSourceText } from "./source-files.ts";
import type { Terminal } from "./terminal.ts";

/** Adds `--schedules` to a verb. */
export function addSchedulesOption(command: Command): void {
  command.option("--schedules <file>", "use the schedules that `weft tune` measured; none are looked for without it");
}

/** What `--schedules` names, as the compiler takes it; whether it fits is the compiler's to say. */
export function readSchedules(path: string | undefined): { readonly schedules?: string } {
  return path === undefined ? {} : { schedules: readSourceText(path) };
}

/** Says which tuned schedules were left aside. */
export function reportNotes({ notes }: { readonly notes: readonly string[] }, terminal: Terminal): void {
  for (const note of notes) terminal.note(note);
}

/**
 * The schedules that a file holds already; `undefined` when there is no such file.
 *
 * @throws UsageError when the file is something else, or was measured on another adapter: it would be lost
 */
export function earlierSchedules(path: string, exists: boolean, profile: DeviceProfile): TunedSchedules | undefined {
  if (!exists) return undefined;
  const read = readTunedSchedules(readSourceText(path));
  if (read.kind === "refused")
    throw new UsageError(
      `${path} exists and is no file of tuned schedules: ${read.reason}; name another with --output, or remove it`,
    );
  if (!isSameAdapter(read.schedules.adapter, profile))
    throw new UsageError(
      `${path} was measured on ${read.schedules.adapter.description}, this is ${profile.description}; name another file with --output`,
    );
  return read.schedules;
}

/** @throws InputProblems when the file cannot be written */
export function writeTunedSchedules(path: string, schedules: TunedSchedules): void {
  try {
    writeFileSync(path, `${JSON.stringify(schedules, null, 2)}\n`);
  } catch (error) {
    throw new InputProblems([`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`]);
  }
}

/** `8 × 2 vec4, turn k 4, shared by 16`; `4 × 1 vec4, blocks of 16 × 8, depth 16`; `4 rows, written out`; `64 threads a row`. */
export function printSchedule(schedule: KernelSchedule): string {
  if ("written" in schedule && schedule.together !== undefined)
    return `${schedule.together.parts} of ${schedule.together.workgroup} threads a sum`;
  if ("written" in schedule) return `${rowsOf(schedule.rows)}${schedule.written ? ", written out" : ""}`;
  if ("product" in schedule) {
    const { product, rows, columns, subgroupRows, subgroupColumns, depth } = schedule;
    const matrices = `${rows} × ${columns} matrices of ${product.rows} × ${product.columns} (${product.component})`;
    return `${matrices}, ${subgroupRows} × ${subgroupColumns} subgroups, depth ${depth}`;
  }
  if ("threads" in schedule) return `${schedule.threads === 1 ? "1 thread" : `${schedule.threads} threads`} a row`;
  const tile = `${schedule.rows} × ${schedule.vectors} vec4`;
  const turns = "turn" in schedule ? Object.entries(schedule.turn).filter(([, length]) => length > 1) : [];
  const turn = turns.length === 0 ? "" : `, turn ${turns.map(([name, length]) => `${name} ${length}`).join(" ")}`;
  const shared = schedule.shared === undefined ? "" : `, shared by ${schedule.shared.workgroup}`;
  if ("copying" in schedule) return `${tile}, copied by ${schedule.copying} threads`;
  const block = "block" in schedule ? schedule.block : undefined;
  const blocks =
    block === undefined ? "" : `, blocks of ${block.threadRows} × ${block.threadColumns}, depth ${block.depth}`;
  return `${tile}${turn}${shared}${blocks}`;
}

const rowsOf = (count: number) => (count === 1 ? "1 row" : `${count} rows`);
