/** The log of a training: a line of JSON for each step and each measurement, and the curves as a picture beside it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { InputProblems } from "./exit-status.ts";
import { jsonNumber } from "./terminal.ts";
import { drawCurves } from "./training-curve.ts";

/** One line of the log. */
export type LogLine =
  | {
      readonly kind: "step";
      /** From 1. */
      readonly step: number;
      readonly loss: number;
      readonly rate: number;
      readonly gradientNorm: number;
      /** By what the loss was multiplied for its gradient. */
      readonly lossScale?: number;
      /** Present when the gradient overflowed, so that the step changed nothing but the scale. */
      readonly skipped?: true;
      /** Other numbers that the entry gives. */
      readonly metrics?: Readonly<Record<string, number>>;
      /** Seconds since this run of the command began to train. */
      readonly seconds: number;
    }
  | { readonly kind: "evaluation"; readonly step: number; readonly loss: number; readonly seconds: number };

export interface TrainingLog {
  readonly write: (line: LogLine) => void;
  /** Brings everything to the disk, before a checkpoint that counts on it. */
  readonly flush: () => void;
  /** Writes the curves and closes the file. */
  readonly close: () => void;
  /** Path of the picture. */
  readonly picture: string;
}

/** Lines are gathered and written together. */
const linesHeld = 64;

/**
 * Opens a log. Without `resumedAt` an earlier file is replaced; with it, lines after that step are dropped and the rest is kept, so that the
 * log of a training that was broken off and taken up reads as that of one that was not.
 *
 * @throws InputProblems when it cannot be written
 */
export function openLog(path: string, resumedAt: number | undefined): TrainingLog {
  const kept = resumedAt === undefined ? [] : readLog(path).filter(({ step }) => step <= resumedAt);
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new InputProblems([`the log ${path} cannot be written: ${(error as Error).message}`]);
    }
  };
  const file = attempt(() => {
    if (resumedAt === undefined) return openSync(path, "w");
    // Shortened aside and renamed: whoever is killed here keeps the log that was.
    const aside = `${path}.tmp`;
    writeFileSync(aside, kept.map(textOf).join(""));
    renameSync(aside, path);
    return openSync(path, "a");
  });
  const lines: LogLine[] = [...kept];
  let held = "";
  let count = 0;
  const flush = () => {
    const text = held;
    held = "";
    count = 0;
    attempt(() => {
      if (text !== "") writeSync(file, text);
    });
  };
  const picture = path.replace(/\.[^./\\]+$|$/, ".svg");
  return {
    picture,
    write: (line) => {
      lines.push(line);
      held += textOf(line);
      count++;
      if (count >= linesHeld) flush();
    },
    flush: () => {
      flush();
      attempt(() => {
        // Pipes and devices have nothing to bring to a disk.
        try {
          fsyncSync(file);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
        }
      });
    },
    close: () => {
      try {
        flush();
      } finally {
        closeSync(file);
      }
      if (lines.length > 0) attempt(() => writeFileSync(picture, drawCurves(lines)));
    },
  };
}

const textOf = (line: LogLine) => `${JSON.stringify(line, jsonNumber)}\n`;

/** Lines of a log; a last line that was cut off is left out. */
function readLog(path: string): LogLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((text) => {
      try {
        const line = JSON.parse(text) as LogLine;
        return Number.isSafeInteger(line.step) ? [line] : [];
      } catch {
        return [];
      }
    });
}
