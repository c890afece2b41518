/** The synthetic world of NS-VQA: what its scenes promise, that its programs give its answers, and its pictures. */
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { answerText, executeProgram } from "../../models/ns-vqa/executor.ts";
import { prefixTokens, programOfPrefix } from "../../models/ns-vqa/program.ts";
import { functionTokens } from "../../models/ns-vqa/vocabulary.ts";
import {
  drawPicture,
  drawScene,
  drawWorld,
  families,
  imageHeight,
  imageWidth,
  longestProgram,
  longestQuestion,
  objectInputs,
  pngOf,
  worldQuestionWords,
} from "../../models/ns-vqa/world.ts";

const data = drawWorld({ seed: 1, split: "train", scenes: 100, questions: 3000 });

describe("questions", () => {
  it("are answered by their programs", () => {
    const wrong = data.questions.filter(
      ({ program, scene, answer }) => answerText(executeProgram(program, data.scenes[scene]!)) !== answer,
    );
    expect(wrong).toEqual([]);
  });

  it("use every function and every word, and no others", () => {
    expect(new Set(data.questions.flatMap(({ program }) => program))).toEqual(new Set(functionTokens));
    expect(new Set(data.questions.flatMap(({ words }) => words))).toEqual(new Set(worldQuestionWords.slice(4)));
    expect(worldQuestionWords.length).toBe(75);
  });

  it("have complete programs of limited length", () => {
    for (const { program, words } of data.questions) {
      expect(prefixTokens(programOfPrefix(program))).toEqual(program);
      expect(program.length).toBeLessThanOrEqual(longestProgram);
      expect(words.length).toBeLessThanOrEqual(longestQuestion);
    }
  });

  it("take turns, with yes and no alike", () => {
    expect(data.questions.slice(0, 20).map(({ family }) => family)).toEqual(families.map(({ name }) => name));
    for (const { name } of families.filter(({ yesOrNo }) => yesOrNo)) {
      const answers = data.questions.filter(({ family }) => family === name).map(({ answer }) => answer);
      const yes = answers.filter((answer) => answer === "yes").length;
      expect(Math.max(yes, answers.length - yes)).toBeLessThanOrEqual(1.2 * Math.min(yes, answers.length - yes) + 1);
    }
  });
});

describe("scenes", () => {
  it("keep objects apart", () => {
    for (const objects of data.scenes) {
      expect(objects.length).toBeGreaterThanOrEqual(3);
      expect(objects.length).toBeLessThanOrEqual(7);
      for (const [i, a] of objects.entries()) {
        for (const b of objects.slice(i + 1)) {
          const [right, front] = [0, 1].map((axis) => Math.abs(a.position[axis]! - b.position[axis]!)) as [
            number,
            number,
          ];
          expect(Math.min(right, front)).toBeGreaterThanOrEqual(0.4);
          expect(Math.hypot(right, front) - a.position[2] - b.position[2]).toBeGreaterThanOrEqual(0.25);
        }
      }
    }
  });

  it("depend on the seed, the part and the number alone", () => {
    expect(drawScene(1, "train", 17)).toEqual(data.scenes[17]);
    expect(drawScene(2, "train", 17)).not.toEqual(data.scenes[17]);
    expect(drawScene(1, "test", 17)).not.toEqual(data.scenes[17]);
    const request = { seed: 5, split: "validation", scenes: 10, questions: 60 } as const;
    expect(drawWorld(request)).toEqual(drawWorld(request));
  });
});

describe("pictures", () => {
  const objects = data.scenes[0]!;
  const picture = drawPicture(objects, 1, "train0");

  it("show every object by at least 20 pixels, each pixel one object", () => {
    const seen = new Uint8Array(imageWidth * imageHeight);
    for (const [i, mask] of picture.masks.entries()) {
      const { left, top, right, bottom } = picture.boxes[i]!;
      const pixels = Array.from(mask.keys()).filter((pixel) => mask[pixel] === 1);
      expect(pixels.length).toBeGreaterThanOrEqual(20);
      for (const pixel of pixels) {
        seen[pixel]!++;
        const [row, column] = [Math.floor(pixel / imageWidth), pixel % imageWidth];
        expect(row >= top && row < bottom && column >= left && column < right).toBe(true);
      }
    }
    expect(Math.max(...seen)).toBe(1);
  });

  it("are the ground where no object is", () => {
    const covered = (pixel: number) => picture.masks.some((mask) => mask[pixel] === 1);
    // The upper left corner is out of reach of all objects.
    expect(covered(0)).toBe(false);
    for (const channel of [0, 1, 2]) {
      expect(Math.abs(picture.pixels[channel * imageWidth * imageHeight]! - 0.62)).toBeLessThan(0.07);
    }
  });

  it("have the colours of their objects", () => {
    const strongest = {
      red: [0],
      green: [1],
      blue: [2],
      brown: [0],
      purple: [2],
      cyan: [1, 2],
      yellow: [0, 1],
      gray: [0, 1, 2],
    };
    for (const scene of data.scenes.slice(0, 10)) {
      const { pixels, masks } = drawPicture(scene, 1, "colours");
      for (const [i, { color }] of scene.entries()) {
        const mask = masks[i]!;
        const mean = [0, 1, 2].map((channel) =>
          mask.reduce((sum, on, pixel) => sum + on * pixels[channel * mask.length + pixel]!, 0),
        );
        const greatest = Math.max(...mean);
        const near = [0, 1, 2].filter((channel) => mean[channel]! > 0.85 * greatest);
        expect(near, `${color} ${mean}`).toEqual(strongest[color]);
      }
    }
  });

  it("become PNG files and inputs of the attribute network", () => {
    const png = PNG.sync.read(Buffer.from(pngOf(picture)));
    expect([png.width, png.height]).toEqual([imageWidth, imageHeight]);
    const plane = imageWidth * imageHeight;
    for (const pixel of [0, 5000, plane - 1])
      expect(png.data[4 * pixel + 2]! / 255).toBeCloseTo(picture.pixels[2 * plane + pixel]!, 2);
    const inputs = objectInputs(picture);
    expect(inputs.length).toBe(objects.length);
    for (const [i, input] of inputs.entries()) {
      expect(input.slice(3 * plane)).toEqual(picture.pixels);
      expect(input.slice(plane, 2 * plane)).toEqual(expectedMasked(picture.masks[i]!, picture.pixels, plane));
    }
  });
});

/** The green channel where the mask is 1. */
function expectedMasked(mask: Uint8Array, pixels: Float32Array, plane: number): Float32Array {
  return Float32Array.from(mask, (on, pixel) => (on === 1 ? pixels[plane + pixel]! : 0));
}
