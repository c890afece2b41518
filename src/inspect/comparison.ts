/** What an inspection says of another build: the part of its JSON that `--against` adds. */

/** Another build and this one, equation by equation. */
export interface InspectedComparison {
  /** The file that the other build was made of or read from. */
  readonly against: string;
  /** Name and device of the other build. */
  readonly name: string;
  readonly adapter: string;
  /** The other build is `before`, this one `after`. */
  readonly before: BuildFigures;
  readonly after: BuildFigures;
  /** In the order of this build's texts, what vanished at the end. */
  readonly equations: readonly ComparedEquation[];
  /** What belongs to no equation: values of inputs and parameters, nodes without a place. */
  readonly rest: { readonly before: PartFigures; readonly after: PartFigures };
}

/** What a part of a build costs. */
export interface PartFigures {
  readonly flops: number;
  readonly bytes: number;
  /** Modelled time, as a share of the whole `before`: the whole `after` can be more or less than 1. */
  readonly modelled: number;
  /** Present when the build's kernels were timed. */
  readonly ms?: number;
  /** Kernels that compute something of it. */
  readonly kernels: readonly { readonly label: string; readonly kind: string; readonly launches: number }[];
}

export interface BuildFigures extends Omit<PartFigures, "kernels"> {
  readonly launches: number;
  readonly dispatches: number;
  /** Bytes of all arenas. */
  readonly activations: number;
}

export interface ComparedEquation {
  /**
   * `same`: definition, name and text agree. `rewritten`: another text. `moved`: the text under another name or in another
   * definition.
   */
  readonly kind: "same" | "rewritten" | "moved" | "appeared" | "vanished";
  readonly before?: EquationFigures;
  readonly after?: EquationFigures;
}

export interface EquationFigures extends PartFigures {
  readonly definition: string;
  readonly name: string;
  readonly path: string;
  readonly line: number;
  /** Without comments and needless blanks. */
  readonly text: string;
  /** Position in the inspection's `equations`; only of this build. */
  readonly equation?: number;
}
