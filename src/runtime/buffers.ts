/** The GPU buffers of one executable: made once, written in pieces, freed together. */
import type { BufferRef, Plan } from "../codegen/plan.ts";
import { bufferKey, planBuffers } from "./plan-check.ts";
import type { Scoped } from "./scopes.ts";
import { scoped } from "./scopes.ts";

// WebGPU's own numbers, written out because Dawn does not put the GPUBufferUsage object on the global scope.
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

/** Bytes that one `writeBuffer` copies to staging memory at most: large uploads go in pieces. */
export const uploadPiece = 64 * 2 ** 20;

export interface BufferSet {
  /** @throws Error for a buffer that the plan does not declare; `checkPlan` has excluded that. */
  get(ref: BufferRef): GPUBuffer;
  /** Bytes of all of them. */
  readonly bytes: number;
  destroy(): void;
}

/** Creates every buffer of a checked plan. */
export function createBuffers(gpu: GPUDevice, plan: Plan): Scoped<BufferSet> {
  const sizes = planBuffers(plan);
  let total = 0;
  for (const bytes of sizes.values()) total += bytes;
  const mebibytes = (total / 2 ** 20).toFixed(1);
  return scoped(gpu, `allocating ${sizes.size} buffers of ${plan.name}, ${mebibytes} MiB`, () => {
    const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget;
    const buffers = new Map<string, GPUBuffer>();
    for (const [label, size] of sizes) buffers.set(label, gpu.createBuffer({ label, size, usage }));
    return {
      bytes: total,
      get: (ref) => {
        const buffer = buffers.get(bufferKey(ref));
        if (buffer === undefined) throw new Error(`no buffer ${bufferKey(ref)}`);
        return buffer;
      },
      destroy: () => {
        for (const buffer of buffers.values()) buffer.destroy();
      },
    };
  });
}

/** Queues the copy of host bytes (a multiple of 4) to the start of a buffer. */
export function upload(gpu: GPUDevice, buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): void {
  for (let start = 0; start < bytes.byteLength; start += uploadPiece) {
    const length = Math.min(uploadPiece, bytes.byteLength - start);
    gpu.queue.writeBuffer(buffer, start, bytes.buffer, bytes.byteOffset + start, length);
  }
}

/** Uploads one tensor after another and waits in between, so that no more than `uploadPiece` bytes lie in staging memory at once. */
export interface Uploader {
  /** Copies host bytes (a multiple of 4) to the start of a buffer; they are read before the promise settles. */
  write(buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

export function createUploader(gpu: GPUDevice): Uploader {
  let pending = 0;
  return {
    write: async (buffer, bytes) => {
      for (let start = 0; start < bytes.byteLength; start += uploadPiece) {
        const length = Math.min(uploadPiece, bytes.byteLength - start);
        if (pending + length > uploadPiece) {
          await gpu.queue.onSubmittedWorkDone();
          pending = 0;
        }
        gpu.queue.writeBuffer(buffer, start, bytes.buffer, bytes.byteOffset + start, length);
        pending += length;
      }
    },
  };
}
