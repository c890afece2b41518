/** `weft doctor`: which adapters there are, what they allow, which one would be used and why, what to install. */
import { spawnSync } from "node:child_process";
import type { Command } from "commander";
import { openDevice, type WeftDevice } from "../../runtime/index.ts";
import { exitStatus } from "../exit-status.ts";
import { printBytes, printCount } from "../quantities.ts";
import { printTable } from "../table.ts";
import type { Verb } from "../verb.ts";
import { dawnPackageVersion, packageVersion } from "../versions.ts";

type AdapterKind = "gpu" | "software";

/** What one request for an adapter gave. */
type Probe =
  | {
      readonly kind: AdapterKind;
      readonly found: true;
      readonly profile: WeftDevice["profile"];
      readonly description: string;
    }
  | { readonly kind: AdapterKind; readonly found: false; readonly reason: string };

const kinds: readonly AdapterKind[] = ["gpu", "software"];
/** ms that a driver may take to answer. */
const probeTimeout = 60_000;

export const doctorVerb: Verb = {
  name: "doctor",
  describe: (command: Command) => {
    command.summary("adapters, limits, features, versions");
    command.addOption(command.createOption("--probe <kind>", "ask for one adapter in this process").hideHelp());
  },
  execute: async (_files, options, terminal) => {
    if (options.probe === "gpu" || options.probe === "software") {
      process.stdout.write(`${JSON.stringify(await probeHere(options.probe))}\n`);
      return exitStatus.done;
    }
    const probes = kinds.map((kind) => {
      terminal.progress(`asking for a ${kind} adapter`);
      return probeApart(kind);
    });
    const override = process.env.WEFT_ADAPTER;
    const report = {
      versions: {
        weft: packageVersion(),
        node: process.version,
        dawn: dawnPackageVersion() ?? "not installed",
        platform: `${process.platform} ${process.arch}`,
      },
      adapters: probes,
      environment: (override === undefined ? {} : { WEFT_ADAPTER: override }) as Readonly<Record<string, string>>,
      chosen: choose(probes, override),
    };
    if (terminal.json) terminal.printJson(report);
    else terminal.print(printReport(report));
    return exitStatus.done;
  },
};

async function probeHere(kind: AdapterKind): Promise<Probe> {
  delete process.env.WEFT_ADAPTER;
  try {
    const device = await openDevice({ prefer: kind });
    const probe: Probe = { kind, found: true, profile: device.profile, description: device.profile.description };
    device.close();
    return probe;
  } catch (error) {
    return { kind, found: false, reason: (error as Error).message };
  }
}

/** Probes in a process of its own: a broken driver can take its process down with it. */
function probeApart(kind: AdapterKind): Probe {
  const script = process.argv[1] as string;
  const result = spawnSync(process.execPath, [...process.execArgv, script, "doctor", "--probe", kind], {
    encoding: "utf8",
    timeout: probeTimeout,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    return JSON.parse(result.stdout.trim().split("\n").at(-1) ?? "") as Probe;
  } catch {
    const how = result.signal === null ? `exit status ${result.status}` : `signal ${result.signal}`;
    return { kind, found: false, reason: `asking for it ended the process (${how}): its driver is broken` };
  }
}

interface Choice {
  readonly device: AdapterKind | "reference";
  readonly why: string;
  readonly advice?: string;
}

/** As `openDevice` decides, with WEFT_ADAPTER first. */
function choose(probes: readonly Probe[], override: string | undefined): Choice {
  const found = (kind: AdapterKind) => probes.some((probe) => probe.kind === kind && probe.found);
  if (override === "none") {
    return { device: "reference", why: "WEFT_ADAPTER=none hides every adapter", advice: "unset WEFT_ADAPTER" };
  }
  if (found("gpu") && override !== "software") return { device: "gpu", why: "a GPU is preferred" };
  if (found("software") && override !== "gpu") {
    const why = override === "software" ? "WEFT_ADAPTER=software asks for it" : "there is no GPU that WebGPU can use";
    return { device: "software", why, ...(override === "software" ? {} : { advice: gpuAdvice() }) };
  }
  return {
    device: "reference",
    why: "there is no adapter of the kind wanted",
    advice: `${softwareAdvice()}; ${gpuAdvice()}`,
  };
}

function gpuAdvice(): string {
  return process.platform === "linux"
    ? "for a GPU, install its vendor's Vulkan driver; in a container, pass the device and the driver's ICD file through"
    : "for a GPU, install the vendor's current driver";
}

function softwareAdvice(): string {
  return process.platform === "linux"
    ? "run `npm run setup` in a source checkout, or install Mesa's lavapipe 25 or later (package mesa-vulkan-drivers)"
    : "install a Vulkan, Metal or Direct3D 12 driver";
}

function printReport(report: {
  readonly versions: Readonly<Record<string, string>>;
  readonly adapters: readonly Probe[];
  readonly environment: Readonly<Record<string, string>>;
  readonly chosen: Choice;
}): string {
  const versions = Object.entries(report.versions).map(([name, version]) => [name, version]);
  const sections = [printTable([{ title: "what" }, { title: "version" }], versions)];
  for (const probe of report.adapters) sections.push(printProbe(probe));
  for (const [name, value] of Object.entries(report.environment)) sections.push(`environment: ${name}=${value}`);
  const { device, why, advice } = report.chosen;
  sections.push(`used by default: ${device} (${why})${advice === undefined ? "" : `\nto improve: ${advice}`}`);
  return sections.join("\n\n");
}

function printProbe(probe: Probe): string {
  if (!probe.found) return `${probe.kind}: none\n  ${probe.reason}`;
  const { vendor, architecture, limits, features } = probe.profile;
  const rows = [
    ["vendor, architecture", `${vendor || "unknown"}, ${architecture || "unknown"}`],
    ["largest binding", printBytes(limits.maxBindingBytes)],
    ["largest buffer", printBytes(limits.maxBufferBytes)],
    ["storage bindings per kernel", printCount(limits.maxBindings)],
    [
      "workgroup",
      `${printCount(limits.maxWorkgroupSize)} invocations (${limits.maxWorkgroupSizePerAxis.join(" × ")} at most)`,
    ],
    ["workgroup memory", printBytes(limits.workgroupStorageBytes)],
    ["workgroups per dimension", printCount(limits.maxWorkgroupsPerDimension)],
    ["subgroup", features.subgroups ? limits.subgroupSize.join(" to ") : "not available"],
    ["f16", features.f16 ? "yes" : "no"],
    ["timestamps", features.timestamps ? "yes" : "no"],
  ];
  if (limits.memoryBytes !== undefined) rows.splice(3, 0, ["memory", printBytes(limits.memoryBytes)]);
  const indented = rows.map(([name, value]) => [`  ${name}`, value as string]);
  return printTable([{ title: `${probe.kind}:` }, { title: probe.description }], indented);
}
