/** `weft demo performer`: what logits of bytes say, the demo with a network whose answers are known, and mistakes of the user. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bestBytes, continued, shownByte, surprises } from "../../models/performer/bytes.ts";
import { demo } from "../../models/performer/demo.ts";
import { demoContext } from "./demo-context.ts";

/** Logits that give the byte after each byte of a window the probability 1/2, and all others the same. */
function followed(window: Uint8Array): Float32Array<ArrayBuffer> {
  const logits = new Float32Array(256 * window.length);
  window.forEach((byte, t) => {
    logits[256 * t + ((byte + 1) % 256)] = Math.log(255);
  });
  return logits;
}

describe("logits of bytes", () => {
  const window = Uint8Array.of(65, 66, 67, 9);

  it("tell how surprising each byte is", () => {
    const bits = surprises(followed(window), window);
    expect(bits).toHaveLength(3);
    [1, 1, Math.log2(510)].forEach((want, k) => {
      expect(bits[k]).toBeCloseTo(want, 5);
    });
  });

  it("tell the likeliest bytes, the first of equals first", () => {
    const [first, second, third] = bestBytes(followed(window).subarray(3 * 256), 3);
    expect([first?.byte, second?.byte, third?.byte]).toEqual([10, 0, 1]);
    expect(first?.probability).toBeCloseTo(0.5, 6);
    const far = new Float32Array(256).fill(-300);
    expect(bestBytes(far, 1)[0]?.probability).toBeCloseTo(1 / 256, 8);
  });

  it("continue a window that moves along", async () => {
    const seen: number[][] = [];
    const added = await continued(window, followed(window), 3, async (bytes) => {
      seen.push([...bytes]);
      return followed(bytes);
    });
    expect([...added]).toEqual([10, 11, 12]);
    expect(seen).toEqual([
      [66, 67, 9, 10],
      [67, 9, 10, 11],
    ]);
  });

  it("are shown as letters where they are some", () => {
    expect([65, 32, 10, 200].map(shownByte)).toEqual(['"A"', "blank", "byte 10", "byte 200"]);
  });
});

describe("the demo", () => {
  const with_ = (text: Uint8Array, options: Record<string, string> = {}, vocab = 256, trained = false) => {
    const L = Math.min(text.length, Number(options.window ?? 128));
    return demoContext({
      options: { text: "t.txt", ...options },
      files: { "t.txt": text },
      preset: "text",
      trained,
      answers: () => ({
        outputs: { logits: { dtype: "f32", shape: [L, vocab] } },
        results: { logits: followed(text.subarray(text.length - L)) },
      }),
    });
  };

  it("reads the last bytes, tells what comes next, and writes text and continuation", async () => {
    const text = new TextEncoder().encode("zzABC");
    const record = with_(text, { window: "3", bytes: "2" }, 256, true);
    await demo.run(record.context);
    expect(record.requests).toMatchObject([{ entry: "logits", settings: { L: 3, causal: true } }]);
    expect(record.inputs[0]).toEqual({ tokens: { shape: [3], data: Int32Array.of(65, 66, 67) } });
    // The network of this test answers "D" whatever it is given.
    expect(record.inputs[1]).toEqual({ tokens: { shape: [3], data: Int32Array.of(66, 67, 68) } });
    expect(record.values.get("bitsPerByte")).toBeCloseTo(1, 5);
    expect(record.said.join("\n")).toContain('What comes next: "D" 50.0 %');
    expect(record.said.join("\n")).not.toContain("untrained");
    expect(readFileSync(record.values.get("output") as string, "utf8")).toBe("zzABCDD");
  });

  it("says that weights are untrained, and has a text of its own", async () => {
    const record = demoContext({
      options: { bytes: "0" },
      preset: "text",
      answers: ({ settings }) => ({
        outputs: { logits: { dtype: "f32", shape: [settings?.L as number, 256] } },
        results: { logits: new Float32Array(256 * (settings?.L as number)) },
      }),
    });
    await demo.run(record.context);
    expect(record.said[0]).toContain("The weights are untrained");
    expect(record.values.get("bitsPerByte")).toBeCloseTo(8, 6);
    expect(record.requests[0]?.settings?.L).toBe(128);
  });

  it.each<[string, string, Record<string, string>, number]>([
    ["t.txt has no byte; give a text of two bytes or more", "", {}, 256],
    ["t.txt has one byte", "x", {}, 256],
    ["--window takes a whole number from 2", "xy", { window: "1" }, 256],
    ["--bytes takes a whole number from 0", "xy", { bytes: "many" }, 256],
    ["preset text knows 16 tokens, and a text has 256 bytes; take --preset text", "xy", {}, 16],
  ])("refuses: %s", async (message, text, options, vocab) => {
    const { context } = with_(new TextEncoder().encode(text), options, vocab);
    await expect(demo.run(context)).rejects.toThrow(message);
  });
});
