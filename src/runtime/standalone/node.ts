/** What modules need of Node alone: Dawn and files. A bundle of its own, which browsers never load. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { openWeights } from "../weights-file.ts";
import type { WeightsFile } from "../weights-source.ts";

export { hostMemoryBytes, makeNaps, requestDawnAdapter } from "../dawn.ts";
export { openWeights };

/** Text of the file at a `file:` address. */
export function readTextFile(address: URL): Promise<string> {
  return readFile(fileURLToPath(address), "utf8");
}

/** Weights at a `file:` address. */
export function openWeightsAt(address: URL): Promise<WeightsFile> {
  return openWeights(fileURLToPath(address));
}
