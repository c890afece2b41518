/** Matrix products and convolutions. */
import {
  broadcastSubscripts,
  define,
  type Equation,
  indexNames,
  listOption,
  numberOption,
  operandOf,
  optionalOperand,
  outputOf,
  read,
  walkedBy,
} from "./equation.ts";
import { affine } from "./movement.ts";
import type { VectorCase } from "./vectors.ts";

/** `let y[l, r, c] = sum[k] a[l, r, k] * b[l, k, c]`; leading axes are repeated where one operand lacks them. */
export function matmulEquation(vector: VectorCase): Equation {
  const [a, b] = [operandOf(vector, "a"), operandOf(vector, "b")];
  const { shape } = outputOf(vector);
  const batch = indexNames(shape.length - 2, "l");
  const leading = (of: readonly number[]) => broadcastSubscripts(of.slice(0, -2), batch, shape.slice(0, -2));
  const ofA = [...leading(a.tensor.shape), "r", "k"];
  const ofB = [...leading(b.tensor.shape), "k", "c"];
  const indices = [...batch, "r", "c"];
  const statement = define("y", indices, shape, `sum[k] ${read("a", ofA)} * ${read("b", ofB)}`, walkedBy(ofA, ofB));
  return { operands: [a, b], statements: [statement] };
}

/** Subscripts by the letters of a layout such as `oihw`. */
const arranged = (layout: string, subscripts: Readonly<Record<string, string>>): readonly string[] =>
  [...layout].map((axis) => subscripts[axis] as string);

/** Height and width of the kernel. */
export function kernelSize(vector: VectorCase): readonly [number, number] {
  const layout = filterLayout(vector);
  const { shape } = operandOf(vector, "filter").tensor;
  return [shape[layout.indexOf("h")] as number, shape[layout.indexOf("w")] as number];
}

/** Channels of the input. */
export function inputChannels(vector: VectorCase): number {
  return operandOf(vector, "input").tensor.shape[inputLayout(vector).indexOf("c")] as number;
}

const inputLayout = ({ options }: VectorCase): string => (options.inputLayout as string | undefined) ?? "nchw";
const filterLayout = ({ options, operator }: VectorCase): string =>
  (options.filterLayout as string | undefined) ?? (operator === "conv2d" ? "oihw" : "iohw");

/**
 * `let y[n, o, r, s] = sum[c, p, q] w[o, c, p, q] * (x[n, c, 2*r + p - 1, 2*s + q - 1] else 0)`. Groups split the channels:
 * `o` becomes `(g o)`, and `c` of the input `(g c)`.
 */
export function conv2dEquation(vector: VectorCase): Equation {
  const strides = listOption(vector, "strides", [1, 1]);
  const dilations = listOption(vector, "dilations", [1, 1]);
  const [top, , left] = listOption(vector, "padding", [0, 0, 0, 0]);
  const groups = numberOption(vector, "groups", 1);
  const channels = inputChannels(vector) / groups;
  const [output, input, range] = groups === 1 ? ["o", "c", "c"] : [`(g: ${groups} o)`, "(g c)", `c: ${channels}`];
  const outputRead = output.replace(/: \d+/, "");
  const position = (index: string, tap: string, axis: 0 | 1, before: number) => {
    const taps = affine(tap, dilations[axis] as number, -before);
    return `${affine(index, strides[axis] as number, 0)} + ${taps}`;
  };
  const x = arranged(inputLayout(vector), {
    n: "n",
    c: input,
    h: position("r", "p", 0, top as number),
    w: position("s", "q", 1, left as number),
  });
  const w = arranged(filterLayout(vector), { o: outputRead, i: "c", h: "p", w: "q" });
  const sum = `sum[${range}, p, q] ${read("w", w)} * (${read("x", x)} else 0)`;
  return convolution(vector, sum, output, outputRead);
}

/**
 * Every input element adds a copy of the kernel to the output. Said from the output, tap `p` reaches row `r` from row
 * `(r + 1 - p) // 2` where that division leaves nothing over:
 * `sum[c, p: 3 where (r + 1 - p) % 2 == 0, q] w[c, o, p, q] * (x[n, c, (r + 1 - p) // 2, s - q] else 0)`.
 */
export function convTranspose2dEquation(vector: VectorCase): Equation {
  const strides = listOption(vector, "strides", [1, 1]);
  const dilations = listOption(vector, "dilations", [1, 1]);
  const [top, , left] = listOption(vector, "padding", [0, 0, 0, 0]);
  const groups = numberOption(vector, "groups", 1);
  const kernel = kernelSize(vector);
  const [output, input, range] =
    groups === 1 ? ["o", "c", "c"] : [`(g: ${groups} o)`, "(g c)", `c: ${inputChannels(vector) / groups}`];
  const outputRead = output.replace(/: \d+/, "");
  const taps = [
    { tap: "p", difference: `${affine("r", 1, top as number)} - ${affine("p", dilations[0] as number, 0)}` },
    { tap: "q", difference: `${affine("s", 1, left as number)} - ${affine("q", dilations[1] as number, 0)}` },
  ].map(({ tap, difference }, axis) => {
    const stride = strides[axis] as number;
    if (stride === 1) return { binder: tap, position: difference };
    const binder = `${tap}: ${kernel[axis]} where (${difference}) % ${stride} == 0`;
    return { binder, position: `(${difference}) // ${stride}` };
  });
  const [rows, columns] = taps as [(typeof taps)[0], (typeof taps)[0]];
  const x = arranged(inputLayout(vector), { n: "n", c: input, h: rows.position, w: columns.position });
  const w = arranged(filterLayout(vector), { i: input, o: "o", h: "p", w: "q" });
  const sum = `sum[${range}, ${rows.binder}, ${columns.binder}] ${read("w", w)} * (${read("x", x)} else 0)`;
  return convolution(vector, sum, output, outputRead);
}

function convolution(vector: VectorCase, sum: string, output: string, outputRead: string): Equation {
  const bias = optionalOperand(vector, "bias", "b");
  const layout = inputLayout(vector);
  const { shape } = outputOf(vector);
  const binders = arranged(layout, {
    n: "n",
    c: output,
    h: `r: ${shape[layout.indexOf("h")]}`,
    w: `s: ${shape[layout.indexOf("w")]}`,
  });
  const value = bias === undefined ? sum : `${sum} + b[${outputRead}]`;
  const operands = [operandOf(vector, "input", "x"), operandOf(vector, "filter", "w")];
  return {
    operands: bias === undefined ? operands : [...operands, bias],
    statements: [`let y[${binders.join(", ")}] = ${value}`],
  };
}
