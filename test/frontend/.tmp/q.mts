import { parse } from "../../../src/frontend/parse.ts";
import { readFileSync } from "node:fs";
const md = readFileSync("/work/shared/design/language.md","utf8");
const blocks = [...md.matchAll(/```\n([\s\S]*?)```/g)].map(m=>m[1]!);
for (const b of blocks) {
  const text = /^(fn|module|model|\/\/\/)/.test(b) ? b : `fn f(x: f32) -> f32 {\n${b}\n}`;
  const r = parse("x.weft", text);
  console.log(r.file.declarations.length, r.diagnostics.map(d=>[d.code,d.title,d.primary]));
}
const r = parse("t.weft", `/// hello
/// there
fn f<n>(x: f32[n], y: idx<n+1>[n]) -> (a: f32[n], b: f32) {
  let a = (1 + 2 
  let b = 2x
  if a = 3 { let u = 1 }
  let c = a && b
  let d = x[i] // hello world
  let sum = 3
  return (a, b)
}
fn g( -> f32 {
  let x = 3
}
fn h(x: f32) -> f32 = x + 1  // comment
`);
console.log(JSON.stringify(r.diagnostics.map(d=>[d.code,d.title,d.primary.text, d.primary.span.line, d.primary.span.column,d.help]),null,0).replaceAll("],[","],\n["));
console.log(r.file.declarations.map(d=>[d.name.name, d.doc, d.span, d.body.length]), JSON.stringify(r.file.declarations[1].body[0].value.span));
