/** Inspections of small compilations, without a device. */
import { baselineProfile } from "../../src/codegen/index.ts";
import { type CompiledGraph, compileSource, type EntryRequest, type PassSelection } from "../../src/compile.ts";
import { equationsOf, parse } from "../../src/frontend/index.ts";
import { buildInspection, type Inspection, type InspectionContext } from "../../src/inspect/index.ts";
import { sourceReader } from "../models/compile-model.ts";

export interface Inspected {
  readonly compiled: CompiledGraph;
  readonly inspection: Inspection;
}

interface Request extends EntryRequest {
  readonly path: string;
  readonly text?: string;
  readonly passes?: PassSelection;
  /** What is known of the values. */
  readonly probe?: (compiled: CompiledGraph) => InspectionContext["probe"];
}

/** Compiles a file of the repository, or a text under a path, and inspects it. */
export function inspectSource(request: Request): Inspected {
  const { path, text, passes, probe } = request;
  const { value, diagnostics, sources } = compileSource({
    ...request,
    passes,
    readSource: sourceReader(text === undefined ? {} : { [path]: text }),
    profile: baselineProfile,
  });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  const texts = new Map([[path, sources.get(path) as string], ...sources]);
  const equations = [...texts].flatMap(([file, content]) => equationsOf(parse(file, content).file));
  const context = { adapter: "baseline", sources: texts, equations };
  return {
    compiled: value,
    inspection: buildInspection(value, { ...context, ...(probe === undefined ? {} : { probe: probe(value) }) }),
  };
}

export const attention = `/// Scaled dot-product attention for one head.
fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}
`;

/** The same text in several tests: attention with small sizes. */
export const inspectAttention = (): Inspected =>
  inspectSource({ path: "attention.weft", text: attention, settings: { L: 12, S: 10, d: 8, e: 4 } });

export const inspectPerformer = (): Inspected =>
  inspectSource({ path: "models/performer/performer.weft", preset: "tiny", settings: { L: 32 } });

/** A recurrence whose body is large enough to be dispatched step after step. */
export const inspectRecurrence = (): Inspected =>
  inspectSource({
    path: "recurrence.weft",
    text: `fn network<T, n, d>(x: f32[T, n], W: f32[d, n], U: f32[d, d]) -> f32[T, d] {
  let h[t, o] = tanh((sum[c] W[o, c] * x[t, c]) + sum[i] U[o, i] * h[t - 1, i]) where h[-1, o] = 0
  return h
}
`,
    settings: { T: 6, n: 8, d: 1024 },
  });
