/** The values on which `--verify` compares the graph before and after every pass. */
import { evaluationCost } from "../ir/index.ts";
import type { PassVerification } from "../passes/index.ts";
import type { HostTensor } from "../runtime/index.ts";
import type { LoadedEntry } from "./compilation.ts";
import { hostParameters, type ParameterValues, tensorsOf } from "./execution.ts";
import type { Terminal } from "./terminal.ts";

/** Elementary operations of one evaluation; there is one per pass that changed something. */
const largestVerification = 5e8;

/** What the passes are checked on; says so when the graph is too large to be evaluated after each. */
export async function passVerification(
  entry: LoadedEntry,
  readInputs: () => Promise<Readonly<Record<string, HostTensor>>>,
  parameters: ParameterValues,
  terminal: Terminal,
): Promise<PassVerification> {
  const { graph } = entry;
  // The nodes of a hand-written IR text come from nowhere.
  const origins = entry.parameters !== undefined;
  const cost = evaluationCost(graph);
  if (cost > largestVerification) {
    terminal.note(
      `--verify: the graph takes ${cost.toExponential(1)} operations, more than the ${largestVerification.toExponential(1)} ` +
        "that are evaluated after every pass; its structure is verified, its values are not",
    );
    return { origins };
  }
  const values = {
    inputs: tensorsOf(graph.inputs, await readInputs()),
    parameters: await hostParameters(graph, parameters),
  };
  return { values, maximumOperations: largestVerification, origins };
}
