/**
 * Schedules that measurements have chosen, as `weft tune` stores them: by kernel, for one adapter. A kernel is known by its structure,
 * without names, so that the same kernel in another program finds its schedule.
 */
import { hash64, type Node, parseSpec } from "../ir/index.ts";
import { type KernelGroup, plainIndexNames, plainStructure } from "../passes/index.ts";
import type { DeviceProfile } from "./device-profile.ts";
import type { ChooseCandidate } from "./lower.ts";
import type { KernelSchedule } from "./schedule.ts";

/** The contents of a file of tuned schedules. */
export interface TunedSchedules {
  readonly format: 1;
  /** What the times were measured on; only plans for the same adapter use them. */
  readonly adapter: TunedAdapter;
  /** When, as `2026-01-31T12:00:00.000Z`. */
  readonly date: string;
  /** Version of Weft. */
  readonly weft: string;
  /** By `kernelKey`. */
  readonly kernels: Readonly<Record<string, TunedKernel>>;
}

export type TunedAdapter = Pick<DeviceProfile, "vendor" | "architecture" | "description">;

export interface TunedKernel {
  /** The kernel's name in the program that was measured, for people. */
  readonly label: string;
  readonly schedule: StoredSchedule;
  /** ms of one dispatch, and what the model's choice took in the same minutes. */
  readonly ms: number;
  readonly defaultMs: number;
}

/** A schedule with `i0`, `i1`, … for the indices of the kernel. */
export type StoredSchedule = Readonly<Record<string, unknown>>;

/** Tells kernels apart by what they compute: kind, operations, types, and how they hang together. */
export function kernelKey(group: KernelGroup): string {
  return `${group.kind}-${hash64(plainStructure(group)).toString(16).padStart(16, "0")}`;
}

/** A schedule as it is stored, without names that the author gave. */
export function storedSchedule(group: KernelGroup, schedule: KernelSchedule): StoredSchedule {
  if (!("turn" in schedule)) return { ...schedule };
  const spec = parseSpec((group.heads[0] as Node).attributes.spec as string);
  const plain = plainIndexNames([...spec.operands.flat(), ...spec.result]);
  const turn = Object.fromEntries(
    Object.entries(schedule.turn).map(([name, length]) => [plain.get(name) ?? name, length]),
  );
  return { ...schedule, turn };
}

/** Why a file of tuned schedules is not used, or what it says. */
export type ReadSchedules =
  | { readonly kind: "schedules"; readonly schedules: TunedSchedules }
  | { readonly kind: "refused"; readonly reason: string };

/** Reads the text of a file that `weft tune` wrote. */
export function readTunedSchedules(text: string): ReadSchedules {
  const refused = (reason: string): ReadSchedules => ({ kind: "refused", reason });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refused(`it is no JSON (${(error as Error).message})`);
  }
  if (!isRecord(value)) return refused("it is no object, as `weft tune` writes it");
  if (value.format !== 1) return refused(`its format is ${JSON.stringify(value.format)}, and only 1 is known`);
  const { adapter, date, weft, kernels } = value;
  if (!isRecord(adapter) || !["vendor", "architecture", "description"].every((name) => isText(adapter[name])))
    return refused("`adapter` does not give vendor, architecture and description");
  if (!isText(date) || !isText(weft)) return refused("`date` and `weft` are not texts");
  if (!isRecord(kernels)) return refused("`kernels` is no object");
  const bad = Object.entries(kernels).find(([, kernel]) => !isTunedKernel(kernel));
  if (bad !== undefined) return refused(`kernel ${bad[0]} does not have label, schedule, ms and defaultMs`);
  return { kind: "schedules", schedules: value as unknown as TunedSchedules };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTime = (value: unknown) => typeof value === "number" && value >= 0;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTunedKernel(value: unknown): boolean {
  return (
    isRecord(value) && isText(value.label) && isRecord(value.schedule) && isTime(value.ms) && isTime(value.defaultMs)
  );
}

/** True for the adapter that the times were measured on. */
export function isSameAdapter(a: TunedAdapter, b: TunedAdapter): boolean {
  return a.vendor === b.vendor && a.architecture === b.architecture && a.description === b.description;
}

/** A choice among candidates, and what it has to say once all kernels are lowered. */
export interface TunedChoice {
  readonly choose: ChooseCandidate;
  /** Schedules that were not used, and why; each once. */
  readonly notes: () => readonly string[];
}

/**
 * Chooses what the measurements say.
 *
 * @param given    the schedules, or the text of their file; what cannot be used is left aside with a note
 * @param adapter  what is planned for; left out, the schedules count whatever they were measured on
 */
export function chooseTuned(given: TunedSchedules | string, adapter?: TunedAdapter): TunedChoice {
  const read: ReadSchedules =
    typeof given === "string" ? readTunedSchedules(given) : { kind: "schedules", schedules: given };
  if (read.kind === "refused") return ignored(read.reason);
  const { schedules } = read;
  if (adapter !== undefined && !isSameAdapter(schedules.adapter, adapter))
    return ignored(`they were measured on ${describe(schedules.adapter)}, and this is ${describe(adapter)}`);
  const notes = new Set<string>();
  const choose: ChooseCandidate = (group, candidates, wider) => {
    if (wider === undefined) return undefined;
    const key = kernelKey(group);
    if (!Object.hasOwn(schedules.kernels, key)) return undefined;
    const { label, schedule } = schedules.kernels[key] as TunedKernel;
    const wanted = canonicalText(schedule);
    const isWanted = ({ schedule: own }: (typeof candidates)[number]) =>
      own !== undefined && canonicalText(storedSchedule(group, own)) === wanted;
    const found = candidates.find(isWanted) ?? wider().find(isWanted);
    if (found === undefined)
      notes.add(`the tuned schedule of ${label} (${key}) is none that this kernel can have here, and is left aside`);
    return found;
  };
  return { choose, notes: () => [...notes] };
}

function ignored(reason: string): TunedChoice {
  return { choose: () => undefined, notes: () => [`the tuned schedules are not used: ${reason}`] };
}

const describe = ({ vendor, architecture, description }: TunedAdapter) =>
  `${description} (${[vendor, architecture].filter((part) => part !== "").join(", ")})`;

/** JSON whose text does not depend on the order of the fields. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
