/**
 * Named indices of contractions, reductions and gathers: `"h i r, h r c -> h i c"`, and the affine conditions that
 * restrict their ranges: `"j <= i"`.
 */
import { IrError } from "./operation.ts";
import type { TensorType } from "./types.ts";

export interface IndexSpec {
  /** Index names of each operand, one per axis. */
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

const names = (text: string): string[] => text.split(/\s+/).filter((name) => name.length > 0);

const parsedSpecs = new Map<string, IndexSpec>();

export function parseSpec(text: string): IndexSpec {
  let spec = parsedSpecs.get(text);
  if (spec === undefined) {
    const sides = text.split("->");
    if (sides.length !== 2) throw new IrError(`"${text}" is not of the form "a b, b c -> a c"`);
    const [from, to] = sides as [string, string];
    spec = { operands: from.split(",").map(names), result: names(to) };
    if (parsedSpecs.size > 100_000) parsedSpecs.clear();
    parsedSpecs.set(text, spec);
  }
  return spec;
}

export function printSpec(spec: IndexSpec): string {
  return `${spec.operands.map((indices) => indices.join(" ")).join(", ")} -> ${spec.result.join(" ")}`;
}

/** Size of every index of a spec, checked to be the same wherever it stands. */
export function indexSizes(spec: IndexSpec, operands: readonly TensorType[]): Map<string, number> {
  if (spec.operands.length !== operands.length) {
    throw new IrError(`"${printSpec(spec)}" names ${spec.operands.length} operands, ${operands.length} given`);
  }
  const sizes = new Map<string, number>();
  spec.operands.forEach((indices, k) => {
    const shape = (operands[k] as TensorType).shape;
    if (indices.length !== shape.length) {
      throw new IrError(`operand ${k} has ${shape.length} axes, "${indices.join(" ")}" names ${indices.length}`);
    }
    indices.forEach((name, axis) => {
      const size = shape[axis] as number;
      const known = sizes.get(name);
      if (known !== undefined && known !== size) throw new IrError(`index ${name} is both ${known} and ${size} long`);
      sizes.set(name, size);
    });
  });
  return sizes;
}

/** The affine condition `sum of coefficient * index + constant >= 0`. */
export interface Constraint {
  /** Coefficients by index name; none is 0. */
  readonly terms: ReadonlyMap<string, number>;
  readonly constant: number;
}

/** Negative terms go left and positive right: `j <= i`, `2 j + 1 <= i`. Several are joined with `, `. */
export function printConstraints(constraints: readonly Constraint[]): string {
  return constraints.map(printConstraint).join(", ");
}

function printConstraint(constraint: Constraint): string {
  const left: string[] = [];
  const right: string[] = [];
  for (const [name, coefficient] of [...constraint.terms].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const magnitude = Math.abs(coefficient);
    (coefficient < 0 ? left : right).push(magnitude === 1 ? name : `${magnitude} ${name}`);
  }
  if (constraint.constant < 0) left.push(String(-constraint.constant));
  if (constraint.constant > 0) right.push(String(constraint.constant));
  return `${left.join(" + ") || "0"} <= ${right.join(" + ") || "0"}`;
}

const parsedConstraints = new Map<string, readonly Constraint[]>();

export function parseConstraints(text: string): readonly Constraint[] {
  let constraints = parsedConstraints.get(text);
  if (constraints === undefined) {
    constraints = text.trim() === "" ? [] : text.split(",").map(parseConstraint);
    if (parsedConstraints.size > 100_000) parsedConstraints.clear();
    parsedConstraints.set(text, constraints);
  }
  return constraints;
}

function parseConstraint(text: string): Constraint {
  const sides = text.split("<=");
  if (sides.length !== 2) throw new IrError(`"${text}" is not of the form "j <= i + 3"`);
  const terms = new Map<string, number>();
  let constant = 0;
  sides.forEach((side, k) => {
    const sign = k === 0 ? -1 : 1;
    for (const term of side.split("+")) {
      const match = /^\s*(\d+)?\s*([\p{L}_][\p{L}\p{N}_']*)?\s*$/u.exec(term);
      if (match === null || (match[1] === undefined && match[2] === undefined)) {
        throw new IrError(`"${term.trim()}" in the condition "${text}" is neither a number nor an index`);
      }
      const value = sign * Number(match[1] ?? 1);
      if (match[2] === undefined) constant += value;
      else terms.set(match[2], (terms.get(match[2]) ?? 0) + value);
    }
  });
  for (const [name, coefficient] of terms) if (coefficient === 0) terms.delete(name);
  return { terms, constant };
}

/** True where every constraint holds. */
export function satisfies(constraints: readonly Constraint[], position: (name: string) => number): boolean {
  return constraints.every((constraint) => {
    let sum = constraint.constant;
    for (const [name, coefficient] of constraint.terms) sum += coefficient * position(name);
    return sum >= 0;
  });
}

/**
 * Part of the full index space that satisfies the constraints, between 0 and 1: exact for constraints over the same one or two indices
 * (`j <= i`, or `i <= j + w, j <= i + w`); those over other indices count as independent, those over more as met.
 */
export function constrainedFraction(constraints: readonly Constraint[], sizes: ReadonlyMap<string, number>): number {
  const bands = new Map<string, Constraint[]>();
  for (const constraint of constraints) {
    if (constraint.terms.size === 0 || constraint.terms.size > 2) continue;
    const names = [...constraint.terms.keys()].sort().join(" ");
    bands.set(names, [...(bands.get(names) ?? []), constraint]);
  }
  return [...bands].reduce((fraction, [names, band]) => fraction * bandFraction(names.split(" "), band, sizes), 1);
}

/** The same for constraints over one or two indices: counts along the second in closed form for each position of the first. */
function bandFraction(
  [first, second]: readonly string[],
  band: readonly Constraint[],
  sizes: ReadonlyMap<string, number>,
): number {
  const n = sizes.get(first as string) ?? 1;
  const m = second === undefined ? 1 : (sizes.get(second) ?? 1);
  let kept = 0;
  for (let i = 0; i < n; i++) {
    let [low, high] = [0, m - 1];
    for (const { terms, constant } of band) {
      const base = constant + (terms.get(first as string) as number) * i;
      const slope = second === undefined ? 0 : (terms.get(second) as number);
      if (slope > 0) low = Math.max(low, Math.ceil(-base / slope));
      else if (slope < 0) high = Math.min(high, Math.floor(base / -slope));
      else if (base < 0) high = -1;
    }
    kept += Math.max(0, high - low + 1);
  }
  return kept / (n * m);
}
