/** The published schema of inspections. */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";

const schema = JSON.parse(readFileSync(new URL("../../docs/inspection.schema.json", import.meta.url), "utf8"));
export const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

/** Expects that an object, written as JSON and read again, is as the schema says. */
export function validInspection(value: unknown): void {
  validate(JSON.parse(JSON.stringify(value)));
  expect(validate.errors ?? []).toEqual([]);
}
