/** Progress: one changing line on a terminal, a line now and then elsewhere. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeTerminal, type Streams } from "../../src/cli/terminal.ts";

function recordingStreams(isTTY: boolean): {
  readonly streams: Streams;
  readonly out: string[];
  readonly err: string[];
} {
  const out: string[] = [];
  const err: string[] = [];
  const stream = (texts: string[]) => ({ isTTY, columns: 40, write: (text: string) => texts.push(text) > 0 });
  const streams = { stdout: stream(out), stderr: stream(err) } as unknown as Streams;
  return { streams, out, err };
}

describe("progress", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => vi.useRealTimers());

  it("is silent for quick work and speaks at intervals where output is no terminal", () => {
    const { streams, err } = recordingStreams(false);
    const terminal = makeTerminal(false, streams);
    terminal.progress("first");
    expect(err).toEqual([]);
    for (let ms = 0; ms < 5000; ms += 100) {
      vi.advanceTimersByTime(100);
      terminal.progress(`at ${ms + 100}`);
    }
    expect(err).toEqual(["at 1000 (1 s)\n", "at 3000 (3 s)\n", "at 5000 (5 s)\n"]);
  });

  it("is one line, removed before anything else is written, on a terminal", () => {
    const { streams, out, err } = recordingStreams(true);
    const terminal = makeTerminal(false, streams);
    terminal.progress("a line that is longer than the forty columns of this terminal");
    terminal.print("result");
    expect(err).toEqual(["\r\u001b[Ka line that is longer than the forty co", "\r\u001b[K"]);
    expect(out).toEqual(["result\n"]);
  });

  it("writes numbers that JSON lacks as text", () => {
    const { streams, out } = recordingStreams(false);
    makeTerminal(true, streams).printJson({ a: Number.NaN, b: Number.POSITIVE_INFINITY, c: 1 });
    expect(JSON.parse(out.join(""))).toEqual({ a: "NaN", b: "Infinity", c: 1 });
  });
});
