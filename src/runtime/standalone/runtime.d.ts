/** The runtime of modules that `weft build` wrote: it runs their kernels through WebGPU, in Node and in browsers. */

/** Element types. `idx<N>` of the language is `i32`, and its range is checked when it is handed over. */
export type DType = "f32" | "f16" | "bf16" | "i32" | "u32" | "bool";

/** Sizes of a tensor, outermost axis first; `readonly []` for a single number. */
export type Shape = readonly number[];

/** How elements lie on the host: half precision travels as 32-bit floats, booleans as 0 and 1. */
export interface DataOf {
  readonly f32: Float32Array;
  readonly f16: Float32Array;
  readonly bf16: Float32Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly bool: Uint8Array;
}

/** A tensor with element type and shape in its type; data in row-major order. */
export interface Tensor<D extends DType, S extends Shape> {
  readonly dtype: D;
  readonly shape: S;
  readonly data: DataOf[D];
}

/** What an input accepts: element type and number of axes are checked by the compiler, the sizes when the module runs. */
export type Input<D extends DType, S extends Shape> = Tensor<D, { readonly [axis in keyof S]: number }>;

/** A parameter of a module; the name is its path in the file of weights. */
export type Parameter = Tensor<DType, Shape>;

/**
 * Makes a tensor of given numbers, which become elements of the type.
 *
 * @throws InputError when the number of elements is not the product of the sizes, or a number does not fit an integer type
 */
export declare function tensor<const D extends DType, const S extends Shape>(
  dtype: D,
  shape: S,
  data: ArrayLike<number>,
): Tensor<D, S>;

/** Anything with WebGPU's `requestAdapter`: `navigator.gpu`, or what `create([])` of the npm package `webgpu` returns. */
export interface GpuProvider {
  requestAdapter(options?: never): Promise<unknown>;
}

export interface DeviceOptions {
  /** `auto` (default): a real GPU, else a software driver. */
  readonly prefer?: "auto" | "gpu" | "software";
  /** Where adapters come from; when left out `navigator.gpu`, or in Node the npm package `webgpu`. */
  readonly gpu?: GpuProvider;
}

/** An open device, which several modules can share. */
export interface Device {
  /** One line: which device, and why this one. */
  readonly description: string;
  /** Ends it; everything still running on it is rejected. */
  close(): void;
}

/** Opens the best device that there is. @throws DeviceError "no-adapter" */
export declare function openDevice(options?: DeviceOptions): Promise<Device>;

export interface LoadOptions<Parameters extends object> extends DeviceOptions {
  /**
   * Where the parameters come from, read one tensor at a time: a .safetensors file or a .json index of shards, as a path (Node), an address or a
   * `Blob`; or a function from names to tensors. When left out, the `weights.safetensors` that the build wrote beside the module.
   */
  readonly weights?: string | URL | Blob | ((name: keyof Parameters & string) => Parameter | Promise<Parameter>);
  /** A device to share; it stays open when the program is disposed of. */
  readonly device?: Device;
  /** Called as kernels are compiled and parameters uploaded. */
  readonly onProgress?: (progress: {
    readonly stage: "pipelines" | "parameters";
    readonly done: number;
    readonly total: number;
  }) => void;
}

/** A module on a device, ready to run. */
export interface Program<Inputs extends object, Outputs extends object> {
  readonly name: string;
  /** One line: which device runs it. */
  readonly adapter: string;
  /** Bytes of all its buffers, parameters and activations included. */
  readonly deviceBytes: number;
  /**
   * Runs once; runs of one program follow each other.
   *
   * @param options  `read`: names of the outputs to read back; all when left out
   * @throws InputError for a missing or ill-fitting input; DeviceError when the device fails
   */
  run<Name extends keyof Outputs = keyof Outputs>(
    inputs: Inputs,
    options?: { readonly read?: readonly Name[] },
  ): Promise<Pick<Outputs, Name>>;
  /** Frees its buffers, and its device unless that was handed in. */
  dispose(): void;
}

/** The files of a module. Modules hand this to `loadProgram`. */
export interface ModuleFiles {
  readonly plan: URL;
  readonly kernels: readonly URL[];
  readonly weights?: URL;
}

/** Makes a module ready. Modules export it as `load` with their own types. */
export declare function loadProgram<Inputs extends object, Outputs extends object, Parameters extends object>(
  files: ModuleFiles,
  options?: LoadOptions<Parameters>,
): Promise<Program<Inputs, Outputs>>;

export type DeviceErrorCode = "no-adapter" | "limit" | "out-of-memory" | "kernel" | "lost" | "validation";

/** Why a device could not do its work. */
export declare class DeviceError extends Error {
  constructor(code: DeviceErrorCode, message: string, kernel?: string);
  readonly code: DeviceErrorCode;
  /** The kernel concerned, where there is one. */
  readonly kernel: string | undefined;
}

/** An input does not fit its declaration. */
export declare class InputError extends Error {
  constructor(input: string, message: string);
  /** Name of the input or parameter. */
  readonly input: string;
}

/** Weights are missing or damaged, or do not fit the module. */
export declare class WeightsError extends Error {
  constructor(message: string);
}
