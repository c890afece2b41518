/** The video loop of SSTVOS, its frames and masks, and its world. */
import { describe, expect, it } from "vitest";
import { blankPicture, type Picture } from "../../models/shared/pictures.ts";
import { checkClip, framePlanes, labelsOf, networkSize } from "../../models/sstvos/frames.ts";
import { type DecodeRequest, segmentVideo, type VideoNetwork } from "../../models/sstvos/video.ts";
import { drawClip, overlap, reflected } from "../../models/sstvos/world.ts";

/** A network whose features are the number of the frame, and whose labels are that of the previous frame and 10. */
function recordingNetwork(): { readonly network: VideoNetwork; readonly requests: DecodeRequest[] } {
  const requests: DecodeRequest[] = [];
  const network: VideoNetwork = {
    encode: async (frame) => ({ features: Float32Array.of(frame), low: Float32Array.of(100 + frame) }),
    decode: async (request) => {
      requests.push(request);
      return Int32Array.from(request.labels.at(-1) ?? [], (label) => label + 10);
    },
  };
  return { network, requests };
}

async function collect(window: number, frames: number, given: ReadonlyMap<number, Int32Array>) {
  const { network, requests } = recordingNetwork();
  const labels: number[][] = [];
  for await (const each of segmentVideo(network, { frames, window, given })) labels.push(Array.from(each));
  return { labels, requests };
}

describe("the video loop", () => {
  it("fills the window with the first frame, padding, and the most recent frames", async () => {
    const { labels, requests } = await collect(4, 6, new Map([[0, Int32Array.of(1, 0)]]));
    expect(labels).toEqual([
      [1, 0],
      [11, 10],
      [21, 20],
      [31, 30],
      [41, 40],
      [51, 50],
    ]);
    expect(requests.map(({ frameIndex }) => frameIndex)).toEqual([
      [0, 0, 0, 1],
      [0, 0, 1, 2],
      [0, 1, 2, 3],
      [0, 2, 3, 4],
      [0, 3, 4, 5],
    ]);
    expect(requests.map(({ keyValid }) => keyValid.map(Number).join(""))).toEqual([
      "1001",
      "1011",
      "1111",
      "1111",
      "1111",
    ]);
    for (const { features, frameIndex, low, labels: history } of requests) {
      expect(features.map(([value]) => value)).toEqual(frameIndex);
      expect(low[0]).toBe(100 + (frameIndex.at(-1) as number));
      expect(history).toHaveLength(3);
    }
    expect(requests.every(({ references }) => references.length === 1 && references[0]?.[0] === 0)).toBe(true);
  });

  it("takes the previous frame alone in a window of two", async () => {
    const { requests } = await collect(2, 4, new Map([[0, Int32Array.of(1)]]));
    expect(requests.map(({ frameIndex }) => frameIndex)).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  it("takes over masks of objects that appear later, and their frame as a reference", async () => {
    const given = new Map([
      [0, Int32Array.of(1, 0)],
      [1, Int32Array.of(0, 2)],
    ]);
    const { labels, requests } = await collect(3, 3, given);
    expect(labels).toEqual([
      [1, 0],
      [11, 2],
      [21, 12],
    ]);
    expect(requests.map(({ references }) => references.map(([value]) => value))).toEqual([[0], [0, 1]]);
    expect(requests[1]?.referenceLabels.map((each) => Array.from(each))).toEqual([
      [1, 0],
      [11, 2],
    ]);
  });

  it("refuses a video without first masks and a window without history", async () => {
    await expect(collect(3, 3, new Map())).rejects.toThrow("the first frame has no labels");
    await expect(collect(1, 3, new Map([[0, Int32Array.of(1)]]))).rejects.toThrow("a window of 1 frames");
  });
});

describe("frames", () => {
  it.each([
    [854, 480, 481, 849],
    [1920, 1080, 577, 1041],
    [96, 64, 65, 97],
    [3, 3, 17, 17],
  ])("of %i × %i go through the network as %i rows of %i", (width, height, rows, columns) => {
    expect(networkSize({ width, height })).toEqual([rows, columns]);
  });

  it("are blue, green, red, each with the statistics of the place it stands at", () => {
    const picture = blankPicture(20, 20, [255, 128, 0]);
    const planes = framePlanes(picture, [17, 33]);
    expect(planes).toHaveLength(3 * 17 * 33);
    for (const [channel, value] of [(0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225].entries()) {
      const plane = planes.slice(channel * 561, (channel + 1) * 561);
      for (const each of plane) expect(each).toBeCloseTo(value, 5);
    }
  });

  // cv2.resize of the row 0, 0, 255, 255 to 6 columns with INTER_CUBIC, before rounding: a = -3/4 at offsets of 1/6, 1/2 and 5/6.
  it("are resized with the cubic kernel of OpenCV", () => {
    const rgb = new Uint8Array([0, 0, 255, 255].flatMap((value) => [0, 0, value]));
    const planes = framePlanes({ width: 4, height: 1, rgb }, [1, 6]);
    const blue = Array.from(planes.slice(0, 6), (value) => value * 0.229 + 0.485);
    const w = (t: number) => {
      const d = Math.abs(t);
      return d <= 1 ? 1.25 * d ** 3 - 2.25 * d ** 2 + 1 : d < 2 ? -0.75 * d ** 3 + 3.75 * d ** 2 - 6 * d + 3 : 0;
    };
    const row = (k: number) => [0, 0, 1, 1][Math.min(Math.max(k, 0), 3)] as number;
    blue.forEach((value, k) => {
      const at = ((k + 0.5) * 4) / 6 - 0.5;
      const want = [-2, -1, 0, 1, 2, 3, 4, 5].reduce((sum, source) => sum + w(at - source) * row(source), 0);
      expect(value).toBeCloseTo(want, 5);
    });
    expect(Math.min(...blue)).toBeLessThan(-0.05);
  });
});

describe("masks", () => {
  const picture = (colors: readonly (readonly [number, number, number])[]): Picture => ({
    width: colors.length,
    height: 1,
    rgb: Uint8Array.from(colors.flat()),
  });

  it("number the colours in the order in which they appear", () => {
    const { data, objects } = labelsOf(
      "m.png",
      picture([
        [0, 0, 0],
        [9, 0, 0],
        [0, 7, 0],
        [9, 0, 0],
      ]),
    );
    expect([Array.from(data), objects]).toEqual([[0, 1, 2, 1], 2]);
  });

  it("need an object, and plain colours", () => {
    expect(() => labelsOf("m.png", picture([[0, 0, 0]]))).toThrow("m.png has no object");
    const many = Array.from({ length: 17 }, (_, k) => [k, 0, 0] as const);
    expect(() => labelsOf("m.png", picture(many))).toThrow("m.png has more than 15 colours beside black");
  });

  it("and frames of a clip fit together", () => {
    const frame = blankPicture(4, 3, [0, 0, 0]);
    const first = { width: 4, height: 3, data: new Int32Array(12), objects: 1 };
    const names = ["a.png", "b.png", "c.png"];
    expect(() => checkClip({ frames: [frame], names, first })).toThrow("the video has one frame");
    expect(() => checkClip({ frames: [], names, first })).toThrow("the video has no frame");
    expect(() => checkClip({ frames: [frame, blankPicture(5, 3, [0, 0, 0])], names, first })).toThrow(
      "b.png has 5 × 3 pixels, a.png has 4 × 3",
    );
    expect(() => checkClip({ frames: [frame, frame], names, first: { ...first, width: 2 } })).toThrow(
      "the mask has 2 × 3 pixels, the first frame 4 × 3",
    );
    expect(() => checkClip({ frames: [frame, frame], names, first })).not.toThrow();
  });
});

describe("the world", () => {
  const request = { seed: 5, width: 60, height: 40, frames: 8, objects: 3 };

  it("is the same for a seed, and another for another", () => {
    const [a, b, c] = [drawClip(request), drawClip(request), drawClip({ ...request, seed: 6 })];
    expect(b).toEqual(a);
    expect(c.frames[0]?.rgb).not.toEqual(a.frames[0]?.rgb);
  });

  it("shows every object in the first frame, moves it, and masks exactly what it paints", () => {
    for (let seed = 0; seed < 5; seed++) {
      const { frames, labels } = drawClip({ ...request, seed });
      expect(frames).toHaveLength(8);
      const first = labels[0]?.data as Int32Array;
      for (const object of [1, 2, 3]) expect(first.includes(object), `seed ${seed}, object ${object}`).toBe(true);
      const last = labels.at(-1)?.data as Int32Array;
      expect(Math.min(...[1, 2, 3].map((object) => overlap(first, last, object)))).toBeLessThan(0.9);
      // Objects are brighter or more colourful than the ground, whose channels are nearly equal.
      const wrong = labels.map(({ data }, k) => {
        const { rgb } = frames[k] as Picture;
        return data.filter((label, pixel) => {
          const channels = rgb.subarray(3 * pixel, 3 * pixel + 3);
          return Math.max(...channels) - Math.min(...channels) > 40 !== label > 0;
        }).length;
      });
      expect(wrong).toEqual(wrong.map(() => 0));
    }
  });

  it("turns back at the border", () => {
    expect([-1, 0, 3, 10, 12, 21].map((place) => reflected(place, 0, 10))).toEqual([1, 0, 3, 10, 8, 1]);
  });

  it("measures overlap", () => {
    expect(overlap([1, 1, 0, 2], [1, 0, 1, 2], 1)).toBeCloseTo(1 / 3, 12);
    expect(overlap([0, 0], [0, 0], 4)).toBe(1);
  });
});
