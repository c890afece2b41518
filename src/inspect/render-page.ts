/** The inspection as one HTML file that needs nothing else: no server, no network, no other file. */
import type { Inspection } from "./inspection.ts";

/** The page's own program and looks, as the build makes them of `page/`. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** @returns the text of the HTML file */
export function renderPage(inspection: Inspection, { script, style }: PageAssets): string {
  // Inside a script element only `<` can end it; in JSON it stands only inside strings.
  const data = JSON.stringify(inspection).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>${escapeText(inspection.name)} · Weft inspector</title>
<style>${style.replaceAll("</style", "<\\/style")}</style>
</head>
<body>
<noscript>This page shows its contents with a script of its own; scripts are turned off.</noscript>
<div id="inspector" class="page"></div>
<script type="application/json" id="inspection">${data}</script>
<script>${script.replaceAll("</script", "<\\/script")}</script>
</body>
</html>
`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
