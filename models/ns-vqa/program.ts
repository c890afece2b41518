/** Programs of CLEVR as trees and as sequences of tokens. */
import { arity, functionTokens } from "./vocabulary.ts";

/** A function applied to the results of others; `scene` has no inputs. */
export interface Program {
  readonly function: string;
  readonly inputs: readonly Program[];
}

/** A sequence of tokens that is not one complete program. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
}

/** A tree from its function and inputs. */
export function apply(name: string, ...inputs: readonly Program[]): Program {
  return { function: name, inputs };
}

/** The function, then the tokens of its first input, then those of its second: the order that the question parser writes. */
export function prefixTokens(program: Program): readonly string[] {
  return [program.function, ...program.inputs.flatMap(prefixTokens)];
}

/** The tokens of the first input, those of the second, then the function: the order in which a stack machine runs them. */
export function postfixTokens(program: Program): readonly string[] {
  return [...program.inputs.flatMap(postfixTokens), program.function];
}

const known = new Set(functionTokens);

function checkKnown(token: string) {
  if (!known.has(token)) throw new ProgramError(`there is no function ${JSON.stringify(token)}`);
}

/**
 * The tree of a sequence in prefix order, without special words.
 *
 * @throws ProgramError for an unknown function, a missing input or tokens left over
 */
export function programOfPrefix(tokens: readonly string[]): Program {
  let next = 0;
  const read = (): Program => {
    const token = tokens[next];
    if (token === undefined) throw new ProgramError("the program ends before all inputs are given");
    next++;
    checkKnown(token);
    return apply(token, ...Array.from({ length: arity(token) }, read));
  };
  const program = read();
  if (next < tokens.length) throw new ProgramError(`${tokens.length - next} tokens follow a complete program`);
  return program;
}

/**
 * The tree of a sequence in postfix order, without special words.
 *
 * @throws ProgramError for an unknown function, a missing input or results left over
 */
export function programOfPostfix(tokens: readonly string[]): Program {
  const results: Program[] = [];
  for (const token of tokens) {
    checkKnown(token);
    const inputs = arity(token);
    if (results.length < inputs) throw new ProgramError(`${token} wants ${inputs} inputs and gets ${results.length}`);
    results.push(apply(token, ...results.splice(results.length - inputs)));
  }
  const [program] = results;
  if (program === undefined || results.length > 1)
    throw new ProgramError(`a program has one result, not ${results.length}`);
  return program;
}
