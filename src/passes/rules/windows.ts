/**
 * Windows of contractions. What flows back through a convolution is a sum of windows of a contraction (the gradient with the
 * weights); as one contraction of windows it is a convolution itself, and what the size of all windows together would have had
 * is never stored.
 */
import {
  type Builder,
  elementCount,
  indexSizes,
  type Node,
  operationOf,
  parseSpec,
  parseWindow,
  printSpec,
  printWindow,
  type WindowAxis,
} from "../../ir/index.ts";
import { any, family, named, op } from "../pattern.ts";
import { type Rule, rule } from "../rewrite.ts";

/** So many times the work of the contraction may be done for not storing its result. */
const mostWork = 1.5;

export const windowRules: readonly Rule[] = [
  rule({
    name: "sum of windows of a contraction",
    reason: "the contraction can read its factors through the windows, and its result need not exist",
    pattern: named("root", family("reduce", named("view", op("window", named("inner", op("contract")))))),
    when: ({ root, view, inner }, { uses }) =>
      operationOf(root.op).reducer?.operation === "add" &&
      root.attributes.where === undefined &&
      (view.attributes.value ?? 0) === 0 &&
      inner.attributes.where === undefined &&
      uses(view) === 1 &&
      uses(inner) === 1,
    build: ({ root, view, inner }, builder) => contractionOfWindows(root, view, inner, builder),
    sample: {
      before: `%0: f32[2, 5] = input "x"
  %1: f32[2, 4, 3] = input "z"
  %2: f32[4, 3, 5] = contract "o u, o c k -> c k u" %0, %1
  %3: f32[4, 5, 3] = window "c, k, p - k + 1 -> c p k" %2 shape=[4, 5, 3]
  %4: f32[4, 5] = sum "c p k -> c p" %3
  return y = %4`,
      after: `%0: f32[2, 5] = input "x"
  %1: f32[2, 5, 3] = window "o, p - k + 1 -> o p k" %0 shape=[2, 5, 3]
  %2: f32[2, 4, 3] = input "z"
  %3: f32[4, 5] = contract "o p k, o c k -> c p" %1, %2
  return y = %3`,
    },
  }),
  rule({
    name: "window of a scaled value",
    reason: "scaling what is read leaves the window beside what it views",
    pattern: op("window", named("product", op("mul", any("x"), any("s")))),
    when: ({ x, s, product }, { root, uses }) =>
      s.type.shape.length === 0 && x.type.shape.length > 0 && (root.attributes.value ?? 0) === 0 && uses(product) === 1,
    build: ({ x, s }, builder, { root }) => builder.apply("mul", builder.node("window", [x], root.attributes), s),
    sample: {
      before: `%0: f32[5] = input "x"
  %1: f32 = input "s"
  %2: f32[5] = mul %0, %1
  %3: f32[5, 3] = window "p - k + 1 -> p k" %2 shape=[5, 3]
  return y = %3`,
      after: `%0: f32[5] = input "x"
  %1: f32[5, 3] = window "p - k + 1 -> p k" %0 shape=[5, 3]
  %2: f32 = input "s"
  %3: f32[5, 3] = mul %1, %2
  return y = %3`,
    },
  }),
];

const isPlain = ({ terms, constant, divisor }: WindowAxis) =>
  terms.length === 1 && terms[0]?.coefficient === 1 && constant === 0 && divisor === 1;

function contractionOfWindows(root: Node, view: Node, inner: Node, builder: Builder): Node | undefined {
  const window = parseWindow(view.attributes.spec as string);
  const spec = parseSpec(inner.attributes.spec as string);
  const sizes = indexSizes(
    spec,
    inner.operands.map((operand) => operand.type),
  );
  const viewSizes = new Map(window.result.map((name, axis) => [name, view.type.shape[axis] as number]));
  // Indices that the contraction sums get names that the window does not use.
  const taken = new Set(window.result);
  const summed = new Map<string, string>();
  for (const name of sizes.keys()) {
    if (spec.result.includes(name)) continue;
    let fresh = name;
    while (taken.has(fresh)) fresh += "'";
    taken.add(fresh);
    summed.set(name, fresh);
  }
  const axisOf = (name: string): WindowAxis => {
    const own = summed.get(name);
    if (own !== undefined) return { terms: [{ index: own, coefficient: 1 }], constant: 0, divisor: 1 };
    return window.axes[spec.result.indexOf(name)] as WindowAxis;
  };
  const sizeOf = (name: string) =>
    viewSizes.get(name) ?? (sizes.get([...summed].find(([, fresh]) => fresh === name)?.[0] as string) as number);
  const names: string[][] = [];
  const factors = inner.operands.map((factor, k) => {
    const own = spec.operands[k] as readonly string[];
    const axes = own.map(axisOf);
    const used = [...new Set(axes.flatMap(({ terms }) => terms.map(({ index }) => index)))];
    const shape = used.map(sizeOf);
    names.push(used);
    const unchanged =
      axes.every(isPlain) &&
      used.length === own.length &&
      shape.every((size, axis) => size === factor.type.shape[axis]);
    return unchanged ? factor : builder.node("window", [factor], { spec: printWindow({ axes, result: used }), shape });
  });
  const all = new Set(names.flat());
  // An index that only the window has repeats elements: the contraction has no factor for it.
  if (window.result.some((name) => !all.has(name))) return undefined;
  const points = (of: Iterable<string>, size: (name: string) => number) =>
    [...of].reduce((count, name) => count * size(name), 1);
  const before = points(sizes.keys(), (name) => sizes.get(name) as number);
  if (elementCount(root.type.shape) === 0 || points(all, sizeOf) > mostWork * before) return undefined;
  const outer = parseSpec(root.attributes.spec as string);
  const own = outer.operands[0] as readonly string[];
  const result = outer.result.map((name) => window.result[own.indexOf(name)] as string);
  return builder.contract(printSpec({ operands: names, result }), factors);
}
