/**
 * Which optimisers there are: each is a function of `std/optim`, and here stands only how to call it. What they compute is written in the
 * language.
 */

/** A call of an optimiser's function: w, g, what it remembers and lr in, the new w and what it remembers out. */
export interface OptimiserCall {
  /** Name of the function in `std/optim`. */
  readonly function: string;
  /** Names of what it remembers, in the order of its parameters and results. */
  readonly remembers: readonly string[];
  /** True when it wants to know the number of the step, from 1. */
  readonly countsSteps: boolean;
  /** Names of the numbers that are fixed for a whole training, as the function calls them. */
  readonly settings: readonly string[];
  /** True when the function itself has a `weight_decay`; otherwise `decayed` is applied to the gradient first. */
  readonly decays: boolean;
}

/** Every optimiser by the name that the command takes. */
export const optimisers = {
  sgd: { function: "sgd", remembers: [], countsSteps: false, settings: [], decays: false },
  momentum: { function: "sgd_momentum", remembers: ["v"], countsSteps: false, settings: ["momentum"], decays: false },
  nesterov: { function: "sgd_nesterov", remembers: ["v"], countsSteps: false, settings: ["momentum"], decays: false },
  adam: {
    function: "adam",
    remembers: ["m", "v"],
    countsSteps: true,
    settings: ["beta1", "beta2", "eps"],
    decays: false,
  },
  adamw: {
    function: "adamw",
    remembers: ["m", "v"],
    countsSteps: true,
    settings: ["weight_decay", "beta1", "beta2", "eps"],
    decays: true,
  },
  rmsprop: { function: "rmsprop", remembers: ["v"], countsSteps: false, settings: ["alpha", "eps"], decays: false },
} as const satisfies Readonly<Record<string, OptimiserCall>>;

export type OptimiserName = keyof typeof optimisers;

export const optimiserNames = Object.keys(optimisers) as readonly OptimiserName[];

/** An optimiser with its fixed numbers; those left out are the defaults of the function. */
export interface Optimiser {
  readonly name: OptimiserName;
  readonly settings: Readonly<Record<string, number>>;
  /** λ of `decayed`, or `weight_decay` of the function; none when left out. */
  readonly weightDecay?: number;
}

/** How an optimiser is called. */
export function callOf(optimiser: Optimiser): OptimiserCall {
  return optimisers[optimiser.name];
}

/** Path of what an optimiser remembers of a parameter: `optimiser/m/layer.0.weight`. Paths of a model have no `/`. */
export function statePath(remembered: string, parameter: string): string {
  return `optimiser/${remembered}/${parameter}`;
}

/** True for the paths of `statePath`. */
export function isStatePath(path: string): boolean {
  return path.startsWith("optimiser/");
}
