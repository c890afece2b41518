/**
 * The program executor: runs the programs that the question parser writes on the objects that the scene parser found. It follows
 * the published code (kexinyi/ns-vqa, reason/executors/clevr_executor.py at df35761) in what every function accepts and in how the
 * registers are filled, so that a wrong program gives the same answer or the same `error` as there.
 */
import {
  type Attribute,
  attributes,
  attributeValues,
  isRelated,
  type Relation,
  relations,
  type Scene,
  type SceneObject,
} from "./scene.ts";

/** What a register holds. */
export type Value =
  | { readonly kind: "nothing" }
  | { readonly kind: "set"; readonly objects: Scene }
  | { readonly kind: "object"; readonly object: SceneObject }
  | { readonly kind: "integer"; readonly integer: number }
  | { readonly kind: "word"; readonly word: string };

/** What a program came to: a value, or the place and the reason of the first error. */
export type Outcome =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "error"; readonly reason: string; readonly position?: number };

/** A function of the language: from the two registers and the whole scene to a value, or to `undefined` for `error`. */
type Rule = (first: Value, second: Value, scene: Scene) => Value | undefined;

const nothing: Value = { kind: "nothing" };
const setOf = (objects: Scene): Value => ({ kind: "set", objects });
const integerOf = (integer: number): Value => ({ kind: "integer", integer });
const wordOf = (word: string): Value => ({ kind: "word", word });
const yesOrNo = (holds: boolean): Value => wordOf(holds ? "yes" : "no");

/** A function of one set. */
const ofSet =
  (rule: (objects: Scene) => Value | undefined): Rule =>
  (first) =>
    first.kind === "set" ? rule(first.objects) : undefined;

/** A function of one object, which may look at the whole scene. */
const ofObject =
  (rule: (object: SceneObject, scene: Scene) => Value): Rule =>
  (first, _, scene) =>
    first.kind === "object" ? rule(first.object, scene) : undefined;

const ofTwoSets =
  (rule: (first: Scene, second: Scene) => Scene): Rule =>
  (first, second) =>
    first.kind === "set" && second.kind === "set" ? setOf(rule(first.objects, second.objects)) : undefined;

const ofTwoIntegers =
  (rule: (first: number, second: number) => boolean): Rule =>
  (first, second) =>
    first.kind === "integer" && second.kind === "integer" ? yesOrNo(rule(first.integer, second.integer)) : undefined;

const filter = (attribute: Attribute, value: string): Rule =>
  ofSet((objects) => setOf(objects.filter((object) => object[attribute] === value)));

const relate = (relation: Relation): Rule =>
  ofObject((from, scene) => setOf(scene.filter((other) => isRelated(relation, other, from))));

const same = (attribute: Attribute): Rule =>
  ofObject((like, scene) =>
    setOf(scene.filter((other) => other[attribute] === like[attribute] && other.id !== like.id)),
  );

const query = (attribute: Attribute): Rule => ofObject((object) => wordOf(object[attribute]));

/** Equality of two values, which must both be values of that attribute. */
function equal(attribute: Attribute): Rule {
  const isValue = (word: string) => (attributeValues[attribute] as readonly string[]).includes(word);
  return (first, second) =>
    first.kind === "word" && second.kind === "word" && isValue(first.word) && isValue(second.word)
      ? yesOrNo(first.word === second.word)
      : undefined;
}

const isIn = (objects: Scene, object: SceneObject) => objects.some(({ id }) => id === object.id);

/** Every function but `scene`, which moves the registers. */
const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["count", ofSet((objects) => integerOf(objects.length))],
  ["exist", ofSet((objects) => yesOrNo(objects.length > 0))],
  [
    "unique",
    // The first of several, as in the published code; only the generator of CLEVR demands that there is one.
    ofSet(([object]) => (object === undefined ? undefined : { kind: "object", object })),
  ],
  ["intersect", ofTwoSets((first, second) => first.filter((object) => isIn(second, object)))],
  ["union", ofTwoSets((first, second) => [...second, ...first.filter((object) => !isIn(second, object))])],
  ["equal_integer", ofTwoIntegers((first, second) => first === second)],
  ["less_than", ofTwoIntegers((first, second) => first < second)],
  ["greater_than", ofTwoIntegers((first, second) => first > second)],
  ...relations.map((relation) => [`relate[${relation}]`, relate(relation)] as const),
  ...attributes.flatMap((attribute) => [
    [`equal_${attribute}`, equal(attribute)] as const,
    [`query_${attribute}`, query(attribute)] as const,
    [`same_${attribute}`, same(attribute)] as const,
    ...attributeValues[attribute].map((value) => [`filter_${attribute}[${value}]`, filter(attribute, value)] as const),
  ]),
]);

const kindNames: Readonly<Record<Value["kind"], string>> = {
  nothing: "nothing",
  set: "a set",
  object: "an object",
  integer: "a number",
  word: "a word",
};

/**
 * Runs a program in prefix order, from its last token to its first, on two registers: `scene` moves the result so far into the
 * second register and loads all objects; a function replaces the result. The second register is never emptied, so a third
 * `scene` is an error. Tokens after the first `<END>` are not read, other special words and unknown tokens are skipped.
 *
 * @param tokens words of the program vocabulary, with `<END>`
 */
export function execute(tokens: readonly string[], scene: Scene): Outcome {
  const end = tokens.indexOf("<END>");
  if (end === -1) return { kind: "error", reason: "the program has no <END>" };
  let [result, second] = [nothing, nothing];
  for (let position = end - 1; position >= 0; position--) {
    const token = tokens[position] as string;
    if (token === "scene") {
      if (second.kind !== "nothing") return { kind: "error", reason: "a third result cannot be kept", position };
      [result, second] = [setOf(scene), result];
      continue;
    }
    const rule = rules.get(token);
    if (rule === undefined) continue;
    const value = rule(result, second, scene);
    if (value === undefined) {
      const reason = `${token} cannot take ${kindNames[result.kind]}, with ${kindNames[second.kind]} beside it`;
      return { kind: "error", reason, position };
    }
    result = value;
  }
  return { kind: "value", value: result };
}

/** Runs a sequence of function tokens that has no special words. */
export function executeProgram(tokens: readonly string[], scene: Scene): Outcome {
  return execute([...tokens, "<END>"], scene);
}

/**
 * The answer of an outcome as text. Programs that end in a set, an object or nothing answer no question; their text is one that
 * no question has as its answer.
 */
export function answerText(outcome: Outcome): string {
  if (outcome.kind === "error") return "error";
  const { value } = outcome;
  switch (value.kind) {
    case "word":
      return value.word;
    case "integer":
      return String(value.integer);
    case "set":
      return `[${value.objects.map(({ id }) => id).join(", ")}]`;
    case "object":
      return `{${value.object.id}}`;
    case "nothing":
      return "None";
  }
}

const yesAndNo = ["yes", "no"];

/** `same_*` gives a set and answers nothing; that the published code guesses yes or no for it is kept. */
const candidates: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["count", Array.from({ length: 11 }, (_, count) => String(count))] as const,
  ...["exist", "equal_integer", "less_than", "greater_than"].map((token) => [token, yesAndNo] as const),
  ...attributes.flatMap((attribute) => [
    [`equal_${attribute}`, yesAndNo] as const,
    [`same_${attribute}`, yesAndNo] as const,
    [`query_${attribute}`, attributeValues[attribute]] as const,
  ]),
]);

/** Answers that the published code guesses from after an error, by the program's first token; `undefined` when it guesses none. */
export function answerCandidates(token: string): readonly string[] | undefined {
  return candidates.get(token);
}

/**
 * The answer given at test time: after an error one of the answers that the first token allows, uniformly by `uniform` in (0, 1);
 * `error` where it allows none. A missing `<END>` stays an error.
 */
export function answerOrGuess(tokens: readonly string[], scene: Scene, uniform: number): string {
  const outcome = execute(tokens, scene);
  const answer = answerText(outcome);
  if (outcome.kind !== "error" || outcome.position === undefined) return answer;
  const allowed = answerCandidates(tokens[0] as string);
  return allowed?.[Math.floor(uniform * allowed.length)] ?? answer;
}
