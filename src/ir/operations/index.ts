/** The operation set. To add an operation, add its record to a family's file; everything else is derived from it. */
import type { Operation } from "../operation.ts";
import { IrError } from "../operation.ts";
import { approximate } from "./approximate.ts";
import { contract } from "./contract.ts";
import { cast, elementwiseOperations } from "./elementwise.ts";
import { extern } from "./extern.ts";
import { gather, scatter } from "./indexed.ts";
import { linearRecurrence } from "./linear-recurrence.ts";
import { loop } from "./loop.ts";
import { movementOperations } from "./movement.ts";
import { argsort } from "./order.ts";
import { reductionOperations, scanOperations } from "./reduce.ts";
import { constant, input, iota, parameter } from "./source.ts";
import { window } from "./window.ts";

/** Every operation of the IR, by family. */
export const operations: readonly Operation[] = [
  input,
  parameter,
  constant,
  iota,
  ...elementwiseOperations,
  cast,
  contract,
  ...reductionOperations,
  ...scanOperations,
  linearRecurrence,
  ...movementOperations,
  approximate,
  window,
  gather,
  scatter,
  argsort,
  loop,
  extern,
];

const byName = new Map(operations.map((operation) => [operation.name, operation]));

/** The record of an operation. Throws `IrError` for an unknown name. */
export function operationOf(name: string): Operation {
  const operation = byName.get(name);
  if (operation === undefined) throw new IrError(`no operation named ${name}`);
  return operation;
}

/** The record, or `undefined`, for names that come from a text. */
export function findOperation(name: string): Operation | undefined {
  return byName.get(name);
}
