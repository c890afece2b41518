/** Drafts as fragments of addresses, and back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Draft, plainDraft } from "../../playground/src/draft.ts";
import { fragmentOf, longestShared, readFragment, ShareError } from "../../playground/src/share-link.ts";

const draft: Draft = {
  ...plainDraft,
  text: "/// φ of x̂\nfn φ<n>(x: f32[n]) -> f32[n] = x\n",
  entry: "φ",
  settings: { n: 4, causal: true },
  seed: 7,
  optimise: false,
};

/** What JSON leaves out is absent. */
const written = (value: Draft): unknown => JSON.parse(JSON.stringify(value));

/** A fragment as the page makes them, around any JSON. */
async function fragmentAround(json: string): Promise<string> {
  const stream = new Blob([json]).stream().pipeThrough(new CompressionStream("deflate"));
  return `#text=1.${Buffer.from(await new Response(stream).arrayBuffer()).toString("base64url")}`;
}

async function problemOf(fragment: string): Promise<string> {
  const shared = await readFragment(fragment);
  return shared.kind === "problem" ? shared.message : `read as ${shared.kind}`;
}

describe("a share link", () => {
  it("gives back text and settings, in characters that every address may have", async () => {
    const fragment = await fragmentOf(draft);
    expect(fragment).toMatch(/^#text=1\.[\w-]+$/);
    const shared = await readFragment(fragment);
    expect(shared.kind === "draft" ? written(shared.draft) : shared).toEqual(written(draft));
  });

  it("gives back any text", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme", maxLength: 300 }),
        fc.dictionary(fc.string({ maxLength: 5 }), fc.oneof(fc.integer(), fc.boolean())),
        fc.nat(),
        async (text, settings, seed) => {
          const given = { ...draft, text, settings: { ...settings }, seed };
          const shared = await readFragment(await fragmentOf(given));
          expect(shared.kind === "draft" ? written(shared.draft) : shared).toEqual(written(given));
        },
      ),
    );
  });

  it("is shorter than the text it carries, and refuses one that is too long for an address", async () => {
    const text = "let A[i, j] = sum[c] Q[i, c] * K[j, c]\n".repeat(1000);
    expect((await fragmentOf({ ...draft, text })).length).toBeLessThan(text.length / 20);
    await expect(fragmentOf({ ...draft, text: "x".repeat(longestShared + 1) })).rejects.toThrow(ShareError);
  });

  it("leads to an example by its name, and to nothing without a fragment", async () => {
    expect(await readFragment("#example=performer")).toEqual({ kind: "example", name: "performer" });
    expect(await readFragment("")).toEqual({ kind: "nothing" });
    expect(await readFragment("#")).toEqual({ kind: "nothing" });
  });

  it("is read in no other way after any damage", async () => {
    const fragment = await fragmentOf(draft);
    const start = "#text=1.".length;
    for (let i = start; i < fragment.length; i++) {
      const other = fragment[i] === "A" ? "B" : "A";
      for (const damaged of [fragment.slice(0, i) + other + fragment.slice(i + 1), fragment.slice(0, i)]) {
        const shared = await readFragment(damaged);
        // The last character may carry bits that belong to no byte.
        if (shared.kind === "draft") expect(written(shared.draft)).toEqual(written(draft));
        else expect(shared.kind).toBe("problem");
      }
    }
  });

  it("says what is wrong with it", async () => {
    const fragment = await fragmentOf(draft);
    expect(await problemOf("#somewhere")).toMatch(/begins neither with `#text=`/);
    expect(await problemOf(fragment.replace("=1.", "=2."))).toMatch(/form 2 is newer than this page/);
    expect(await problemOf(`${fragment}%20`)).toMatch(/characters that no link/);
    expect(await problemOf(fragment.slice(0, 40))).toMatch(/cut short or changed/);
    expect(await problemOf(await fragmentAround("no JSON"))).toMatch(/no description of a text/);
    expect(await problemOf(await fragmentAround("null"))).toMatch(/text, path, settings, seed, optimise are missing/);
    expect(await problemOf(await fragmentAround(JSON.stringify({ ...draft, seed: -1 })))).toMatch(/its seed is/);
    expect(await problemOf(await fragmentAround(JSON.stringify({ ...draft, path: "../x.weft" })))).toMatch(
      /its path is/,
    );
    expect(await problemOf(await fragmentAround(JSON.stringify({ ...draft, settings: { n: "4" } })))).toMatch(
      /its settings is/,
    );
    expect(await problemOf(await fragmentAround(" ".repeat(9 * longestShared)))).toMatch(/unpacks to more than a text/);
  });
});
