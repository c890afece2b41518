/**
 * A draft as the fragment of an address, and back. `#text=1.` and then JSON, compressed by zlib (whose checksum finds damage), in the
 * characters of base64url (RFC 4648, section 5). No server sees what stands behind `#`.
 */
import { type Draft, ownPath } from "./draft.ts";

/** Characters of a text that a link carries. */
export const longestShared = 200_000;

/** What an address asks for. */
export type Shared =
  | { readonly kind: "nothing" }
  | { readonly kind: "draft"; readonly draft: Draft }
  | { readonly kind: "example"; readonly name: string }
  | { readonly kind: "problem"; readonly message: string };

/** The text is too long for a link. */
export class ShareError extends Error {
  override readonly name = "ShareError";
}

/**
 * The fragment, with its `#`.
 *
 * @throws ShareError for a text longer than `longestShared`
 */
export async function fragmentOf(draft: Draft): Promise<string> {
  if (draft.text.length > longestShared) {
    throw new ShareError(
      `The text has ${draft.text.length} characters, and a link carries at most ${longestShared}: share the file instead.`,
    );
  }
  const bytes = new TextEncoder().encode(JSON.stringify(draft));
  return `#text=1.${toBase64Url(await through(bytes, new CompressionStream("deflate")))}`;
}

/** What a fragment asks for; one that cannot be read says why. */
export async function readFragment(fragment: string): Promise<Shared> {
  if (fragment === "" || fragment === "#") return { kind: "nothing" };
  const example = /^#example=([\w-]+)$/.exec(fragment)?.[1];
  if (example !== undefined) return { kind: "example", name: example };
  const [, version, packed] = /^#text=(\d+)\.(.*)$/s.exec(fragment) ?? [];
  if (version === undefined || packed === undefined) {
    return problem("it begins neither with `#text=` nor with `#example=`");
  }
  if (version !== "1")
    return problem(`its form ${version} is newer than this page; reload the page, or ask for the text`);
  const bytes = fromBase64Url(packed);
  if (bytes === undefined) return problem("it has characters that no link of this page has");
  let json: string;
  try {
    // JSON writes a character as at most six, and the other fields are short.
    const limit = 8 * longestShared;
    json = new TextDecoder("utf-8", { fatal: true }).decode(
      await through(bytes, new DecompressionStream("deflate"), limit),
    );
  } catch (error) {
    return problem(error instanceof ShareError ? error.message : "it is cut short or changed");
  }
  return draftFrom(json);
}

function problem(why: string): Shared {
  return { kind: "problem", message: `The text of this link cannot be read: ${why}.` };
}

function draftFrom(json: string): Shared {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return problem("what it holds is no description of a text");
  }
  const { path, text, model, entry, preset, settings, seed, optimise } = (value ?? {}) as Record<string, unknown>;
  const wrong = [
    ...(typeof text === "string" && text.length <= longestShared ? [] : ["text"]),
    ...(typeof path === "string" && isPath(path) ? [] : ["path"]),
    ...(isOptionalName(model) ? [] : ["model"]),
    ...(isOptionalName(entry) ? [] : ["entry"]),
    ...(isOptionalName(preset) ? [] : ["preset"]),
    ...(isSettings(settings) ? [] : ["settings"]),
    ...(Number.isSafeInteger(seed) && (seed as number) >= 0 ? [] : ["seed"]),
    ...(typeof optimise === "boolean" ? [] : ["optimise"]),
  ];
  if (wrong.length > 0) return problem(`its ${wrong.join(", ")} ${wrong.length === 1 ? "is" : "are"} missing or wrong`);
  // Only what a draft has; anything else that the link holds is left behind.
  return { kind: "draft", draft: { path, text, model, entry, preset, settings, seed, optimise } as Draft };
}

const isPath = (path: string): boolean =>
  path === ownPath || (path.length < 200 && /^(?:[\p{L}\p{N}_-]+\/)*[\p{L}\p{N}_-]+\.weft$/u.test(path));
const isOptionalName = (value: unknown): boolean =>
  value === undefined || (typeof value === "string" && value.length < 200);
const isSettings = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((each) => typeof each === "boolean" || Number.isFinite(each));

/** @throws ShareError when more than `limit` bytes come out; TypeError for input that the stream refuses */
async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  limit = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter();
  // Reading reports every failure; here it would be reported a second time.
  const written = Promise.all([writer.write(bytes), writer.close()]).catch(() => undefined);
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = stream.readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const part = next.value as Uint8Array;
    parts.push(part);
    length += part.length;
    if (length > limit) {
      await reader.cancel();
      throw new ShareError("it unpacks to more than a text");
    }
  }
  await written;
  const all = new Uint8Array(length);
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}

function toBase64Url(bytes: Uint8Array): string {
  // In pieces, because a call takes only so many arguments.
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
