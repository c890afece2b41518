/** What there is to begin with. */
/// <reference types="vite/client" />
import edges from "../../examples/edges.weft?raw";
import attention from "../examples/attention.weft?raw";
import mistakes from "../examples/mistakes.weft?raw";
import recurrence from "../examples/recurrence.weft?raw";
import { type Draft, plainDraft } from "./draft.ts";
import { libraryTexts } from "./library-texts.ts";

export interface Example {
  /** In addresses: `#example=performer`. */
  readonly name: string;
  readonly title: string;
  readonly draft: Draft;
}

function example(name: string, title: string, text: string, rest: Partial<Draft> = {}): Example {
  return { name, title, draft: { ...plainDraft, text, ...rest } };
}

/** One that is a file of the library's own, under its own path. */
function libraryExample(name: string, title: string, path: string, rest: Partial<Draft>): Example {
  const text = libraryTexts.get(path);
  if (text === undefined) throw new RangeError(`there is no text ${path}`);
  return example(name, title, text, { path, ...rest });
}

export const examples: readonly Example[] = [
  example("attention", "Causal attention", attention, { settings: { L: 128, d: 32, e: 32 } }),
  libraryExample("linear", "Attention by a kernel: the order of sums is found", "tutorial/linear.weft", {
    settings: { L: 1024, d: 32, e: 32 },
  }),
  libraryExample("model", "A model with layers and a loss", "tutorial/model.weft", {
    model: "Encoder",
    entry: "loss",
    settings: { L: 32 },
  }),
  libraryExample("performer", "Performer (Choromanski et al. 2021)", "models/performer/performer.weft", {
    model: "Performer",
    entry: "logits",
    preset: "tiny",
    settings: { L: 32 },
  }),
  example("edges", "Edges of a picture", edges, { settings: { H: 64, W: 64 } }),
  example("recurrence", "A gated recurrence", recurrence, { settings: { T: 64, n: 16, d: 32 } }),
  example("mistakes", "Mistakes, and what the compiler says", mistakes),
];
