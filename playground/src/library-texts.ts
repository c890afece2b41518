/** The texts that `use` finds in the playground: the standard library, the Performer, and the files of the tutorial. */
/// <reference types="vite/client" />
import tutorial from "../../docs/tutorial.md?raw";

const files: Readonly<Record<string, string>> = import.meta.glob(
  ["../../std/*.weft", "../../models/performer/*.weft"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);

/** The blocks of a page that are whole files, under their names: those that open with ```` ```weft NAME ````. */
function filesOfPage(page: string): ReadonlyMap<string, string> {
  const blocks = page.matchAll(/^```weft (\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, name = "", text = ""]) => [name, text]));
}

/** Texts by the path that messages and `use` give them: `std/nn.weft`. */
export const libraryTexts: ReadonlyMap<string, string> = new Map([
  ...Object.entries(files).map(([path, text]) => [path.replace("../../", ""), text] as const),
  ...[...filesOfPage(tutorial)].map(([name, text]) => [`tutorial/${name}`, text] as const),
]);
