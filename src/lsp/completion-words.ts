/** The keywords of the language by the places where they are offered. */

/** Keywords by where they stand; a test holds them against the keywords of the grammar. */
export const declarationWords: readonly string[] = ["use", "fn", "module", "model", "preset", "extern"];
export const memberOnlyWords: readonly string[] = ["param", "buffer", "sub", "entry", "fn", "preset"];
export const statementWords: readonly string[] = ["let", "return", "for", "if", "require"];
export const expressionWords: readonly string[] = ["if", "then", "else", "where", "and", "or", "not", "true", "false"];
/** Words that belong to others and are not offered by themselves. */
export const dependentWords: readonly string[] = ["in", "of", "as", "wgsl", "batch"];
