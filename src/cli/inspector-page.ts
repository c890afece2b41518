/** The inspection page with the script and style that the build made. */
import { join } from "node:path";
import { type Inspection, type PageAssets, renderPage } from "../inspect/index.ts";
import { packageRoot } from "../library.ts";
import { readSourceText } from "./source-files.ts";

/** @throws InputProblems when the package was not built */
export function inspectionPage(inspection: Inspection): string {
  return renderPage(inspection, pageAssets());
}

function pageAssets(): PageAssets {
  const read = (name: string) => readSourceText(join(packageRoot, "dist", name));
  return { script: read("inspector.js"), style: read("inspector-style.css") };
}
