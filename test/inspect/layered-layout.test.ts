import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layOut } from "../../src/inspect/index.ts";

const gaps = { across: 10, down: 20 };

describe("the layered layout", () => {
  it("keeps boxes apart and leads every edge downwards", () => {
    const graph = fc.integer({ min: 1, max: 25 }).chain((count) =>
      fc.record({
        boxes: fc.array(
          fc.record({ width: fc.integer({ min: 5, max: 60 }), height: fc.integer({ min: 5, max: 40 }) }),
          {
            minLength: count,
            maxLength: count,
          },
        ),
        pairs: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 60 }),
      }),
    );
    fc.assert(
      fc.property(graph, ({ boxes, pairs }) => {
        const edges = pairs
          .filter(([a, b]) => a !== b)
          .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
        const layout = layOut(boxes, edges, gaps);
        layout.boxes.forEach((a, i) => {
          expect(a.x).toBeGreaterThanOrEqual(-1e-9);
          expect(a.x + a.width).toBeLessThanOrEqual(layout.width + 1e-9);
          expect(a.y + a.height).toBeLessThanOrEqual(layout.height);
          for (const b of layout.boxes.slice(i + 1)) {
            const apart =
              a.x + a.width < b.x + 1e-6 ||
              b.x + b.width < a.x + 1e-6 ||
              a.y + a.height <= b.y ||
              b.y + b.height <= a.y;
            expect(apart).toBe(true);
          }
        });
        layout.routes.forEach((route, edge) => {
          const [from, to] = edges[edge]!;
          const [a, b] = [layout.boxes[from]!, layout.boxes[to]!];
          expect(route[0]).toEqual({ x: a.x + a.width / 2, y: a.y + a.height });
          expect(route.at(-1)).toEqual({ x: b.x + b.width / 2, y: b.y });
          for (let i = 1; i < route.length; i++) expect(route[i]!.y).toBeGreaterThanOrEqual(route[i - 1]!.y);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("refuses an edge that leads back", () => {
    const box = { width: 1, height: 1 };
    expect(() => layOut([box, box], [[1, 0]], gaps)).toThrow(RangeError);
  });
});
