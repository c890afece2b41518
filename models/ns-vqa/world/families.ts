/** The twenty families of questions of the synthetic world: each draws words, the program they mean and the answer in a scene. */

import type { Dice } from "../../shared/dice.ts";
import { apply, type Program, prefixTokens } from "../program.ts";
import { type Attribute, attributes, relations, type Scene, type SceneObject } from "../scene.ts";
import {
  chain,
  type Filters,
  filtered,
  freeFilters,
  likelyFilters,
  matches,
  matching,
  nounPhrase,
  related,
  relationText,
  setExpression,
  uniqueFilters,
} from "./phrases.ts";

/** A question about a scene. The answer comes from the objects that the phrases mean, not from running the program. */
export interface Instance {
  readonly text: string;
  readonly program: Program;
  readonly answer: string;
}

/** A kind of question. */
export interface Family {
  readonly name: string;
  /** Whether the answers are yes and no, whose numbers are kept alike. */
  readonly yesOrNo: boolean;
  /** An instance in that scene, or `undefined` when none was found. */
  readonly draw: (dice: Dice, scene: Scene) => Instance | undefined;
}

const yesOrNo = (holds: boolean) => (holds ? "yes" : "no");
const key = (program: Program) => prefixTokens(program).join(" ");
const filterCount = (filters: Filters) => Object.keys(filters).length;

const count: Family = {
  name: "count",
  yesOrNo: false,
  draw: (dice, scene) => {
    const set = setExpression(dice, scene);
    if (set === undefined) return undefined;
    const text = dice.pick([`how many ${set.text} are there`, `what number of ${set.text} are there`]);
    return { text, program: apply("count", set.program), answer: String(set.objects.length) };
  },
};

const exist: Family = {
  name: "exist",
  yesOrNo: true,
  draw: (dice, scene) => {
    const set = setExpression(dice, scene);
    if (set === undefined) return undefined;
    const text = dice.pick([`are there any ${set.text}`, `is there at least one of the ${set.text}`]);
    return { text, program: apply("exist", set.program), answer: yesOrNo(set.objects.length > 0) };
  },
};

const query = (attribute: Attribute): Family => ({
  name: `query-${attribute}`,
  yesOrNo: false,
  draw: (dice, scene) => {
    const found = chain(dice, scene, dice.pick([0, 1, 1, 2, 3]), [attribute]);
    if (found === undefined) return undefined;
    const text = dice.pick([
      `what ${attribute} is ${found.text}`,
      `what is the ${attribute} of ${found.text}`,
      `${found.text} has what ${attribute}`,
    ]);
    return { text, program: apply(`query_${attribute}`, found.program), answer: found.object[attribute] };
  },
});

/** An object, one of its attributes, and the others with the same value. */
function drawSame(dice: Dice, scene: Scene) {
  const attribute = dice.pick(attributes);
  const like = chain(dice, scene, 0, [attribute]);
  if (like === undefined) return undefined;
  const others = scene.filter((other) => other.id !== like.object.id && other[attribute] === like.object[attribute]);
  return { attribute, like, others, program: apply(`same_${attribute}`, like.program) };
}

const sameExist: Family = {
  name: "same-exist",
  yesOrNo: true,
  draw: (dice, scene) => {
    const same = drawSame(dice, scene);
    if (same === undefined) return undefined;
    const filters = likelyFilters(dice, same.others, 2, [same.attribute]);
    const nouns = nounPhrase(dice, filters, "plural");
    const tail = `the same ${same.attribute} as ${same.like.text}`;
    return {
      text: dice.pick([`are there any other ${nouns} with ${tail}`, `do any other ${nouns} have ${tail}`]),
      program: apply("exist", filtered(filters, same.program)),
      answer: yesOrNo(matching(filters, same.others).length > 0),
    };
  },
};

const sameCount: Family = {
  name: "same-count",
  yesOrNo: false,
  draw: (dice, scene) => {
    const same = drawSame(dice, scene);
    if (same === undefined) return undefined;
    const filters = likelyFilters(dice, same.others, 2, [same.attribute]);
    const nouns = nounPhrase(dice, filters, "plural");
    const tail = `the same ${same.attribute} as ${same.like.text}`;
    return {
      text: `${dice.pick(["how many", "what number of"])} other ${nouns} have ${tail}`,
      program: apply("count", filtered(filters, same.program)),
      answer: String(matching(filters, same.others).length),
    };
  },
};

const sameQuery: Family = {
  name: "same-query",
  yesOrNo: false,
  draw: (dice, scene) => {
    const same = drawSame(dice, scene);
    if (same === undefined) return undefined;
    const asked = dice.pick(attributes.filter((attribute) => attribute !== same.attribute));
    const found = uniqueFilters(dice, same.others, [same.attribute, asked]);
    if (found === undefined) return undefined;
    const noun = nounPhrase(dice, found.filters, "singular");
    const tail = `${noun} with the same ${same.attribute} as ${same.like.text}`;
    return {
      text: dice.pick([`what is the ${asked} of the other ${tail}`, `there is another ${tail} ; what is its ${asked}`]),
      program: apply(`query_${asked}`, apply("unique", filtered(found.filters, same.program))),
      answer: found.object[asked],
    };
  },
};

/** Objects that lie in one direction from one object and in another from another one. */
function drawBoth(dice: Dice, scene: Scene) {
  const [first, second] = [chain(dice, scene, 0), chain(dice, scene, 0)];
  if (first === undefined || second === undefined || first.object.id === second.object.id) return undefined;
  const [toFirst, toSecond] = [dice.pick(relations), dice.pick(relations)];
  const nearSecond = new Set(related(toSecond, second.object, scene));
  return {
    text: `both ${relationText(dice, toFirst)} ${first.text} and ${relationText(dice, toSecond)} ${second.text}`,
    program: apply(
      "intersect",
      apply(`relate[${toFirst}]`, first.program),
      apply(`relate[${toSecond}]`, second.program),
    ),
    objects: related(toFirst, first.object, scene).filter((object) => nearSecond.has(object)),
  };
}

const andCount: Family = {
  name: "and-count",
  yesOrNo: false,
  draw: (dice, scene) => {
    const both = drawBoth(dice, scene);
    if (both === undefined) return undefined;
    const filters = likelyFilters(dice, both.objects, 2);
    return {
      text: `how many ${nounPhrase(dice, filters, "plural")} are ${both.text}`,
      program: apply("count", filtered(filters, both.program)),
      answer: String(matching(filters, both.objects).length),
    };
  },
};

const andQuery: Family = {
  name: "and-query",
  yesOrNo: false,
  draw: (dice, scene) => {
    const both = drawBoth(dice, scene);
    if (both === undefined) return undefined;
    const asked = dice.pick(attributes);
    const found = uniqueFilters(dice, both.objects, [asked]);
    if (found === undefined) return undefined;
    return {
      text: `what is the ${asked} of the ${nounPhrase(dice, found.filters, "singular")} that is ${both.text}`,
      program: apply(`query_${asked}`, apply("unique", filtered(found.filters, both.program))),
      answer: found.object[asked],
    };
  },
};

/** Objects that one phrase or the other fits. */
function drawEither(dice: Dice, scene: Scene) {
  const [first, second] = [freeFilters(dice, 1, 2), freeFilters(dice, 1, 2)];
  const [one, other] = [filtered(first, apply("scene")), filtered(second, apply("scene"))];
  if (key(one) === key(other)) return undefined;
  return {
    mentioned: attributes.filter((attribute) => first[attribute] !== undefined || second[attribute] !== undefined),
    text: `${nounPhrase(dice, first, "plural")} or ${nounPhrase(dice, second, "plural")}`,
    program: apply("union", one, other),
    objects: scene.filter((object) => matches(first, object) || matches(second, object)),
  };
}

const orCount: Family = {
  name: "or-count",
  yesOrNo: false,
  draw: (dice, scene) => {
    const either = drawEither(dice, scene);
    if (either === undefined) return undefined;
    return {
      text: dice.pick([`how many things are either ${either.text}`, `what number of things are ${either.text}`]),
      program: apply("count", either.program),
      answer: String(either.objects.length),
    };
  },
};

const orFilter: Family = {
  name: "or-filter",
  yesOrNo: false,
  draw: (dice, scene) => {
    const either = drawEither(dice, scene);
    if (either === undefined) return undefined;
    const filters = freeFilters(dice, 1, 1, either.mentioned);
    if (filterCount(filters) === 0) return undefined;
    return {
      text: `how many ${nounPhrase(dice, filters, "plural")} are either ${either.text}`,
      program: apply("count", filtered(filters, either.program)),
      answer: String(matching(filters, either.objects).length),
    };
  },
};

const compareCounts = (
  name: string,
  words: readonly [before: string, between: string],
  token: string,
  holds: (first: number, second: number) => boolean,
): Family => ({
  name,
  yesOrNo: true,
  draw: (dice, scene) => {
    const [first, second] = [setExpression(dice, scene), setExpression(dice, scene)];
    if (first === undefined || second === undefined || key(first.program) === key(second.program)) return undefined;
    return {
      text: `are there ${words[0]} ${first.text} ${words[1]} ${second.text}`,
      program: apply(token, apply("count", first.program), apply("count", second.program)),
      answer: yesOrNo(holds(first.objects.length, second.objects.length)),
    };
  },
});

const compare = (attribute: Attribute): Family => ({
  name: `compare-${attribute}`,
  yesOrNo: true,
  draw: (dice, scene) => {
    const drawOne = (): { text: string; program: Program; object: SceneObject } | undefined =>
      chain(dice, scene, dice.pick([0, 0, 1]), [attribute]);
    const [first, second] = [drawOne(), drawOne()];
    if (first === undefined || second === undefined || first.object.id === second.object.id) return undefined;
    const asked = `query_${attribute}`;
    return {
      text: dice.pick([
        `do ${first.text} and ${second.text} have the same ${attribute}`,
        `is the ${attribute} of ${first.text} the same as that of ${second.text}`,
      ]),
      program: apply(`equal_${attribute}`, apply(asked, first.program), apply(asked, second.program)),
      answer: yesOrNo(first.object[attribute] === second.object[attribute]),
    };
  },
});

/** All families, in the order in which questions are drawn. */
export const families: readonly Family[] = [
  count,
  exist,
  ...attributes.map(query),
  sameExist,
  sameCount,
  sameQuery,
  andCount,
  andQuery,
  orCount,
  orFilter,
  compareCounts("equal", ["as many", "as"], "equal_integer", (first, second) => first === second),
  compareCounts("less", ["fewer", "than"], "less_than", (first, second) => first < second),
  compareCounts("more", ["more", "than"], "greater_than", (first, second) => first > second),
  ...attributes.map(compare),
];
