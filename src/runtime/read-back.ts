/** Reading the same tensors back again and again, through a few staging buffers that take turns. */
import type { PlanTensor } from "../codegen/plan.ts";
import { byteLength } from "../ir/index.ts";
import { bufferUsage } from "./buffers.ts";
import { DeviceError } from "./errors.ts";
import { decodeFromDevice, type HostArray } from "./host-data.ts";

/** One staging buffer, from the copy into it until its values are read. */
export interface ReadBackSlot {
  readonly staging: GPUBuffer;
}

export interface ReadBack {
  /** Bytes of all staging buffers. */
  readonly bytes: number;
  /**
   * Adds the copies to an encoder.
   *
   * @throws DeviceError "validation" when every staging buffer still waits to be read
   */
  copy(encoder: GPUCommandEncoder, buffer: (name: string) => GPUBuffer): ReadBackSlot;
  /** The values by name, once the submission is through; its failure is thrown. The slot is free afterwards. */
  values(slot: ReadBackSlot, failure: Promise<DeviceError | undefined>): Promise<Record<string, HostArray>>;
  destroy(): void;
}

/** Staging for reading `tensors` back up to `depth` times at once. */
export function createReadBack(gpu: GPUDevice, label: string, tensors: readonly PlanTensor[], depth: number): ReadBack {
  let total = 0;
  const places = tensors.map((tensor) => {
    const offset = total;
    const size = Math.ceil(byteLength(tensor.type) / 4) * 4;
    total += Math.ceil(size / 16) * 16;
    return { tensor, offset, size };
  });
  const usage = bufferUsage.mapRead | bufferUsage.copyTarget;
  const size = Math.max(16, total);
  const all = Array.from({ length: depth }, () => gpu.createBuffer({ label: `${label}: read-back`, size, usage }));
  const free = [...all];
  return {
    bytes: size * depth,
    copy: (encoder, buffer) => {
      const staging = free.shift();
      if (staging === undefined)
        throw new DeviceError("validation", `more than ${depth} steps of ${label} are under way at once`);
      for (const { tensor, offset, size: bytes } of places) {
        if (bytes > 0) encoder.copyBufferToBuffer(buffer(tensor.name), 0, staging, offset, bytes);
      }
      return { staging };
    },
    values: async ({ staging }, failure) => {
      const error = await failure;
      if (error !== undefined) throw error;
      await staging.mapAsync(1); // GPUMapMode.READ
      const mapped = staging.getMappedRange();
      const values = Object.fromEntries(
        places.map(({ tensor, offset }) => [tensor.name, decodeFromDevice(tensor.type, mapped, offset)]),
      );
      staging.unmap();
      free.push(staging);
      return values;
    },
    destroy: () => {
      for (const staging of all) staging.destroy();
    },
  };
}
