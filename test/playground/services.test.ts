/** What the playground's workers answer, without a browser. */
import { describe, expect, it } from "vitest";
import { buildDraft, type Machine, Refusal, runBuild } from "../../playground/src/build-service.ts";
import { type Draft, plainDraft, sameDraft, settingFrom } from "../../playground/src/draft.ts";
import { examples } from "../../playground/src/examples.ts";
import { makeLanguageService } from "../../playground/src/language-service.ts";
import { libraryTexts } from "../../playground/src/library-texts.ts";
import { compile } from "../../src/index.ts";
import { applyChanges } from "../../src/lsp/editing.ts";

const machine: Machine = { kind: "reference", description: "the reference evaluator" };
const language = makeLanguageService();
const byName = (name: string): Draft => {
  const found = examples.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no example ${name}`);
  return found.draft;
};
const own = (text: string, rest: Partial<Draft> = {}): Draft => ({ ...plainDraft, text, ...rest });

function built(draft: Draft) {
  const outcome = buildDraft(draft, machine);
  if (outcome.kind === "mistakes") throw new Error(outcome.problems.map(({ title }) => title).join("; "));
  return outcome.build;
}

describe("the examples", () => {
  it.each(examples.filter(({ name }) => name !== "mistakes"))("$name is without mistakes and builds", ({ draft }) => {
    const { problems, entries } = language.check(draft);
    expect(problems).toEqual([]);
    expect(entries.length).toBeGreaterThan(0);
    const { inspection } = built(draft);
    expect(inspection.sources.map(({ path }) => path)).toContain(draft.path);
    expect(inspection.kernels.length).toBeGreaterThan(0);
  });

  it("of mistakes has each at its place, with repairs where the compiler knows one", () => {
    const { text, path } = byName("mistakes");
    language.check({ text, path });
    const problems = language.repair({ text, path });
    const placed = problems.map(({ code, primary: { span } }) => [code, text.slice(span.start, span.end)]);
    expect(placed).toEqual([
      ["size/mismatch", "j"],
      ["name/unknown", "sqr"],
      ["index/range", "i + 1"],
    ]);
    for (const problem of problems) {
      expect(problem.help.length, problem.code).toBeGreaterThan(0);
      expect(problem.explanation, problem.code).toMatch(/\w/);
    }
    const repair = problems[1]?.repairs[0];
    expect(repair?.title).toBe("Write `sqrt`");
    const mended = applyChanges(text, repair?.changes ?? []);
    expect(language.check({ text: mended, path }).problems.map(({ code }) => code)).not.toContain("name/unknown");
  });
});

describe("the language service", () => {
  it("lists what can be run, with sizes, switches and presets", () => {
    const { entries } = language.check(byName("performer"));
    expect(entries.map(({ model, entry }) => `${model}.${entry}`)).toContain("Performer.logits");
    const [logits] = entries;
    expect(logits?.presets).toContain("tiny");
    expect(logits?.settings[0]).toEqual({ name: "L", type: "size" });
    expect(logits?.settings).toContainEqual({ name: "heads", type: "size", default: "8" });
    expect(logits?.settings).toContainEqual({ name: "causal", type: "bool", default: "false" });
  });

  it("offers names of the library and of the text, and says what they are", () => {
    const text = "fn double<n>(x: f32[n]) -> f32[n] {\n  let half_way[i] = rel\n  return half_way\n}\n";
    const offset = text.indexOf("rel") + 3;
    const { items, start } = language.complete({ path: "playground.weft", text, offset });
    expect(start).toBe(offset - 3);
    expect(items.map(({ label }) => label)).toEqual(expect.arrayContaining(["relu", "x", "i"]));
    const costs = { preset: "paper", sizes: { n: 7 } };
    const hover = language.hover({ path: "playground.weft", text, offset: text.indexOf("return half") + 8, costs });
    expect(hover?.text).toContain("half_way");
  });

  it("lays texts out, unless they cannot be read", () => {
    const format = (text: string) => language.format({ path: "playground.weft", text });
    expect(format("fn f<n>(x:f32[n])->f32[n]=x")).toBe("fn f<n>(x: f32[n]) -> f32[n] = x\n");
    expect(format("fn f(")).toBeUndefined();
  });

  it("has every file that a text of the library uses", () => {
    for (const [path, text] of libraryTexts) {
      expect(
        language.check({ path, text }).problems.map(({ title }) => title),
        path,
      ).toEqual([]);
    }
  });
});

describe("the build service", () => {
  it("chooses sizes that the text's requirements allow, and tells them", () => {
    const { values } = built(
      own("fn f<n, m>(x: f32[n, m]) -> f32[n] {\n  require n < 20\n  let y[i] = sum[j] x[i, j]\n  return y\n}", {
        settings: { m: 3 },
      }),
    );
    expect(values).toEqual({ n: 16, m: 3 });
    expect(built(byName("performer")).values).toMatchObject({ L: 32, d: 16, heads: 2 });
  });

  it("finds what is wrong with settings", () => {
    const outcome = buildDraft({ ...byName("performer"), settings: { L: 32, heads: 3 } }, machine);
    const [problem] = outcome.kind === "mistakes" ? outcome.problems : [];
    expect(problem?.title).toMatch(/d % heads|require/);
  });

  it("runs as the library does", async () => {
    const draft = byName("edges");
    const { outputs, report } = await runBuild(built(draft), machine, 5);
    const program = await compile(draft.text, { settings: draft.settings, device: "reference", seed: 5 });
    const { randomInput } = await import("../../src/random-data.ts");
    const picture = randomInput({ dtype: "f32", shape: [3, 64, 64] }, 5, "picture");
    const expected = await program.run({ picture });
    expect(outputs.map(({ name, printedType }) => [name, printedType])).toEqual([["edges", "f32[64, 64]"]]);
    expect(outputs[0]?.data).toEqual(expected.edges);
    expect(report).toMatchObject({ adapter: "the reference evaluator", dispatches: program.kernels.length });
  });

  it("refuses to draw more than a page can hold", async () => {
    const { compiled, ...rest } = built(byName("edges"));
    const huge = built({ ...byName("edges"), settings: { H: 20_000, W: 20_000 } });
    await expect(runBuild(huge, machine, 0)).rejects.toThrow(Refusal);
    await expect(runBuild(huge, machine, 0)).rejects.toThrow(/picture: f32\[3, 20000, 20000\]. Choose smaller sizes/);
    expect((await runBuild({ compiled, ...rest }, machine, 0)).outputs).toHaveLength(1);
  });
});

describe("drafts", () => {
  it("are the same whatever the order of their settings", () => {
    const [a, b] = [own("x", { settings: { n: 1, m: 2 } }), own("x", { settings: { m: 2, n: 1 } })];
    expect(sameDraft(a, b)).toBe(true);
    expect(sameDraft(a, { ...b, seed: 1 })).toBe(false);
    expect(sameDraft(a, { ...b, settings: { m: 2 } })).toBe(false);
  });

  it("take numbers and switches, and nothing else", () => {
    expect(["64", " 1e-5 ", "-.5", "true", "false"].map(settingFrom)).toEqual([64, 1e-5, -0.5, true, false]);
    for (const text of ["", "12x", "0x10", "Infinity", "1,5", "yes"]) expect(settingFrom(text), text).toBeUndefined();
  });
});
