import { describe, expect, it } from "vitest";
import { rateOf, type Schedule } from "../../src/train/index.ts";
import { functions } from "./train-case.ts";

const plain: Schedule = { kind: "constant", rate: 0.4, warmup: 0, steps: 100, end: 0, every: 1, factor: 1 };
const rates = (schedule: Partial<Schedule>, ...steps: number[]) =>
  steps.map(rateOf({ ...plain, ...schedule }, functions)).map((rate) => Number(rate.toPrecision(6)));

describe("learning rates", () => {
  it("are constant", () => {
    expect(rates({}, 0, 50, 1000)).toEqual([0.4, 0.4, 0.4]);
  });

  it("rise in a straight line, the first step included", () => {
    expect(rates({ warmup: 4 }, 0, 1, 2, 3, 4, 5)).toEqual([0.1, 0.2, 0.3, 0.4, 0.4, 0.4]);
  });

  it("follow a cosine from the end of the warm-up to the last step, and stay there", () => {
    expect(rates({ kind: "cosine", warmup: 20, end: 0.1 }, 19, 20, 60, 100, 200)).toEqual([0.4, 0.4, 0.25, 0.1, 0.1]);
  });

  it("fall in a straight line", () => {
    expect(rates({ kind: "linear", end: 0.2 }, 0, 50, 100)).toEqual([0.4, 0.3, 0.2]);
  });

  it("fall in steps", () => {
    expect(rates({ kind: "step", every: 10, factor: 0.5 }, 0, 9, 10, 25)).toEqual([0.4, 0.4, 0.2, 0.1]);
  });

  it("need steps that the warm-up leaves", () => {
    expect(() => rateOf({ ...plain, kind: "cosine", warmup: 100 }, functions)).toThrow(
      "a warm-up of 100 steps leaves none of the 100 steps to the cosine schedule",
    );
  });
});
