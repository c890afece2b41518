/** How a system is trained at `tiny` and how well it must do then: what `scripts/train-system.ts` runs and writes down. */

/** One run of `weft train`. */
export interface TrainingRun {
  /** Names its checkpoints, log and weights; among the runs of a recipe each is another. */
  readonly name: string;
  /** What `weft train FILE` is given beside weights, checkpoints, log and output; `--preset tiny` too. */
  readonly options: readonly string[];
  /** The earlier run whose weights this one starts from; without it from the initialisers. */
  readonly from?: string;
}

/** Plain JSON, as it stands in RESULTS.json. */
export type Scores = Readonly<Record<string, unknown>>;

/** `models/NAME/recipe.ts` exports one as `recipe`. */
export interface Recipe {
  /** The .weft file, from the root of the project. */
  readonly file: string;
  /** In the order in which they run. */
  readonly runs: readonly TrainingRun[];
  /** Scores on held-out data; `weights` gives the file of a run's weights. */
  readonly score: (weights: (run: string) => string) => Promise<Scores>;
  /** The least that the specification accepts, by name of a score; the score is a number. */
  readonly bars: Readonly<Record<string, number>>;
}
