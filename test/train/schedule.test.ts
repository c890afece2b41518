import { describe, expect, it } from "vitest";
import { rateOf, type Schedule } from "../../src/train/index.ts";
import { functions } from "./train-case.ts";

const plain: Schedule = { rate: 0.4, warmup: 0, warmupFrom: 0, steps: 100, fall: { kind: "constant" } };
const rates = (schedule: Partial<Schedule>, ...steps: number[]) =>
  steps.map(rateOf({ ...plain, ...schedule }, functions)).map((rate) => Number(rate.toPrecision(6)));

describe("learning rates", () => {
  it("are constant", () => {
    expect(rates({}, 0, 50, 1000)).toEqual([0.4, 0.4, 0.4]);
  });

  it("rise in a straight line, the first step included", () => {
    expect(rates({ warmup: 4 }, 0, 1, 2, 3, 4, 5)).toEqual([0.1, 0.2, 0.3, 0.4, 0.4, 0.4]);
    expect(rates({ warmup: 4, warmupFrom: 0.2 }, 0, 1, 2, 3, 4)).toEqual([0.16, 0.24, 0.32, 0.4, 0.4]);
  });

  it("follow a cosine from the end of the warm-up to the last step, and stay there", () => {
    expect(rates({ warmup: 20, fall: { kind: "cosine", end: 0.1 } }, 19, 20, 60, 100, 200)).toEqual([
      0.4, 0.4, 0.25, 0.1, 0.1,
    ]);
  });

  it("fall in a straight line", () => {
    expect(rates({ fall: { kind: "polynomial", end: 0.2, power: 1 } }, 0, 50, 100)).toEqual([0.4, 0.3, 0.2]);
  });

  it("fall by a power of what is left", () => {
    const want = [0, 50, 75].map((step) => Number((0.4 * (1 - step / 100) ** 0.9).toPrecision(6)));
    expect(rates({ fall: { kind: "polynomial", end: 0, power: 0.9 } }, 0, 50, 75, 100)).toEqual([...want, 0]);
  });

  it("fall in steps", () => {
    expect(rates({ fall: { kind: "step", every: 10, factor: 0.5 } }, 0, 9, 10, 25)).toEqual([0.4, 0.4, 0.2, 0.1]);
  });

  it("fall at milestones, which count from the beginning of the warm-up", () => {
    const fall = { kind: "milestones", at: [10, 30], factor: 0.5 } as const;
    expect(rates({ warmup: 5, fall }, 5, 9, 10, 29, 30, 90)).toEqual([0.4, 0.4, 0.2, 0.2, 0.1, 0.1]);
  });

  it("need steps that the warm-up leaves", () => {
    expect(() => rateOf({ ...plain, warmup: 100, fall: { kind: "cosine", end: 0 } }, functions)).toThrow(
      "a warm-up of 100 steps leaves none of the 100 steps to the cosine schedule",
    );
  });
});
