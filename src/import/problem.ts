/** What can be wrong with a model file, or with what is asked of it. */

/** A mistake in the file, or something that Weft's language cannot say; `message` tells what and where. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

/** One node cannot be said in Weft; the importer notes the reason and goes on with the others. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
