/** All seven systems as modules: their types held against tsc, their results against the compiler's own run, bit for bit. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlanTensor } from "../../src/codegen/index.ts";
import { testDevice } from "./on-device.ts";
import {
  buildSystem,
  type CompiledSystem,
  compileSystem,
  encoded,
  runnerText,
  runSystem,
  systemModules,
} from "./system-modules.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), "weft-systems-"));
const device = await testDevice();
afterAll(() => {
  device?.close();
  rmSync(folder, { recursive: true, force: true });
});

const systems = new Map<string, CompiledSystem>();

beforeAll(async () => {
  if (device === undefined) return;
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const module of systemModules) {
    await buildSystem(module, folder, device.profile.kind);
    systems.set(module.name, compileSystem(module, device.profile.kind));
  }
});

/** A call of a module, with the first input replaced by what `first` makes of it. */
function call(plan: readonly PlanTensor[], first: (name: string, value: string, type: PlanTensor["type"]) => string) {
  const property = (name: string, value: string) => `${JSON.stringify(name)}: ${value}`;
  const value = ({ dtype, shape }: PlanTensor["type"]) => `tensor("${dtype}", [${shape.join(", ")}], [])`;
  return plan
    .map(({ name, type }, i) => (i === 0 ? first(name, value(type), type) : property(name, value(type))))
    .join(", ");
}

/** Right calls of a module, whose outputs have the declared types, and wrong ones, each of which tsc must refuse. */
function typeTest(name: string, { program }: CompiledSystem, k: number): string {
  const { inputs, outputs } = program.plan;
  const run = (argument: string) => `await program${k}.run({ ${argument} });`;
  const right = call(inputs, (input, value) => `${JSON.stringify(input)}: ${value}`);
  const replaced = (change: (type: PlanTensor["type"]) => string) =>
    run(call(inputs, (input, _, type) => `${JSON.stringify(input)}: ${change(type)}`));
  const typeOf = ({ dtype, shape }: PlanTensor["type"]) => `Tensor<"${dtype}", readonly [${shape.join(", ")}]>`;
  return `
import { load as load${k} } from "./${name}/index.js";
const program${k} = await load${k}();
const outputs${k} = ${run(right)}
${outputs.map(({ name: output, type }, i) => `export const output${k}_${i}: ${typeOf(type)} = outputs${k}[${JSON.stringify(output)}];`).join("\n")}
// @ts-expect-error a wrong name
${run(call(inputs, (input, value) => `${JSON.stringify(`${input}_`)}: ${value}`))}
// @ts-expect-error a wrong rank
${replaced(({ dtype, shape }) => `tensor("${dtype}", [1, ${shape.join(", ")}], [])`)}
// @ts-expect-error a wrong element type
${replaced(({ dtype, shape }) => `tensor("${dtype === "u32" ? "f32" : "u32"}", [${shape.join(", ")}], [])`)}
// @ts-expect-error an output that does not exist
outputs${k}.nothing;
`;
}

describe.skipIf(device === undefined)("modules of the systems", () => {
  it("have types that accept what fits and refuse wrong names, ranks and element types", () => {
    const [first] = systems.keys();
    const text = [
      `import { type Tensor, tensor } from "./${first}/index.js";`,
      ...[...systems].map(([name, system], k) => typeTest(name, system, k)),
    ].join("\n");
    const check = (file: string, source: string): string => {
      writeFileSync(join(folder, file), source);
      const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", ""];
      const tsc = [join(root, "node_modules/typescript/bin/tsc"), ...options, file];
      return spawnSync(process.execPath, tsc, { cwd: folder, encoding: "utf8" }).stdout;
    };
    expect(check("types.mts", text)).toBe("");
    // Every mark stands for a mistake that tsc sees when nothing marks it.
    const unmarked = check("unmarked.mts", text.replace(/^\/\/ @ts-expect-error.*$/gm, ""));
    expect(unmarked.match(/^unmarked\.mts\(\d+,\d+\): error/gm)).toHaveLength(4 * systems.size);
  });

  it("give in Node the bits that the compiler's own run gives", async () => {
    const script = `${runnerText(systems, "./")}\nconsole.log(JSON.stringify(results));`;
    writeFileSync(join(folder, "run.mjs"), script);
    const child = spawnSync(process.execPath, ["run.mjs"], { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 });
    expect(child.status, child.stderr).toBe(0);
    const results = JSON.parse(child.stdout);
    for (const [name, system] of systems) {
      const outputs = await runSystem(system, device!);
      const expected = system.program.plan.outputs.map(({ name: output, type }) => [
        output,
        type.dtype,
        type.shape,
        encoded(outputs[output]!),
      ]);
      expect(expected.length).toBeGreaterThan(0);
      // By output, so that a difference does not print all numbers.
      for (const [i, output] of expected.entries())
        expect(isDeepStrictEqual(results[name][i], output), `${name} ${output[0]}`).toBe(true);
      expect(results[name]).toHaveLength(expected.length);
      for (const data of Object.values(outputs)) expect((data as Float32Array).every(Number.isFinite), name).toBe(true);
    }
  });
});
