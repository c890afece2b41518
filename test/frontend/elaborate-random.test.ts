/**
 * Random equations. One description gives both the text and a plain recursive evaluation, element by element, which knows
 * nothing of axes, layouts, contractions or windows; the two must agree.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { array, indices, type NumberArray, noise, run } from "./elaborate-text.ts";

/** Where an equation is evaluated: the position of every index. */
type Place = Readonly<Record<string, number>>;

interface Equation {
  readonly text: string;
  readonly value: (place: Place) => number;
}

/** An index in scope and the name of its size. */
interface Index {
  readonly name: string;
  readonly size: "n" | "m";
}

const sizes = { n: 3, m: 4 };
const inputs: Readonly<Record<string, { readonly axes: readonly Index["size"][]; readonly values: NumberArray }>> = {
  A: { axes: ["n", "m"], values: noise([3, 4], 1) },
  B: { axes: ["m", "n"], values: noise([4, 3], 2) },
  C: { axes: ["n", "n"], values: noise([3, 3], 3) },
  T: { axes: ["m", "n", "m"], values: noise([4, 3, 4], 4) },
  v: { axes: ["n"], values: noise([3], 5) },
  w: { axes: ["m"], values: noise([4], 6) },
};
const points = indices([3], 4, 7);
const mask: Readonly<Record<Index["size"], NumberArray>> = {
  n: array([3], (k) => Number(k !== 1)),
  m: array([4], (k) => k % 2),
};

/** Choices taken from a list of naturals; when it ends, every choice is the first. */
function makeChooser(seeds: readonly number[]) {
  let next = 0;
  return {
    of: <T>(options: readonly T[]): T => options[(seeds[next++] ?? 0) % options.length] as T,
    spent: () => next >= seeds.length,
  };
}
type Chooser = ReturnType<typeof makeChooser>;

function read(choose: Chooser, scope: readonly Index[]): Equation {
  const [name, { axes, values }] = choose.of(Object.entries(inputs));
  let guarded = false;
  const subscripts = axes.map((size): Equation => {
    const fitting = scope.filter((index) => index.size === size);
    const index = choose.of(scope);
    const other = choose.of(scope);
    const plain = fitting.length > 0 ? choose.of(fitting) : undefined;
    switch (
      choose.of(
        plain === undefined
          ? ["shift", "fixed"]
          : ["plain", "plain", "plain", "shift", "stride", "window", "lookup", "modulo", "fixed", "back"],
      )
    ) {
      case "plain":
        return { text: plain!.name, value: (place) => place[plain!.name]! };
      case "stride":
        guarded = true;
        return { text: `2*${index.name} - 1`, value: (place) => 2 * place[index.name]! - 1 };
      case "back":
        guarded = true;
        return { text: `2 - ${index.name}`, value: (place) => 2 - place[index.name]! };
      case "window":
        guarded = true;
        return {
          text: `${index.name} + ${other.name} - 1`,
          value: (place) => place[index.name]! + place[other.name]! - 1,
        };
      case "lookup": {
        const by = scope.find((one) => one.size === "n");
        if (by === undefined) return { text: plain!.name, value: (place) => place[plain!.name]! };
        guarded ||= size === "n";
        return { text: `P[${by.name}]`, value: (place) => points.at(place[by.name]!) };
      }
      case "modulo":
        return { text: `(2*${index.name} + 1) % 3`, value: (place) => (2 * place[index.name]! + 1) % 3 };
      case "fixed":
        return { text: "2", value: () => 2 };
      default:
        guarded = true;
        return { text: `${index.name} - 1`, value: (place) => place[index.name]! - 1 };
    }
  });
  const text = `${name}[${subscripts.map((one) => one.text).join(", ")}]`;
  return {
    text: guarded ? `(${text} else 0.5)` : text,
    value: (place) => {
      const at = subscripts.map((one) => one.value(place));
      return at.every((k, axis) => k >= 0 && k < values.shape[axis]!) ? values.at(...at) : 0.5;
    },
  };
}

/** A condition on `index`; `always` keeps at least one position. */
function predicate(choose: Chooser, index: Index, scope: readonly Index[], always: boolean): Equation | undefined {
  const other = choose.of(scope);
  const k = index.name;
  const i = other.name;
  if (other.name === k) return undefined;
  switch (
    choose.of(always ? ["none", "causal", "band"] : ["none", "causal", "band", "strict", "mask", "other", "both"])
  ) {
    case "none":
      return undefined;
    case "causal":
      return { text: `${k} <= ${i}`, value: (place) => Number(place[k]! <= place[i]!) };
    case "band":
      return { text: `abs(${k} - ${i}) <= 1`, value: (place) => Number(Math.abs(place[k]! - place[i]!) <= 1) };
    case "strict":
      return { text: `2*${k} < ${i}`, value: (place) => Number(2 * place[k]! < place[i]!) };
    case "mask":
      return { text: `M${index.size}[${k}]`, value: (place) => mask[index.size].at(place[k]!) };
    case "other":
      return { text: `${k} != ${i}`, value: (place) => Number(place[k] !== place[i]) };
    default:
      return {
        text: `M${index.size}[${k}] and ${k} >= ${i}`,
        value: (place) => Number(mask[index.size].at(place[k]!) === 1 && place[k]! >= place[i]!),
      };
  }
}

const reducers: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  mean: (values) => (values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length),
  prod: (values) => values.reduce((a, b) => a * b, 1),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};

function kept(index: Index, condition: Equation | undefined, place: Place): Place[] {
  return Array.from({ length: sizes[index.size] }, (_, k) => ({ ...place, [index.name]: k })).filter(
    (one) => condition === undefined || condition.value(one) !== 0,
  );
}

function equation(choose: Chooser, scope: readonly Index[], depth: number): Equation {
  const kinds =
    depth <= 0 || choose.spent()
      ? ["read"]
      : [
          "product",
          "read",
          "sum",
          "quotient",
          "reduce",
          "reduce",
          "softmax",
          "choice",
          "index",
          "negative",
          "number",
          "tanh",
        ];
  const inner = () => equation(choose, scope, depth - 1);
  switch (choose.of(kinds)) {
    case "product": {
      const [a, b] = [inner(), inner()];
      return { text: `${a.text} * ${b.text}`, value: (place) => a.value(place) * b.value(place) };
    }
    case "sum": {
      const [a, b] = [inner(), inner()];
      return { text: `(${a.text} + ${b.text})`, value: (place) => a.value(place) + b.value(place) };
    }
    case "quotient": {
      const [a, b] = [inner(), inner()];
      return { text: `${a.text} / (2 + (${b.text})^2)`, value: (place) => a.value(place) / (2 + b.value(place) ** 2) };
    }
    case "negative": {
      const a = inner();
      return { text: `-(${a.text})`, value: (place) => -a.value(place) };
    }
    case "tanh": {
      const a = inner();
      return { text: `tanh(${a.text})`, value: (place) => Math.tanh(a.value(place)) };
    }
    case "index": {
      const { name } = choose.of(scope);
      return { text: `(${name} + 0.5)`, value: (place) => place[name]! + 0.5 };
    }
    case "number":
      return { text: "0.75", value: () => 0.75 };
    case "choice": {
      const [c, a, b] = [read(choose, scope), inner(), inner()];
      return {
        text: `(if ${c.text} > 0.1 then ${a.text} else ${b.text})`,
        value: (place) => (c.value(place) > 0.1 ? a.value(place) : b.value(place)),
      };
    }
    case "reduce": {
      const reducer = choose.of(Object.keys(reducers));
      const index: Index = { name: `k${depth}`, size: choose.of(["n", "m"] as const) };
      const all = [...scope, index];
      const condition = predicate(choose, index, all, reducer === "max" || reducer === "min");
      const body = equation(choose, all, depth - 1);
      const restriction = condition === undefined ? "" : ` where ${condition.text}`;
      return {
        text: `(${reducer}[${index.name}: ${index.size}${restriction}] ${body.text})`,
        value: (place) => reducers[reducer]!(kept(index, condition, place).map(body.value)),
      };
    }
    case "softmax": {
      const index = choose.of(scope);
      const condition = predicate(choose, index, scope, false);
      // A function applied along an index must be given something that has it.
      const some = equation(choose, scope, depth - 1);
      const body = {
        text: `${some.text} - 0.25*${index.name}`,
        value: (place: Place) => some.value(place) - 0.25 * place[index.name]!,
      };
      const restriction = condition === undefined ? "" : ` where ${condition.text}`;
      return {
        text: `softmax[${index.name}: ${index.size}${restriction}](${body.text})`,
        value: (place) => {
          if (condition !== undefined && condition.value(place) === 0) return 0;
          const all = kept(index, condition, place).map(body.value);
          const top = Math.max(...all);
          return Math.exp(body.value(place) - top) / all.reduce((total, x) => total + Math.exp(x - top), 0);
        },
      };
    }
    default:
      return read(choose, scope);
  }
}

/** Puts the program into the message when the compiler throws. */
function attempt<T>(program: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${program}`, { cause: error });
  }
}

const scope: readonly Index[] = [
  { name: "i", size: "n" },
  { name: "j", size: "m" },
];

it("random equations agree with their evaluation element by element", { timeout: 120_000 }, () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(fc.nat(5039), { minLength: 1, maxLength: 60 }), (seeds) => {
      const { text, value } = equation(makeChooser(seeds), scope, 4);
      const parameters = Object.entries(inputs).map(([name, { axes }]) => `${name}: f32[${axes.join(", ")}]`);
      const program = `fn f<n, m>(${parameters.join(", ")}, P: idx<m>[n], Mn: bool[n], Mm: bool[m]) -> f32[n, m] {
  require n > 2
  require m > 2
  let Y[i: n, j: m] = ${text}
  return Y
}`;
      const values = {
        ...Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.values])),
        P: points,
        Mn: mask.n,
        Mm: mask.m,
      };
      const got = attempt(program, () => run(program, { settings: sizes, values }).f);
      array([3, 4], (i, j) => {
        const want = value({ i, j });
        const found = got?.data[i * 4 + j] as number;
        const scale = Math.max(1, Math.abs(want));
        if (!(Math.abs(found - want) <= 1e-9 * scale))
          expect({ program, i, j, found }).toEqual({ program, i, j, found: want });
        return want;
      });
      for (const word of ["sum[", "max[", "mean[", "softmax[", "else", " where ", "P[", "%"])
        if (text.includes(word)) seen.add(word);
    }),
    { numRuns: 250, seed: 20260801 },
  );
  expect(seen.size).toBe(8);
});
