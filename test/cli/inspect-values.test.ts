/** Values of a run as `weft inspect --probe` finds them: a device that is wrong is seen, and where. */
import { describe, expect, it } from "vitest";
import { makeTerminal } from "../../src/cli/terminal.ts";
import { probeValues } from "../../src/cli/value-probe.ts";
import { compileGraph } from "../../src/compile.ts";
import { isOutside } from "../../src/inspect/index.ts";
import { parseGraph } from "../../src/ir/index.ts";
import { openDevice } from "../../src/runtime/index.ts";

const text = `graph g {
  %0: f32[2, 3] = input "x"
  %1: f32[3] = parameter "w"
  %2: f32[2] = contract "i j, j -> i" %0, %1
  %3: f32[2] = exp %2
  return y = %3
}
`;

describe("the values of a run", () => {
  it("say which value is wrong by itself, and that what follows is off for that reason", async ({ skip }) => {
    const device = await openDevice({ prefer: "auto" }).catch(() => undefined);
    if (device === undefined) return skip("no WebGPU adapter");
    try {
      const compiled = compileGraph(parseGraph(text), { profile: device.profile });
      const x = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
      /** @param last  the weight that the device is handed, after the evaluator has got 0.125 */
      const probe = (last: number) => {
        let reads = 0;
        const parameters = async () => ({
          shape: [3],
          data: Float32Array.of(0.5, -0.25, reads++ < 2 ? 0.125 : last),
        });
        const machine = { kind: "device", device, profile: device.profile, description: "" } as const;
        return probeValues(compiled, true, { inputs: { x }, drawn: [], parameters }, machine, makeTerminal(true));
      };
      const good = (await probe(0.125)).values.filter(({ from }) => from === "device");
      expect(good.map(({ node }) => node.op)).toEqual(["contract", "exp"]);
      expect(good.some(isOutside)).toBe(false);
      expect(good[0]?.range).toEqual({ minimum: 0.375, maximum: 1.5, mean: 0.9375 });

      const [product, result] = (await probe(0.25)).values.filter(({ from }) => from === "device");
      expect(product && isOutside(product)).toBe(true);
      expect(product?.worst).toEqual({ position: [1], got: 2.25, want: 1.5, difference: 0.75 });
      // Its own operation did what it should with what it was given.
      expect(result && isOutside(result)).toBe(false);
      expect(result?.worst?.difference).toBeCloseTo(Math.exp(2.25) - Math.exp(1.5), 4);
    } finally {
      device.close();
    }
  });
});
