/** The kernels of a run by the modules whose parameters they read: what the drawn graph opens step by step. */
import type { Id, Inspection } from "./inspection.ts";

/** A stretch of kernels that follow each other. */
export type GraphBlock = LaunchBlock | ModuleBlock;

export interface LaunchBlock {
  readonly kind: "launch";
  /** Its launch; first and last are the same, so that both kinds are stretches. */
  readonly first: Id;
  readonly last: Id;
}

/**
 * Kernels of one module that run one after the other. A module to which the run comes back is several blocks: so no block waits for
 * another that waits for it.
 */
export interface ModuleBlock {
  readonly kind: "module";
  /** `encoder.layer.3`. */
  readonly path: string;
  /** The end of the path that its parent's does not have; before a number, the word in front of it: `layer.3`. */
  readonly name: string;
  readonly first: Id;
  readonly last: Id;
  readonly children: readonly GraphBlock[];
}

/** The outermost blocks, in the order of the run. */
export function moduleTree({ launches }: Pick<Inspection, "launches">): readonly GraphBlock[] {
  return blocksOf(modulePaths(launches), 0, launches.length, 0);
}

/** A kernel without parameters belongs to the innermost module that holds those before and after it. */
function modulePaths(launches: Inspection["launches"]): readonly (readonly string[])[] {
  const own = launches.map(({ module }) => module?.split("."));
  const next = new Array<readonly string[] | undefined>(own.length);
  for (let i = own.length - 1, known: readonly string[] | undefined; i >= 0; i--) {
    known = own[i] ?? known;
    next[i] = known;
  }
  let before: readonly string[] = [];
  return own.map((path, i) => {
    before = path ?? before;
    return path ?? commonStart(before, next[i] ?? []);
  });
}

function commonStart(a: readonly string[], b: readonly string[]): readonly string[] {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** Blocks of the launches from `start` to `end - 1`, whose paths agree up to `depth`. */
function blocksOf(paths: readonly (readonly string[])[], start: Id, end: Id, depth: number): GraphBlock[] {
  const blocks: GraphBlock[] = [];
  for (let first = start; first < end; ) {
    const part = paths[first]?.[depth];
    let after = first + 1;
    if (part !== undefined) while (after < end && paths[after]?.[depth] === part) after++;
    if (after - first === 1) blocks.push({ kind: "launch", first, last: first });
    else blocks.push(moduleBlock(paths, first, after, depth));
    first = after;
  }
  return blocks;
}

function moduleBlock(paths: readonly (readonly string[])[], first: Id, end: Id, depth: number): ModuleBlock {
  const path = paths[first] ?? [];
  // What holds nothing but one module is one box with it.
  let inner = depth + 1;
  while (paths.slice(first, end).every((other) => other[inner] !== undefined && other[inner] === path[inner])) inner++;
  const isNumber = /^\d+$/.test(path[depth] ?? "");
  return {
    kind: "module",
    path: path.slice(0, inner).join("."),
    name: path.slice(isNumber ? Math.max(0, depth - 1) : depth, inner).join("."),
    first,
    last: end - 1,
    children: blocksOf(paths, first, end, inner),
  };
}

/** Modules to open at first: level by level, as long as no more than so many boxes are seen. */
export function openAtFirst(blocks: readonly GraphBlock[], most = 40): ReadonlySet<ModuleBlock> {
  const open = new Set<ModuleBlock>();
  let level = blocks.filter((block) => block.kind === "module");
  let seen = blocks.length;
  while (level.length > 0) {
    const inside = level.flatMap(({ children }) => children);
    seen += inside.length - level.length;
    if (seen > most) break;
    for (const block of level) open.add(block);
    level = inside.filter((block) => block.kind === "module");
  }
  return open;
}
