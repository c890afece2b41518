/** An inspection from its JSON, as an earlier run wrote it. */
import type { Inspection } from "./inspection.ts";

/** The text is no inspection that this version can read; the message says why. */
export class InspectionFormatError extends Error {
  override readonly name = "InspectionFormatError";
}

/**
 * Reads what `weft inspect FILE --emit json` wrote. Checked is what costs and comparisons use: kinds of values, and that references
 * lead into the tables.
 *
 * @throws InspectionFormatError
 */
export function readInspection(text: string): Inspection {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InspectionFormatError(`it is not JSON (${(error as Error).message})`);
  }
  const top = record(value, "it");
  if (top.format !== "weft-inspection/1") {
    throw new InspectionFormatError(
      'it is no inspection: it has no "format": "weft-inspection/1", as `weft inspect FILE --emit json` writes it',
    );
  }
  if (top.equations === undefined) {
    throw new InspectionFormatError("an earlier version of weft wrote it, without equations; write it again");
  }
  texts(top, "it", "name", "adapter");
  numbers(top, "it", "steps");
  const sources = rows(top, "sources", (row, where) => texts(row, where, "path", "text"));
  const spans = rows(top, "spans", (row, where) => {
    numbers(row, where, "start", "end", "line");
    references(row, where, "source", sources);
  });
  rows(top, "equations", (row, where) => {
    numbers(row, where, "start", "end", "line");
    texts(row, where, "name", "definition");
    references(row, where, "source", sources);
  });
  const nodes = rows(top, "nodes", (row, where) => {
    texts(row, where, "family");
    numbers(row, where, "flops");
    references(row, where, "origins", spans);
  });
  rows(top, "launches", (row, where) => {
    texts(row, where, "label", "kind");
    numbers(row, where, "flops", "bytes", "unavoidable", "steps");
    references(row, where, "members", nodes);
  });
  numbers(record(top.memory, "memory"), "memory", "arenas");
  if (top.profile !== undefined) numbers(record(top.profile, "profile"), "profile", "ms");
  return value as Inspection;
}

type Row = Readonly<Record<string, unknown>>;

function record(value: unknown, where: string): Row {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row;
  throw new InspectionFormatError(`${where} is no object`);
}

/** @returns the number of rows */
function rows(top: Row, table: string, check: (row: Row, where: string) => void): number {
  const list = top[table];
  if (!Array.isArray(list)) throw new InspectionFormatError(`${table} is no list`);
  list.forEach((row: unknown, id) => {
    check(record(row, `${table}[${id}]`), `${table}[${id}]`);
  });
  return list.length;
}

function texts(row: Row, where: string, ...fields: readonly string[]): void {
  for (const field of fields) {
    if (typeof row[field] !== "string") throw new InspectionFormatError(`${where}: ${field} is no text`);
  }
}

/** Fields that hold a number that is not negative, or a list of such. */
function numbers(row: Row, where: string, ...fields: readonly string[]): void {
  const isNumber = (value: unknown) => typeof value === "number" && value >= 0;
  for (const field of fields) {
    const value = row[field];
    if (Array.isArray(value) ? value.every(isNumber) : isNumber(value)) continue;
    throw new InspectionFormatError(`${where}: ${field} is no number`);
  }
}

/** A position in a table of `count` rows, or a list of such. */
function references(row: Row, where: string, field: string, count: number): void {
  numbers(row, where, field);
  const value = row[field] as number | readonly number[];
  const wrong = (typeof value === "number" ? [value] : value).find((id) => !Number.isInteger(id) || id >= count);
  if (wrong !== undefined) throw new InspectionFormatError(`${where}: ${field} ${wrong} is not in its table`);
}
