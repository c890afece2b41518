/** The order of a recurrence: which way its steps go, how far back each reads, and that every value read is known by then. */
import { type Context, fail, textOf } from "./check-context.ts";
import type { RecurrentTarget, TensorValueType } from "./checked-program.ts";
import type { CarriedRead, CarriedValue, IndexVariable } from "./scope.ts";
import { constantSize, constantValue, printSize, type Size, subtractSizes } from "./size.ts";
import { reduceByFacts } from "./size-facts.ts";
import type { Expression, InitialValue, LetStatement, TargetSubscript } from "./syntax-tree.ts";

/** A value of `where`, checked. */
export interface CheckedInitial {
  readonly initial: InitialValue;
  /** Which target it belongs to. */
  readonly target: number;
  readonly placeExpression: Expression;
  /** The step it stands for; undefined when that is no size. */
  readonly place: Size | undefined;
  /** Undefined after an error. */
  readonly type: TensorValueType | undefined;
  /** The target's subscripts that it leaves out. */
  readonly behind: readonly TargetSubscript[];
}

export interface Order {
  readonly direction: "up" | "down";
  readonly targets: readonly RecurrentTarget[];
  /** For each target, how many steps back each of its reads goes. */
  readonly distances: readonly ReadonlyMap<CarriedRead["expression"], number>[];
}

/** A step may read this many steps back; each of them is kept. */
export const greatestDistance = 32;

/** Finds the order, or reports why there is none and returns undefined. */
export function judgeOrder(
  context: Context,
  statement: LetStatement,
  time: IndexVariable,
  carried: readonly CarriedValue[],
  initials: readonly CheckedInitial[],
): Order | undefined {
  const places = placesOf(context, time, initials);
  const offsets = offsetsOf(context, time, carried);
  if (places === undefined || offsets === undefined) return undefined;
  const firstRead = [...offsets].find(([, offset]) => offset !== 0);
  const [firstPlace] = places.values();
  const up = firstPlace !== undefined ? firstPlace.direction === "up" : firstRead === undefined || firstRead[1] < 0;
  let good = judgeReads(context, time, up, offsets, places, carried.length);
  const targets = carried.map((value, k): RecurrentTarget => {
    const steps = value.reads.map((read) => Math.abs(offsets.get(read) as number));
    const distance = Math.max(0, ...steps);
    const own = initials.filter((initial) => initial.target === k);
    const initial = Array.from(
      { length: distance },
      (_, back) => own.find((each) => places.get(each)?.distance === back + 1)?.initial,
    );
    if (good) good = judgeStart(context, statement, time, up, value, own, places, offsets);
    return { target: value.target, axis: value.axis, distance, initial };
  });
  if (!good) return undefined;
  const distances = carried.map(
    ({ reads }) => new Map(reads.map((read) => [read.expression, Math.abs(offsets.get(read) as number)])),
  );
  return { direction: up ? "up" : "down", targets, distances };
}

const lastOf = (time: IndexVariable) =>
  time.range === undefined ? "…" : printSize(subtractSizes(time.range, constantSize(1)));

/** `t goes 0 → T - 1` */
const courseOf = (time: IndexVariable, up: boolean) =>
  `${time.name} goes ${up ? `0 → ${lastOf(time)}` : `${lastOf(time)} → 0`}`;

/** `t`, `t-1`, `t+2` */
const stepName = (time: IndexVariable, offset: number) =>
  offset === 0 ? time.name : `${time.name}${offset < 0 ? "-" : "+"}${Math.abs(offset)}`;

/** The read as written, of another step. */
function readAt(context: Context, { expression, place }: CarriedRead, step: string): string {
  const subscripts = expression.subscripts.map((subscript) =>
    subscript.kind === "at" && subscript.expression === place ? step : textOf(context, subscript.span),
  );
  return `${textOf(context, expression.object.span)}[${subscripts.join(", ")}]`;
}

interface Place {
  readonly direction: "up" | "down";
  /** Steps before the first one: 1 for `h[-1]`, or for `h[T]` when going down. */
  readonly distance: number;
}

/** The steps that `where` speaks of, all of them before the first step of one direction. */
function placesOf(
  context: Context,
  time: IndexVariable,
  initials: readonly CheckedInitial[],
): Map<CheckedInitial, Place> | undefined {
  const places = new Map<CheckedInitial, Place>();
  for (const initial of initials) {
    const { place, placeExpression } = initial;
    const { name } = initial.initial.name;
    const text = textOf(context, placeExpression.span);
    const before = place === undefined ? undefined : constantValue(place);
    const after =
      place === undefined || time.range === undefined
        ? undefined
        : constantValue(reduceByFacts(subtractSizes(place, time.range), context.facts));
    let found: Place | undefined;
    if (before !== undefined && before < 0n) found = { direction: "up", distance: Number(-before) };
    else if (after !== undefined && after >= 0n) found = { direction: "down", distance: Number(after) + 1 };
    if (found === undefined) {
      if (time.failed) return undefined;
      fail(context, placeExpression.span, "recurrence/where", `\`${name}[${text}]\` is no step before the first one`, {
        label: place === undefined ? "this is not known when the model is built" : `the steps are 0 .. ${lastOf(time)}`,
        help: [
          `Forwards, the first step reads \`${name}[-1]\`.`,
          ...(time.range === undefined ? [] : [`Backwards, it reads \`${name}[${printSize(time.range)}]\`.`]),
        ],
      });
      return undefined;
    }
    const [first] = places;
    const twice = [...places].find(
      ([other, { distance }]) => other.target === initial.target && distance === found.distance,
    );
    if (first !== undefined && first[1].direction !== found.direction) {
      fail(context, placeExpression.span, "recurrence/order", "steps go one way", {
        label: `a start here means that \`${time.name}\` goes ${found.direction}`,
        secondary: [
          { span: first[0].placeExpression.span, text: `a start here means that it goes ${first[1].direction}` },
        ],
        help: ["Two directions are two definitions."],
      });
      return undefined;
    }
    if (twice !== undefined) {
      fail(context, initial.initial.span, "recurrence/where", `\`${name}[${text}]\` is given twice`, {
        secondary: [{ span: twice[0].initial.span, text: "here too" }],
      });
      return undefined;
    }
    places.set(initial, found);
  }
  return places;
}

/** For each read the step it reads minus the step being computed. */
function offsetsOf(
  context: Context,
  time: IndexVariable,
  carried: readonly CarriedValue[],
): Map<CarriedRead, number> | undefined {
  const offsets = new Map<CarriedRead, number>();
  let good = true;
  for (const { reads, target } of carried) {
    for (const read of reads) {
      const offset = read.offset === undefined ? undefined : constantValue(reduceByFacts(read.offset, context.facts));
      const { name } = target.name;
      if (offset === undefined) {
        good = false;
        fail(context, read.place.span, "recurrence/distance", `which step of \`${name}\` is read is not fixed`, {
          label: `this is not \`${time.name}\` minus a number`,
          notes: ["Only a fixed number of earlier steps is kept."],
          help: [
            `Earlier steps are read as \`${name}[${time.name}-1]\`, \`${name}[${time.name}-2]\`, …`,
            "Or carry along a vector, and read it at any place: `h[t-1, i]`.",
          ],
        });
      } else if (offset > BigInt(greatestDistance) || -offset > BigInt(greatestDistance)) {
        good = false;
        fail(
          context,
          read.place.span,
          "limit/recurrence-distance",
          `this reads ${offset < 0n ? -offset : offset} steps away`,
          {
            label: `at most ${greatestDistance} steps are kept`,
          },
        );
      } else {
        offsets.set(read, Number(offset));
      }
    }
  }
  return good ? offsets : undefined;
}

/** Reports reads of steps that are computed later than the step that reads them. */
function judgeReads(
  context: Context,
  time: IndexVariable,
  up: boolean,
  offsets: ReadonlyMap<CarriedRead, number>,
  places: ReadonlyMap<CheckedInitial, Place>,
  carriedCount: number,
): boolean {
  const [start] = places.keys();
  const reason = [...offsets].find(([, offset]) => offset !== 0 && offset < 0 === up);
  let good = true;
  for (const [read, offset] of offsets) {
    if (offset !== 0 && offset < 0 === up) continue;
    good = false;
    const { object, span } = read.expression;
    const name = textOf(context, object.span);
    const reads = `reads ${stepName(time, offset)} while ${time.name} is being computed`;
    if (offset === 0) {
      fail(context, span, "recurrence/no-progress", `\`${name}\` reads the very step that is being computed`, {
        label: `${reads} (${courseOf(time, up)})`,
        help: [
          `An earlier step: \`${readAt(context, read, stepName(time, up ? -1 : 1))}\`.`,
          ...(carriedCount > 1 ? ["What else this step gives is not known yet: let a function compute both."] : []),
        ],
      });
      continue;
    }
    const why =
      start !== undefined
        ? [
            {
              span: start.placeExpression.span,
              text: `a start here means that ${time.name} goes ${up ? "up" : "down"}`,
            },
          ]
        : reason === undefined
          ? []
          : [{ span: reason[0].expression.span, text: `this means that ${time.name} goes ${up ? "up" : "down"}` }];
    const other = up ? (time.range === undefined ? "…" : printSize(time.range)) : "-1";
    fail(context, span, "recurrence/order", `\`${name}\` needs a value that is not computed yet`, {
      label: `${reads} (${courseOf(time, up)})`,
      secondary: why,
      help: [
        `${up ? "Backward" : "Forward"} recurrence? Start at the other end: \`where ${name}[${other}] = …\`.`,
        `Typing slip? \`${readAt(context, read, stepName(time, -offset))}\`.`,
      ],
    });
  }
  return good;
}

/** Reports what the first steps read and `where` does not give, and what it gives and nothing reads. */
function judgeStart(
  context: Context,
  statement: LetStatement,
  time: IndexVariable,
  up: boolean,
  { target, reads }: CarriedValue,
  own: readonly CheckedInitial[],
  places: ReadonlyMap<CheckedInitial, Place>,
  offsets: ReadonlyMap<CarriedRead, number>,
): boolean {
  const { name } = target.name;
  const range = time.range;
  const placeText = (distance: number) => {
    if (up) return `-${distance}`;
    if (range === undefined) return "…";
    return distance === 1 ? printSize(range) : `${printSize(range)}+${distance - 1}`;
  };
  const given = new Set(own.map((initial) => places.get(initial)?.distance));
  for (const read of reads) {
    const distance = Math.abs(offsets.get(read) as number);
    if (read.guarded) continue;
    const missing = Array.from({ length: distance }, (_, back) => back + 1).filter((back) => !given.has(back));
    if (missing.length === 0) continue;
    const wanted = missing.map((back) => `${name}[${placeText(back)}]`);
    const verb = given.size === 0 ? "add" : "add to it";
    fail(context, read.expression.span, "recurrence/no-start", `nothing says what \`${wanted[0]}\` is`, {
      label: `the first ${missing.length === 1 && distance === 1 ? "step reads" : "steps read"} ${wanted.join(", ")}`,
      secondary: own.map(({ initial }) => ({ span: initial.span, text: "this is given" })),
      help: [
        statement.initial.length === 0
          ? `Give it at the end of the definition: \`where ${wanted.map((each) => `${each} = …`).join(", ")}\`.`
          : `\`where\` can give several values, ${verb}: \`${wanted.map((each) => `${each} = …`).join(", ")}\`.`,
        `Or say what stands outside: \`(${textOf(context, read.expression.span)} else 0)\`.`,
      ],
    });
    return false;
  }
  const farthest = Math.max(
    0,
    ...reads.filter((read) => !read.guarded).map((read) => Math.abs(offsets.get(read) as number)),
  );
  for (const initial of own) {
    const distance = places.get(initial)?.distance ?? 0;
    if (distance <= farthest) continue;
    const place = textOf(context, initial.placeExpression.span);
    fail(context, initial.initial.span, "recurrence/unused", `no step reads \`${name}[${place}]\``, {
      label:
        farthest === 0 ? `\`${name}\` does not read itself` : `steps read back to \`${name}[${placeText(farthest)}]\``,
      secondary: [{ span: target.span, text: "defined here" }],
    });
    return false;
  }
  return true;
}
