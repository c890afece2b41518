/** `weft demo hulanet --test N`: scores on held-out samples, how the ten products are mixed, and where the attention goes. */
import { type DemoContext, DemoInputError } from "../../src/demo.ts";
import type { MaskScores } from "../shared/mask-scores.ts";
import type { RegionSample } from "../shared/refworld/phrase-regions.ts";
import type { Name } from "../shared/refworld/phrases.ts";
import { testSeed } from "../shared/refworld/question.ts";
import { type Shape, shapes } from "../shared/refworld/scene.ts";
import { kindOf, type PhraseKind, regionScores, worldBatch, worldChannels } from "./world.ts";

const file = "models/hulanet/hulanet.weft";

/** Names of the ten products that are mixed. */
export const products = ["c", "a", "r", "cc", "ca", "cr", "aa", "ar", "rr", "1"] as const;
type Product = (typeof products)[number];

/** What `--json` has under `scores`. */
export interface TestScores {
  readonly threshold: number;
  readonly all: MaskScores;
  readonly byKind: Readonly<Partial<Record<PhraseKind, MaskScores>>>;
  /** For each kind of phrase the mean of w. */
  readonly weights: Readonly<Partial<Record<PhraseKind, Readonly<Record<Product, number>>>>>;
  /** For each name that the samples have the attention on the channels of all shapes. */
  readonly attention: Readonly<Partial<Record<Name, Readonly<Record<Shape, number>>>>>;
}

/** Scores on the first `count` samples of the test set, in batches. */
export async function test(context: DemoContext, count: number): Promise<void> {
  if (context.preset !== "tiny")
    throw new DemoInputError(["--test goes with --preset tiny: the synthetic world is small"]);
  const size = Math.min(count, 50);
  const program = await context.compile({ file, entry: "explain", settings: { B: size } });
  const resize = await context.compile({ file, entry: "enlarged", settings: { B: size } });
  const samples: RegionSample[] = [];
  const maps: Float32Array[] = [];
  const mixed: number[][] = [];
  const attended: number[][] = [];
  for (let start = 0; start < count; start += size) {
    // The last batch is filled up with samples that do not count.
    const batch = await context.stage("draw samples", () =>
      worldBatch(
        testSeed,
        Array.from({ length: size }, (_, k) => start + k),
      ),
    );
    const { O, w, A_cat } = await program.run("explain", batch.inputs);
    const shape = [size, worldChannels.height, worldChannels.width];
    const { enlarged: large } = await resize.run("enlarge", { O: { shape, data: O as Float32Array<ArrayBuffer> } });
    batch.samples.slice(0, count - start).forEach((sample, k) => {
      samples.push(sample);
      maps.push((large as Float32Array).slice(k * sample.region.length, (k + 1) * sample.region.length));
      mixed.push(rowOf(w as Float32Array, k, products.length));
      attended.push(rowOf(A_cat as Float32Array, k, shapes.length));
    });
  }
  const { threshold, all, byKind } = regionScores(samples, maps);
  const weights = meansBy(samples.map(kindOf), mixed, products);
  const attention = meansBy(
    samples.map(({ description }) => description.head.name),
    attended,
    shapes,
  );
  context.print(
    `${count} phrases, O above ${threshold}: mean IoU ${all.mean.toFixed(3)}, cumulative ${all.overall.toFixed(3)}, above 1/2 ${all.precision["0.5"].toFixed(3)}.`,
  );
  const kinds = Object.entries(byKind).map(([kind, scores]) => `${kind} ${scores.mean.toFixed(3)}`);
  context.print(`Mean IoU by parts of the phrase: ${kinds.join(", ")}; marking every object has 0.24.`);
  context.report("scores", { threshold, all, byKind, weights, attention } satisfies TestScores);
}

const rowOf = (values: Float32Array, row: number, length: number): number[] =>
  Array.from(values.subarray(row * length, (row + 1) * length));

/** The mean of the rows of each group, its numbers by name. */
export function meansBy<Group extends string, Column extends string>(
  groups: readonly Group[],
  rows: readonly (readonly number[])[],
  columns: readonly Column[],
): Partial<Record<Group, Record<Column, number>>> {
  const meanOf = (group: Group) => {
    const chosen = rows.filter((_, k) => groups[k] === group);
    const mean = (column: number) => chosen.reduce((sum, row) => sum + (row[column] as number), 0) / chosen.length;
    return Object.fromEntries(columns.map((name, column) => [name, mean(column)])) as Record<Column, number>;
  };
  return Object.fromEntries([...new Set(groups)].map((group) => [group, meanOf(group)])) as Partial<
    Record<Group, Record<Column, number>>
  >;
}
