/** How well masks that phrases were given fit the true ones: the figures of referring-expression segmentation. */

/** Sizes of what two masks share and of what they cover together, in pixels. */
export interface Overlap {
  readonly intersection: number;
  readonly union: number;
}

/** The overlap of a map of scores, cut at a threshold (pixels above it belong to the mask), with a true mask of the same size. */
export function overlapAbove(scores: ArrayLike<number>, threshold: number, truth: ArrayLike<number>): Overlap {
  if (scores.length !== truth.length) {
    throw new RangeError(`${scores.length} scores cannot be compared with a mask of ${truth.length} pixels`);
  }
  let [intersection, union] = [0, 0];
  for (let pixel = 0; pixel < truth.length; pixel++) {
    const [found, isTrue] = [(scores[pixel] as number) > threshold, (truth[pixel] as number) !== 0];
    if (found && isTrue) intersection++;
    if (found || isTrue) union++;
  }
  return { intersection, union };
}

/** |found ∧ true| / |found ∨ true|; 0 where both are empty. */
export const intersectionOverUnion = ({ intersection, union }: Overlap): number =>
  union === 0 ? 0 : intersection / union;

export interface MaskScores {
  /** Sum of all intersections over sum of all unions: "overall" or "cumulative" IoU. */
  readonly overall: number;
  /** Mean of the IoU of each phrase. */
  readonly mean: number;
  /** Share of the phrases whose IoU is above 0.5, 0.6, 0.7, 0.8 and 0.9. */
  readonly precision: Readonly<Record<"0.5" | "0.6" | "0.7" | "0.8" | "0.9", number>>;
}

/** @param overlaps one for each phrase, at least one */
export function maskScores(overlaps: readonly Overlap[]): MaskScores {
  if (overlaps.length === 0) throw new RangeError("scores need at least one phrase");
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const each = overlaps.map(intersectionOverUnion);
  const above = (least: number) => each.filter((value) => value > least).length / each.length;
  const union = sum(overlaps.map((overlap) => overlap.union));
  return {
    overall: union === 0 ? 0 : sum(overlaps.map((overlap) => overlap.intersection)) / union,
    mean: sum(each) / each.length,
    precision: { "0.5": above(0.5), "0.6": above(0.6), "0.7": above(0.7), "0.8": above(0.8), "0.9": above(0.9) },
  };
}
