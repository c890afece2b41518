/** `weft new NAME`: a starter file. */
import { existsSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { exitStatus, InputProblems, UsageError } from "../exit-status.ts";
import { modelName } from "../model-name.ts";
import type { Verb } from "../verb.ts";

export const newVerb: Verb = {
  name: "new",
  describe: (command) => {
    command
      .summary("write a starter file with a small model")
      .argument("<name>", "name of the model, or path of the .weft file");
  },
  execute: async ([name], _options, terminal) => {
    const path = (name as string).endsWith(".weft") ? (name as string) : `${name}.weft`;
    const model = modelName(basename(path, ".weft"));
    if (model === undefined) {
      throw new UsageError(
        `\`${basename(path)}\` gives no name for a model: begin it with a letter, as in sparse-attention`,
      );
    }
    if (existsSync(path)) throw new InputProblems([`${path} exists already; choose another name`]);
    if (!existsSync(dirname(path))) throw new InputProblems([`there is no folder ${dirname(path)}; make it first`]);
    writeFileSync(path, starter(model));
    if (terminal.json) terminal.printJson({ file: path, model });
    else {
      terminal.print(
        [
          `${path}: a model ${model} of two layers of attention. Next:`,
          `  npx weft check ${path}`,
          `  npx weft run ${path} --set L=128 --input all=random`,
          `  npx weft inspect ${path} --set L=128`,
        ].join("\n"),
      );
    }
    return exitStatus.done;
  },
};

function starter(model: string): string {
  return `/// What the model does, and the paper it is from.

use std/nn: LayerNorm, Linear

/// Y = softmax(Q Kᵀ / √d) V, for one head.
fn attention<L, d, e>(Q: f32[L, d], K: f32[L, d], V: f32[L, e]) -> f32[L, e] {
  let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
  let Y[i, c] = sum[j] A[i, j] * V[j, c]
  return Y
}

/// x + O attention(Q y, K y, V y) with y = norm(x).
module Layer(d: size, heads: size) {
  require d % heads == 0
  sub norm: LayerNorm(d)
  sub query: Linear(d, d)
  sub key: Linear(d, d)
  sub value: Linear(d, d)
  sub out: Linear(d, d)

  fn forward<L>(x: f32[L, d]) -> f32[L, d] {
    let y[i, :] = norm(x[i])
    let Q[h: heads, i, c] = query(y[i])[(h c)]
    let K[h: heads, i, c] = key(y[i])[(h c)]
    let V[h: heads, i, c] = value(y[i])[(h c)]
    let Y[h, :, :] = attention(Q[h], K[h], V[h])
    let joined[i, (h c)] = Y[h, i, c]
    let z[i, :] = x[i] + out(joined[i])
    return z
  }
}

model ${model}(d: size = 64, heads: size = 4, layers: size = 2) {
  sub layer: Layer(d, heads)[layers]

  entry forward<L>(x: f32[L, d]) -> f32[L, d] {
    let y = x
    for l in 0..layers { y = layer[l](y) }
    return y
  }

  /// Mean squared difference from a target: \`weft train\` minimises it.
  entry loss<L>(x: f32[L, d], target: f32[L, d]) -> f32 {
    let y = forward(x)
    let error = mean[i, c] (y[i, c] - target[i, c])^2
    return error
  }

  preset tiny { d = 16, heads = 2 }
}
`;
}
