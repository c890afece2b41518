/** Names in checkpoints that contain sizes of the module: `sub conv as "conv_{layer}": …`. */

const braces = /\{([^{}]*)\}/g;

/** What stands in braces in a path, in order. */
export function sizesInPath(path: string): readonly string[] {
  return [...path.matchAll(braces)].map((match) => match[1] as string);
}

/** The path with numbers for the sizes, which the checker has found to be known. */
export function pathWithSizes(path: string, sizes: ReadonlyMap<string, number>): string {
  return path.replace(braces, (_, name: string) => String(sizes.get(name)));
}
