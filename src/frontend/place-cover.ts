/** Whether the parts of one tensor, `let P[2*c] = …, P[2*c + 1] = …`, fill every place once, and how many places that are. */
import { type Context, fail } from "./check-context.ts";
import { addSizes, constantSize, constantValue, multiplySizes, printSize, type Size, subtractSizes } from "./size.ts";
import { provablyEqual } from "./size-facts.ts";
import type { BindingTarget, Placement, TargetSubscript } from "./syntax-tree.ts";

/** A place along one axis: `coefficient * index + offset` for the `count` values of its index; a fixed place has none. */
export interface PlaceForm {
  readonly coefficient: bigint;
  readonly offset: Size;
  readonly count: Size;
  readonly text: string;
  readonly subscript: TargetSubscript;
}

/** What tells places apart. */
export const formKey = ({ coefficient, offset, count }: PlaceForm): string =>
  `${coefficient} ${offset.key} ${count.key}`;

/** With several computed axes, every place of one must meet every place of the others, once. */
export function inAllCombinations(
  context: Context,
  parts: readonly Placement[],
  forms: readonly (readonly PlaceForm[])[],
  computed: readonly boolean[],
): boolean {
  const axes = computed.flatMap((isComputed, axis) => (isComputed ? [axis] : []));
  const seen = new Map<string, Placement>();
  for (const [i, part] of parts.entries()) {
    const key = axes.map((axis) => formKey(forms[i]?.[axis] as PlaceForm)).join(" / ");
    const other = seen.get(key);
    if (other !== undefined) {
      fail(context, part.target.span, "place/twice", "this part fills places that another part fills too", {
        secondary: [{ span: other.target.span, text: "these are the same places" }],
        help: ["To add up what falls on one place, write `+=` instead of `=`."],
      });
      return false;
    }
    seen.set(key, part);
  }
  const wanted = axes.reduce(
    (product, axis) => product * new Set(forms.map((row) => formKey(row[axis] as PlaceForm))).size,
    1,
  );
  if (wanted === parts.length) return true;
  const [first] = parts as readonly [Placement, ...Placement[]];
  fail(
    context,
    first.target.span,
    "place/gap",
    `the parts of \`${first.target.name.name}\` leave places without value`,
    {
      label: `${parts.length} parts, where the axes combine in ${wanted} ways`,
      help: ["Every place along one axis must be combined with every place along the others."],
    },
  );
  return false;
}

/** The length that the places fill without gap and without overlap, or undefined after a report. */
export function filledLength(
  context: Context,
  target: BindingTarget,
  forms: readonly PlaceForm[],
  stated: Size | undefined,
): Size | undefined {
  const length = interleaved(context, forms) ?? consecutive(context, forms);
  const [first] = forms as readonly [PlaceForm, ...PlaceForm[]];
  const name = target.name.name;
  if (length === undefined) {
    const places = forms.map(({ text, count, coefficient }) =>
      coefficient === 0n ? `\`${text}\`` : `\`${text}\` (${printSize(count)} of them)`,
    );
    const others = forms.slice(1, 4).map(({ subscript, text }) => ({ span: subscript.span, text: `and \`${text}\`` }));
    fail(
      context,
      first.subscript.span,
      "place/gap",
      `nothing proves that the parts fill every place of \`${name}\` once`,
      {
        label: `the places are \`${first.text}\``,
        secondary: others,
        notes: [`places along this axis: ${places.join(", ")}`],
        help: [
          "Parts interleave, as `2*c` and `2*c + 1`, or lie one after another, as `c` and `c + n`.",
          "To add up what falls on one place, write `+=` instead of `=`.",
        ],
      },
    );
    return undefined;
  }
  if (stated !== undefined && !provablyEqual(length, stated, context.facts)) {
    fail(context, first.subscript.span, "size/mismatch", `the parts of \`${name}\` fill ${printSize(length)} places`, {
      label: `the axis has ${printSize(stated)}`,
      notes: [`Nothing says ${printSize(length)} = ${printSize(stated)}.`],
    });
    return undefined;
  }
  return stated ?? length;
}

/** `a*c`, `a*c + 1`, …, `a*c + a - 1`, with one range. */
function interleaved(context: Context, forms: readonly PlaceForm[]): Size | undefined {
  const [first] = forms as readonly [PlaceForm, ...PlaceForm[]];
  const stride = first.coefficient;
  if (stride < 1n || stride !== BigInt(forms.length)) return undefined;
  const offsets = new Set<bigint | undefined>();
  for (const form of forms) {
    if (form.coefficient !== stride || !provablyEqual(form.count, first.count, context.facts)) return undefined;
    offsets.add(constantValue(form.offset));
  }
  for (let offset = 0n; offset < stride; offset++) if (!offsets.has(offset)) return undefined;
  return multiplySizes(constantSize(stride), first.count);
}

/** Each part begins where another ends; the first begins at 0. */
function consecutive(context: Context, forms: readonly PlaceForm[]): Size | undefined {
  const remaining = [...forms];
  let end = constantSize(0);
  while (remaining.length > 0) {
    const next = remaining.findIndex((form) => {
      if (form.coefficient > 1n || form.coefficient < -1n) return false;
      const last = subtractSizes(form.count, constantSize(1));
      const start = form.coefficient < 0n ? subtractSizes(form.offset, last) : form.offset;
      return provablyEqual(start, end, context.facts);
    });
    if (next < 0) return undefined;
    end = addSizes(end, (remaining[next] as PlaceForm).count);
    remaining.splice(next, 1);
  }
  return end;
}
