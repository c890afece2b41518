/** The buffer through which results are read back. It is kept from run to run, so that a steady state creates none. */
import { bufferUsage } from "./buffers.ts";

export interface Staging {
  /**
   * Creates what is needed, reads it through `work`, and unmaps it. One reading at a time: the caller takes turns.
   *
   * @param bytes  what has to fit in; `work` is given no buffer when it is 0
   * @param kept   true for readings that come again: a buffer made for another is freed at once
   */
  use<T>(bytes: number, kept: boolean, work: (take: () => GPUBuffer | undefined) => Promise<T>): Promise<T>;
  destroy(): void;
}

export function createStaging(gpu: GPUDevice): Staging {
  let keptBuffer: GPUBuffer | undefined;
  const make = (size: number) =>
    gpu.createBuffer({ label: "read-back", size, usage: bufferUsage.mapRead | bufferUsage.copyTarget });
  return {
    use: async (bytes, kept, work) => {
      let used: GPUBuffer | undefined;
      let done = false;
      try {
        const result = await work(() => {
          if (bytes === 0) return undefined;
          if (keptBuffer !== undefined && keptBuffer.size >= bytes) used = keptBuffer;
          else {
            used = make(bytes);
            if (kept) {
              keptBuffer?.destroy();
              keptBuffer = used;
            }
          }
          return used;
        });
        done = true;
        return result;
      } finally {
        if (done && used === keptBuffer) used?.unmap();
        else {
          // After a failure nobody knows in which state it is.
          used?.destroy();
          if (used === keptBuffer) keptBuffer = undefined;
        }
      }
    },
    destroy: () => keptBuffer?.destroy(),
  };
}
