/** Work of which only the newest matters. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { afterPause } from "../../playground/src/latest.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("work after a pause", () => {
  it("is done once for many questions in a row", async () => {
    const work = vi.fn(async () => undefined);
    const { ask } = afterPause(100, work);
    for (let i = 0; i < 5; i++) {
      ask();
      await vi.advanceTimersByTimeAsync(60);
    }
    expect(work).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(60);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it("is done one at a time, and again when it was asked for meanwhile", async () => {
    let running = 0;
    let most = 0;
    const work = vi.fn(async () => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 1000));
      running--;
    });
    const { ask } = afterPause(10, work);
    for (let i = 0; i < 4; i++) {
      ask();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(work).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(3000);
    expect(work).toHaveBeenCalledTimes(2);
    expect(most).toBe(1);
  });

  it("needs no pause when nobody types", async () => {
    const work = vi.fn(async () => undefined);
    afterPause(10_000, work).ask("once");
    await vi.advanceTimersByTimeAsync(1);
    expect(work).toHaveBeenCalledTimes(1);
  });
});
