/** `weft explain CODE`: the long text of an error. */
import { explain, explainedCodes, suggestName } from "../../frontend/index.ts";
import { exitStatus, UsageError } from "../exit-status.ts";
import type { Verb } from "../verb.ts";

export const explainVerb: Verb = {
  name: "explain",
  describe: (command) => {
    command.summary("long text of an error").argument("[code]", "such as size/mismatch; all codes when left out");
  },
  execute: async ([code], _options, terminal) => {
    if (code === undefined) {
      if (terminal.json) terminal.printJson({ codes: explainedCodes() });
      else terminal.print(explainedCodes().join("\n"));
      return exitStatus.done;
    }
    const text = explain(code);
    if (text === undefined) {
      const close = suggestName(code, explainedCodes());
      throw new UsageError(
        `there is no error code ${code}; ${close === undefined ? "`weft explain` lists all of them" : `did you mean ${close}?`}`,
      );
    }
    if (terminal.json) terminal.printJson({ code, text });
    else terminal.print(text);
    return exitStatus.done;
  },
};
