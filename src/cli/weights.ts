/** Values of parameters and buffers: from a file of weights by path, or from their initialisers and the seed. */
import { suggestName } from "../frontend/index.ts";
import { printType, sameShape, type TensorType } from "../ir/index.ts";
import { openWeights, type WeightsFile } from "../runtime/node.ts";
import type { ParameterValues } from "./execution.ts";
import { InputProblems } from "./exit-status.ts";
import type { Terminal } from "./terminal.ts";

/** A parameter or buffer that values are wanted for. */
export interface WantedParameter {
  readonly path: string;
  readonly type: TensorType;
}

export interface WeightsRequest {
  readonly file?: string;
  readonly allowMissing: boolean;
  /** First values of a parameter that no file gives. */
  readonly initial: ParameterValues;
}

export interface OpenParameters {
  readonly read: ParameterValues;
  /** How many parameters come from the file. */
  readonly fromFile: number;
  readonly close: () => Promise<void>;
}

/**
 * Matches a file of weights with the parameters of a model, all mismatches reported at once.
 *
 * @param wanted  every parameter and buffer of the model, used or not
 * @throws InputProblems listing tensors that are missing, left over, or of another shape; WeightsError for a damaged file
 */
export async function openParameters(
  wanted: readonly WantedParameter[],
  request: WeightsRequest,
  terminal: Terminal,
): Promise<OpenParameters> {
  const { file: path, initial } = request;
  if (path === undefined) return { read: initial, fromFile: 0, close: async () => undefined };
  const file = await openWeights(path);
  try {
    checkWeights(path, file, wanted, request.allowMissing, terminal);
  } catch (error) {
    await file.close();
    throw error;
  }
  const types = new Map(wanted.map(({ path: name, type }) => [name, type]));
  return {
    fromFile: wanted.filter(({ path: name }) => file.tensors.has(name)).length,
    read: (name) => (file.tensors.has(name) ? file.read(name, types.get(name)?.dtype ?? "f32") : initial(name)),
    close: () => file.close(),
  };
}

function checkWeights(
  path: string,
  file: WeightsFile,
  wanted: readonly WantedParameter[],
  allowMissing: boolean,
  terminal: Terminal,
): void {
  const known = new Set(wanted.map(({ path: name }) => name));
  const leftOver = [...file.tensors.keys()].filter((name) => !known.has(name));
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const { path: name, type } of wanted) {
    const stored = file.tensors.get(name);
    if (stored === undefined) {
      const close = suggestName(name, leftOver);
      missing.push(`${path} lacks ${name}: ${printType(type)}${close === undefined ? "" : ` (it has ${close})`}`);
    } else if (!sameShape(stored.shape, type.shape)) {
      misshapen.push(`${path}: ${name} is [${stored.shape.join(", ")}], but the model declares ${printType(type)}`);
    }
  }
  const superfluous = leftOver.map((name) => `${path} has ${name}, which the model does not`);
  if (allowMissing) {
    if (misshapen.length > 0) throw new InputProblems(misshapen);
    if (missing.length > 0)
      terminal.note(`${missing.length} of ${wanted.length} parameters are not in ${path}; initialised`);
    if (superfluous.length > 0) terminal.note(`${superfluous.length} tensors of ${path} are not used`);
    return;
  }
  if (missing.length === wanted.length && wanted.length > 0 && leftOver.length > 0) {
    throw new InputProblems([
      `${path} has none of the ${wanted.length} parameters (${someOf([...known])}), but ${leftOver.length} others (${someOf(leftOver)}): ` +
        "these are weights of another network, or of this one by other names (`weft params` lists the names here)",
    ]);
  }
  const problems = [...misshapen, ...missing, ...superfluous];
  if (problems.length === 0) return;
  if (missing.length + superfluous.length > 0) {
    problems.push(
      "names must match parameter paths (`weft params` lists them); --allow-missing initialises what is missing",
    );
  }
  throw new InputProblems(problems);
}

/** The first names of a list, for a message. */
function someOf(names: readonly string[]): string {
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")}, …`;
}
