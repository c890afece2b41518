/** Opening a WebGPU device: which adapter, with which limits, and what becomes of work when it is lost. */
import type { DeviceProfile, MatrixProduct } from "../codegen/device-profile.ts";
import { DeviceError } from "./errors.ts";
import { createPipelineCache, type PipelineCache } from "./pipelines.ts";

export interface DeviceOptions {
  /** `auto`: a real GPU, else a software driver. */
  readonly prefer: "auto" | "gpu" | "software";
  /** Limits without which the caller cannot work, by WebGPU's names. */
  readonly requiredLimits?: Readonly<Record<string, number>>;
  /** Clamp every buffer access (default true). Off is faster; an out-of-range access is then undefined. */
  readonly robustness?: boolean;
  /** Where adapters come from; when left out, the browser's own `navigator.gpu`, or Dawn in Node. */
  readonly gpu?: GPU;
}

/** An open device. One `close()` ends it; everything still running on it is rejected with a `DeviceError` "lost". */
export interface WeftDevice {
  readonly gpu: GPUDevice;
  readonly profile: DeviceProfile;
  /** One line: which device, and why this one. */
  readonly description: string;
  readonly pipelines: PipelineCache;
  /** Why the device is gone, once it is. */
  lostError(): DeviceError | undefined;
  /** Rejects with the reason as soon as the device is lost; else settles as `work` does. */
  guard<T>(work: Promise<T>): Promise<T>;
  close(): void;
}

interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly why: string;
  /** Kept referenced: the adapter and the device do not outlive it. */
  readonly owner: unknown;
  /** Bytes of the host's memory, where known. */
  readonly hostMemoryBytes?: number;
  /** Spares the processor while the device works, where that needs help. */
  readonly makeNaps?: (isWaiting: () => boolean) => () => void;
}

const requestedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxBindingsPerBindGroup",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Not in WebGPU's own list of features yet. */
const subgroupMatrices = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

const requestedFeatures: readonly GPUFeatureName[] = ["timestamp-query", "shader-f16", "subgroups", subgroupMatrices];

/**
 * Opens the best device that the options allow.
 *
 * The environment variable WEFT_ADAPTER (`gpu`, `software` or `none`) overrides `prefer`; `none` acts as if the machine had
 * no adapter.
 *
 * @throws DeviceError "no-adapter" when there is none of the wanted kind, saying what to do; "limit" when a required limit
 *   is out of its reach
 */
export async function openDevice(options: DeviceOptions): Promise<WeftDevice> {
  const found = await findAdapter(options);
  const { adapter } = found;
  const limits: Record<string, number> = {};
  for (const name of requestedLimits) limits[name] = adapter.limits[name];
  for (const [name, wanted] of Object.entries(options.requiredLimits ?? {})) {
    const available = (adapter.limits as unknown as Readonly<Record<string, number | undefined>>)[name];
    if (available === undefined) throw new DeviceError("limit", `the device knows no limit called ${name}`);
    const better = name.startsWith("min") ? available <= wanted : available >= wanted;
    if (!better) throw new DeviceError("limit", `${name} of ${wanted} is needed, but the device offers ${available}`);
    limits[name] ??= available;
  }
  const requiredFeatures = requestedFeatures.filter((name) => adapter.features.has(name));
  const profile = profileOf(found);
  let gpu: GPUDevice;
  try {
    gpu = await adapter.requestDevice({ label: "weft", requiredLimits: limits, requiredFeatures });
  } catch (error) {
    throw new DeviceError("lost", `${profile.description} could not be opened: ${(error as Error).message}`);
  }
  return wrapDevice(gpu, profile, found);
}

function wrapDevice(gpu: GPUDevice, profile: DeviceProfile, found: FoundAdapter): WeftDevice {
  const pending = new Set<(reason: DeviceError) => void>();
  let lost: DeviceError | undefined;
  const becomeLost = (message: string) => {
    if (lost !== undefined) return;
    lost = new DeviceError("lost", message);
    for (const reject of pending) reject(lost);
    pending.clear();
  };
  gpu.lost.then((info) => becomeLost(`the device was lost (${info.reason || "unknown"}): ${info.message}`));
  const nap = found.makeNaps?.(() => pending.size > 0);
  const device: WeftDevice & { readonly owner: unknown } = {
    owner: found.owner,
    gpu,
    profile,
    description: `${profile.kind === "gpu" ? "GPU" : "software device"} ${profile.description} (${found.why})`,
    pipelines: createPipelineCache(gpu, profile.limits),
    lostError: () => lost,
    guard: (work) =>
      new Promise((resolve, reject) => {
        if (lost !== undefined) {
          // The work fails too, in its own words, which nobody needs.
          work.catch(() => undefined);
          return reject(lost);
        }
        pending.add(reject);
        nap?.();
        work.then(resolve, (error) => reject(lost ?? error)).finally(() => pending.delete(reject));
      }),
    close: () => {
      becomeLost("the device was closed");
      gpu.destroy();
    },
  };
  return device;
}

function isSoftware(info: GPUAdapterInfo): boolean {
  const text = `${info.architecture} ${info.device} ${info.description}`;
  return (
    info.isFallbackAdapter === true || /llvmpipe|lavapipe|swiftshader|basic render|\bsoftware\b|\bwarp\b/i.test(text)
  );
}

function profileOf({ adapter, hostMemoryBytes }: FoundAdapter): DeviceProfile {
  const { info, limits } = adapter;
  const kind = isSoftware(info) ? "software" : "gpu";
  const subgroups = adapter.features.has("subgroups");
  return {
    kind,
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description || info.device || info.vendor || "unnamed adapter",
    limits: {
      // Sizes are multiples of 4 in WebGPU, while some drivers report 2^32 - 1.
      maxBindingBytes: Math.floor(limits.maxStorageBufferBindingSize / 4) * 4,
      maxBufferBytes: Math.floor(limits.maxBufferSize / 4) * 4,
      ...(kind === "software" && hostMemoryBytes !== undefined ? { memoryBytes: hostMemoryBytes } : {}),
      maxBindings: Math.min(limits.maxStorageBuffersPerShaderStage, limits.maxBindingsPerBindGroup),
      maxWorkgroupSize: limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupSizePerAxis: [
        limits.maxComputeWorkgroupSizeX,
        limits.maxComputeWorkgroupSizeY,
        limits.maxComputeWorkgroupSizeZ,
      ],
      maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      workgroupStorageBytes: limits.maxComputeWorkgroupStorageSize,
      // The device keeps WebGPU's default of 256, which is valid everywhere, so that plans do not differ by device.
      offsetAlignment: 256,
      subgroupSize: subgroups ? [info.subgroupMinSize ?? 1, info.subgroupMaxSize ?? 1] : [1, 1],
    },
    features: {
      f16: adapter.features.has("shader-f16"),
      subgroups,
      timestamps: adapter.features.has("timestamp-query"),
      ...(adapter.features.has(subgroupMatrices) ? { matrices: matrixProducts(info) } : {}),
    },
  };
}

/** What Dawn says of a matrix product that subgroups compute. */
interface MatrixConfiguration {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The products whose sums are kept in f32. */
function matrixProducts(info: GPUAdapterInfo): readonly MatrixProduct[] {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfiguration> };
  return [...subgroupMatrixConfigs].flatMap(({ componentType: component, resultComponentType, M, N, K }) =>
    (component === "f32" || component === "f16") && resultComponentType === "f32"
      ? [{ component, rows: M, columns: N, depth: K }]
      : [],
  );
}

type Preference = DeviceOptions["prefer"] | "none";

function preference(options: DeviceOptions): Preference {
  const wish = typeof process === "undefined" ? undefined : process.env?.WEFT_ADAPTER;
  return wish === "none" || wish === "gpu" || wish === "software" || wish === "auto" ? wish : options.prefer;
}

async function findAdapter(options: DeviceOptions): Promise<FoundAdapter> {
  const wanted = preference(options);
  if (wanted === "none") throw noAdapter("WEFT_ADAPTER=none hides every WebGPU adapter");
  const request = adapterSource(options.robustness ?? true, options.gpu);
  const any = wanted === "software" ? undefined : await request(false);
  if (any !== undefined && !isSoftware(any.adapter.info)) {
    return { ...any, why: wanted === "gpu" ? "a GPU was asked for" : "the GPU found" };
  }
  if (wanted === "gpu") throw noAdapter("a GPU was asked for, but WebGPU finds none");
  if (any !== undefined) return { ...any, why: "no GPU was found" };
  const software = await request(true);
  if (software !== undefined) {
    return { ...software, why: wanted === "software" ? "a software device was asked for" : "no GPU was found" };
  }
  throw noAdapter(wanted === "software" ? "WebGPU finds no software adapter" : "WebGPU finds no adapter");
}

function noAdapter(what: string): DeviceError {
  return new DeviceError(
    "no-adapter",
    `${what}. A source checkout installs a software one with \`npm run setup\`; on Linux, Mesa's lavapipe of version 25 or ` +
      "later serves (package mesa-vulkan-drivers). `--device reference` computes small inputs without any.",
  );
}

type RequestAdapter = (software: boolean) => Promise<Omit<FoundAdapter, "why"> | undefined>;

/** Where adapters come from: what the caller gives, else the browser's own WebGPU where there is one, else Dawn. */
function adapterSource(robustness: boolean, given: GPU | undefined): RequestAdapter {
  const gpu = given ?? (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu !== undefined) {
    return async (software) => {
      const adapter = await gpu.requestAdapter({
        powerPreference: "high-performance",
        forceFallbackAdapter: software,
      });
      return adapter === null ? undefined : { adapter, owner: gpu };
    };
  }
  return async (software) => {
    const { hostMemoryBytes, makeNaps, requestDawnAdapter } = await import("./dawn.ts");
    const answer = await requestDawnAdapter(software, { robustness });
    if (answer === undefined) return undefined;
    return { adapter: answer.adapter, owner: answer.gpu, hostMemoryBytes: hostMemoryBytes(), makeNaps };
  };
}
