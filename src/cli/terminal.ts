/** Where the command writes: results to standard output; progress and notes to standard error. */
import picocolors from "picocolors";
import { printMilliseconds } from "./quantities.ts";

export interface Terminal {
  /** Results are to be one JSON value instead of text. */
  readonly json: boolean;
  /** Standard error is a terminal that shows colours. */
  readonly colours: boolean;
  /** Writes text and a newline to standard output. */
  print(text: string): void;
  /** Writes one JSON value to standard output. */
  printJson(value: unknown): void;
  /** Writes text and a newline to standard error. */
  note(text: string): void;
  /**
   * Says what is going on. On a terminal this is one line that changes; elsewhere a line now and then, once something takes
   * longer than a second.
   */
  progress(text: string): void;
  /** Removes the progress line. */
  endProgress(): void;
}

/** The two streams; tests pass their own. */
export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** ms between two updates of the progress line on a terminal, and between two progress lines elsewhere. */
const updateInterval = { terminal: 60, plain: 2000 };
/** ms before anything is said where output is no terminal: quick work stays silent. */
const patience = 1000;

/** A terminal on the process's own streams. */
export function makeTerminal(json: boolean, streams: Streams = process): Terminal {
  const { stdout, stderr } = streams;
  const started = performance.now();
  const isTerminal = stderr.isTTY === true;
  let lastShown = Number.NEGATIVE_INFINITY;
  let lineShown = false;
  const clearLine = () => {
    if (lineShown) stderr.write("\r\u001b[K");
    lineShown = false;
  };
  return {
    json,
    colours: isTerminal && picocolors.isColorSupported,
    print: (text) => {
      clearLine();
      stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    printJson: (value) => {
      clearLine();
      stdout.write(`${JSON.stringify(value, jsonNumber, 2)}\n`);
    },
    note: (text) => {
      clearLine();
      stderr.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    progress: (text) => {
      const now = performance.now();
      if (now - lastShown < (isTerminal ? updateInterval.terminal : updateInterval.plain)) return;
      if (isTerminal) {
        stderr.write(`\r\u001b[K${text.slice(0, Math.max(20, (stderr.columns ?? 80) - 1))}`);
        lineShown = true;
      } else {
        if (now - started < patience) return;
        stderr.write(`${text} (${printMilliseconds(now - started)})\n`);
      }
      lastShown = now;
    },
    endProgress: clearLine,
  };
}

/** JSON has no infinities and no NaN: they become strings, so that nothing is silently lost. */
export function jsonNumber(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
