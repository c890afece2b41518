/** Training at `tiny` on the synthetic world, first the modules and then their mixing, and its scores on 1000 samples not seen in training. */
import { demoScores } from "../shared/demo-scores.ts";
import type { Recipe } from "../shared/recipe.ts";
import { type Name, shapesOf } from "../shared/refworld/phrases.ts";
import { type Shape, shapes } from "../shared/refworld/scene.ts";
import type { TestScores } from "./held-out-scores.ts";
import type { PhraseKind } from "./world.ts";

const data = "--data models/hulanet/training-data.ts --schedule linear";

export const recipe: Recipe = {
  file: "models/hulanet/hulanet.weft",
  runs: [
    { name: "modules", options: `--entry module_loss ${data} --batch 32 --steps 1000 --lr 1e-2`.split(" ") },
    {
      name: "mixing",
      from: "modules",
      // The first run has no part for the mixing, so it begins from its initialisers.
      options: `--entry mixing_loss ${data} --batch 64 --steps 600 --lr 3e-2 --allow-missing`.split(" "),
    },
  ],
  score: async (weights) => {
    const found = demoScores<TestScores>("hulanet", ["--weights", weights("mixing"), "--test", "1000"]);
    const { all, byKind } = found;
    const iouOf = (kind: PhraseKind) => byKind[kind]?.mean ?? Number.NaN;
    const weight = (kind: PhraseKind) => found.weights[kind] ?? failMissing(kind);
    const attentionOn = (name: Name, isMeant: boolean) =>
      shapes.filter((shape) => shapesOf(name).includes(shape) === isMeant).map((shape) => attention(name, shape));
    const attention = (name: Name, shape: Shape) => (found.attention[name] ?? failMissing(name))[shape];
    const both = weight("both");
    return {
      samples: 1000,
      threshold: found.threshold,
      "mean IoU": all.mean,
      "cumulative IoU": all.overall,
      "Pr@0.5": all.precision["0.5"],
      "mean IoU, name alone": iouOf("name"),
      "mean IoU, with attributes": iouOf("attribute"),
      "mean IoU, with a relation": iouOf("relation"),
      "mean IoU, with both": iouOf("both"),
      "w_c + w_cc, name alone": weight("name").c + weight("name").cc,
      "w_ca, with attributes": weight("attribute").ca,
      "w_cr, with a relation": weight("relation").cr,
      "w_ar before the next, with both": both.ar - Math.max(...Object.values({ ...both, ar: 0 })),
      "attention of circle on its channel": Math.min(...attentionOn("circle", true)),
      "1 - attention of circle elsewhere": 1 - Math.max(...attentionOn("circle", false)),
      "attention of round on its channels": Math.min(...attentionOn("round", true)),
      "attention of box on its channels": Math.min(...attentionOn("box", true)),
    };
  },
  bars: {
    "mean IoU": 0.7,
    "Pr@0.5": 0.82,
    "mean IoU, with a relation": 0.65,
    "w_c + w_cc, name alone": 0.8,
    "w_ca, with attributes": 0.8,
    "w_cr, with a relation": 0.8,
    "w_ar before the next, with both": 0,
    "attention of circle on its channel": 0.9,
    "1 - attention of circle elsewhere": 0.8,
    "attention of round on its channels": 0.7,
    "attention of box on its channels": 0.7,
  },
};

function failMissing(what: string): never {
  throw new Error(`none of the test samples is of the kind ${what}`);
}
