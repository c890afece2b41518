/** Every feature of the language server through a real client, on the texts of the library and the models. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CodeAction,
  CodeActionRequest,
  type CompletionItem,
  CompletionRequest,
  DefinitionRequest,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DocumentFormattingRequest,
  DocumentHighlightRequest,
  type DocumentSymbol,
  DocumentSymbolRequest,
  HoverRequest,
  InlayHintRequest,
  type Location,
  type Position,
  PrepareRenameRequest,
  ReferencesRequest,
  RenameRequest,
  SignatureHelpRequest,
  type TextEdit,
} from "vscode-languageserver-protocol/node";
import { packageRoot } from "../../src/library.ts";
import { applied, type Client, type OpenDocument, startClient } from "./client.ts";
import { readWeft } from "./weft-files.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-lsp-"));
let client: Client;
let performer: OpenDocument;

beforeAll(async () => {
  client = await startClient(folder, { preset: "tiny" });
  const path = "models/performer/performer.weft";
  performer = (await client.open(join(packageRoot, path), readWeft(path))).document;
});

afterAll(async () => {
  expect(await client.stop()).toBe(0);
  expect(client.complaints()).toBe("");
  rmSync(folder, { recursive: true, force: true });
});

const at = ({ uri }: OpenDocument, position: Position) => ({ textDocument: { uri }, position });

async function hover(document: OpenDocument, needle: string, move = 0): Promise<string> {
  const found = await client.connection.sendRequest(HoverRequest.type, at(document, document.at(needle, move)));
  const contents = found?.contents as { readonly value: string } | undefined;
  return contents?.value ?? "";
}

async function definition(document: OpenDocument, needle: string, move = 0): Promise<string> {
  const found = await client.connection.sendRequest(DefinitionRequest.type, at(document, document.at(needle, move)));
  const location = found as Location | null;
  if (location === null) return "nothing";
  const path = fileURLToPath(location.uri);
  const name = path.startsWith(packageRoot) ? path.slice(packageRoot.length + 1) : path.split("/").at(-1);
  return `${name}:${location.range.start.line + 1}:${location.range.start.character + 1}`;
}

async function complete(document: OpenDocument, needle: string, move = 0): Promise<readonly CompletionItem[]> {
  const found = await client.connection.sendRequest(CompletionRequest.type, at(document, document.at(needle, move)));
  return Array.isArray(found) ? found : (found?.items ?? []);
}

const labels = (items: readonly CompletionItem[]) => items.map(({ label }) => label);

/** Opens a text of the test's own. */
const write = async (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  client.fileAppeared(join(folder, name));
  return client.open(join(folder, name), text);
};

/** Line and column of the first occurrence in a file of the package, as `definition` prints them. */
function placeIn(path: string, needle: string, move = 0, behind = ""): string {
  const text = readWeft(path);
  const before = text.slice(0, text.indexOf(needle, text.indexOf(behind)) + move).split("\n");
  return `${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

describe("the server", () => {
  it("says who it is and counts UTF-16 units", () => {
    expect(client.result.serverInfo?.name).toBe("weft");
    expect(client.result.capabilities.positionEncoding).toBe("utf-16");
  });
});

describe("documents that are no files", () => {
  it("are served like any other", async () => {
    const text = "fn f(x: f32) -> f32 = y\n";
    for (const uri of ["untitled:Untitled-1", "file://elsewhere/f.weft", "vscode-notebook-cell:/a%20b.weft#1"]) {
      const found = client.nextDiagnostics(uri);
      await client.connection.sendNotification(DidOpenTextDocumentNotification.type, {
        textDocument: { uri, languageId: "weft", version: 1, text },
      });
      expect((await found).map(({ code }) => code)).toEqual(["name/unknown"]);
      const place = { textDocument: { uri }, position: { line: 0, character: 5 } };
      expect(await client.connection.sendRequest(DefinitionRequest.type, place)).toMatchObject({ uri });
      await client.connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri } });
    }
    // A question about what is not open has no answer, and breaks nothing.
    const place = { textDocument: { uri: "untitled:Untitled-1" }, position: { line: 0, character: 5 } };
    expect(await client.connection.sendRequest(HoverRequest.type, place)).toBeNull();
  });
});

describe("diagnostics", () => {
  it("are none for a sound model, and all independent ones as one types, with related places", async () => {
    const { document, diagnostics } = await write(
      "typed.weft",
      "fn f<L, S, d>(Q: f32[L, d], V: f32[S, d]) -> f32[L, d] {\n  let Y[i, c] = sum[j: L] Q[i, c] * V[j, c]\n  return Y\n}\n\nfn g<n>(x: f32[n]) -> f32[n] = x\n",
    );
    expect(diagnostics.map(({ code }) => code)).toEqual(["size/mismatch"]);
    expect(document.slice(diagnostics[0]!.range)).toBe("j");
    const related = diagnostics[0]!.relatedInformation ?? [];
    expect(related.map(({ location }) => document.slice(location.range))).toEqual(["j: L"]);
    const both = await document.replace("[n] = x", "[n] = y");
    expect(both.map(({ code }) => code)).toEqual(["size/mismatch", "name/unknown"]);
    expect(await document.replace("[n] = y", "[n] = x")).toHaveLength(1);
    expect(await document.replace("sum[j: L]", "sum[j]")).toEqual([]);
  });

  it("speak of UTF-16 places behind characters beyond the basic plane", async () => {
    const { document, diagnostics } = await write(
      "wide.weft",
      "fn σκ<n>(𝒙: f32[n], x̂: f32[n]) -> f32[n] = 𝒙 + x̂ + zz  // 𝒙𝒙\n",
    );
    expect(diagnostics.map(({ range }) => document.slice(range))).toEqual(["zz"]);
    expect(diagnostics[0]!.range.start.character).toBe(document.text().indexOf("zz"));
    expect(await hover(document, "𝒙 +")).toContain("𝒙: f32[n]");
  });

  it("tell at a `use` what is wrong in the other file, and follow its edits while both are open", async () => {
    const other = await write("other.weft", "fn twice(x: f32) -> f32 = 2 * x\n");
    const { document, diagnostics } = await write(
      "user.weft",
      "use ./other: twice\n\nfn f(x: f32) -> f32 = twice(x)\n",
    );
    expect(diagnostics).toEqual([]);
    const broken = client.nextDiagnostics(document.uri);
    await other.document.replace("2 * x", "2 * y");
    expect((await broken).map(({ code, range }) => [code, document.slice(range)])).toEqual([
      ["import/mistakes", "./other"],
    ]);
    const renamed = client.nextDiagnostics(document.uri);
    await other.document.replace("fn twice(x: f32) -> f32 = 2 * y", "fn double(x: f32) -> f32 = 2 * x");
    expect((await renamed).map(({ code, range }) => [code, document.slice(range)])).toEqual([["import/name", "twice"]]);
    other.document.close();
    document.close();
  });
});

describe("hover", () => {
  it("shows types, symbolic sizes and documentation", async () => {
    expect(await hover(performer, "position[i: L, c]")).toContain("let position: f32[L, d // heads]");
    expect(await hover(performer, "to_out(encoded", 2)).toContain("sub to_out: Linear(d, vocab)");
    const entry = await hover(performer, "entry logits", 8);
    expect(entry).toContain("entry logits<L>(tokens: idx<vocab>[L]) -> f32[L, vocab]");
    expect(entry).toContain("Unnormalised log-probabilities of the token at each position");
    expect(await hover(performer, "layers { x = block[l](x, position) }", 2)).toContain("layers: size = 6");
    expect(await hover(performer, "token[i, c] +", 12)).toMatch(
      /f32\n```\n\nthe type of this expression, for every `i`, `c`/,
    );
    expect(await hover(performer, "i, c] = token")).toContain("i < L");
  });

  it("counts the operations of a line and of an entry for the sizes of a preset", async () => {
    // x[i, c] = token[i, c] + positions[i, c] with L = 32 positions (max_len of the preset) of d = 16.
    expect(await hover(performer, "x[i, c] = token")).toContain(
      "**512 FLOP** as written (Performer.logits, preset tiny, L = 32)",
    );
    expect(await hover(performer, "entry logits", 8)).toMatch(/One run: \*\*[\d.]+ kFLOP\*\* as written/);
    const { document } = await write(
      "attention.weft",
      "fn scores<L, d>(Q: f32[L, d], K: f32[L, d]) -> f32[L, L] {\n  let A[i, j] = sum[c] Q[i, c] * K[j, c]\n  return A\n}\n",
    );
    // 2 L² d with L = d = 64.
    expect(await hover(document, "A[i, j]")).toContain(`**524 kFLOP** as written (scores, L = 64, d = 64)`);
    expect(2 * 64 ** 3).toBe(524288);
    document.close();
  });

  it("knows what the language itself offers", async () => {
    const { document } = await write("own.weft", "fn f<n>(x: f32[n]) -> f32[n] = tanh(x) * pi\n");
    expect(await hover(document, "tanh", 1)).toContain("tanh(x)");
    expect(await hover(document, "pi")).toContain("a constant");
    document.close();
  });
});

describe("definition", () => {
  it("finds functions, modules, parameters, locals, sizes and members", async () => {
    const own = "models/performer/performer.weft";
    expect(await definition(performer, "embedded(tokens)", 1)).toBe(placeIn(own, "fn embedded", 3));
    expect(await definition(performer, "return to_out(norm(x))", 19)).toBe(placeIn(own, "let x = embedded", 4));
    expect(await definition(performer, "require L <= max_len", 8)).toBe(placeIn(own, "logits<L>", 7));
    expect(await definition(performer, "require L <= max_len", 13)).toBe(placeIn(own, "max_len: size"));
    expect(await definition(performer, "block[l].masked(x", 2)).toBe(placeIn(own, "sub block", 4));
    expect(await definition(performer, "block[l].masked(x", 6)).toBe(placeIn(own, "l in 0..layers"));
    expect(await definition(performer, "block[l].masked(x", 10)).toBe(
      placeIn("models/performer/layers.weft", "fn masked", 3, "module Block("),
    );
    expect(await definition(performer, "tiny { vocab", 8)).toBe(placeIn(own, "vocab: size"));
  });

  it("leads into the library and to files", async () => {
    expect(await definition(performer, "use std/nn: Embedding", 13)).toBe(
      placeIn("std/nn.weft", "module Embedding", 7),
    );
    expect(await definition(performer, "sub norm: LayerNorm", 12)).toMatch(/^std\/(nn|norm)\.weft:/);
    expect(await definition(performer, "use std/nn: Embedding", 6)).toBe("std/nn.weft:1:1");
    expect(await definition(performer, "./layers: Block", 3)).toBe("models/performer/layers.weft:1:1");
  });
});

describe("references", () => {
  const find = async (document: OpenDocument, needle: string, move: number, includeDeclaration: boolean) => {
    const found = await client.connection.sendRequest(ReferencesRequest.type, {
      ...at(document, document.at(needle, move)),
      context: { includeDeclaration },
    });
    return found ?? [];
  };

  it("cover every open file, and only what is meant", async () => {
    const path = "models/performer/attention.weft";
    const { document } = await client.open(join(packageRoot, path), readWeft(path));
    const { document: layers } = await client.open(
      join(packageRoot, "models/performer/layers.weft"),
      readWeft("models/performer/layers.weft"),
    );
    const found = await find(document, "fn favor<", 3, true);
    const expected = [document, layers].map((each) => [...each.text().matchAll(/\bfavor\b(?=[<(,\n])/g)].length);
    const counts = [document, layers].map(({ uri }) => found.filter((each) => each.uri === uri).length);
    expect(counts).toEqual(expected);
    expect(counts[1]).toBeGreaterThan(1);
    // `A` of one function is not `A` of another.
    const local = await find(document, "let A[i, j]", 4, false);
    expect(local.map(({ range }) => range.start.line - document.at("let A[i, j]").line)).toEqual([1, 1]);
    layers.close();
    document.close();
  });

  it("highlight an index with the function applied along it", async () => {
    const { document } = await write(
      "along.weft",
      "fn f<n>(x: f32[n, n]) -> f32[n, n] {\n  let A[i, j] = softmax[j](x[i, j])\n  return A\n}\n",
    );
    const found = await client.connection.sendRequest(
      DocumentHighlightRequest.type,
      at(document, document.at("softmax[j]", 8)),
    );
    expect(found?.map(({ range }) => range.start.character)).toEqual([11, 24, 32]);
    document.close();
  });
});

describe("rename", () => {
  const rename = (document: OpenDocument, needle: string, move: number, newName: string) =>
    client.connection.sendRequest(RenameRequest.type, { ...at(document, document.at(needle, move)), newName });

  it("changes all open files", async () => {
    const one = await write("one.weft", "fn scaled(x: f32, by: f32) -> f32 = x * by\n");
    const two = await write("two.weft", "use ./one: scaled\n\nfn f(scale: f32) -> f32 = scaled(scale, by: 2)\n");
    const edit = await rename(one.document, "scaled", 1, "stretched");
    const changes = edit?.changes ?? {};
    expect(applied(one.document.text(), changes[one.document.uri]!)).toBe(
      "fn stretched(x: f32, by: f32) -> f32 = x * by\n",
    );
    expect(applied(two.document.text(), changes[two.document.uri]!)).toBe(
      "use ./one: stretched\n\nfn f(scale: f32) -> f32 = stretched(scale, by: 2)\n",
    );
    const label = (await rename(one.document, "by: f32", 0, "factor"))?.changes ?? {};
    expect(applied(two.document.text(), label[two.document.uri]!)).toContain("scaled(scale, factor: 2)");
    await expect(rename(one.document, "scaled", 1, "f")).rejects.toThrow("is taken");
    one.document.close();
    two.document.close();
  });

  it("refuses collisions, words of the language, and what is not the author's", async () => {
    await expect(rename(performer, "encoded<L>", 1, "embedded")).rejects.toThrow(/`embedded` is taken/);
    await expect(rename(performer, "let position[i", 4, "x")).rejects.toThrow(/taken|mistake/);
    await expect(rename(performer, "let position[i", 4, "require")).rejects.toThrow("cannot be a name");
    await expect(rename(performer, "let position[i", 4, "2x")).rejects.toThrow("cannot be a name");
    await expect(rename(performer, "masked_mean(cross", 2, "other")).rejects.toThrow("belongs to the library");
    // One index would capture the other.
    await expect(rename(performer, "i, c] = token", 3, "i")).rejects.toThrow(/taken|mistake/);
  });

  it("keeps the names of parameters in checkpoints", async () => {
    const edit = await rename(performer, "sub to_out", 5, "head");
    const text = applied(performer.text(), edit?.changes?.[performer.uri] ?? []);
    expect(text).toContain('sub head as "to_out": Linear(d, vocab)');
    expect(text).toContain("return head(encoded(tokens))");
    const place = await client.connection.sendRequest(
      PrepareRenameRequest.type,
      at(performer, performer.at("sub to_out", 5)),
    );
    expect(place).toMatchObject({ placeholder: "to_out" });
  });
});

describe("completion", () => {
  it("offers names in scope, functions of the library, keywords and built-in functions", async () => {
    const { document } = await write(
      "typing.weft",
      "fn f<L, d>(Q: f32[L, d]) -> f32[L, d] {\n  let first = Q * 2\n  let Y[i, c] = so\n  return Y\n}\n",
    );
    const items = labels(await complete(document, "= so\n", 4));
    for (const name of ["first", "Q", "L", "i", "c", "softmax", "sqrt", "sum", "f32", "concat"])
      if (name !== "f32") expect(items).toContain(name);
    expect(items).not.toContain("Y2");
    const statement = labels(await complete(document, "  return Y", 2));
    expect(statement).toEqual(expect.arrayContaining(["let", "return", "for", "if", "require"]));
    document.close();
  });

  it("offers what a file has after `use`, and paths", async () => {
    const { document } = await write("imports.weft", "use std/nn: \n\nfn f(x: f32) -> f32 = x\n");
    expect(labels(await complete(document, "use std/nn: ", 12))).toEqual(
      expect.arrayContaining(["Linear", "Embedding"]),
    );
    await document.replace("use std/nn: ", "use std/");
    expect(labels(await complete(document, "use std/", 8))).toEqual(expect.arrayContaining(["nn", "attention"]));
    await document.replace("use std/", "use ./");
    expect(labels(await complete(document, "use ./", 6))).toContain("typing");
    document.close();
  });

  it("offers members behind a dot, labels in a call, types, modules, and the settings of a preset", async () => {
    const path = "models/performer/performer.weft";
    const broken = readWeft(path)
      .replace("return to_out(encoded(tokens))", "return to_out.")
      .replace("{ x = block[l].masked(x, position, mask) }", "{ x = block[l].masked(x, ) }");
    performer.set(broken);
    expect(labels(await complete(performer, "return to_out.", 14))).toEqual(expect.arrayContaining(["weight", "bias"]));
    const inCall = labels(await complete(performer, "masked(x, )", 10));
    expect(inCall).toEqual(expect.arrayContaining(["position:", "mask:"]));
    expect(inCall).not.toContain("x:");
    performer.set(readWeft(path));
    expect(labels(await complete(performer, "tiny { vocab", 7))).toEqual(expect.arrayContaining(["vocab", "layers"]));
    const { document } = await write(
      "types.weft",
      "fn f(x: ) -> f32 = x\n\nmodule A() {\n  sub part: \n}\n\nmodule B() { }\n",
    );
    expect(labels(await complete(document, "x: )", 3))).toEqual(expect.arrayContaining(["f32", "idx", "size"]));
    expect(labels(await complete(document, "sub part: ", 10))).toEqual(expect.arrayContaining(["A", "B"]));
    document.close();
  });

  it("tells the parameters of a call", async () => {
    const { document } = await write(
      "call.weft",
      "fn f(x: f32, by: f32 = 2) -> f32 = x * by\n\nfn g(x: f32) -> f32 = f(x, 3)\n",
    );
    const found = await client.connection.sendRequest(
      SignatureHelpRequest.type,
      at(document, document.at("f(x, 3", 5)),
    );
    expect(found?.signatures[0]?.label).toBe("fn f(x: f32, by: f32 = 2) -> f32");
    expect(found?.activeParameter).toBe(1);
    document.close();
  });
});

describe("layout and structure", () => {
  it("formats", async () => {
    const { document } = await write("layout.weft", "fn f( x:f32 )->f32 {\n return x\n}\n");
    const edits = await client.connection.sendRequest(DocumentFormattingRequest.type, {
      textDocument: { uri: document.uri },
      options: { tabSize: 2, insertSpaces: true },
    });
    expect(applied(document.text(), edits ?? [])).toBe("fn f(x: f32) -> f32 {\n  return x\n}\n");
    expect(
      await client.connection.sendRequest(DocumentFormattingRequest.type, {
        textDocument: { uri: performer.uri },
        options: { tabSize: 2, insertSpaces: true },
      }),
    ).toEqual([]);
    document.close();
  });

  it("outlines a model with its members", async () => {
    const found = (await client.connection.sendRequest(DocumentSymbolRequest.type, {
      textDocument: { uri: performer.uri },
    })) as DocumentSymbol[];
    expect(found.map(({ name }) => name)).toEqual(["Performer"]);
    const members = found[0]?.children ?? [];
    expect(members.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["token_emb", "positions", "block", "logits", "loss", "encoded", "tiny"]),
    );
    for (const { name, selectionRange } of members) expect(performer.slice(selectionRange)).toBe(name);
  });

  it("hints the types of every `let`", async () => {
    const hints = await client.connection.sendRequest(InlayHintRequest.type, {
      textDocument: { uri: performer.uri },
      range: { start: performer.at("fn embedded"), end: performer.at("preset paper") },
    });
    const texts = hints?.map(({ label, position }) => [position.line - performer.at("fn embedded").line, label]);
    expect(texts).toEqual([
      [2, ": f32[L, d]"],
      [3, ": f32[L, d]"],
    ]);
  });
});

describe("repairs", () => {
  const repairs = async (document: OpenDocument, needle: string) => {
    const position = document.at(needle);
    const found = await client.connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri: document.uri },
      range: { start: position, end: position },
      context: { diagnostics: [] },
    });
    return (found ?? []) as CodeAction[];
  };
  const result = (document: OpenDocument, action: CodeAction | undefined): string =>
    applied(document.text(), (action?.edit?.changes?.[document.uri] ?? []) as TextEdit[]);

  it("write what was meant", async () => {
    const { document } = await write("slip.weft", "fn f<n>(x: f32[n]) -> f32[n] = softmx(x)\n");
    const [first] = await repairs(document, "softmx");
    expect(first?.title).toBe("Write `softmax`");
    expect(result(document, first)).toBe("fn f<n>(x: f32[n]) -> f32[n] = softmax(x)\n");
    document.close();
  });

  it("state what must be equal, and import what the library has", async () => {
    const { document } = await write(
      "states.weft",
      "fn f<L, S>(x: f32[L], y: f32[S]) -> f32[L] {\n  let z[i] = x[i] * y[i]\n  return cross_entropi(z)\n}\n",
    );
    const actions = await repairs(document, "i]\n");
    const stated = actions.find(({ title }) => title.startsWith("State"));
    expect(result(document, stated)).toMatch(/\{\n {2}require [LS] == [LS]\n {2}let z/);
    await document.replace("cross_entropi", "cross_entropy");
    const imported = (await repairs(document, "cross_entropy")).find(({ title }) => title.startsWith("Add"));
    expect(result(document, imported)).toMatch(/^use std\/loss: cross_entropy\n\nfn f/);
    document.close();
  });
});
