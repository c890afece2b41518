/** Names that the language itself knows, where imports lead, and what the author may have meant by an unknown name. */
import type { DType } from "../ir/index.ts";

/** Element types that are also conversion functions: `f32(x)`. */
export const castNames: ReadonlyMap<string, DType> = new Map([
  ["f32", "f32"],
  ["f16", "f16"],
  ["bf16", "bf16"],
  ["i32", "i32"],
  ["u32", "u32"],
  ["bool", "bool"],
]);

/** Constants in scope everywhere. `training` is fixed when a model is compiled. */
export const constantNames: ReadonlyMap<string, "real" | "bool"> = new Map([
  ["inf", "real"],
  ["pi", "real"],
  ["π", "real"],
  ["training", "bool"],
]);

/** Library functions that readers take for built in, and the file that has them. */
export const libraryFunctions: ReadonlyMap<string, string> = new Map([["nms", "std/boxes"]]);

/** Random numbers between 0 and 1, one for each element of a value: `uniform_like(x, seed)`. */
export const randomName = "uniform_like";

/** Orders of a vector, from which the prelude makes `argsort`, `sort` and `topk`; true for the greatest first. */
export const orderNames: ReadonlyMap<string, boolean> = new Map([
  ["rising_order", false],
  ["falling_order", true],
]);

/** Where the library that needs no `use` lives. */
export const preludePath = "std/prelude.weft";

/**
 * Path of the file that `use` names: `std/…` from the root of the library, `./…` and `../…` from the folder of the
 * importing file. Undefined for anything else and for paths that leave the root.
 */
export function resolveImport(fromFile: string, path: string): string | undefined {
  const parts = path.split("/");
  if (parts[0] !== "." && parts[0] !== "..") return parts[0] === "std" && parts.length > 1 ? `${path}.weft` : undefined;
  const absolute = fromFile.startsWith("/");
  const resolved = fromFile
    .split("/")
    .slice(0, -1)
    .filter((part) => part !== "" && part !== ".");
  for (const part of parts) {
    if (part === ".") continue;
    if (part === ".." && resolved.length > 0 && resolved[resolved.length - 1] !== "..") resolved.pop();
    else if (part === ".." && absolute) return undefined;
    else resolved.push(part);
  }
  return `${absolute ? "/" : ""}${resolved.join("/")}.weft`;
}

/** Letters to change, add, drop or swap with a neighbour to get from one name to the other. */
export function editDistance(a: string, b: string): number {
  const x = [...a];
  const y = [...b];
  let beforePrevious: number[] = [];
  let previous = y.map((_, j) => j);
  previous.push(y.length);
  for (let i = 1; i <= x.length; i++) {
    const current = [i];
    for (let j = 1; j <= y.length; j++) {
      const same = x[i - 1] === y[j - 1];
      let best = Math.min(
        (previous[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (previous[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && x[i - 1] === y[j - 2] && x[i - 2] === y[j - 1]) {
        best = Math.min(best, (beforePrevious[j - 2] as number) + 1);
      }
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[y.length] as number;
}

/** The closest of the known names, if one is close enough to be a slip of the fingers or of case. */
export function suggestName(wanted: string, known: Iterable<string>): string | undefined {
  if (wanted.length > 64) return undefined;
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    if (Math.abs(name.length - wanted.length) > 2) continue;
    const distance = name.toLowerCase() === wanted.toLowerCase() ? 0.5 : editDistance(wanted, name);
    const allowed = Math.min(2, Math.floor(Math.max(wanted.length, name.length) / 3));
    if (distance <= Math.max(allowed, 0.5) && (best === undefined || distance < best.distance))
      best = { name, distance };
  }
  return best?.name;
}

/** `Did you mean …?` as a help line, or none. */
export function suggestion(wanted: string, known: Iterable<string>): string[] {
  const name = suggestName(wanted, known);
  return name === undefined ? [] : [`Did you mean \`${name}\`?`];
}
