import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { languageBuiltins } from "../../src/builtins.ts";
import {
  check,
  type Expression,
  type FunctionDeclaration,
  type ModuleDeclaration,
  parse,
  renderDiagnostics,
} from "../../src/frontend/index.ts";

/** The function of a text that holds nothing else. */
function onlyFunction(text: string): FunctionDeclaration {
  const { file, diagnostics } = parse("test.weft", text);
  expect(diagnostics.map((diagnostic) => diagnostic.title)).toEqual([]);
  expect(file.declarations.map((declaration) => declaration.kind)).toEqual(["function"]);
  return file.declarations[0] as FunctionDeclaration;
}

/** Prints an expression with all its brackets, to see how it was grouped. */
function grouped(expression: Expression): string {
  switch (expression.kind) {
    case "number":
      return String(expression.value);
    case "boolean":
      return String(expression.value);
    case "name":
      return expression.name;
    case "member":
      return `${grouped(expression.object)}.${expression.member.name}`;
    case "subscript": {
      const places = expression.subscripts.map((subscript) =>
        subscript.kind === "at"
          ? grouped(subscript.expression)
          : subscript.kind === "all"
            ? ":"
            : `(${subscript.indices.map((index) => index.name.name).join(" ")})`,
      );
      const read = `${grouped(expression.object)}[${places.join(", ")}]`;
      return expression.otherwise === undefined ? read : `{${read} else ${grouped(expression.otherwise)}}`;
    }
    case "call":
      return `${grouped(expression.callee)}${expression.axes ? `<${expression.axes.length}>` : ""}(${expression.arguments.map((argument) => grouped(argument.value)).join(", ")})`;
    case "reduce":
      return `{${expression.reducer} ${expression.indices.map((index) => index.name.name).join(" ")}: ${grouped(expression.body)}}`;
    case "unary":
      return `(${expression.operator} ${grouped(expression.operand)})`;
    case "binary":
      return `(${grouped(expression.left)} ${expression.operator} ${grouped(expression.right)})`;
    case "conditional":
      return `(${grouped(expression.condition)} ? ${grouped(expression.then)} : ${grouped(expression.otherwise)})`;
    case "list":
      return `[${expression.items.map(grouped).join(", ")}]`;
    case "concat":
      return `[${expression.parts.map(grouped).join("; ")}]`;
    case "tuple":
      return `(${expression.items.map(grouped).join(", ")})`;
  }
}

function groupingOf(text: string): string {
  const [statement] = onlyFunction(`fn f() -> f32 = ${text}`).body;
  if (statement?.kind !== "return") throw new Error("not an equation");
  return grouped(statement.value);
}

describe("expressions", () => {
  it.each([
    ["a + b * c - d", "((a + (b * c)) - d)"],
    ["-x^2", "(- (x ^ 2))"],
    ["2^-x^2", "(2 ^ (- (x ^ 2)))"],
    ["sum[c] a * b + d", "({sum c: (a * b)} + d)"],
    ["a * sum[c] b * c / d - e", "((a * {sum c: ((b * c) / d)}) - e)"],
    ["sum[c] (a + b)", "{sum c: (a + b)}"],
    ["sum[i] sum[j] A[i, j]", "{sum i: {sum j: A[i, j]}}"],
    ["max[k] x[k] - max(a, b)", "({max k: x[k]} - max(a, b))"],
    ["not a == b and c or d", "(((not (a == b)) and c) or d)"],
    ["a ≤ b", "(a <= b)"],
    ["a // b % c / d", "(((a // b) % c) / d)"],
    ["if a then b else if c then d else e + 1", "(a ? b : (c ? d : (e + 1)))"],
    ["if a then X[i + 1] else 0", "(a ? X[(i + 1)] : 0)"],
    ["if a then (X[i + 1] else 0) else 1", "(a ? {X[(i + 1)] else 0} : 1)"],
    ["w[k] * X[i + k] else 0 + 1", "((w[k] * {X[(i + k)] else 0}) + 1)"],
    ["X[i] else -inf * 2", "({X[i] else (- inf)} * 2)"],
    ["softmax[j: j <= i](A[i, j]) * V", "(softmax<1>(A[i, j]) * V)"],
    ["layer[l].attn.q(x)", "layer[l].attn.q(x)"],
    ["Q[i, (h c)] + Q[i, (h + c)]", "(Q[i, (h c)] + Q[i, (h + c)])"],
    ["[1, 2; ]", "x"],
    ["[a; b] + [1, x[i, :]]", "([a; b] + [1, x[i, :]])"],
  ])("%s", (text, expected) => {
    if (text.includes("; ]")) {
      expect(parse("test.weft", `fn f() -> f32 = ${text}`).diagnostics).toHaveLength(1);
      return;
    }
    expect(groupingOf(text)).toBe(expected);
  });

  it("gives every node its place", () => {
    const text = "fn f() -> f32 =\n  exp(αβ) + 1";
    const [statement] = onlyFunction(text).body;
    if (statement?.kind !== "return" || statement.value.kind !== "binary") throw new Error("not a sum");
    const { left, operatorSpan, span } = statement.value;
    expect(text.slice(span.start, span.end)).toBe("exp(αβ) + 1");
    expect(text.slice(left.span.start, left.span.end)).toBe("exp(αβ)");
    expect(text.slice(operatorSpan.start, operatorSpan.end)).toBe("+");
    expect([left.span.line, left.span.column]).toEqual([2, 3]);
  });

  it("takes names in normal form C, so that both ways to type é are one name", () => {
    const [statement] = onlyFunction("fn f() -> f32 = e\u0301").body;
    expect(statement?.kind === "return" && grouped(statement.value)).toBe("\u00e9");
  });
});

describe("statements", () => {
  it("need no separators, and a bracket on a new line does not continue", () => {
    const { body } = onlyFunction("fn f(x: f32) -> f32 {\n let y = x\n x = y; let (a, b) = g(x)\n return a }");
    expect(body.map((statement) => statement.kind)).toEqual(["let", "assign", "let", "return"]);
  });

  it("tell ranges from predicates by what follows the colon", () => {
    const { body } = onlyFunction(
      "fn f() -> f32 {\n let Y[y: H, x: 2*W - 1] = sum[j: j <= i, k: K where k != j, m: mask[m], n: 3] 1\n}",
    );
    const [statement] = body;
    if (statement?.kind !== "let" || statement.value.kind !== "reduce") throw new Error("not a reduction");
    const shape = (binder: { range?: unknown; predicate?: unknown }) =>
      `${binder.range ? "range" : ""}${binder.predicate ? " predicate" : ""}`.trim();
    expect(statement.targets[0]?.subscripts?.map((s) => (s.kind === "index" ? shape(s) : s.kind))).toEqual([
      "range",
      "range",
    ]);
    expect(statement.value.indices.map(shape)).toEqual(["predicate", "range predicate", "predicate", "range"]);
  });

  it("read recurrences, scatter and directives", () => {
    const { body } = onlyFunction(
      "fn f() -> f32 {\n let (h[t], c[t]) = lstm(x[t], h[t-1], c[t-1])  where h[-1] = h0, c[-1] = c0\n Y[I[n], c] += X[n, c]\n let Z = attention(Q, K, V) @approx(favor, features: 256)\n}",
    );
    expect(body.map((statement) => statement.kind)).toEqual(["let", "accumulate", "let"]);
    const [scan, , approximate] = body;
    expect(scan?.kind === "let" && scan.initial.map((initial) => initial.name.name)).toEqual(["h", "c"]);
    expect(
      approximate?.kind === "let" && approximate.value.kind === "call" && approximate.value.directives[0]?.name.name,
    ).toBe("approx");
  });
});

describe("comments", () => {
  it("are told from division by what stands before them", () => {
    const { body } = onlyFunction(
      "fn f() -> f32 {  // opens\n // a line\n let a = d // H\n let b = (2*d)//2  // twice\n let c = g(a, // first\n  b)\n return c\t// tab\n} // end",
    );
    const values = body.map((statement) => ("value" in statement ? grouped(statement.value) : ""));
    expect(values).toEqual(["(d // H)", "((2 * d) // 2)", "g(a, b)", "c"]);
  });

  it("with three slashes document what follows", () => {
    const { file } = parse(
      "test.weft",
      "/// First line,\n/// second.\nmodule M() {\n  /// The weight.\n  param w: f32 = zeros()\n\n  /// Lost.\n\n  param v: f32 = zeros()\n}\n",
    );
    const module = file.declarations[0] as ModuleDeclaration;
    expect(module.doc).toBe("First line,\nsecond.");
    expect(module.members.map((member) => (member.kind === "tensor" ? member.doc : ""))).toEqual([
      "The weight.",
      undefined,
    ]);
  });
});

describe("declarations", () => {
  it("keep explicit paths, arrays, presets and kernels", () => {
    const { file, diagnostics } = parse(
      "test.weft",
      `use std/nn: Linear, LayerNorm
use ../shared/part-two: helper
model M(d: size = 64, wide: bool = true) {
  param weight as "0.weight": f32[d] = normal(std: 0.02)
  buffer average: f32[d] = normal(mean: 0)
  sub layer as "encoder.layer": Layer(d, wide: wide)[4]
  require d % 4 == 0
  let dh = d // 4
  preset tiny { d = 8, wide = false }
  entry run<L>(x: idx<d>[L]) -> (y: f32[L], n: f32) { return (x, 1) }
}
preset large of M { d = 1024 }
extern wgsl fn fast<n>(x: f32[n]) -> f32[n] { dispatch = (n // 64, 1, 1) reference = slow, source = """fn main() { "x" }""" }
`,
    );
    expect(diagnostics).toEqual([]);
    expect(file.imports.map((each) => [each.path, each.names.map((name) => name.name)])).toEqual([
      ["std/nn", ["Linear", "LayerNorm"]],
      ["../shared/part-two", ["helper"]],
    ]);
    const [model, preset, kernel] = file.declarations;
    if (model?.kind !== "module" || preset?.kind !== "preset" || kernel?.kind !== "extern")
      throw new Error("wrong kinds");
    expect(model.members.map((member) => member.kind)).toEqual([
      "tensor",
      "tensor",
      "sub",
      "require",
      "let",
      "preset",
      "function",
    ]);
    const sub = model.members[2];
    expect(sub?.kind === "sub" && [sub.path?.value, sub.arguments.length, sub.counts.length]).toEqual([
      "encoder.layer",
      2,
      1,
    ]);
    expect(preset.model?.name).toBe("M");
    expect(kernel.fields.map((field) => [field.name.name, field.value.kind])).toEqual([
      ["dispatch", "tuple"],
      ["reference", "name"],
      ["source", "string"],
    ]);
  });
});

describe("recovery", () => {
  it("goes on after each broken statement and declaration", () => {
    const { file, diagnostics } = parse(
      "test.weft",
      "fn a() -> f32 {\n let x = (1 +\n let y = 2\n let z = ]\n return y\n}\nfn b( -> f32 {\n let q = 1\n}\nfn c() -> f32 = 1\n",
    );
    expect(diagnostics.map((diagnostic) => diagnostic.primary.span.line)).toEqual([2, 4, 7]);
    expect(file.declarations.map((declaration) => declaration.name.name)).toEqual(["a", "c"]);
    expect((file.declarations[0] as FunctionDeclaration).body).toHaveLength(2);
  });
});

describe("limits", () => {
  const codes = (text: string) => parse("test.weft", text).diagnostics.map((diagnostic) => diagnostic.code);

  it.each([
    ["brackets", `fn f() -> f32 = ${"(".repeat(5000)}1${")".repeat(5000)}`],
    ["unclosed brackets", "fn f() -> f32 = ".concat("[".repeat(100000))],
    ["a long sum", `fn f() -> f32 = 1${" + 1".repeat(2000)}`],
    ["signs", `fn f() -> f32 = ${"-".repeat(20000)}1`],
    ["words", `fn f() -> f32 = ${"not ".repeat(20000)}true`],
    ["powers", `fn f() -> f32 = 1${"^1".repeat(20000)}`],
    ["reductions", `fn f() -> f32 = ${"sum[i] ".repeat(5000)}1`],
    ["choices", `fn f() -> f32 = ${"if a then b else ".repeat(5000)}1`],
    ["blocks", `fn f() -> f32 { ${"for l in 0..2 { ".repeat(5000)}${"}".repeat(5000)} }`],
  ])("refuse %s without end", (_name, text) => {
    expect(codes(text)).toEqual(["limit/nesting"]);
  });

  it("take what people write", () => {
    expect(codes(`fn f() -> f32 = 1${" + 1".repeat(300)}`)).toEqual([]);
    expect(codes(`fn f() -> f32 = ${"(".repeat(60)}1${")".repeat(60)}`)).toEqual([]);
  });

  it("refuse large files and numbers", () => {
    expect(codes(" ".repeat(4 * 1024 * 1024 + 1))).toEqual(["limit/size"]);
    expect(codes("fn f() -> f32 = 9007199254740993")).toEqual(["limit/number"]);
    expect(codes("fn f() -> f32 = 1e999")).toEqual(["limit/number"]);
    expect(codes("fn f() -> f32 = 1e308")).toEqual([]);
  });

  it("refuse sizes beyond reason", () => {
    const text = "fn f<a, b, c, d, e>(x: f32[(a + b + c + d + e)^60]) -> f32 = 1\nfn g<a>(x: f32[a^65]) -> f32 = 1\n";
    const program = check("test.weft", {
      builtins: languageBuiltins(),
      readSource: (path) => (path === "test.weft" ? text : undefined),
    });
    expect(program.diagnostics.map((diagnostic) => diagnostic.code)).toEqual(["limit/size-terms", "limit/size-terms"]);
  });
});

describe("hostile text", () => {
  const seeds = [
    "fn f<n>(x: f32[n], I: idx<n>[n]) -> f32[n] {\n  let y[i] = sum[j: j <= i] x[i - j] * x[I[j]]\n  for l in 0..n { x = x * 2 }\n  return softmax(y)\n}\n",
    "model M(d: size = 4, h: size = 2) {\n  require d % h == 0\n  sub a: A(d // h)[h]\n  param w: f32[d, h] = zeros()\n  preset tiny { d = 2 }\n  entry run(x: f32[d]) -> f32[d] {\n    if d == 4 { x = a[0](x) } else { x = x }\n    let y[(p q)] = w[(p q: 2), 0] else 0\n    return x\n  }\n}\nmodule A(n: size) { fn forward(x: f32[n]) -> f32[n] = x }\n",
  ];
  const builtins = languageBuiltins();
  const pieces = seeds.join(" ").match(/\s+|[\p{L}_][\p{L}\p{N}_]*|\d+|\S/gu) as string[];

  it("never makes the checker throw, and always renders", () => {
    const edit = fc.tuple(
      fc.nat(),
      fc.constantFrom("drop", "insert", "replace"),
      fc.constantFrom(...pieces, "\u0000", "\u202e", "𝔘", "///", '"'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 6 }), (seed, edits) => {
        const words = seed.match(/\s+|[\p{L}_][\p{L}\p{N}_]*|\d+|\S/gu) as string[];
        for (const [where, what, piece] of edits) {
          const at = where % words.length;
          if (what === "insert") words.splice(at, 0, piece);
          else words.splice(at, 1, ...(what === "drop" ? [] : [piece]));
        }
        const text = words.join("");
        const program = check("test.weft", {
          builtins,
          readSource: (path) => (path === "test.weft" ? text : undefined),
        });
        const rendered = renderDiagnostics(program.diagnostics, program.sources);
        expect(rendered).not.toMatch(/undefined|NaN|\[object/);
        // No control character of the text reaches a terminal.
        expect(rendered.replace(/\n/g, "")).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 150 },
    );
  });
});
