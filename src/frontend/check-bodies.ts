/** The bodies of all functions of a program, but for those that an earlier check found to be sound. */
import { recordBodies } from "./body-memory.ts";
import type { Checker, FileInfo } from "./check-context.ts";
import { checkFunctionBody } from "./check-function.ts";
import type { CheckedProgram } from "./checked-program.ts";
import type { FunctionDeclaration } from "./syntax-tree.ts";

/** Checks bodies, when everything outside of them is known; what was left out can be checked afterwards, for the tables. */
export function checkBodies(
  checker: Checker,
  files: readonly FileInfo[],
): Pick<CheckedProgram, "memory" | "fillTables"> {
  const { before } = checker.options;
  const records = before && recordBodies(checker, files, before);
  const left = new Set<FunctionDeclaration>();
  const checkBody = (declaration: FunctionDeclaration) => {
    checker.nextIndex = 0;
    checkFunctionBody(checker, declaration);
  };
  for (const declaration of checker.homes.keys()) {
    if (declaration.kind !== "function") continue;
    const known = records?.recall(declaration);
    if (known !== undefined) {
      checker.edges.push(...known);
      left.add(declaration);
      continue;
    }
    const [mistakes, calls] = [checker.diagnostics.length, checker.edges.length];
    checkBody(declaration);
    if (checker.diagnostics.length === mistakes) records?.note(declaration, checker.edges.slice(calls));
  }
  return {
    ...(records === undefined ? {} : { memory: records.memory() }),
    fillTables: (isWanted = () => true) => {
      for (const declaration of left) {
        if (!isWanted(declaration)) continue;
        left.delete(declaration);
        checkBody(declaration);
      }
    },
  };
}
