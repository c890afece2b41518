/** Reading source texts from disk, with a clear word about everything that can be wrong with a file. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { readLibrarySource } from "../library.ts";
import { InputProblems } from "./exit-status.ts";

/** Larger files are no source texts, and reading them would only take long. */
const largestSource = 16 * 2 ** 20;

/**
 * Bytes of a file.
 *
 * @throws InputProblems when it does not exist, is a folder, cannot be read, or is larger than `largest` bytes
 */
export function readFileBytes(path: string, largest: number = 2 ** 31): Uint8Array<ArrayBuffer> {
  try {
    const file = openSync(path, "r");
    try {
      const stat = fstatSync(file);
      if (stat.isDirectory()) throw new InputProblems([`${path} is a folder, not a file`]);
      // Devices such as /dev/zero never end; pipes do.
      if (!stat.isFile() && !stat.isFIFO()) throw new InputProblems([`${path} is a device, not a file`]);
      if (stat.size > largest) {
        throw new InputProblems([
          `${path} has ${stat.size} bytes, more than the ${largest} that are read from such a file`,
        ]);
      }
      const bytes = readFileSync(file);
      return new Uint8Array(bytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof InputProblems) throw error;
    throw new InputProblems([`${path} ${reasonOf(error as NodeJS.ErrnoException)}`]);
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist; check the path";
    case "EACCES":
    case "EPERM":
      return "may not be read by this user";
    case "EISDIR":
      return "is a folder, not a file";
    default:
      return `cannot be read: ${error.message}`;
  }
}

/**
 * Text of a source file.
 *
 * @throws InputProblems as `readFileBytes`, and when the file is not UTF-8, naming the first wrong byte
 */
export function readSourceText(path: string): string {
  const bytes = readFileBytes(path, largestSource);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const { offset, line } = firstInvalidByte(bytes);
    const byte = (bytes[offset] as number).toString(16).padStart(2, "0");
    throw new InputProblems([
      `${path} is not UTF-8 text: byte 0x${byte} at offset ${offset} (line ${line}); save the file in UTF-8`,
    ]);
  }
}

/** The longest valid beginning ends where adding one more character's bytes fails; found by halving. */
function firstInvalidByte(bytes: Uint8Array): { readonly offset: number; readonly line: number } {
  const isValid = (end: number) => {
    try {
      // In a stream, a character cut off at the end is no error.
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isValid(middle)) low = middle;
    else high = middle - 1;
  }
  const offset = Math.min(low, bytes.length - 1);
  return { offset, line: bytes.subarray(0, offset).filter((byte) => byte === 10).length + 1 };
}

/**
 * Sources for a compilation that starts at `main`: `std/…` from the installed library, everything else from disk, relative to
 * the working folder. A file that exists but cannot be used is an error; one that does not exist is left to the compiler, which
 * knows who asked for it.
 */
export function sourceReader(main: string): (path: string) => string | undefined {
  return (path) => {
    if (path === main) return readSourceText(path);
    const fromLibrary = readLibrarySource(path);
    if (fromLibrary !== undefined) return fromLibrary;
    try {
      return readSourceText(path);
    } catch (error) {
      if (error instanceof InputProblems && error.problems.every((problem) => problem.includes("does not exist")))
        return undefined;
      throw error;
    }
  };
}
