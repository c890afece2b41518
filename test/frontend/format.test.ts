/** The formatter: canonical examples, and on every text it keeps the tree and the comments, and changes nothing twice. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { format, parse, prepareSource } from "../../src/frontend/index.ts";

/** The tree without places. */
function treeOf(text: string): unknown {
  const { file, diagnostics } = parse("x.weft", text);
  expect(diagnostics.map(({ title, primary }) => `${primary.span.line}: ${title}\n${text}`)).toEqual([]);
  return JSON.parse(JSON.stringify(file, (key, value) => (/span$/i.test(key) ? undefined : value)));
}

const commentsOf = (text: string) => prepareSource("x.weft", text).comments.map((comment) => comment.text.trimEnd());

function formatted(text: string): string {
  const result = format("x.weft", text);
  expect(result.diagnostics.map(({ title, primary }) => `${primary.span.line}: ${title}`)).toEqual([]);
  return result.text as string;
}

function expectKept(text: string): void {
  const once = formatted(text);
  expect(treeOf(once)).toEqual(treeOf(text));
  expect(commentsOf(once)).toEqual(commentsOf(text));
  expect(formatted(once)).toBe(once);
  expect(once).not.toMatch(/[ \t]\n|\n\n\n|\r/);
}

const examples: readonly (readonly [name: string, text: string, canonical: string])[] = [
  [
    "functions and indices",
    "fn   f<L,d>( Q :f32 [L,d],eps:f32=1e-5 )->f32[L , d]{\r\nlet A[ i,j ]=softmax [j](sum[c]Q[i,c]*K[j,c]/sqrt( d ))\n\n\n   return - A  \n}",
    "fn f<L, d>(Q: f32[L, d], eps: f32 = 1e-5) -> f32[L, d] {\n  let A[i, j] = softmax[j](sum[c] Q[i, c]*K[j, c]/sqrt(d))\n\n  return -A\n}\n",
  ],
  [
    "tight and loose operators",
    "fn f(x: f32[n]) -> f32[n] {\nlet P[t,2*c]=x [t-1] + - 2*x[2 *t] , P[t,2*c+1]= x[t]^ - 2\nlet Y[ I [n] : 2*V,: ] += d//2 - d // 2\n}",
    "fn f(x: f32[n]) -> f32[n] {\n  let P[t, 2*c] = x[t-1] + -2*x[2 * t], P[t, 2*c+1] = x[t]^-2\n  let Y[I[n]: 2*V, :] += d//2 - d // 2\n}\n",
  ],
  [
    "reducers, groups, joins and lists",
    "fn f(x: f32) -> f32 = sum [k:3,j : j<=i](a+b)*max(a,max[k]x[k]) + [ [1,2];[3 , 4] ][(h  c:2), 0]",
    "fn f(x: f32) -> f32 = sum[k: 3, j: j <= i] (a+b)*max(a, max[k] x[k]) + [[1, 2]; [3, 4]][(h c: 2), 0]\n",
  ],
  [
    "modules, comments and continued lines",
    `use   std/nn :Linear,LayerNorm
/// A layer.
module Layer( d:size,  gated : bool=false ){
require d%2==0 ;  // even
  sub inner as "0.fn":Linear( d,d )[ 2 ]
  param g :f32[d]=ones( )
      // alone
  fn forward(x:f32[d])
  ->f32[d]{
     if gated{ x=x*σ(x) }else if d>4 {x = x} else { }
     for l in 0 ..2 {x=inner[l](x) @approx( favor,features:8 ) }
     let y=if x>0 then x
     else 0;
  let z = concat[c](
  x,
      [ x,
      x ]
      )
  return x
  }
}
preset tiny of Layer{d=4,}`,
    `use std/nn: Linear, LayerNorm
/// A layer.
module Layer(d: size, gated: bool = false) {
  require d%2 == 0  // even
  sub inner as "0.fn": Linear(d, d)[2]
  param g: f32[d] = ones()
  // alone
  fn forward(x: f32[d])
      -> f32[d] {
    if gated { x = x*σ(x) } else if d > 4 { x = x } else { }
    for l in 0..2 { x = inner[l](x) @approx(favor, features: 8) }
    let y = if x > 0 then x
      else 0
    let z = concat[c](
      x,
      [x,
        x]
    )
    return x
  }
}
preset tiny of Layer { d = 4, }
`,
  ],
  [
    "hand-written kernels keep their text",
    'extern wgsl fn f<batch B>(x:f32[B])->f32[B]{dispatch=(B,1),reference=g\nsource="""\n  fn main( ) {  }\n"""}',
    'extern wgsl fn f<batch B>(x: f32[B]) -> f32[B] { dispatch = (B, 1), reference = g\n  source = """\n  fn main( ) {  }\n""" }\n',
  ],
  ["nothing", " \n\n", ""],
];

describe("format", () => {
  it.each(examples)("%s", (_, text, canonical) => {
    expect(formatted(text)).toBe(canonical);
    expectKept(text);
  });

  it("leaves texts with mistakes alone and says where they are", () => {
    const { text, diagnostics } = format("x.weft", "fn f(x: f32) -> f32 {\n  return (x\n}");
    expect(text).toBeUndefined();
    expect(diagnostics.length).toBeGreaterThan(0);
  });

  const library = readdirSync("std").filter((name) => name.endsWith(".weft"));
  it.each(library)("keeps std/%s", (name) => expectKept(readFileSync(`std/${name}`, "utf8")));

  it("keeps every model", () => {
    const files = readdirSync("models", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".weft"));
    expect(files.length).toBeGreaterThan(3);
    for (const name of files) expectKept(readFileSync(`models/${name}`, "utf8"));
  });

  it("keeps random programs, however they are laid out", () => {
    fc.assert(
      fc.property(program, (text) => {
        expectKept(text);
      }),
      { numRuns: 80 },
    );
  });
});

// ── Random programs, as texts with random blanks ───────────────────────────────────────────────────────────────────

/** Blanks that may stand between any two tokens of a line. */
const gap = fc.constantFrom("", "", " ", "  ", "\t ");
/** A line end, sometimes with a comment: allowed where an expression goes on. */
const wide = fc.constantFrom(" ", " ", " ", "\n", "\n      ", "  // why\n");

const joined = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part)))
    .map((texts) => texts.join(""));

const { expression } = fc.letrec<{ expression: string; operand: string }>((tie) => {
  const operator = fc.constantFrom("+", "-", "*", "/", "%", "^", " == ", " <= ", " and ");
  const index = fc.constantFrom("i", "2*i+1", "i-1", "i - 1", ":", "(h c)", "(h: 2 c)", "I[ n ]", "-i");
  return {
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("operand"),
      joined("(", gap, tie("expression"), gap, ")"),
      joined(tie("operand"), gap, operator, wide, tie("operand")),
      // With two blanks before it, `//` would begin a comment.
      joined(tie("operand"), fc.constantFrom("", " "), "//", gap, tie("operand")),
      joined("-", gap, tie("operand")),
      joined("not ", tie("operand")),
      joined("(if", " ", tie("operand"), wide, "then ", tie("operand"), wide, "else ", tie("operand"), ")"),
      joined("sum", gap, "[k", gap, ":", gap, "3]", gap, tie("operand")),
      joined("(max[k] -", gap, tie("operand"), ")"),
      joined("[", gap, tie("operand"), gap, ",", wide, tie("operand"), gap, "]"),
      joined("[", tie("operand"), gap, ";", wide, tie("operand"), "]"),
    ),
    operand: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom("x", "Λ", "x₁", "12", "1.5e-3", "true", "layer.weight"),
      joined("X", gap, "[", gap, index, gap, ",", gap, index, "]"),
      joined("(X[i] else", " ", fc.constantFrom("0", "-1"), ")"),
      joined("f", gap, "(", gap, tie("expression"), gap, ",", wide, "eps", gap, ":", gap, tie("expression"), ")"),
      joined("f", gap, "[j", gap, ":", gap, "j<=i]", gap, "(", tie("expression"), ")"),
      joined("f(x)", gap, "@approx(favor,", gap, "features:8)"),
      joined("(", gap, tie("expression"), wide, ")"),
    ),
  };
});

const statement = fc.oneof(
  joined("let", " ", "y", gap, "=", wide, expression),
  joined("let Y[i", gap, ",", gap, "(h", " ", "c)", gap, "]", gap, "=", gap, expression),
  joined("let P[2*c", gap, ":", gap, "d]", gap, "=", gap, expression, gap, ",", wide, "P[2*c+1]=", expression),
  joined("let h[t]=", expression, " where h[-1]", gap, "=", gap, "h0"),
  joined("Y[I[n]]", gap, "+=", gap, expression),
  joined("x", gap, "=", gap, expression),
  joined("for l in", " ", "0", gap, "..", gap, "n{", wide, "x=", expression, wide, "}"),
  joined("if", " ", "c", gap, "{ x=", expression, "}", gap, "else", gap, "{", wide, "}"),
  joined("require", " ", "d%2==0"),
);
const separator = fc.constantFrom("\n", "\n\n\n", " ;\n", ";\n", "  // note\n", "\n    /// words \n");
const program = fc
  .tuple(fc.array(fc.tuple(statement, separator), { maxLength: 6 }), gap, wide, expression)
  .map(
    ([statements, small, large, value]) =>
      `// file\nfn${" "}f<L${small},d>(x:f32[L${small},d],${large}k:size${small})->${small}idx<L>[d]{\n${statements.flat().join("")}return ${value}\n}\nfn g(x: f32) -> f32 =${large}x\n`,
  );
