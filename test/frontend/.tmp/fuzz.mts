import { readFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { check } from "../../../src/frontend/check.ts";
import { renderDiagnostics } from "../../../src/frontend/render-diagnostic.ts";
import { languageBuiltins } from "../../../src/builtins.ts";
let seed = Number(process.argv[2] ?? 1);
const rnd = (n: number) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 2147483648 * n); };
const files = [...readdirSync("std").map(f=>"std/"+f), ...readdirSync("test/frontend/errors").filter(f=>f.endsWith(".weft")).map(f=>"test/frontend/errors/"+f), "models/performer/layers.weft"];
const texts = files.map(f => readFileSync(f, "utf8"));
const tokens = (t: string) => t.match(/\s+|[\p{L}_][\p{L}\p{N}_]*|\d+|\S/gu) ?? [];
const pool = texts.flatMap(tokens).filter(t=>t.trim());
const prelude = readFileSync("std/prelude.weft","utf8").split("\n").slice(0,14).join("\n");
const builtins = languageBuiltins();
let worst = 0; const end = Date.now() + Number(process.argv[3] ?? 60) * 1000; let n = 0, errors = 0, clean = 0;
while (Date.now() < end) {
  const k = rnd(texts.length); const t = tokens(texts[k]!); const times = 1 + rnd(4);
  for (let i = 0; i < times; i++) { const p = rnd(t.length); const op = rnd(4);
    if (op === 0) t.splice(p, 1); else if (op === 1) t.splice(p, 0, pool[rnd(pool.length)]!); else if (op === 2) t[p] = pool[rnd(pool.length)]!; else { const q = rnd(t.length); [t[p], t[q]] = [t[q]!, t[p]!]; } }
  const text = t.join(""); const t0 = performance.now();
  try {
    const p = check("m.weft", { builtins, readSource: (f) => f === "m.weft" ? text : f === "std/prelude.weft" ? prelude : existsSync(f) ? readFileSync(f, "utf8") : undefined });
    const r = renderDiagnostics(p.diagnostics, p.sources); errors += p.diagnostics.length; if (!p.diagnostics.length) clean++;
    for (const l of r.split("\n")) if ([...l].length > 100 && !/\S{80}/.test(l)) { console.log("LONG", l); }
    if (/undefined|NaN|\[object/.test(r)) console.log("ODD", r.match(/.*(undefined|NaN|\[object).*/)?.[0]);
  } catch (e) { console.log("THROW", files[k], e instanceof Error ? e.stack?.split("\n").slice(0,5).join("\n") : e); writeFileSync("/tmp/throw"+n+".weft", text); }
  const dt = performance.now() - t0; if (dt > worst) { worst = dt; if (dt>1500) console.log("slow", dt.toFixed(0), files[k], text.length); } n++;
}
console.log({ n, errors, clean, worst });
