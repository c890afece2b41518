/** Kernel IR → WGSL text: readable, deterministic, and free of decisions. */
import { type DType, largestF32, type ScalarRow, wgslHelper } from "../ir/index.ts";
import {
  addIndex,
  asConstant,
  divideIndex,
  type IndexAtom,
  type IndexExpression,
  rangeOf,
  remainderIndex,
  scaleIndex,
} from "./index-expression.ts";
import type { Kernel, KernelBuffer, ScalarExpression, ScalarType, Statement, SubgroupMatrix, Team } from "./kernel.ts";
import { inlineCandidates, vectorBuffers } from "./wgsl-uses.ts";

export interface WgslOptions {
  readonly workgroupSize: number;
  /** Workgroups along x; the linear thread number continues along y. */
  readonly workgroupsAlongX: number;
  /** True when more threads are started than the kernel has work for. */
  readonly guard: boolean;
  /** Loops with large bodies, or with loops in them, are written so that drivers do not unroll them. */
  readonly keepsLoops: boolean;
}

/** Drivers unroll loops of up to about this many turns. */
const mostUnrolled = 32;

const storageTypes: Record<DType, string> = {
  f32: "f32",
  f16: "f16",
  bf16: "u32",
  i32: "i32",
  u32: "u32",
  bool: "u32",
};

function typeName(type: ScalarType): string {
  return type.width === 1 ? type.dtype : `vec4<${type.dtype}>`;
}

interface Printing {
  readonly kernel: Kernel;
  /** Buffers declared as arrays of vec4. */
  readonly vectors: ReadonlySet<number>;
  /** Lets that stand in the text only where they are used. */
  readonly inlined: ReadonlyMap<string, ScalarExpression>;
  readonly helpers: Set<string>;
  /** Arrays of the workgroup in half precision. */
  readonly halves: ReadonlySet<string>;
  readonly workgroupSize: number;
  readonly keepsLoops: boolean;
}

/** The whole shader. Equal kernels give equal text, so that pipelines can be shared. */
export function printWgsl(kernel: Kernel, options: WgslOptions): string {
  const printing: Printing = {
    kernel,
    vectors: vectorBuffers(kernel.body),
    inlined: inlineCandidates(kernel.body),
    helpers: new Set(),
    halves: new Set(kernel.workgroupArrays?.filter(({ half }) => half === true).map(({ name }) => name)),
    workgroupSize: options.workgroupSize,
    keepsLoops: options.keepsLoops,
  };
  const body = printStatements(printing, kernel.body, "  ");
  const lines: string[] = kernel.description.map((line) => `// ${line}`);
  const halves = kernel.workgroupArrays?.some(({ half }) => half === true) ?? false;
  if (halves || kernel.buffers.some((buffer) => buffer.dtype === "f16")) lines.push("enable f16;");
  if (kernel.team?.invocation !== undefined) lines.push("enable subgroups;");
  if (usesMatrices(kernel.body)) lines.push("enable chromium_experimental_subgroup_matrix;");
  if (lines.length > 0) lines.push("");
  kernel.buffers.forEach((buffer, binding) => {
    lines.push(
      `@group(0) @binding(${binding}) var<storage, ${buffer.access}> ${buffer.name}: ${bufferType(printing, buffer, binding)};`,
    );
  });
  for (const { name, length, type, half } of kernel.workgroupArrays ?? []) {
    lines.push(`var<workgroup> ${name}: array<${half === true ? "f16" : typeName(type)}, ${length}>;`);
  }
  for (const helper of [...printing.helpers].sort()) {
    const vector = helper.endsWith("4");
    lines.push("", wgslHelper(vector ? helper.slice(0, -1) : helper, vector));
  }
  lines.push("", ...(kernel.team === undefined ? threadHeader(kernel, options) : teamHeader(kernel.team, options)));
  lines.push(...body, "}", "");
  return lines.join("\n");
}

function threadHeader(kernel: Kernel, options: WgslOptions): string[] {
  const thread = kernel.thread.name;
  const lines = [
    `@compute @workgroup_size(${options.workgroupSize})`,
    "fn main(@builtin(global_invocation_id) id: vec3<u32>) {",
  ];
  if (kernel.oneWorkgroup === true) return lines;
  if (kernel.thread.extent > 1 || options.guard) {
    const stride = options.workgroupsAlongX * options.workgroupSize;
    lines.push(`  let ${thread} = ${stride >= kernel.thread.extent ? "id.x" : `id.x + id.y * ${stride}u`};`);
  }
  if (options.guard) lines.push(`  if (${thread} >= ${kernel.thread.extent}u) { return; }`);
  return lines;
}

/** Here `id` numbers the workgroup, so that what follows from it is known to be the same for all threads. */
function teamHeader(team: Team, options: WgslOptions): string[] {
  const parameters = [
    "@builtin(workgroup_id) id: vec3<u32>",
    `@builtin(local_invocation_index) ${team.member.name}: u32`,
    ...(team.invocation === undefined ? [] : [`@builtin(subgroup_invocation_id) ${team.invocation.name}: u32`]),
    ...(team.subgroup === undefined ? [] : [`@builtin(subgroup_id) ${team.subgroup.name}: u32`]),
  ];
  const { name, extent } = team.number;
  const along = options.workgroupsAlongX;
  return [
    `@compute @workgroup_size(${team.size})`,
    `fn main(${parameters.join(", ")}) {`,
    ...(extent > 1 ? [`  let ${name} = ${along >= extent ? "id.x" : `id.x + id.y * ${along}u`};`] : []),
    ...(options.guard ? [`  if (${name} >= ${extent}u) { return; }`] : []),
  ];
}

function bufferType(printing: Printing, buffer: KernelBuffer, binding: number): string {
  const element = storageTypes[buffer.dtype];
  return `array<${printing.vectors.has(binding) ? `vec4<${element}>` : element}>`;
}

function printStatements(printing: Printing, statements: readonly Statement[], indent: string): string[] {
  return statements.flatMap((statement) => printStatement(printing, statement, indent));
}

function printStatement(printing: Printing, statement: Statement, indent: string): string[] {
  const value = (expression: ScalarExpression) => bare(printExpression(printing, expression));
  switch (statement.kind) {
    case "let":
      return printing.inlined.has(statement.name)
        ? []
        : [`${indent}let ${statement.name} = ${value(statement.value)};`];
    case "index":
      return [`${indent}let ${statement.variable.name} = ${bare(printIndex(printing, statement.value))};`];
    case "var":
      return [`${indent}var ${statement.name}: ${typeName(statement.value.type)} = ${value(statement.value)};`];
    case "assign": {
      const target = statement.lane === undefined ? statement.name : `${statement.name}[${statement.lane}]`;
      const text = value(statement.value);
      const prefix = `${statement.name} + `;
      if (statement.lane === undefined && text.startsWith(prefix))
        return [`${indent}${target} += ${text.slice(prefix.length)};`];
      return [`${indent}${target} = ${text};`];
    }
    case "loop": {
      const { name, extent } = statement.variable;
      // A 0 that is known only when the kernel runs keeps the driver from unrolling.
      const isLarge = statement.heavy === true || statement.body.some((each) => each.kind === "loop");
      // Threads meet at barriers: their loop must be seen to be the same for all of them.
      const isShared = statement.body.some((each) => each.kind === "barrier");
      const zero = printing.keepsLoops && isLarge && !isShared && extent <= mostUnrolled ? "id.z" : "0u";
      const from = statement.from === undefined ? zero : bare(printIndex(printing, statement.from));
      const until = statement.until === undefined ? `${extent}u` : bare(printIndex(printing, statement.until));
      const body = printStatements(printing, statement.body, `${indent}  `);
      if (body.length === 0) return [];
      return [`${indent}for (var ${name} = ${from}; ${name} < ${until}; ${name}++) {`, ...body, `${indent}}`];
    }
    case "parallel": {
      const { name, extent } = statement.thread;
      const body = printStatements(printing, statement.body, `${indent}  `);
      return [
        `${indent}for (var ${name} = id.x; ${name} < ${extent}u; ${name} += ${printing.workgroupSize}u) {`,
        ...body,
        `${indent}}`,
      ];
    }
    case "barrier":
      return [`${indent}${statement.of}Barrier();`];
    case "if":
      return [
        `${indent}if (${value(statement.condition)}) {`,
        ...printStatements(printing, statement.body, `${indent}  `),
        `${indent}}`,
      ];
    case "array":
      return [`${indent}var ${statement.name}: array<${typeName(statement.type)}, ${statement.length}>;`];
    case "set": {
      const half = printing.halves.has(statement.name);
      const text = half ? `f16(${value(statement.value)})` : value(statement.value);
      return [`${indent}${statement.name}[${bare(printIndex(printing, statement.index))}] = ${text};`];
    }
    case "matrix":
      return [`${indent}var ${statement.name}: ${matrixType(statement.matrix)};`];
    case "load-matrix": {
      const place = `&${statement.array}, ${bare(printIndex(printing, statement.offset))}, ${statement.stride}u`;
      const type = matrixType(statement.matrix);
      return [`${indent}let ${statement.name} = subgroupMatrixLoad<${type}, row_major>(${place});`];
    }
    case "multiply-matrices": {
      const { name, left, right } = statement;
      return [`${indent}${name} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${name});`];
    }
    case "store-matrix": {
      const offset = bare(printIndex(printing, statement.offset));
      return [
        `${indent}subgroupMatrixStore<row_major>(&${statement.array}, ${offset}, ${statement.name}, ${statement.stride}u);`,
      ];
    }
    case "store":
      return [`${indent}${printStore(printing, statement)};`];
  }
}

function matrixType({ role, component, rows, columns }: SubgroupMatrix): string {
  return `subgroup_matrix_${role}<${component}, ${columns}, ${rows}>`;
}

function usesMatrices(statements: readonly Statement[]): boolean {
  return statements.some((each) => each.kind === "matrix" || ("body" in each && usesMatrices(each.body)));
}

function printStore(printing: Printing, statement: Statement & { kind: "store" }): string {
  const buffer = printing.kernel.buffers[statement.buffer] as KernelBuffer;
  const text = storedValue(buffer, statement.value.type, bare(printExpression(printing, statement.value)));
  return `${printElement(printing, statement.buffer, statement.address, statement.value.type.width)} = ${text}`;
}

function storedValue(buffer: KernelBuffer, type: ScalarType, text: string): string {
  if (buffer.dtype === "bool") {
    return type.width === 4 ? `select(vec4<u32>(0u), vec4<u32>(1u), ${text})` : `select(0u, 1u, ${text})`;
  }
  if (buffer.dtype === "f16") return type.width === 4 ? `vec4<f16>(${text})` : `f16(${text})`;
  if (buffer.dtype === "bf16") throw new Error("bf16 tensors cannot be written by a kernel yet");
  return text;
}

function printElement(printing: Printing, binding: number, address: IndexExpression, width: 1 | 4): string {
  const { name } = printing.kernel.buffers[binding] as KernelBuffer;
  if (!printing.vectors.has(binding)) return `${name}[${bare(printIndex(printing, address))}]`;
  const vector = `${name}[${bare(printIndex(printing, divideIndex(address, 4)))}]`;
  return width === 4 ? vector : `${vector}[${bare(printIndex(printing, remainderIndex(address, 4)))}]`;
}

/** Text of an expression, in parentheses wherever an operator could bind differently. */
function printExpression(printing: Printing, expression: ScalarExpression): string {
  switch (expression.kind) {
    case "literal":
      return printLiteral(expression.value, expression.type);
    case "name": {
      const inlined = printing.inlined.get(expression.name);
      return inlined === undefined ? expression.name : printExpression(printing, inlined);
    }
    case "index": {
      const base = `i32(${bare(printIndex(printing, expression.index))})`;
      if (expression.type.width === 1) return base;
      const s = expression.laneStride;
      return `(vec4<i32>(${base}) + vec4<i32>(0, ${s}, ${2 * s}, ${3 * s}))`;
    }
    case "load":
      return printLoad(printing, expression);
    case "apply":
      return printApply(printing, expression.row, expression.args, expression.type);
    case "splat":
      return `${typeName(expression.type)}(${bare(printExpression(printing, expression.of))})`;
    case "lanes":
      return `${typeName(expression.type)}(${expression.of.map((of) => bare(printExpression(printing, of))).join(", ")})`;
    case "lane":
      return `${printExpression(printing, expression.of)}[${expression.lane}]`;
    case "element":
      return `${expression.name}[${bare(printIndex(printing, expression.index))}]`;
    case "broadcast":
      return `subgroupBroadcast(${bare(printExpression(printing, expression.of))}, ${expression.from}u)`;
    case "dot":
      return `dot(${expression.of.map((of) => bare(printExpression(printing, of))).join(", ")})`;
  }
}

function printLoad(printing: Printing, load: ScalarExpression & { kind: "load" }): string {
  const buffer = printing.kernel.buffers[load.buffer] as KernelBuffer;
  const element = printElement(printing, load.buffer, load.address, load.type.width);
  const wide = load.type.width === 4;
  if (buffer.dtype === "bool") return `(${element} != ${wide ? "vec4<u32>(0u)" : "0u"})`;
  if (buffer.dtype === "f16") return wide ? `vec4<f32>(${element})` : `f32(${element})`;
  if (buffer.dtype === "bf16") throw new Error("bf16 tensors are widened when they are loaded, not in a kernel");
  return element;
}

function printApply(printing: Printing, row: ScalarRow, args: readonly ScalarExpression[], type: ScalarType): string {
  const vector = type.width === 4;
  const operand = args[0]?.type.dtype;
  let text = operand !== "f32" && operand !== "bool" && row.wgslInteger !== undefined ? row.wgslInteger : row.wgsl;
  for (const helper of row.helpers ?? []) {
    printing.helpers.add(vector ? `${helper}4` : helper);
    if (vector) text = text.replaceAll(`${helper}(`, `${helper}4(`);
  }
  const printed = args.map((arg) => printExpression(printing, arg));
  return text.replace(/\$(\d|T)/g, (_, which: string) =>
    which === "T" ? typeName(type) : (printed[Number(which)] as string),
  );
}

/** Without the outermost parentheses, where they enclose everything. */
function bare(text: string): string {
  if (!text.startsWith("(") || !text.endsWith(")")) return text;
  let depth = 0;
  for (let i = 0; i < text.length - 1; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")") depth--;
    if (depth === 0) return text;
  }
  return text.slice(1, -1);
}

function printLiteral(value: number, type: ScalarType): string {
  switch (type.dtype) {
    case "bool":
      return value !== 0 ? "true" : "false";
    case "i32":
      return value === -2147483648 ? "(-2147483647 - 1)" : value < 0 ? `(${value})` : String(value);
    case "u32":
      return `${value}u`;
    case "f32": {
      const rounded = Math.fround(value);
      // WGSL has no literal for these and refuses constant expressions that make them.
      if (Number.isNaN(rounded)) return "bitcast<f32>(id.z + 0x7fc00000u)";
      if (!Number.isFinite(rounded)) return `bitcast<f32>(id.z + ${rounded > 0 ? "0x7f800000u" : "0xff800000u"})`;
      const digits = shortestF32(rounded);
      const text = /[.e]/.test(digits) ? digits : `${digits}.0`;
      return rounded < 0 || Object.is(rounded, -0) ? `(${text})` : text;
    }
  }
}

/** Fewest digits that round to the same f32. */
function shortestF32(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    // WGSL refuses a literal above the largest f32 even where it would round down to it.
    if (Math.fround(Number(text)) === value && Math.abs(Number(text)) <= largestF32) return String(Number(text));
  }
  return String(value);
}

/** An index as u32 arithmetic; parts that could be negative are shifted up first, then back. */
function printIndex(printing: Printing, index: IndexExpression): string {
  const constant = asConstant(index);
  if (constant !== undefined) return `${constant < 0 ? constant + 2 ** 32 : constant}u`;
  const positive = index.terms.filter((term) => term.coefficient > 0);
  const negative = index.terms.filter((term) => term.coefficient < 0);
  const parts = positive.map(({ coefficient, atom }) => scaledAtom(printing, coefficient, atom));
  if (index.constant > 0) parts.push(`${index.constant}u`);
  let text = parts.join(" + ") || "0u";
  for (const { coefficient, atom } of negative) text += ` - ${scaledAtom(printing, -coefficient, atom)}`;
  if (index.constant < 0) text += ` - ${-index.constant}u`;
  return parts.length === 1 && negative.length === 0 && index.constant === 0 ? text : `(${text})`;
}

function scaledAtom(printing: Printing, coefficient: number, atom: IndexAtom): string {
  const text = printAtom(printing, atom);
  return coefficient === 1 ? text : `${text} * ${coefficient}u`;
}

function printAtom(printing: Printing, atom: IndexAtom): string {
  switch (atom.kind) {
    case "variable":
      return atom.variable.name;
    case "value":
      return `u32(${bare(printExpression(printing, atom.value))})`;
    case "quotient":
    case "remainder": {
      const { low } = rangeOf(atom.of);
      const turns = low < 0 ? Math.ceil(-low / atom.by) : 0;
      const shifted = printIndex(printing, addIndex(atom.of, scaleIndex(atom.of, 0, turns * atom.by)));
      const operator = atom.kind === "quotient" ? "/" : "%";
      const text = `${shifted} ${operator} ${atom.by}u`;
      return turns > 0 && atom.kind === "quotient" ? `(${text} - ${turns}u)` : `(${text})`;
    }
    case "clamp": {
      const { low } = rangeOf(atom.of);
      const lift = low < 0 ? -low : 0;
      const lifted = bare(printIndex(printing, addIndex(atom.of, scaleIndex(atom.of, 0, lift))));
      const text = `clamp(${lifted}, ${atom.low + lift}u, ${atom.high + lift}u)`;
      return lift > 0 ? `(${text} - ${lift}u)` : text;
    }
  }
}
