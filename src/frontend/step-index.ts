/** Indices that a result is handed back to, where one of them counts the steps of a recurrence. */
import { axesAsFirstDims } from "./align-values.ts";
import { axisOf } from "./elaborate-range.ts";
import type { Frame } from "./elaboration.ts";
import { convert } from "./elementwise-value.ts";
import type { Axis, IndexedValue } from "./indexed-value.ts";
import type { Emitter } from "./node-emitter.ts";
import { readSubscripts } from "./read-subscripts.ts";
import type { IndexBinder } from "./syntax-tree.ts";

export interface OuterIndices {
  /** An axis for each index; one that counts steps has an axis for the time being. */
  readonly axes: readonly Axis[];
  /** Takes from a value along these axes what belongs to the current step. */
  readonly atStep: (value: IndexedValue) => IndexedValue;
}

/** The axes by which `f[t](…)` and `concat[t](…)` hand their result back. */
export function outerIndices(emit: Emitter, frame: Frame, binders: readonly IndexBinder[]): OuterIndices {
  const steps: { readonly axis: Axis; readonly place: IndexedValue }[] = [];
  const axes = binders.map((binder) => {
    const place = frame.steps.get(binder);
    if (place === undefined) return axisOf(frame, binder);
    const axis = emit.axis(binder.name.name, place.node.type.below as number);
    steps.push({ axis, place });
    return axis;
  });
  const atStep = (value: IndexedValue) =>
    steps.reduce((current, { axis, place }) => {
      const along = axesAsFirstDims(emit, current, [axis]);
      const [first, ...rest] = along.dims;
      const plain = { ...along, dims: [{ size: (first as { size: number }).size }, ...rest] };
      return readSubscripts(emit, plain, [
        { kind: "computed", position: convert(emit, place, "i32"), low: 0, high: axis.size - 1 },
      ]);
    }, value);
  return { axes, atStep };
}
