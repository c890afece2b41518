/** Types of build.mjs for the tests that use it. */

/** The inspection page's script and style, in memory. */
export function buildPage(): Promise<{
  readonly outputFiles: readonly { readonly path: string; readonly text: string }[];
}>;
