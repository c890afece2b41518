/** What the harness asks of every contestant. */
import type { Workload } from "../workload.ts";

/** A workload made ready: inputs on the device, kernels compiled. */
export interface PreparedWorkload {
  /** Runs once and returns the result in the workload's layout. */
  result(): Promise<Float32Array>;
  /** Runs so many times, waiting for the device each time; mean ms of a run. */
  time(repeat: number): Promise<number>;
  /** What is known of the work, for reports. */
  readonly facts?: WorkFacts;
}

export interface WorkFacts {
  readonly dispatches: number;
  readonly flops: number;
  /** Bytes read and written by all kernels, each tensor once a kernel. */
  readonly bytes: number;
  /** Bytes of activations. */
  readonly peakBytes: number;
  /** Bytes of inputs, weights and result: what must move at the least. */
  readonly unavoidableBytes: number;
}

export interface System {
  readonly adapter: string;
  readonly version: string;
  /**
   * @param variant which of the ways that the workload is written for this system, where it is written in several
   * @throws when this system cannot run the workload; the message is the reason given in the table
   */
  prepare(workload: Workload, variant: number): Promise<PreparedWorkload>;
}
