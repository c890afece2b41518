import * as ohm from "ohm-js";
import { grammarText } from "../../../src/frontend/grammar.ts";
import { prepareSource } from "../../../src/frontend/source-text.ts";
const line = "let y[i, j] = sum[c] Q[i, c] * K[j, c] / sqrt(d) + x[2*i+1, c] else 0\n";
const big = "fn f(x: f32) -> f32 {\n" + line.repeat(1000) + "return x\n}\n";
const small = "fn f(x: f32) -> f32 {\n" + line.repeat(40) + "return x\n}\n";
function time(label: string, text: string) {
  const g = ohm.grammar(text);
  for (const s of [small, small, big, big]) { const t0 = performance.now(); const m = g.match(s); console.log(label, m.succeeded(), s.length, (performance.now()-t0).toFixed(0)); }
}
time("base", grammarText);
time("noreserved", grammarText.replace("~reserved identifierStart", '~"else" ~"return" ~"then" ~"let" ~"sum" identifierStart'));
time("noplain", grammarText.replaceAll("<P>", "").replaceAll("<Operand>", "").replaceAll("<OperandPlain>","").replaceAll("= P (", "= Operand ("));
