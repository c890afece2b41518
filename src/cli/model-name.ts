/** Names of models, from names of files. */

/** `sparse-attention` as `SparseAttention`; undefined for a name without a letter at its beginning. */
export function modelName(text: string): string | undefined {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const name = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join("");
  return /^\p{L}/u.test(name) ? name : undefined;
}
