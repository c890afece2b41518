/** Types of build.mjs for the tests that use it. */

/** The inspection page's script and style, in memory. */
export function buildPage(): Promise<{
  readonly outputFiles: readonly { readonly path: string; readonly text: string }[];
}>;

/** The runtime of built modules, in memory: runtime.js, runtime-node.js and runtime.d.ts. */
export function buildStandalone(): Promise<{
  readonly outputFiles: readonly { readonly path: string; readonly text: string }[];
}>;
