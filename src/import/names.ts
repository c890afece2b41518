/** Names of the text, made from those of the model: letters of the language, each once. */
import { castNames, constantNames } from "../frontend/index.ts";

/** Words that mean something in the language, and functions that equations use. */
const taken = new Set([
  ..."and all any argmax argmin as batch buffer concat else entry extern false fn for forward if in let logsumexp max mean min".split(
    " ",
  ),
  ..."model module not of or param preset prod require return sub sum then true use wgsl where training uniform_like".split(
    " ",
  ),
  ..."exp log sqrt sin cos tan tanh erf abs floor ceil round sign rsqrt softmax log_softmax sigmoid softplus relu leaky_relu".split(
    " ",
  ),
  ..."elu gelu gelu_tanh silu square dot norm argsort argsort_descending sort sort_descending topk size idx".split(" "),
  // What operators take from the library, or write beside the model.
  ..."Linear LayerNorm BatchNorm1d BatchNorm2d InstanceNorm2d Conv1d Conv2d Conv3d ConvTranspose2d convolve1d convolve2d".split(
    " ",
  ),
  ..."convolve3d convolve2d_transposed max_pool2d average_pool2d global_average_pool resize_nearest resize_bilinear".split(
    " ",
  ),
  ..."resize_bilinear_corners resize_bicubic resize_bicubic_corners lstm lstm_reverse gru gru_reverse softsign mish".split(
    " ",
  ),
  ..."hard_swish celu truncated_quotient gru_reset_first rnn_tanh rnn_relu".split(" "),
  ...castNames.keys(),
  ...constantNames.keys(),
]);

export interface Names {
  /** A new name, as near as possible to the wanted one. */
  readonly make: (wanted: string) => string;
  /** Keeps a name for something that cannot be called otherwise. */
  readonly reserve: (name: string) => void;
  /** All names given so far. */
  readonly given: ReadonlySet<string>;
}

/** Names that all differ, and differ from the language's words. */
export function makeNames(reserved: Iterable<string> = []): Names {
  const given = new Set(reserved);
  const free = (name: string) => !given.has(name) && !taken.has(name);
  const make = (wanted: string): string => {
    const stem = identifier(wanted);
    let name = stem;
    for (let count = 2; !free(name); count++) name = `${stem}_${count}`;
    given.add(name);
    return name;
  };
  return { make, given, reserve: (name) => given.add(name) };
}

/** The text as a name of the language: other characters become `_`. */
export function identifier(text: string): string {
  const name = text
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}_]+/gu, "_")
    .replace(/[^\p{L}0-9_]/gu, "_")
    .replace(/^_+|_+$/g, "")
    .replace(/__+/g, "_");
  return /^\p{L}/u.test(name) ? name : name === "" ? "value" : `v${name}`;
}

/** `onnx::MatMul_165` and `/layers.0/Constant_output_0` as dotted paths of a checkpoint. */
export function checkpointPath(name: string): string {
  const path = name
    .replace(/::|\//g, ".")
    .replace(/[^\p{L}\p{N}_.-]+/gu, "_")
    .split(".")
    .filter((part) => part !== "")
    .join(".");
  return path === "" ? "value" : path;
}

const longestName = 40;

/** The end of a dotted path that is short enough for a name: `layers.0.linear1.weight` → `layers_0_linear1_weight`. */
export function shortName(path: string): string {
  const parts = path.split(".");
  let name = parts.pop() as string;
  // A number alone says nothing: `layers.0.weight` begins with `layers`.
  const isOpen = () =>
    parts.length > 0 && (/^\d/.test(name) || name.length + (parts.at(-1) as string).length < longestName);
  while (isOpen()) name = `${parts.pop()}_${name}`;
  return identifier(name);
}

/**
 * What a person might call a value that exporters name after its node: `/encoder/layers.0/self_attn/MatMul_output_0` →
 * `self_attn_matmul`, and for bare numbers the operator.
 */
export function valueName(name: string, operator: string): string {
  const parts = name
    .replace(/^onnx::/, "")
    .replace(/_output_\d+$/, "")
    .split("/")
    .filter((part) => part !== "");
  const last = (parts.pop() ?? "").replace(/\.\d+$/, "");
  const above = parts.at(-1)?.replaceAll(".", "_");
  if (!/[\p{L}]/u.test(last)) return identifier(lowerCase(operator));
  const own = lowerCase(last.replace(/_\d+$/, ""));
  return identifier(above !== undefined && above.length + own.length < longestName ? `${above}_${own}` : own);
}

/** `ReduceMean` → `reduce_mean`; names that are not in camel case stay. */
function lowerCase(text: string): string {
  if (!/^\p{Lu}/u.test(text)) return text;
  return text.replace(/(\p{Ll})(\p{Lu})/gu, "$1_$2").toLowerCase();
}
