/** The text form: round trips, its exact look, and faults with their places. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Graph,
  IrTextError,
  makeBuilder,
  makeNode,
  parseGraph,
  printFlops,
  printGraph,
  printNumber,
  type Span,
  sameGraph,
  tensorType,
} from "../../src/ir/index.ts";
import { randomGraphs } from "./random-graph.ts";

const span = (start: number, line: number, column: number, file = "model.weft"): Span => ({
  file,
  start,
  end: start + 23,
  line,
  column,
});

function sample(): Graph {
  const b = makeBuilder([span(1042, 41, 7)]);
  const tokens = b.input("tokens", tensorType("i32", [16], 256));
  const table = b.parameter("token_emb.weight", tensorType("f32", [256, 8]));
  const rows = b.node("gather", [table, tokens], { spec: "v c, l -> l c", at: "v" });
  const scores = makeNode(
    "contract",
    [rows, rows],
    { spec: "i c, j c -> i j", where: "j <= i" },
    { origins: [span(7, 2, 3, "a b.weft"), span(1042, 41, 7)], name: "S" },
  );
  const padded = b.node("pad", [scores], { low: [1, 0], high: [0, 0], value: Number.NEGATIVE_INFINITY });
  return {
    name: "performer.logits",
    inputs: [tokens],
    parameters: [table],
    outputs: [
      { name: "scores", node: scores },
      { name: "two words", node: padded },
    ],
  };
}

describe("printing", () => {
  it("has one aligned line for each node", () => {
    expect(printGraph(sample())).toMatchInlineSnapshot(`
      "graph performer.logits {
        %0: idx<256>[16] = input "tokens"                                   ; model.weft:41:7+23@1042 tokens
        %1: f32[256, 8] = parameter "token_emb.weight"                      ; model.weft:41:7+23@1042 token_emb.weight
        %2: f32[16, 8] = gather "v c, l -> l c" %1, %0 at="v"               ; model.weft:41:7+23@1042
        %3: f32[16, 16] = contract "i c, j c -> i j" %2, %2 where="j <= i"  ; "a b.weft":2:3+23@7 model.weft:41:7+23@1042 S 2.18 kFLOP
        %4: f32[17, 16] = pad %3 low=[1, 0] high=[0, 0] value=-inf          ; model.weft:41:7+23@1042
        return scores = %3, "two words" = %4
      }
      "
    `);
  });

  it("writes numbers so that they read back exactly", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const graph = constantGraph([value, -0]);
        const read = parseGraph(printGraph(graph)).outputs[0]?.node.attributes.values as number[];
        expect(Object.is(read[0], value)).toBe(true);
        expect(Object.is(read[1], -0)).toBe(true);
      }),
    );
    expect([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e21, 0.1].map(printNumber)).toEqual([
      "nan",
      "inf",
      "-inf",
      "-0",
      "1e+21",
      "0.1",
    ]);
  });

  it("gives costs in three digits", () => {
    expect([12, 999, 1000, 540_123_456, 2e13].map(printFlops)).toEqual([
      "12 FLOP",
      "999 FLOP",
      "1 kFLOP",
      "540 MFLOP",
      "20 TFLOP",
    ]);
  });
});

function constantGraph(values: number[]): Graph {
  const node = makeNode("constant", [], { values }, { declared: tensorType("f32", [values.length]) });
  return { name: "numbers", inputs: [], parameters: [], outputs: [{ name: "y", node }] };
}

describe("round trip", () => {
  it("keeps the sample", () => {
    const text = printGraph(sample());
    const read = parseGraph(text);
    expect(sameGraph(read, sample())).toBe(true);
    expect(printGraph(read)).toBe(text);
  });

  it("keeps random graphs with origins and names, and printing is a fixed point", () => {
    fc.assert(
      fc.property(randomGraphs({ maximumInstructions: 20 }), ({ graph }) => {
        const text = printGraph(graph);
        const read = parseGraph(text);
        expect(sameGraph(read, graph)).toBe(true);
        expect(printGraph(read)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps any names of graphs, files, values and outputs", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 12 });
    fc.assert(
      fc.property(text, text, text, text, (name, file, value, path) => {
        const origins = [span(3, 1, 4, file)];
        const node = makeNode("input", [], { name: path }, { declared: tensorType("f32", []), origins, name: value });
        const graph: Graph = { name, inputs: [node], parameters: [], outputs: [{ name: value, node }] };
        const read = parseGraph(printGraph(graph));
        expect(sameGraph(read, graph)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("goes through chains of 20,000 nodes", () => {
    const b = makeBuilder([span(10, 1, 1)]);
    let x = b.input("x", tensorType("f32", [4]));
    const input = x;
    for (let i = 0; i < 20_000; i++) x = b.apply(i % 2 === 0 ? "add" : "mul", x, input);
    const graph: Graph = { name: "deep", inputs: [input], parameters: [], outputs: [{ name: "y", node: x }] };
    const read = parseGraph(printGraph(graph));
    expect(sameGraph(read, graph)).toBe(true);
  });
});

describe("reading by hand-written text", () => {
  it("takes any labels, blank lines, comments and line ends", () => {
    const read = parseGraph(
      'graph f {\r\n\n  ; the data\n %x : f32[ 2 ,3 ]=input "x" ; what comes in: the rows\n\t%y: f32[3, 2] = transpose %x permutation=[1,0]\n return y=%y ; done\n}\n; end\n',
    );
    expect(read.outputs[0]?.node.type).toEqual(tensorType("f32", [3, 2]));
    expect(read.inputs[0]?.name).toBeUndefined();
  });

  it("keeps unused inputs and drops other unused nodes", () => {
    const read = parseGraph('graph f {\n %0: f32 = input "x"\n %1: f32 = neg %0\n return\n}\n');
    expect(read.inputs.length).toBe(1);
    expect(read.outputs).toEqual([]);
  });
});

const wrap = (line: string) => `graph f {\n  %0: f32[2, 3] = input "x"\n  ${line}\n  return\n}\n`;

describe("faults", () => {
  it.each([
    ["graph {", 1, 7, /graph's name/],
    ["grph f {", 1, 1, /the word graph/],
    ["graph f {\n  return\n", 3, 1, /`}`/],
    ["graph f {\n return\n}\nx", 4, 1, /nothing after/],
    [wrap("%1: f32[2, 3] = nge %0"), 3, 19, /no nge/],
    [wrap("%1: f99[2] = neg %0"), 3, 7, /an element type/],
    [wrap("%1: f32[2, 3] = neg %7"), 3, 23, /defined above; %7/],
    [wrap("%0: f32[2, 3] = neg %0"), 3, 3, /new name/],
    [wrap("%1: f32[3, 2] = neg %0"), 3, 7, /f32\[2, 3\], which is what neg gives/],
    [wrap("%1: f32[2] = sum %0"), 3, 20, /spec in quotes/],
    [wrap('%1: f32[2] = sum "i j -> k" %0'), 3, 16, /must keep|sum/],
    [wrap("%1: f32[3, 2] = transpose %0 permutation=[1, 0] axis=3"), 3, 51, /has no axis/],
    [wrap("%1: f32[3, 2] = transpose %0 permutation=[1, 0] permutation=[1, 0]"), 3, 51, /given twice/],
    [wrap("%1: f32[3, 2] = transpose %0 permutation=1"), 3, 44, /`\[`/],
    [wrap("%1: f32[2, 3] = neg %0 extra!"), 3, 26, /attribute of neg/],
    [wrap('%1: f32[2, 3] = input "\\q"'), 3, 25, /JSON/],
    [wrap("hello"), 3, 3, /a line such as/],
  ])("are reported with line and column: %#", (text, line, column, expected) => {
    let caught: unknown;
    try {
      parseGraph(text);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(IrTextError);
    const fault = caught as IrTextError;
    expect([fault.line, fault.column]).toEqual([line, column]);
    expect(fault.expected).toMatch(expected);
    expect(fault.sourceLine).toBe(text.split("\n")[line - 1]);
  });

  it("are all that a text of deeply nested bodies meets", () => {
    const text = "graph f {\n%0: f32[1] = loop steps=1 carried=0 {\n".repeat(100_000);
    expect(() => parseGraph(text)).toThrow(/at most 64 bodies/);
  });

  it("are the only errors, whatever the text", () => {
    const text = printGraph(sample());
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 6 }), (at, cut, insert) => {
        const damaged = text.slice(0, at) + insert + text.slice(at + cut);
        try {
          parseGraph(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(IrTextError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
