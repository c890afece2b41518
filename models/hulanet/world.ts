/** Batches of the synthetic world (RefWorld, several objects to a phrase) for the preset `tiny`, and its scores. */
import type { Floats, WholeNumbers } from "../shared/arrays.ts";
import { type MaskScores, maskScores, overlapAbove } from "../shared/mask-scores.ts";
import { channelSide, type RegionSample, regionSample, regionSide } from "../shared/refworld/phrase-regions.ts";
import { numberedPhrase, phraseOf, type WordPlaces, worldWordNumbers } from "./phrases.ts";

/** Places for words in the preset `tiny`. */
export const worldPlaces: WordPlaces = { category: 1, attribute: 2, relation: 2, support: 1 };

/** Shapes as categories; colours and sizes as attributes. */
export const worldChannels = { categories: 6, attributes: 6, height: channelSide, width: channelSide } as const;

/** The inputs of `segment`, and what the phrases mean. */
export interface WorldBatch {
  readonly samples: readonly RegionSample[];
  readonly inputs: {
    readonly C: Floats;
    readonly Catt: Floats;
    readonly cat_ids: WholeNumbers;
    readonly att_ids: WholeNumbers;
    readonly rel_ids: WholeNumbers;
    readonly sup_ids: WholeNumbers;
  };
  /** How much of each place the phrase means. */
  readonly G: Floats;
}

/** The samples with these numbers of the set with this seed. */
export function worldBatch(seed: number, indices: readonly number[]): WorldBatch {
  const samples = indices.map((index) => regionSample(seed, index));
  const phrases = samples.map(({ description }) =>
    numberedPhrase(phraseOf(description), worldWordNumbers, worldPlaces),
  );
  const plane = channelSide ** 2;
  const joined = (count: number, dataOf: (sample: RegionSample) => Float32Array): Float32Array<ArrayBuffer> => {
    const data = new Float32Array(samples.length * count * plane);
    samples.forEach((sample, k) => {
      data.set(dataOf(sample), k * count * plane);
    });
    return data;
  };
  const maps = (dataOf: (sample: RegionSample) => Float32Array): Floats => ({
    shape: [samples.length, 6, channelSide, channelSide],
    data: joined(6, dataOf),
  });
  const words = (name: "cat_ids" | "att_ids" | "rel_ids" | "sup_ids"): WholeNumbers => ({
    shape: [samples.length, phrases[0]?.[name].length ?? 0],
    data: Int32Array.from(phrases.flatMap((phrase) => [...phrase[name]])),
  });
  return {
    samples,
    inputs: {
      C: maps(({ shapeChannels }) => shapeChannels),
      Catt: maps(({ attributeChannels }) => attributeChannels),
      cat_ids: words("cat_ids"),
      att_ids: words("att_ids"),
      rel_ids: words("rel_ids"),
      sup_ids: words("sup_ids"),
    },
    G: { shape: [samples.length, channelSide, channelSide], data: joined(1, ({ region }) => quartered(region)) },
  };
}

function quartered(region: Uint8Array): Float32Array {
  const factor = regionSide / channelSide;
  const covered = new Float32Array(channelSide ** 2);
  region.forEach((inside, pixel) => {
    const row = Math.floor(Math.floor(pixel / regionSide) / factor);
    const place = row * channelSide + Math.floor((pixel % regionSide) / factor);
    covered[place] = (covered[place] as number) + inside / factor ** 2;
  });
  return covered;
}

/** Parts of a phrase beside its name. */
export type PhraseKind = "name" | "attribute" | "relation" | "both";

export function kindOf({ description: { head, relation } }: RegionSample): PhraseKind {
  const hasAttribute = head.color !== undefined || head.size !== undefined;
  if (hasAttribute) return relation === undefined ? "attribute" : "both";
  return relation === undefined ? "name" : "relation";
}

/** One threshold for all phrases, chosen among four by the mean IoU, and the scores with it, for each kind of phrase as well. */
export interface RegionScores {
  readonly threshold: number;
  readonly all: MaskScores;
  readonly byKind: Readonly<Partial<Record<PhraseKind, MaskScores>>>;
}

/** @param maps f32[128 · 128] for each sample: O in the size of the picture; at least one */
export function regionScores(samples: readonly RegionSample[], maps: readonly ArrayLike<number>[]): RegionScores {
  const tried = [0.2, 0.3, 0.4, 0.5].map((threshold) => {
    const overlaps = samples.map(({ region }, k) => overlapAbove(maps[k] as ArrayLike<number>, threshold, region));
    return { threshold, overlaps, all: maskScores(overlaps) };
  });
  const { threshold, overlaps, all } = tried.reduce((best, each) => (each.all.mean > best.all.mean ? each : best));
  const kinds: readonly PhraseKind[] = ["name", "attribute", "relation", "both"];
  const byKind = kinds.flatMap((kind) => {
    const chosen = overlaps.filter((_, k) => kindOf(samples[k] as RegionSample) === kind);
    return chosen.length === 0 ? [] : [[kind, maskScores(chosen)] as const];
  });
  return { threshold, all, byKind: Object.fromEntries(byKind) };
}

/** The score that a share of all pixels exceeds: PhraseCut's code tries 14, 16, 18 and 20 %. */
export function thresholdOfShare(maps: readonly ArrayLike<number>[], share: number): number {
  const all = Float32Array.from(maps.flatMap((map) => Array.from(map))).sort();
  return all[Math.min(Math.floor((1 - share) * all.length), all.length - 1)] as number;
}
