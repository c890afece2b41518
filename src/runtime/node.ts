/** The runtime's second face, for Node alone: files. Browsers use `index.ts`, which parses bytes they already have. */

export { makeNaps, softwareDriverManifest } from "./dawn.ts";
export * from "./weights-file.ts";
