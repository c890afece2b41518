/** What a detector and FastText would say of the synthetic world: vectors that depend on names, words and the seed only. */
import { type Dice, diceOf } from "../../shared/dice.ts";
import { ngramsOf } from "../fasttext.ts";
import { phoc, phocLength } from "../phoc.ts";
import { sizesOf } from "../sizes.ts";
import { type ObjectName, objectNames } from "./lexicon.ts";

const { region, fasttext } = sizesOf.tiny;
const noise = 0.05;

function unit(vector: ArrayLike<number>): Float32Array {
  let squares = 0;
  for (let k = 0; k < vector.length; k++) squares += (vector[k] as number) ** 2;
  const norm = Math.sqrt(squares);
  return Float32Array.from(vector, (value) => value / norm);
}

/** A direction for each object class. */
const prototypes = new Map<ObjectName, Float32Array>(
  objectNames.map((name) => [name, unit(diceOf(0, `tap.prototype.${name}`).stream.normal(region))]),
);

/** What the detector says of an object: its class, and a little of everything. f32[64], length 1. */
export function objectFeature(name: ObjectName, dice: Dice): Float32Array {
  return withNoise(prototypes.get(name) as Float32Array, dice);
}

function withNoise(feature: Float32Array, dice: Dice): Float32Array {
  const deviations = dice.stream.normal(region);
  return unit(feature.map((value, c) => value + noise * (deviations[c] as number)));
}

/** Fixed random directions for the elements of a PHOC. */
const appearance = diceOf(0, "tap.appearance").stream.normal(region * phocLength);

const looks = new Map<string, Float32Array>();

/** How a word is spelt, seen from afar. f32[64], length 1. */
function lookOf(word: string): Float32Array {
  let look = looks.get(word);
  if (look === undefined) {
    const spelt = [...phoc(word).entries()].filter(([, value]) => value === 1).map(([k]) => k);
    look = unit(
      Float64Array.from({ length: region }, (_, c) =>
        spelt.reduce((sum, k) => sum + (appearance[c * phocLength + k] as number), 0),
      ),
    );
    looks.set(word, look);
  }
  return look;
}

/** What the detector says of a written word: how it looks, and a little of everything. f32[64], length 1. */
export function tokenFeature(word: string, dice: Dice): Float32Array {
  return withNoise(lookOf(word), dice);
}

const ngramVectors = new Map<string, ArrayLike<number>>();

/** Stands in for FastText: the sum of a random vector for each 2- and 3-gram of `<word>`. f32[32]. */
export function wordFeature(word: string): Float32Array {
  const sum = new Float32Array(fasttext);
  for (const ngram of ngramsOf(word, 2, 3)) {
    let vector = ngramVectors.get(ngram);
    if (vector === undefined) {
      vector = diceOf(0, `tap.ngram.${ngram}`).stream.normal(fasttext);
      ngramVectors.set(ngram, vector);
    }
    for (let c = 0; c < fasttext; c++) sum[c] = (sum[c] as number) + (vector[c] as number);
  }
  return sum;
}
