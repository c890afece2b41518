/** Parameters that are trained with a rate, or a weight decay, of their own. */

/** Parameters that have something of their own; what is left out they share with all others. */
export interface ParameterGroup {
  /** True for the paths of its parameters. Of several groups that a path fits, the first counts. */
  readonly has: (path: string) => boolean;
  /** By which the learning rate of each step is multiplied. */
  readonly rateFactor?: number;
  /** λ in place of the optimiser's. */
  readonly weightDecay?: number;
}

/** What an optimiser takes for one parameter. */
export interface ParameterSettings {
  readonly rateFactor: number;
  /** Absent where the optimiser says nothing either. */
  readonly weightDecay?: number;
}

/** The settings of a parameter, where the optimiser has the weight decay `usual`. */
export function settingsOf(
  path: string,
  groups: readonly ParameterGroup[],
  usual: number | undefined,
): ParameterSettings {
  const group = groups.find(({ has }) => has(path));
  const weightDecay = group?.weightDecay ?? usual;
  return { rateFactor: group?.rateFactor ?? 1, ...(weightDecay === undefined ? {} : { weightDecay }) };
}
